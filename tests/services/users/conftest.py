"""A small hospital with people in it, and helpers that do what they do at the door."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

import pyotp
import pytest

from services.clinic import Clinic
from services.institution import NewInstitution
from services.policy import Actor, Grant, Role
from services.users.factors import Proof, ProofKind
from services.users.registrar import NewStaff, StaffDetails
from services.users.steps import Caller, Step
from tests.factories import an_actor

PASSWORD = "Sommer-wind 7"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
HOSPITAL = NewInstitution("示范县人民医院(测试)", "12330000470003281H")
HERE = Caller("10.0.0.7", "Firefox on the ward")


def somebody(username: str, *roles: Role, **details: object) -> NewStaff:
    name = str(details.pop("display_name", "李小华"))
    grants = frozenset(Grant(role) for role in roles)
    return NewStaff(username, StaffDetails(name, **details), grants, is_synthetic=True)


@dataclass(frozen=True)
class Colleague:
    id: UUID
    username: str
    role: Role


class Hospital:
    """The clinic under test, founded, with a security administrator who can let others in."""

    def __init__(self, clinic: Clinic, clock, institution_id: UUID, security: UUID) -> None:
        self.clinic = clinic
        self.clock = clock
        self.id = institution_id
        self.security_id = security

    def security(self) -> Actor:
        """The first security administrator, who has just shown who they are."""
        return self.acting(Role.SECURITY_ADMIN, user_id=self.security_id)

    def acting(self, *roles: Role, **more: object) -> Actor:
        now = self.clock.now()
        return an_actor(*roles, institution_id=self.id, confirmed_at=now, **more)

    async def hire(self, username: str, *roles: Role, **details: object) -> Colleague:
        """Somebody who has been here for a while: a password and an app of their own."""
        new = somebody(username, *roles, **details)
        [user_id] = await self.clinic.founding.seed(self.id, [new], PASSWORD, SECRET)
        return Colleague(user_id, username, roles[0])

    async def at_home(self, username: str, *roles: Role, **details: object) -> Colleague:
        """Somebody who was hired and has signed in: the account is surely theirs."""
        who = await self.hire(username, *roles, **details)
        await self.arrive(who)
        return who

    def code(self, secret: str = SECRET, **shift: float) -> str:
        at = self.clock.now().timestamp() + shift.get("seconds", 0)
        return pyotp.TOTP(secret).at(int(at))

    async def knock(self, who: Colleague, password: str = PASSWORD, caller: Caller = HERE) -> Step:
        return await self.clinic.sign_in.begin(who.username, password, caller)

    async def arrive(self, who: Colleague, caller: Caller = HERE) -> Step:
        """Sign in with password and code, in a time step of their own."""
        self.clock.forward(seconds=31)
        step = await self.knock(who, caller=caller)
        return await self.clinic.sign_in.prove(step.token, totp(self.code()))

    async def at_work(self, who: Colleague, caller: Caller = HERE) -> Actor:
        step = await self.arrive(who, caller)
        actor = await self.clinic.sessions.actor_of(step.token, caller.address)
        assert actor is not None
        return actor


def totp(code: str) -> Proof:
    return Proof(ProofKind.TOTP, code)


@pytest.fixture
async def hospital(database, clock, keys, settings) -> AsyncIterator[Hospital]:
    """A demo hospital: the only kind where accounts with a known password can be made."""
    demo = settings.model_copy(update={"demo": True})
    clinic = Clinic.open(database, clock, keys, demo)
    first = somebody("anquan", Role.SECURITY_ADMIN, display_name="周安全")
    institution_id, [added] = await clinic.founding.found(HOSPITAL, [first])
    await clinic.policy.load()
    yield Hospital(clinic, clock, institution_id, added.user_id)
    await clinic.close()
