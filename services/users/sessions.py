"""Who is here: open sessions, how long they may last, and how they end. (S-AUTH-2, R016)

A browser holds a token of 256 random bits, the database its digest. A session ends by signing
out, by idling, after its absolute time, when somebody revokes it, or when the account changes.
"""

import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from sqlalchemy import ColumnElement, Table, bindparam, delete, select, update

from data.clock import Clock
from data.crypto import Keys
from data.errors import NotFound
from data.users import Session, SessionStage, User, UserKind, UserState
from services.events import SessionsEnded
from services.permissions import Action
from services.policy import HOUSE, Actor, Role, Subject, visible
from services.transaction import Reading, Transaction, Transactions
from services.users.glass import end_glass_of
from services.users.open_sessions import OpenSession, OpenSessions
from services.users.rights import administrators_among, grants_of, open_emergencies, patients_of
from services.users.standards import Standards, patience

BATCH = 100
"""How many sessions one unit of work changes; others wait meanwhile."""
MOST_LISTED = 500
KEPT_FOR = timedelta(days=30)
"""How long an ended session stays on the list; the audit trail has it for good."""

TABLE = cast("Table", Session.__table__)
SEEN = (
    update(TABLE)
    .where(TABLE.c.id == bindparam("one"), TABLE.c.last_seen_at < bindparam("now"))
    .values(last_seen_at=bindparam("now"))
)

Excuse = Callable[[UUID, UUID], bool]
"""Given a session's id and its user's, says whether the person is at work though silent."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One session, as its owner or a security administrator sees it."""

    id: UUID
    user_id: UUID
    opened_at: datetime
    last_seen_at: datetime
    ends_at: datetime
    address: str
    user_agent: str
    current: bool
    ended_at: datetime | None
    ended_because: str


def new_token() -> str:
    """Return a token that nobody can guess."""
    return secrets.token_urlsafe(32)


