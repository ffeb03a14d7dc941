"""Patients come in by a code sent to their phone; the first time, that makes their account.

Whether a number has an account is told to nobody: the same answer, the same message. (S-AUTH-3)
"""

from dataclasses import replace
from uuid import UUID

from sqlalchemy import select

from data.clock import new_id
from data.errors import Invalid, NotFound
from data.institution import Institution
from data.users import RoleGrant, User, UserKind
from services.i18n import LANGUAGES
from services.permissions import Action
from services.policy import ANYBODY, HOUSE, Actor, Role, Subject
from services.transaction import Reading, Transaction, Transactions
from services.users.codes import Codes, Sent
from services.users.identity import checked_mobile
from services.users.lockout import Guard, Knock
from services.users.steps import Caller, Step, Steps, note_refusal

PURPOSE = "sign_in"


class PatientDoor:
    """The door for patients."""

    def __init__(
        self,
        transactions: Transactions,
        steps: Steps,
        guard: Guard,
        codes: Codes,
    ) -> None:
        self._transactions = transactions
        self._steps = steps
        self._guard = guard
        self._codes = codes

    async def ask(self, phone: str, caller: Caller, language: str = LANGUAGES[0]) -> Sent:
        """Send a code to a mobile phone; raise `Invalid("mobile_malformed")` and as `Codes.send`.

        The answer is the same whether the phone has an account or not.
        """
        phone = checked_mobile(phone)
        async with self._transactions.open(replace(ANYBODY, address=caller.address)) as tx:
            house = await _house(tx)
            tx.allow(Action.CODE_ASK, Subject("one_time_code", institution_id=house))
            return await self._codes.send(tx, phone, PURPOSE, house, language)

    async def enter(
        self,
        phone: str,
        code: str,
        caller: Caller,
        leaving: Actor = ANYBODY,
        language: str = LANGUAGES[0],
    ) -> Step:
        """Open a session for who has the phone in hand; `leaving` ends, as with staff.

        Raise `Invalid("code_wrong")` for a code that is wrong, used or too old, `TooMany` after
        many wrong ones, `Forbidden` for an account that may not come in now.
        """
        phone, somebody = checked_mobile(phone), replace(ANYBODY, address=caller.address)
        knock = await self._knock(f"phone:{phone}", somebody)
        user_id = await self._redeem(phone, code, knock, somebody, language)
        if user_id is None:
            raise Invalid("code_wrong")
        return await self._steps.let_in(user_id, caller, leaving)

    async def _knock(self, name: str, somebody: Actor) -> Knock:
        async with self._transactions.open(somebody) as tx:
            tx.go_unnoted("a try is counted; what comes of it is noted")
            return await self._guard.knock(tx, name, somebody.address)

    async def _redeem(
        self, phone: str, code: str, knock: Knock, somebody: Actor, language: str
    ) -> UUID | None:
        """Return whose phone it is, with an account made for them if there was none."""
        async with self._transactions.open(somebody) as tx:
            house = await _house(tx)
            if not await self._codes.take(tx, phone, PURPOSE, code):
                note_refusal(tx, Subject("one_time_code", institution_id=house), "code_wrong")
                return None
            tx.go_unnoted("the session that it opens is noted")
            await self._guard.relent(tx, knock)
            await self._guard.clear(tx, knock.name)
            user = await _account_of(tx, house, phone)
            if user is None:
                user = _new_account(tx, house, phone, language)
                tx.allow(Action.ACCOUNT_OPEN, user)
                tx.session.add(user)
                await tx.session.flush()
                tx.session.add(
                    RoleGrant(
                        user_id=user.id, role=str(Role.PATIENT), granted_by=user.id, at=tx.now
                    )
                )
            return user.id

    async def tidy(self) -> None:
        """Forget codes that nobody can use any more; a job calls it once a day."""
        async with self._transactions.open(HOUSE) as tx:
            tx.go_unnoted("codes of yesterday")
            await self._codes.tidy(tx)


async def _house(tx: Reading) -> UUID:
    house = await tx.session.scalar(select(Institution.id).order_by(Institution.id).limit(1))
    if house is None:
        raise NotFound("institution_not_founded")
    return house


async def _account_of(tx: Reading, house: UUID, phone: str) -> User | None:
    query = select(User).where(
        User.institution_id == house, User.kind == UserKind.PATIENT, User.phone_index == phone
    )
    return await tx.session.scalar(query)


def _new_account(tx: Transaction, house: UUID, phone: str, language: str) -> User:
    user_id = new_id()
    return User(
        id=user_id,
        owner_id=user_id,
        institution_id=house,
        kind=UserKind.PATIENT,
        username=user_id.hex,  # nobody signs in with it, and the phone may change
        display_name=f"*{phone[-4:]}",  # until they have told their name
        phone=phone,
        language=language if language in LANGUAGES else LANGUAGES[0],
        created_at=tx.now,
        woken_at=tx.now,
    )
