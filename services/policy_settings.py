"""The rules an institution may set while the house runs: read from memory, changed with a reason.

What we deliver is services/policy_defaults.json; what each rule means and who may change it is
services/policy_catalogue.py. What the machine's owner sets before the start is elsewhere:
services/settings.py.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from data.config import PolicyChange, PolicyValue
from data.errors import Conflict, Invalid
from data.institution import Institution
from services.events import SettingChanged
from services.policy import HOUSE, Action, Actor, Subject, permits, visible
from services.policy_catalogue import CATALOGUE, IN_ORDER, Item, checked, item
from services.transaction import Reading, Transaction, Transactions

UNITS = ("seconds", "minutes", "hours", "days", "weeks")
SHORTEST_REASON = 4
LONGEST_REASON = 500


@cache
def defaults() -> dict[str, Any]:
    """Return the rules as we deliver them."""
    file = Path(__file__).with_name("policy_defaults.json")
    values: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return values


@dataclass(frozen=True, slots=True)
class Setting:
    """One rule as it is set now."""

    item: Item
    value: Any
    default: Any
    may_change: bool

    @property
    def is_default(self) -> bool:
        return bool(self.value == self.default)


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the history."""

    id: UUID
    key: str
    before: Any
    after: Any
    reason: str
    changed_by: UUID
    by: str
    """The user name of who changed it; empty for the house itself."""
    at: datetime
    undoes: UUID | None


class Names(Protocol):
    """What people are called: kept by the module that has the accounts."""

    async def usernames(
        self, session: AsyncSession, user_ids: Collection[UUID]
    ) -> dict[UUID, str]: ...


