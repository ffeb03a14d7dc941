"""Patients come in by a code on their phone. (S-AUTH-3, R-PAT-1)"""

import re

import pytest
from sqlalchemy import func, select

from data.errors import Forbidden, Invalid, TooMany
from data.messages import Message
from data.patients import OneTimeCode
from data.users import RoleGrant, SignInGuard, User, UserKind, UserState
from services.clinic import Clinic
from services.events import MessageQueued
from services.policy import Role
from services.users.steps import Caller

PHONE = "19900000001"
CALLER = Caller("203.0.113.7", "a phone")


@pytest.fixture
def house(hospital) -> Clinic:
    return hospital.clinic


async def code_for(clinic: Clinic, phone: str = PHONE) -> str:
    """Ask for a code and read it off the message that waits to be sent."""
    await clinic.patient_door.ask(phone, CALLER)
    async with clinic.database.transaction(write=False) as session:
        query = select(Message).where(Message.template == "code", Message.address == phone)
        message = (await session.scalars(query.order_by(Message.id.desc()))).first()
        assert message
        return str(message.values["code"])


async def accounts(clinic: Clinic) -> list[User]:
    async with clinic.database.transaction(write=False) as session:
        query = select(User).where(User.kind == UserKind.PATIENT).order_by(User.id)
        return list(await session.scalars(query))


async def test_a_code_opens_a_session_and_the_first_time_an_account(house):
    step = await house.patient_door.enter(PHONE, await code_for(house), CALLER)
    assert step.done
    actor = await house.sessions.actor_of(step.token)
    assert actor is not None
    assert actor.roles == {Role.PATIENT}
    [account] = await accounts(house)
    assert (account.id, account.phone) == (actor.user_id, PHONE)

    house.clock.forward(minutes=2)
    again = await house.patient_door.enter(PHONE, await code_for(house), CALLER, actor)
    assert again.user_id == step.user_id
    assert len(await accounts(house)) == 1
    assert await house.sessions.actor_of(step.token) is None, "the session before it has ended"


async def test_a_code_is_good_once(house):
    code = await code_for(house)
    await house.patient_door.enter(PHONE, code, CALLER)
    with pytest.raises(Invalid, match="code_wrong"):
        await house.patient_door.enter(PHONE, code, CALLER)


async def test_a_code_is_good_for_minutes(house):
    code = await code_for(house)
    house.clock.forward(minutes=5)
    with pytest.raises(Invalid, match="code_wrong"):
        await house.patient_door.enter(PHONE, code, CALLER)
    assert await accounts(house) == []


async def test_a_code_opens_no_other_phones_account(house):
    code = await code_for(house)
    with pytest.raises(Invalid, match="code_wrong"):
        await house.patient_door.enter("19900000002", code, CALLER)


async def test_wrong_codes_lock_the_phone_for_a_while(house):
    code = await code_for(house)
    wrong = "000000" if code != "000000" else "111111"
    for _ in range(5):
        with pytest.raises(Invalid, match="code_wrong"):
            await house.patient_door.enter(PHONE, wrong, CALLER)
        house.clock.forward(seconds=20)
    with pytest.raises(TooMany) as locked:
        await house.patient_door.enter(PHONE, code, CALLER)
    assert locked.value.code == "sign_in_locked"


async def test_codes_are_not_sent_again_and_again(house):
    await code_for(house)
    with pytest.raises(TooMany, match="code_too_soon"):
        await house.patient_door.ask(PHONE, CALLER)
    for _ in range(9):
        house.clock.forward(seconds=61)
        await code_for(house)
    house.clock.forward(seconds=61)
    with pytest.raises(TooMany, match="codes_too_many"):
        await house.patient_door.ask(PHONE, CALLER)
    house.clock.forward(days=1)
    assert re.fullmatch(r"\d{6}", await code_for(house))


async def test_one_network_does_not_write_to_the_whole_town(house):
    for number in range(100):
        await house.patient_door.ask(f"199{number:08}", CALLER)
    with pytest.raises(TooMany, match="codes_too_many"):
        await house.patient_door.ask("19911111111", CALLER)
    await house.patient_door.ask("19911111111", Caller("198.51.100.1"))


async def test_neither_code_nor_phone_lies_open_in_the_database(house):
    code = await code_for(house)
    async with house.database.transaction(write=False) as session:
        row = (await session.scalars(select(OneTimeCode))).one()
        assert PHONE not in row.phone_index
        assert code.encode() not in row.digest
        guard = await session.scalar(select(func.count(SignInGuard.id)))
        assert guard == 0
    await house.patient_door.enter(PHONE, code, CALLER)
    async with house.database.transaction(write=False) as session:
        assert {row.role for row in await session.scalars(select(RoleGrant))} >= {Role.PATIENT}


async def test_the_code_goes_out_and_is_wiped(house):
    """The text message carries it; once it is sent (or given up) no row does."""
    await code_for(house)
    async with house.database.transaction(write=False) as session:
        message = (await session.scalars(select(Message))).one()
    await house.notify.deliver(MessageQueued(message_id=message.id, channel=message.channel))
    async with house.database.transaction(write=False) as session:
        assert (await session.scalars(select(Message))).one().values == {}


@pytest.mark.parametrize("phone", ["1990000000", "12900000001", "0571-88888888", "", "1990000000a"])
async def test_what_is_no_mobile_number_gets_no_code(house, phone):
    with pytest.raises(Invalid, match="mobile_malformed"):
        await house.patient_door.ask(phone, CALLER)


WIDE = "".join(chr(ord(digit) + 0xFEE0) for digit in PHONE)  # as Chinese keyboards write


@pytest.mark.parametrize("phone", ["199 0000 0001", "+8619900000001", WIDE])
async def test_a_number_is_known_however_it_is_typed(house, phone):
    code = await code_for(house)
    assert (await house.patient_door.enter(phone, code, CALLER)).done


async def test_who_may_not_come_in_now_does_not(house):
    await house.patient_door.enter(PHONE, await code_for(house), CALLER)
    async with house.database.transaction(write=True) as session:
        user = (await session.scalars(select(User).where(User.kind == UserKind.PATIENT))).one()
        user.state = UserState.SUSPENDED
    house.clock.forward(minutes=2)
    with pytest.raises(Forbidden, match="account_suspended"):
        await house.patient_door.enter(PHONE, await code_for(house), CALLER)


async def test_codes_of_yesterday_are_forgotten(house):
    await code_for(house)
    house.clock.forward(days=1, seconds=1)
    await house.patient_door.tidy()
    async with house.database.transaction(write=False) as session:
        assert await session.scalar(select(func.count(OneTimeCode.id))) == 0
