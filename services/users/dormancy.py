"""Disables the accounts that nobody has used for months: whoever left is forgotten safely."""

from uuid import UUID

from sqlalchemy import select

from data.errors import Conflict
from data.institution import Institution
from data.users import User, UserKind, UserState
from services.permissions import Action
from services.policy import HOUSE, Role
from services.transaction import Transaction, Transactions
from services.users.rights import grants_of
from services.users.sessions import Sessions
from services.users.staff import HOUSE_GUARD, somebody_guards
from services.users.standards import Standards

MOST = 100
BATCH = 10


class Dormancy:
    """The caretaker who looks once a day whose door has not moved. (S-AC-1)"""

    def __init__(
        self, transactions: Transactions, sessions: Sessions, standards: Standards
    ) -> None:
        self._transactions = transactions
        self._sessions = sessions
        self._standards = standards

    async def look(self) -> int:
        """Disable up to a hundred dormant staff accounts; return how many.

        A few at a time, so that nobody at work waits for it. The last security administrator
        stays, however long they sleep.
        """
        seen: set[UUID] = set()
        disabled, more = 0, True
        while more and len(seen) < MOST:
            async with self._transactions.open(HOUSE) as tx:
                asleep = await self._asleep(tx, but=seen)
                disabled += sum([await self._rest(tx, user) for user in asleep])
                seen |= {user.id for user in asleep}
                more = len(asleep) == BATCH
        return disabled

    async def _asleep(self, tx: Transaction, *, but: set[UUID]) -> list[User]:
        query = select(User).where(
            User.kind == UserKind.STAFF,
            User.state == UserState.ACTIVE,
            User.woken_at < tx.now - self._standards.dormant_after,
            User.id.not_in(but),
        )
        few = query.order_by(User.woken_at).limit(BATCH).with_for_update()
        return list(await tx.session.scalars(few))

    async def _rest(self, tx: Transaction, user: User) -> bool:
        if HOUSE_GUARD in await grants_of(tx, user.id):
            await tx.get(Institution, user.institution_id)
            try:
                await somebody_guards(tx, user)
            except Conflict:
                return False
        tx.allow(Action.STAFF_SUSPEND, user, purpose="dormant")
        user.state, user.kept_out_by = UserState.DORMANT, str(Role.HOUSE)
        await tx.session.flush()  # the next one asks who is left
        await self._sessions.end_of(tx, user.id, "dormant")
        return True
