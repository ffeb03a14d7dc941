"""Gives people their passwords: temporary ones to start with, then those they choose. (S-AUTH-1)"""

import secrets
from uuid import UUID

from sqlalchemy import select

from data.errors import Invalid
from data.users import Password, User
from services.transaction import Reading, Transaction
from services.users.passwords import Hasher, check
from services.users.recovery_codes import ALPHABET
from services.users.standards import Standards

TEMPORARY_GROUPS, TEMPORARY_SIZE = 3, 4  # 60 bits, easy to read out and to type


class Credentials:
    """The keeper of passwords; what hashes runs before a unit of work, never in one."""

    def __init__(self, hasher: Hasher, standards: Standards) -> None:
        self._hasher = hasher
        self._standards = standards

    async def judged(self, before: list[str], new: str, *usernames: str, admin: bool) -> str:
        """Return the hash of a password that keeps the rules and was not used lately, or raise."""
        for username in usernames:
            check(new, username, self._standards, admin=admin)
        if await self._hasher.any_of(before, new):
            raise Invalid("password_used_before", count=self._standards.history)
        return await self._hasher.hash(new)

    async def temporary(self) -> tuple[str, str]:
        """Return a password for the first sign-in only, and its hash."""
        groups = (
            "".join(secrets.choice(ALPHABET) for _ in range(TEMPORARY_SIZE))
            for _ in range(TEMPORARY_GROUPS)
        )
        password = "-".join(groups)
        return password, await self._hasher.hash(password)

    async def before(self, tx: Reading, user_id: UUID) -> list[str]:
        """Return the hashes that may not come back, the one that counts first."""
        query = select(Password.hash).where(Password.user_id == user_id)
        query = query.order_by(Password.at.desc(), Password.id.desc())
        return list(await tx.session.scalars(query.limit(self._standards.history)))

    def put(self, tx: Transaction, user: User, kept: str, *, temporary: bool = False) -> None:
        """Let a password count from now on."""
        tx.session.add(Password(user_id=user.id, hash=kept, at=tx.now))
        user.must_change_password = temporary