class PolicySettings:
    """The keeper of the house rules."""

    def __init__(self, transactions: Transactions, names: Names) -> None:
        self._transactions = transactions
        self._names = names
        self._set: dict[tuple[UUID, str], Any] = {}
        self._home: UUID | None = None

    async def load(self) -> None:
        """Read what institutions have set; call it once at the start."""
        async with self._transactions.read(HOUSE) as tx:
            tx.allow(Action.SETTING_READ, Subject("policy"))
            rows = await tx.session.scalars(select(PolicyValue))
            kept = {(row.institution_id, row.key): row.value for row in rows}
            home = await tx.session.scalar(select(Institution.id).order_by(Institution.id).limit(1))
        self._set = kept
        self._home = home or next((institution for institution, _ in kept), None)

    async def reload(self, event: SettingChanged) -> None:
        """Read the rules again, so that everybody goes by the new one."""
        del event
        await self.load()

    def value(self, key: str, institution_id: UUID | None = None) -> Any:
        """Return a rule as `institution_id` has set it, else as we deliver it.

        Where the institution is not known yet, before sign-in for one, the house's first counts.
        Do not change what is returned.
        """
        if key not in CATALOGUE:
            raise Invalid("setting_unknown", key=key)
        asked = institution_id or self._home
        if asked is not None and (asked, key) in self._set:
            return self._set[asked, key]
        return defaults()[key]

    def number(self, key: str, institution_id: UUID | None = None) -> int:
        """Return a rule that is a whole number."""
        return int(self.value(key, institution_id))

    def span(self, key: str, institution_id: UUID | None = None) -> timedelta:
        """Return a rule that is a length of time, by the unit its catalogue line names."""
        unit = item(key).unit
        if unit not in UNITS:
            raise Invalid("setting_malformed", key=key)
        return timedelta(**{unit: self.number(key, institution_id)})

    def moment(self, key: str, institution_id: UUID | None = None) -> time:
        """Return a rule that is a time of day, in the hospital's zone."""
        return time.fromisoformat(self.value(key, institution_id))

    async def page(self, actor: Actor) -> list[Setting]:
        """Return every rule, for the page that shows them."""
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.SETTING_READ, _place(actor))
        return [self._setting(actor, rule) for rule in CATALOGUE.values()]

    def _setting(self, actor: Actor, rule: Item) -> Setting:
        # Whoever may not change a rule sees it all the same, without a pencil.
        may = permits(actor, rule.action, _place(actor)) and rule.kind != "fixed"
        value = self.value(rule.key, actor.institution_id)
        return Setting(rule, value, defaults()[rule.key], may)

    async def change(self, actor: Actor, key: str, value: Any, reason: str) -> UUID:
        """Set a rule for the actor's institution; return the number of the change.

        Raise `Invalid` if the value breaks the bounds of the catalogue or the order of two rules,
        or if no reason is given.
        """
        rule = item(key)
        async with self._transactions.open(actor) as tx:
            tx.allow(rule.action, _place(actor, key), purpose=reason)
            return tx.answer(await self._set_rule(tx, rule, value, _worded(reason)))

    async def undo(self, actor: Actor, change_id: UUID, reason: str) -> UUID:
        """Set a rule back to what it was before a change, with a reason of its own.

        Raise `Conflict("setting_changed_since")` if it has been changed again meanwhile.
        """
        words = _worded(reason)
        async with self._transactions.open(actor) as tx:
            change = await tx.get(PolicyChange, change_id)
            rule = item(change.key)
            tx.allow(rule.action, change, purpose=f"undo: {words}")
            if self.value(change.key, change.institution_id) != change.after:
                raise Conflict("setting_changed_since", key=change.key)
            undone = await self._set_rule(tx, rule, change.before, words, undoes=change.id)
            return tx.answer(undone)

    async def _set_rule(
        self, tx: Transaction, rule: Item, value: Any, reason: str, undoes: UUID | None = None
    ) -> UUID:
        institution = tx.actor.institution_id
        if institution is None:
            raise Invalid("institution_needed")
        row = await _row_of(tx, institution, rule.key)
        before = defaults()[rule.key] if row is None else row.value
        after = checked(rule, value, before)
        self._keep_order(rule.key, after, institution)
        if after == before:
            raise Invalid("setting_not_changed", key=rule.key)
        if row is None:
            tx.session.add(PolicyValue(institution_id=institution, key=rule.key, value=after))
        else:
            row.value = after
        change = PolicyChange(
            institution_id=institution,
            key=rule.key,
            before=before,
            after=after,
            reason=reason,
            changed_by=tx.actor.user_id,
            undoes=undoes,
            at=tx.now,
        )
        tx.session.add(change)
        tx.announce(SettingChanged(key=rule.key))
        tx.session.info["after"].append(lambda: self._take_up(institution, rule.key, after))
        return change.id

    def _take_up(self, institution_id: UUID, key: str, value: Any) -> None:
        """Go by the new value at once, before the outbox has told everybody."""
        self._set[institution_id, key] = value
        self._home = self._home or institution_id

    def _keep_order(self, key: str, value: Any, institution_id: UUID) -> None:
        for smaller, larger in IN_ORDER:
            if key not in {smaller, larger}:
                continue
            low = value if key == smaller else self.value(smaller, institution_id)
            high = value if key == larger else self.value(larger, institution_id)
            if low > high:
                raise Invalid("setting_out_of_order", smaller=smaller, larger=larger)

    async def history(
        self, actor: Actor, key: str = "", *, offset: int = 0, limit: int = 50
    ) -> tuple[list[Change], int]:
        """Return one page of changes, latest first, and how many there are."""
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.SETTING_READ, _place(actor))
            where = [visible(actor, Action.SETTING_READ, PolicyChange)]
            if key:
                where.append(PolicyChange.key == key)
            total = await tx.session.scalar(select(func.count(PolicyChange.id)).where(*where))
            rows = await _changes(tx, where, offset, min(limit, 200))
            called = await self._names.usernames(tx.session, {row.changed_by for row in rows})
            return [_change(row, called.get(row.changed_by, "")) for row in rows], total or 0


async def _row_of(tx: Transaction, institution_id: UUID, key: str) -> PolicyValue | None:
    query = select(PolicyValue).where(
        PolicyValue.institution_id == institution_id, PolicyValue.key == key
    )
    row: PolicyValue | None = await tx.session.scalar(query.with_for_update())
    return row


async def _changes(tx: Reading, where: list[Any], offset: int, limit: int) -> list[PolicyChange]:
    query = (
        select(PolicyChange).where(*where).order_by(PolicyChange.at.desc(), PolicyChange.id.desc())
    )
    return list(await tx.session.scalars(query.offset(offset).limit(limit)))


def _change(row: PolicyChange, by: str) -> Change:
    return Change(
        id=row.id,
        key=row.key,
        before=row.before,
        after=row.after,
        reason=row.reason,
        changed_by=row.changed_by,
        by=by,
        at=row.at,
        undoes=row.undoes,
    )


def _place(actor: Actor, key: str = "") -> Subject:
    return Subject("policy", key, institution_id=actor.institution_id)


def _worded(reason: str) -> str:
    words = reason.strip()
    if not SHORTEST_REASON <= len(words) <= LONGEST_REASON:
        raise Invalid("reason_needed", low=SHORTEST_REASON, high=LONGEST_REASON)
    return words
