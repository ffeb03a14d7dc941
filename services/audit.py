"""Reads the audit trail: who looked, whether it is whole, and its anchor outside the database.

The chain shows changes and gaps; only an anchor kept elsewhere shows that its end is missing.
(R016, S-AUD-1)
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select

from data.audit import COVERED, FIRST, AuditEntry, AuditResult, plain, sealed
from data.crypto import Keys
from data.errors import Conflict, DomainError, Invalid, NotFound
from services.anchors import Anchors, Head
from services.policy import Action, Actor, Subject, visible
from services.policy_settings import Names
from services.transaction import Reading, Transactions

BATCH = 1000
ACCOUNT = "user_account"
"""What an act on somebody's account is about."""
UNREADABLE = (LookupError, ValueError, TypeError, ArithmeticError)
"""What the types of columns raise for what they cannot be."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the trail, as people read it."""

    seq: int
    at: datetime
    actor_id: UUID
    by: str
    """The user name of who acted; empty for the house itself and for who has no account."""
    roles: str
    address: str
    action: str
    subject: str
    about: str
    """The user name of whose account it was done to; empty for everything else."""
    result: str
    purpose: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for; empty fields look for everything."""

    action: str = ""
    actor_id: UUID | None = None
    subject: str = ""
    text: str = ""
    """Looked for in action, subject and purpose."""
    result: str = ""
    since: datetime | None = None
    until: datetime | None = None
    hides_looks: bool = False
    """Leave out who looked into the trail; whoever was refused that stays."""

    def clauses(self) -> list[ColumnElement[bool]]:
        clauses: list[ColumnElement[bool]] = []
        if self.action:
            clauses.append(AuditEntry.action.startswith(self.action, autoescape=True))
        if self.actor_id:
            clauses.append(AuditEntry.actor_id == self.actor_id)
        if self.subject:
            clauses.append(AuditEntry.subject.contains(self.subject, autoescape=True))
        if self.text:
            columns = (AuditEntry.action, AuditEntry.subject, AuditEntry.purpose)
            clauses.append(or_(*(each.contains(self.text, autoescape=True) for each in columns)))
        if self.result:
            clauses.append(AuditEntry.result == self.result)
        if self.since:
            clauses.append(AuditEntry.at >= self.since)
        if self.until:
            clauses.append(AuditEntry.at < self.until)
        if self.hides_looks:
            refused = AuditEntry.result != AuditResult.DONE
            clauses.append(or_(AuditEntry.action != Action.AUDIT_READ, refused))
        return clauses


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found."""

    entries: int
    head: str
    broken_at: int | None = None
    """The number of the first entry that is not as it was written, or that is missing."""
    beyond_anchor: bool = False
    """The anchor knows a later entry than the trail has: its end was cut off."""
    anchored: int = 0
    """The entry up to which an anchor vouches for it; 0: there is none, its end may be missing."""

    @property
    def whole(self) -> bool:
        return self.broken_at is None and not self.beyond_anchor