class Sessions:
    """The keeper of open sessions."""

    def __init__(
        self, transactions: Transactions, clock: Clock, keys: Keys, standards: Standards
    ) -> None:
        self._transactions = transactions
        self._keys = keys
        self._clock = clock
        self._standards = standards
        self._open = OpenSessions()
        self._excuses: list[Excuse] = []
        self._at_work: dict[UUID, int] = {}

    def digest(self, token: str) -> bytes:
        """Return what the database keeps of a token."""
        return self._keys.provider.digest(token.encode())

    async def actor_of(self, token: str, address: str = "", *, seen: bool = True) -> Actor | None:
        """Return who holds this token, or None if it opens nothing (any more).

        `seen` counts this as a sign of life; give False for what no person did, a poll say.
        """
        digest = self.digest(token)
        kept = self._open.by_token(digest)
        if kept is None:
            kept = await self._load(Session.token_digest == digest)
        return self._greet(kept, address, seen=seen)

    async def actor_in(
        self, session_id: UUID, address: str = "", *, seen: bool = True
    ) -> Actor | None:
        """Return who is in this session: for an open socket, which outlives its token."""
        kept = self._open.by_id(session_id)
        if kept is None:
            kept = await self._load(Session.id == session_id)
        return self._greet(kept, address, seen=seen)

    def _greet(self, kept: OpenSession | None, address: str, *, seen: bool) -> Actor | None:
        if kept is None:
            return None
        now = self._clock.now()
        if now >= kept.ends_at or self._idle(kept, now):
            return None  # the job `expire` ends it in the database and tells the pages
        if seen:
            self._see(kept, now)
        if any(until <= now for _, until in kept.emergencies):
            kept.emergencies = tuple(one for one in kept.emergencies if one[1] > now)
            patients = frozenset(patient for patient, _ in kept.emergencies)
            kept.actor = replace(kept.actor, emergencies=patients)
        if kept.actor.address != address:
            kept.actor = replace(kept.actor, address=address)
        return kept.actor

    def _idle(self, kept: OpenSession, now: datetime) -> bool:
        if now - kept.last_seen_at <= self._standards.idle(kept.whose):
            return False
        if self._busy(kept.id, kept.actor.user_id):
            self._see(kept, now)
            return False
        return True

    def _see(self, kept: OpenSession, now: datetime) -> None:
        kept.last_seen_at = max(kept.last_seen_at, now)
        self._open.seen[kept.id] = kept.last_seen_at

    def touch(self, session_id: UUID) -> None:
        """Count something a person did just now as a sign of life."""
        kept = self._open.by_id(session_id)
        if kept is not None:
            self._see(kept, self._clock.now())

    def excuse(self, excuse: Excuse) -> None:
        """Never call a session idle while `excuse` speaks for it: an active ticket, a call."""
        self._excuses.append(excuse)

    @contextmanager
    def at_work(self, session_id: UUID) -> Iterator[None]:
        """Never call this session idle inside the block: an upload, an export."""
        self._at_work[session_id] = self._at_work.get(session_id, 0) + 1
        try:
            yield
        finally:
            self._at_work[session_id] -= 1
            if not self._at_work[session_id]:
                del self._at_work[session_id]
            self.touch(session_id)

    def _busy(self, session_id: UUID, user_id: UUID) -> bool:
        return session_id in self._at_work or any(
            excuse(session_id, user_id) for excuse in self._excuses
        )

    async def _load(self, which: ColumnElement[bool]) -> OpenSession | None:
        while True:
            loading = self._open.begin()
            try:
                async with self._transactions.read(HOUSE) as tx:
                    found = await self._read(tx, which)
            finally:
                believable = self._open.end(loading)
            if believable:
                break
        if found is not None:
            found.last_seen_at = max(
                found.last_seen_at, self._open.seen.get(found.id, found.last_seen_at)
            )
            self._open.keep(found)
        return found

    async def _read(self, tx: Reading, which: ColumnElement[bool]) -> OpenSession | None:
        query = select(Session, User).join(User, User.id == Session.user_id)
        is_open = (Session.ended_at.is_(None), Session.stage == SessionStage.OPEN)
        row = (await tx.session.execute(query.where(which, *is_open))).first()
        if row is None or row.User.state is not UserState.ACTIVE:
            return None
        grants = await grants_of(tx, row.User.id)
        emergencies = await open_emergencies(tx, row.User.id)
        is_patient = row.User.kind is UserKind.PATIENT
        actor = Actor(
            user_id=row.User.id,
            grants=grants,
            institution_id=row.User.institution_id,
            session_id=row.Session.id,
            confirmed_at=row.Session.confirmed_at,
            emergencies=frozenset(patient for patient, _ in emergencies),
            patient_ids=await patients_of(tx, row.User.id) if is_patient else frozenset(),
        )
        return OpenSession(
            id=row.Session.id,
            token_digest=row.Session.token_digest,
            actor=actor,
            whose=patience(row.User.kind, actor.roles),
            ends_at=row.Session.ends_at,
            last_seen_at=row.Session.last_seen_at,
            emergencies=emergencies,
        )

    def forget_user(self, user_id: UUID) -> None:
        """Read this person's rights anew at the next request."""
        self._open.forget(lambda kept: kept.actor.user_id == user_id)

    def forget_after(self, tx: Transaction, user_id: UUID) -> None:
        """As `forget_user`, once the unit of work is committed."""
        tx.session.info["after"].append(lambda: self.forget_user(user_id))

    async def mine(self, actor: Actor) -> list[Visit]:
        """Return the open sessions of whoever asks, latest first."""
        return await self.of(actor, actor.user_id)

    async def of(self, actor: Actor, user_id: UUID) -> list[Visit]:
        """Return somebody's open sessions, latest first: their own, or for security."""
        async with self._transactions.read(actor) as tx:
            query = select(Session).where(
                visible(actor, Action.SESSION_LIST, Session),
                Session.user_id == user_id,
                Session.ended_at.is_(None),
                Session.stage == SessionStage.OPEN,
                Session.ends_at > tx.now,
            )
            rows = await tx.session.scalars(
                query.order_by(Session.opened_at.desc()).limit(MOST_LISTED)
            )
            return [self._visit(row, actor) for row in rows]

    def _visit(self, row: Session, actor: Actor) -> Visit:
        return Visit(
            id=row.id,
            user_id=row.user_id,
            opened_at=row.opened_at,
            last_seen_at=max(row.last_seen_at, self._open.seen.get(row.id, row.last_seen_at)),
            ends_at=row.ends_at,
            address=row.address,
            user_agent=row.user_agent,
            current=row.id == actor.session_id,
            ended_at=row.ended_at,
            ended_because=row.ended_because,
        )

    async def sign_out(self, actor: Actor) -> None:
        """End the session that the actor is in."""
        if actor.session_id is not None:
            await self.revoke(actor, [actor.session_id], "signed_out")

    async def revoke(
        self, actor: Actor, session_ids: Iterable[UUID], reason: str = "revoked"
    ) -> None:
        """End these sessions; each must be the actor's own, or the actor answers for security.

        Raise `NotFound` for one that never was; to end one that has ended already is no error.
        """
        wanted = set(session_ids)
        async with self._transactions.open(actor) as tx:
            for row in await self._end(tx, reason, Session.id.in_(wanted)):
                tx.allow(Action.SESSION_REVOKE, row, purpose=reason)
                wanted.discard(row.id)
            if wanted:
                known = select(Session.id).where(Session.id.in_(wanted))
                wanted -= set(await tx.session.scalars(known))
            if wanted:
                raise NotFound("not_found", what="Session", key=str(min(wanted)))
            tx.answer(None)

    async def revoke_all(self, actor: Actor, user_id: UUID, reason: str = "revoked") -> None:
        """End every session that somebody has open. (R-STF-5)"""
        async with self._transactions.open(actor) as tx:
            user = await tx.get(User, user_id)
            subject = replace(Subject.of(user), kind="sessions")
            tx.allow(Action.SESSION_REVOKE, subject, purpose=reason)
            await self.end_of(tx, user_id, reason)

    async def end_of(
        self, tx: Transaction, user_id: UUID, reason: str, *, but: UUID | None = None
    ) -> None:
        """End somebody's sessions as part of what changes the account, except the one `but`."""
        others = [] if but is None else [Session.id != but]
        await self._end(tx, reason, Session.user_id == user_id, *others)
        self.forget_after(tx, user_id)

    async def _end(
        self, tx: Transaction, reason: str, *which: ColumnElement[bool]
    ) -> list[Session]:
        query = select(Session).where(Session.ended_at.is_(None), *which)
        rows = list(await tx.session.scalars(query.with_for_update()))
        for row in rows:
            row.ended_at, row.ended_because = tx.now, reason
        ids = tuple(row.id for row in rows)
        if ids:
            tx.announce(SessionsEnded(session_ids=ids, reason=reason))
            gone = frozenset(ids)
            forget = self._open.forget
            tx.session.info["after"].append(lambda: forget(lambda kept: kept.id in gone))
            for owner in await end_glass_of(tx, ids, reason):
                self.forget_after(tx, owner)
        return rows

    async def write_seen(self) -> int:
        """Tell the database when sessions were last used; a job calls it once a minute.

        A batch a unit of work, for others wait meanwhile. Return how many there were.
        """
        seen = list(self._open.seen.items())
        for start in range(0, len(seen), BATCH):
            batch = seen[start : start + BATCH]
            async with self._transactions.open(HOUSE) as tx:
                tx.go_unnoted("when somebody was last seen is nobody's act")
                rows = [{"one": session_id, "now": at} for session_id, at in batch]
                await tx.session.execute(SEEN, rows)
            for session_id, at in batch:  # until here memory knew better than the database
                if self._open.seen.get(session_id) == at:
                    del self._open.seen[session_id]
        return len(seen)

    async def expire(self) -> int:
        """End the sessions whose time is up, a batch at a time; a job calls it once a minute.

        Return how many there were.
        """
        await self.write_seen()
        ended, last = 0, UUID(int=0)
        while batch := await self._quiet(last):
            ended += await self._end_quiet(batch)
            last = batch[-1]
        return ended

    async def _quiet(self, last: UUID) -> list[UUID]:
        """Return the next sessions after `last` whose time may be up."""
        async with self._transactions.read(HOUSE) as tx:
            quiet_since = tx.now - self._standards.shortest_idle
            due = (Session.ends_at <= tx.now) | (Session.last_seen_at < quiet_since)
            query = select(Session.id).where(Session.ended_at.is_(None), due, Session.id > last)
            return list(await tx.session.scalars(query.order_by(Session.id).limit(BATCH)))

    async def _end_quiet(self, session_ids: list[UUID]) -> int:
        async with self._transactions.open(HOUSE) as tx:
            tx.go_unnoted("a way in that nobody went on; open sessions that end are noted")
            query = select(Session, User.kind).join(User, User.id == Session.user_id)
            query = query.where(Session.id.in_(session_ids), Session.ended_at.is_(None))
            rows = (await tx.session.execute(query)).all()
            administrators = await administrators_among(tx, [row.Session.user_id for row in rows])
            ended: dict[str, list[UUID]] = {}
            for row in rows:
                admin = row.Session.user_id in administrators
                if reason := self._time_is_up(row.Session, row.kind, tx.now, admin=admin):
                    ended.setdefault(reason, []).append(row.Session.id)
            for reason, ids in ended.items():
                for session in await self._end(tx, reason, Session.id.in_(ids)):
                    if session.stage is SessionStage.OPEN:
                        tx.allow(Action.SESSION_REVOKE, session, purpose=reason)
            return sum(len(ids) for ids in ended.values())

    def _time_is_up(self, row: Session, kind: UserKind, now: datetime, *, admin: bool) -> str:
        if now >= row.ends_at:
            return "absolute" if row.stage is SessionStage.OPEN else "abandoned"
        whose = patience(kind, [Role.SYSTEM_ADMIN] if admin else [])
        seen = max(row.last_seen_at, self._open.seen.get(row.id, row.last_seen_at))
        if now - seen <= self._standards.idle(whose):
            return ""
        if self._busy(row.id, row.user_id):
            self._open.seen[row.id] = now
            return ""
        return "idle"

    async def tidy(self) -> None:
        """Forget sessions that ended a month ago, a batch at a time; a job calls it once a day."""
        while await self._forget_old():
            continue

    async def _forget_old(self) -> int:
        async with self._transactions.open(HOUSE) as tx:
            tx.go_unnoted("the trail has what ended, and when")
            old = select(Session.id).where(Session.ended_at < tx.now - KEPT_FOR).limit(BATCH)
            ids = list(await tx.session.scalars(old))
            await tx.session.execute(delete(Session).where(Session.id.in_(ids)))
            return len(ids)

    async def close(self) -> None:
        """Write down what is only in memory, at the end of the process."""
        await self.write_seen()
