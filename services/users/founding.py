"""The very first accounts: of a hospital that is founded, and of a demo to be played with."""

from collections.abc import Sequence
from uuid import UUID

from data.errors import Forbidden, Invalid
from data.institution import Institution
from services.institution import NewInstitution, founded
from services.policy import HOUSE, Role
from services.transaction import Transactions
from services.users.credentials import Credentials
from services.users.factors import Factors
from services.users.registrar import Added, NewStaff, Registrar, roles_of


class Founding:
    """The notary: acts in the name of the house, before there is anybody to ask."""

    def __init__(
        self,
        transactions: Transactions,
        registrar: Registrar,
        credentials: Credentials,
        factors: Factors,
        *,
        demo: bool,
    ) -> None:
        self._transactions = transactions
        self._registrar = registrar
        self._credentials = credentials
        self._factors = factors
        self._demo = demo

    async def found(
        self, institution: NewInstitution, administrators: Sequence[NewStaff]
    ) -> tuple[UUID, tuple[Added, ...]]:
        """Found the institution with its first administrators; return it and their accounts.

        One of them is the security administrator, who lets the others in. Raise
        `Conflict("institution_founded_already")` the second time.
        """
        if not any(Role.SECURITY_ADMIN in roles_of(new.grants) for new in administrators):
            raise Invalid("security_admin_needed")
        passwords = [await self._credentials.temporary() for _ in administrators]
        async with self._transactions.open(HOUSE) as tx:
            house = await founded(tx, institution, is_demo=self._demo)
            added = []
            for new, (password, kept) in zip(administrators, passwords, strict=True):
                user = await self._registrar.enter(tx, new, house.id, kept, temporary=True)
                added.append(Added(user.id, user.username, password))
            return house.id, tuple(added)

    async def seed(
        self, institution_id: UUID, people: Sequence[NewStaff], password: str, totp_secret: str
    ) -> tuple[UUID, ...]:
        """Make accounts that share a known password and a known secret.

        Raise `Forbidden("demo_only")` where the settings or the house are no demo.
        """
        usernames = [new.username for new in people]
        kept = await self._credentials.judged([], password, *usernames, admin=True)
        return tuple([await self._seed(institution_id, new, kept, totp_secret) for new in people])

    async def _seed(self, institution_id: UUID, new: NewStaff, kept: str, totp_secret: str) -> UUID:
        async with self._transactions.open(HOUSE) as tx:
            house = await tx.get(Institution, institution_id)
            if not (self._demo and house.is_demo):
                raise Forbidden("demo_only")
            user = await self._registrar.enter(tx, new, house.id, kept, temporary=False)
            await self._factors.preset(tx, user.id, totp_secret)
            return user.id