class Audit:
    """The reader of the audit trail."""

    def __init__(self, transactions: Transactions, keys: Keys, anchors: Path, names: Names) -> None:
        self._transactions = transactions
        self._keys = keys
        self._anchors = Anchors(anchors)
        self._names = names

    async def page(
        self, actor: Actor, search: Search, *, offset: int = 0, limit: int = 50
    ) -> tuple[list[Entry], int]:
        """Return one page of entries, latest first, and how many there are; itself noted."""
        async with self._transactions.open(actor) as tx:
            tx.allow(Action.AUDIT_READ, _trail_of(actor), purpose=_said(search))
            # The page ends before this look: it must not push what is looked for off the page.
            last = await tx.session.scalar(select(func.max(AuditEntry.seq))) or 0
        # Searched by a reader: a large trail takes seconds, and who writes waits for nobody.
        async with self._transactions.read(actor) as reading:
            reading.allow(Action.AUDIT_READ, _trail_of(actor))
            where = [visible(actor, Action.AUDIT_READ, AuditEntry), AuditEntry.seq <= last]
            where += search.clauses()
            total = await reading.session.scalar(select(func.count(AuditEntry.seq)).where(*where))
            query = select(AuditEntry).where(*where).order_by(AuditEntry.seq.desc())
            page = query.offset(offset).limit(min(limit, 200))
            rows = list(await reading.session.scalars(page))
            accounts = {row.actor_id for row in rows}
            accounts |= {found for row in rows if (found := _account_of(row.subject))}
            called = await self._names.usernames(reading.session, accounts)
            return [_entry(row, called) for row in rows], total or 0

    async def verify(self, actor: Actor) -> Verdict:
        """Walk the whole chain and compare its end with the anchor."""
        async with self._transactions.open(actor) as tx:
            tx.allow(Action.AUDIT_VERIFY, _trail_of(actor))
        anchored = await asyncio.to_thread(self._anchors.highest, self._keys) or (0, FIRST)
        count, before, broken = 0, FIRST, None
        try:
            async for batch in self._batches(actor):
                count, before, broken = await asyncio.to_thread(
                    self._check, batch, count, before, anchored
                )
                if broken is not None:
                    break
        except UNREADABLE:  # somebody wrote into it what no entry of ours says
            broken = await self._first_unreadable(actor, count)
        cut_off = broken is None and anchored[0] > count
        verdict = Verdict(count, before, broken, cut_off, anchored[0])
        return await self._transactions.answer(actor, verdict)

    def _check(
        self, batch: list[dict[str, Any]], count: int, before: str, anchored: Head
    ) -> tuple[int, str, int | None]:
        for row in batch:
            if row["seq"] != count + 1 or not self._fits(row, before):
                return count, before, count + 1
            count, before = count + 1, row["mac"]
            if count == anchored[0] and before != anchored[1]:
                return count, before, count  # whole in itself, and yet not the trail of then
        return count, before, None

    def _fits(self, row: dict[str, Any], before: str) -> bool:
        try:
            return bool(sealed(row, before, self._keys) == row["mac"])
        except (*UNREADABLE, DomainError):  # under a key that there never was
            return False

    async def _first_unreadable(self, actor: Actor, since: int) -> int:
        """Return the number of the first entry after `since` that cannot be read."""
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.AUDIT_VERIFY, _trail_of(actor))
            while True:
                query = select(AuditEntry).where(AuditEntry.seq > since)
                try:
                    row = await tx.session.scalar(query.order_by(AuditEntry.seq).limit(1))
                except UNREADABLE:
                    return since + 1
                if row is None:  # mended meanwhile
                    return since + 1
                since = row.seq

    async def _batches(
        self, actor: Actor, since: int = 0, last: int | None = None
    ) -> AsyncIterator[list[dict[str, Any]]]:
        while True:
            async with self._transactions.read(actor) as tx:
                # Not the right to export: that asks for a proof a few minutes old at each step.
                tx.allow(Action.AUDIT_VERIFY, _trail_of(actor))
                batch = await _rows_after(tx, since, last)
            if not batch:
                return
            yield batch
            since = batch[-1]["seq"]

    async def anchor(self, actor: Actor) -> int:
        """Write the head of the chain to the anchor file; return its number.

        The file lies outside the database: on another disk or a mounted log host, if the hospital
        sets one (`XINGLIN_ANCHORS`). Raise `Conflict("trail_not_as_anchored")`, and write nothing,
        where the trail does not hold what was anchored before: that would hide that it was cut.
        """
        anchored = await asyncio.to_thread(self._anchors.highest, self._keys)
        number, mac = anchored or (0, FIRST)
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.AUDIT_VERIFY, _trail_of(actor))
            query = select(AuditEntry.seq, AuditEntry.mac).order_by(AuditEntry.seq.desc()).limit(1)
            head = (await tx.session.execute(query)).first()
            known = select(AuditEntry.mac).where(AuditEntry.seq == number)
            if number and await tx.session.scalar(known) != mac:
                raise Conflict("trail_not_as_anchored", seq=number)
            now = tx.now
        if head is None:
            return 0
        await asyncio.to_thread(self._anchors.write, head.seq, head.mac, now)
        return int(head.seq)

    async def export(self, actor: Actor, folder: Path, since: int = 0) -> tuple[Path, int]:
        """Write the entries after number `since` as JSON lines; return the file and the last one.

        What a log host keeps. Each line has what its MAC covers, as it was covered, and the MAC
        before it: who holds the keys can verify such files without the house (`data.audit.sealed`).
        """
        async with self._transactions.open(actor) as tx:
            tx.allow(Action.AUDIT_EXPORT, _trail_of(actor), purpose=f"after {since}")
            before = await _mac_of(tx, since)
            now = tx.now
        target = folder / f"audit-{now:%Y%m%dT%H%M%SZ}.jsonl"
        last = since
        async for batch in self._batches(actor, since):
            await asyncio.to_thread(_append_lines, target, batch, before)
            last, before = batch[-1]["seq"], batch[-1]["mac"]
        return target, last

    async def export_span(
        self, actor: Actor, target: Path, span: tuple[datetime, datetime], purpose: str
    ) -> None:
        """Write all entries from one moment until before another to a new file, as `export` does.

        Raise `Invalid("audit_days_empty")` if there are none, and `Conflict("audit_of_others")` if
        another institution's are among them: a chain cannot be verified with links left out.
        """
        async with self._transactions.open(actor) as tx:
            tx.allow(Action.AUDIT_EXPORT, _trail_of(actor), purpose=purpose)
            first, last = await _ends_of(tx, *span)
            await _refuse_others(tx, first, last)
            before = await _mac_of(tx, first - 1)
        async for batch in self._batches(actor, first - 1, last):
            await asyncio.to_thread(_append_lines, target, batch, before)
            before = batch[-1]["mac"]


