"""Counts knocks in vain: slows a guesser down, then locks the account, then the address.

Every try counts before it is judged and is taken back when it was right, so that tries at the
same moment do not get past the limit. Names nobody has are counted alike, so that the answer does
not tell which names there are. (S-AUTH-2)
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, delete, select
from sqlalchemy.exc import IntegrityError

from data.crypto import Keys
from data.errors import TooMany
from data.users import SignInGuard
from services.events import AccountLocked
from services.neighbourhood import neighbourhood
from services.transaction import Reading, Transaction
from services.users.standards import Standards

LONGEST_DELAY = timedelta(seconds=60)
PEOPLE_PER_ADDRESS = 10
"""A whole clinic may share one address, so an address is allowed so many accounts' failures."""
KEPT_FOR = timedelta(days=1)
MOST_LOCKED = 1000
"""So many names at once are an attack, and more than anybody counts."""


@dataclass(frozen=True, slots=True)
class Knock:
    """One try that has been counted."""

    name: str
    address: str
    last_before: datetime


class Guard:
    """Who stands at the door and counts."""

    def __init__(self, keys: Keys, standards: Standards) -> None:
        self._keys = keys
        self._standards = standards

    async def check(self, tx: Reading, username: str, address: str) -> None:
        """Raise `TooMany` if this account or address must wait; changes nothing."""
        for key in self._both(username, address):
            row = await tx.session.scalar(select(SignInGuard).where(SignInGuard.key == key))
            if row is not None:
                self._refuse(row, tx.now)

    async def knock(self, tx: Transaction, username: str, address: str) -> Knock:
        """Count a try, or raise `TooMany` if it comes too early."""
        name_key, *address_key = self._both(username, address)
        limit = self._standards.fail_limit
        last_before = await self._count(tx, name_key, limit)
        for key in address_key:
            await self._count(tx, key, limit * PEOPLE_PER_ADDRESS)
        return Knock(username, address, last_before)

    async def relent(self, tx: Transaction, knock: Knock) -> None:
        """Take a try back that was right after all, or that was never judged."""
        for key in self._both(knock.name, knock.address):
            row = await self._row(tx, key)
            row.failures = max(0, row.failures - 1)
            row.locked_until = None
            row.last_at = knock.last_before

    async def clear(self, tx: Transaction, username: str) -> None:
        """Forget the failures of an account: somebody has signed in, or it was unlocked."""
        key, *_ = self._both(username, "")
        await tx.session.execute(delete(SignInGuard).where(SignInGuard.key == key))

    async def failed(self, tx: Transaction, knock: Knock, user_id: UUID | None) -> None:
        """Tell of the lock if this failure was the last one allowed."""
        key, *_ = self._both(knock.name, "")
        row = await self._row(tx, key)
        if user_id is not None and row.locked_until is not None:
            tx.announce(AccountLocked(user_id=user_id, until=row.locked_until))

    async def locked_until(self, tx: Reading, username: str) -> datetime | None:
        """Return until when an account is locked, if it is."""
        key, *_ = self._both(username, "")
        row = await tx.session.scalar(select(SignInGuard).where(SignInGuard.key == key))
        if row is None or row.locked_until is None or row.locked_until <= tx.now:
            return None
        return row.locked_until

    async def locked_among(self, tx: Reading, names: Select[str]) -> int:
        """Count which of these accounts are locked; they are gone through only if any name is."""
        locked = select(SignInGuard.key).where(
            SignInGuard.locked_until > tx.now, SignInGuard.key.startswith("name:")
        )
        keys = set(await tx.session.scalars(locked.limit(MOST_LOCKED)))
        if not keys:
            return 0
        return sum(self._both(name, "")[0] in keys for name in await tx.session.scalars(names))

    async def tidy(self, tx: Transaction) -> None:
        """Forget what was counted long ago."""
        old = tx.now - max(KEPT_FOR, self._standards.lock_for)
        await tx.session.execute(delete(SignInGuard).where(SignInGuard.last_at < old))

    def _both(self, username: str, address: str) -> list[str]:
        keys = [f"name:{self._keys.blind('username', username).hex()}"]
        return [*keys, f"address:{neighbourhood(address)}"] if address else keys

    async def _count(self, tx: Transaction, key: str, limit: int) -> datetime:
        row = await self._row(tx, key)
        self._refuse(row, tx.now)
        if tx.now - row.since > self._standards.fail_window or row.locked_until is not None:
            row.failures, row.since, row.locked_until = 0, tx.now, None
        last_before = row.last_at
        row.failures += 1
        row.last_at = tx.now
        if row.failures >= limit:
            row.locked_until = tx.now + self._standards.lock_for
        return last_before

    def _refuse(self, row: SignInGuard, now: datetime) -> None:
        if row.locked_until is not None and now < row.locked_until:
            wait = row.locked_until - now
            minutes = -(-wait // timedelta(minutes=1))
            raise TooMany("sign_in_locked", minutes=minutes, retry_after=int(wait.total_seconds()))
        if row.failures and row.key.startswith("name:"):
            next_at = row.last_at + min(timedelta(seconds=2 ** (row.failures - 1)), LONGEST_DELAY)
            if now < next_at:
                seconds = -(-(next_at - now) // timedelta(seconds=1))
                raise TooMany("sign_in_too_fast", seconds=seconds, retry_after=seconds)

    async def _row(self, tx: Transaction, key: str) -> SignInGuard:
        query = select(SignInGuard).where(SignInGuard.key == key).with_for_update()
        row = await tx.session.scalar(query)
        if row is None:
            try:
                async with tx.session.begin_nested():
                    row = SignInGuard(key=key, since=tx.now, last_at=tx.now)
                    tx.session.add(row)
            except IntegrityError:  # somebody else's first failure came between
                row = (await tx.session.scalars(query)).one()
        return row