def _trail_of(actor: Actor) -> Subject:
    return Subject("audit", institution_id=actor.institution_id)


async def _mac_of(tx: Reading, seq: int) -> str:
    """Return the MAC that the entry after this one is chained to; raise `NotFound`."""
    if not seq:
        return FIRST
    mac = await tx.session.scalar(select(AuditEntry.mac).where(AuditEntry.seq == seq))
    if mac is None:
        raise NotFound("not_found", what="AuditEntry", key=str(seq))
    return mac


async def _ends_of(tx: Reading, since: datetime, until: datetime) -> tuple[int, int]:
    """Return the numbers of the first and the last entry of a span; raise `Invalid` if none."""
    query = select(func.min(AuditEntry.seq), func.max(AuditEntry.seq))
    span = AuditEntry.at >= since, AuditEntry.at < until
    first, last = (await tx.session.execute(query.where(*span))).one()
    if first is None:
        raise Invalid("audit_days_empty")
    return first, last


async def _refuse_others(tx: Reading, first: int, last: int) -> None:
    theirs = select(AuditEntry.seq).where(
        AuditEntry.seq.between(first, last),
        AuditEntry.institution_id.is_not(None),
        AuditEntry.institution_id != tx.actor.institution_id,
    )
    if await tx.session.scalar(theirs.limit(1)) is not None:
        raise Conflict("audit_of_others")


async def _rows_after(tx: Reading, seq: int, last: int | None = None) -> list[dict[str, Any]]:
    query = select(AuditEntry).where(AuditEntry.seq > seq).order_by(AuditEntry.seq).limit(BATCH)
    if last is not None:
        query = query.where(AuditEntry.seq <= last)
    rows = await tx.session.scalars(query)
    return [{name: getattr(row, name) for name in (*COVERED, "mac")} for row in rows]


def _append_lines(target: Path, batch: list[dict[str, Any]], before: str) -> None:
    lines = []
    for row in batch:
        written = {name: plain(value) for name, value in row.items()}
        lines.append(json.dumps({**written, "before": before}, ensure_ascii=False) + "\n")
        before = row["mac"]
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(target, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)  # it has addresses
    with os.fdopen(descriptor, "a", encoding="utf-8") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())


def _entry(row: AuditEntry, called: dict[UUID, str]) -> Entry:
    account = _account_of(row.subject)
    return Entry(
        seq=row.seq,
        at=row.at,
        actor_id=row.actor_id,
        by=called.get(row.actor_id, ""),
        roles=row.roles,
        address=row.address,
        action=row.action,
        subject=row.subject,
        about=called.get(account, "") if account else "",
        result=str(row.result),
        purpose=row.purpose,
        detail=row.detail,
    )


def _account_of(subject: str) -> UUID | None:
    """Return the account that an act was about, or None if it was about something else."""
    kind, _, number = subject.partition(":")
    if kind != ACCOUNT:
        return None
    try:
        return UUID(number)
    except ValueError:
        return None


def _said(search: Search) -> str:
    asked = {"action": search.action, "subject": search.subject, "text": search.text}
    return ", ".join(f"{name}={value}" for name, value in asked.items() if value)
