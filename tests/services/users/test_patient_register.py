"""The counter's register: found exactly, entered once, the phone after a look. (R059, R-PAT-1)"""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import select

from data.audit import AuditEntry
from data.clock import new_id
from data.errors import Conflict, Forbidden, Invalid
from services.policy import Actor, Grant, Role
from tests.services.users.test_patients import (
    ADULT,
    CHILD,
    GRANNY,
    MOTHER,
    account,
    code_to,
    house,
    patient,
    verified,
    who,
)

__all__ = ["house"]

PHONE = "19900000009"
CALLER = replace(ADULT, phone=PHONE)


@pytest.fixture
async def nurse(house):
    home = (await who(house, await account(house, "19900000004"))).home
    return Actor(new_id(), frozenset({Grant(Role.NURSE)}), home)


async def test_somebody_on_the_phone_is_entered_once(house, nurse):
    key = await house.patient_register.enter(nurse, CALLER)
    assert await house.patient_register.enter(nurse, CALLER) == key
    [found] = await house.patient_register.find(nurse, PHONE)
    assert (found.patient_id, found.name, found.phone) == (key, "王芳", "199****0009")
    assert found.number == "1101**********" + ADULT.number[-4:]
    assert not found.is_verified
    assert not found.has_account


@pytest.mark.parametrize(
    "words",
    [PHONE, "+86 199-0000-0009", ADULT.number, ADULT.number.lower(), "王芳", " 王芳 "],
)
async def test_somebody_is_found_by_what_is_exactly_theirs(house, nurse, words):
    key = await house.patient_register.enter(nurse, CALLER)
    assert [each.patient_id for each in await house.patient_register.find(nurse, words)] == [key]


@pytest.mark.parametrize("words", ["王", "芳", PHONE[:10], ADULT.number[:17], "王芳芳", "%"])
async def test_nobody_is_found_by_a_part(house, nurse, words):
    await house.patient_register.enter(nurse, CALLER)
    assert await house.patient_register.find(nurse, words) == []


async def test_to_look_for_nothing_is_refused(house, nurse):
    with pytest.raises(Invalid, match="search_words_missing"):
        await house.patient_register.find(nurse, "  ")


async def test_that_somebody_was_looked_for_is_in_the_trail_and_not_what_was_typed(house, nurse):
    await house.patient_register.enter(nurse, CALLER)
    await house.patient_register.find(nurse, PHONE)
    async with house.database.transaction(write=False) as session:
        query = select(AuditEntry).where(AuditEntry.action == "patient:find")
        [entry] = list(await session.scalars(query))
    assert entry.purpose == "phone"
    assert PHONE not in repr(vars(entry))


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"phone": ""}, "phone_needed"),
        ({"phone": "12345"}, "mobile_malformed"),
        ({"number": ADULT.number[:17] + "0"}, "identity_check_digit_wrong"),
        ({"name": " "}, "name_"),
    ],
)
async def test_what_is_wrong_is_said_by_its_code(house, nurse, wrong, code):
    with pytest.raises(Invalid, match=code):
        await house.patient_register.enter(nurse, replace(CALLER, **wrong))


async def test_a_known_number_under_another_name_is_not_entered(house, nurse):
    await verified(house, MOTHER)
    with pytest.raises(Conflict, match="patient_name_differs"):
        await house.patient_register.enter(nurse, replace(CALLER, name="李四"))


async def test_who_has_an_account_already_is_that_patient(house, nurse):
    token = await verified(house, MOTHER)
    [own] = await house.patients.family(await who(house, token))
    assert await house.patient_register.enter(nurse, CALLER) == own.patient_id
    assert (await patient(house, own.patient_id)).phone == MOTHER, "nobody's phone is replaced"
    assert (await house.patient_register.one(nurse, own.patient_id)).has_account


async def test_the_phone_is_changed_only_after_a_look_at_the_document(house, nurse):
    key = await house.patient_register.enter(nurse, CALLER)
    version = (await house.patient_register.one(nurse, key)).version
    with pytest.raises(Conflict, match="patient_unverified_here"):
        await house.patient_register.reach(nurse, key, "19900000008", version)
    await house.real_name.verify_at_counter(nurse, key, matches=True)
    version = (await house.patient_register.one(nurse, key)).version
    await house.patient_register.reach(nurse, key, "19900000008", version)
    assert (await patient(house, key)).phone == "19900000008"
    with pytest.raises(Conflict, match="changed_meanwhile"):
        await house.patient_register.reach(nurse, key, "19900000007", version)


async def test_a_look_counts_for_an_hour_and_not_once_it_did_not_fit(house, nurse, clock):
    key = await house.patient_register.enter(nurse, CALLER)
    await house.real_name.verify_at_counter(nurse, key, matches=True)
    clock.forward(hours=1, seconds=1)
    version = (await house.patient_register.one(nurse, key)).version
    with pytest.raises(Conflict, match="patient_unverified_here"):
        await house.patient_register.reach(nurse, key, "19900000008", version)
    await house.real_name.verify_at_counter(nurse, key, matches=True)
    clock.forward(minutes=1)
    await house.real_name.verify_at_counter(nurse, key, matches=False)
    with pytest.raises(Conflict, match="patient_unverified_here"):
        await house.patient_register.reach(nurse, key, "19900000008", version)


async def test_who_was_entered_at_the_counter_is_joined_by_a_code_to_their_phone(house, nurse):
    key = await house.patient_register.enter(nurse, replace(GRANNY, phone=PHONE))
    await house.real_name.verify_at_counter(nurse, key, matches=True)
    token = await account(house, MOTHER)
    await house.patients.ask_to_join(await who(house, token), GRANNY)
    code = await code_to(house, PHONE)
    assert await house.patients.join(await who(house, token), GRANNY, code) == key


async def test_a_patient_looks_nobody_up(house, nurse):
    key = await house.patient_register.enter(nurse, CALLER)
    curious = await who(house, await account(house, "19900000003"))
    with pytest.raises(Forbidden):
        await house.patient_register.find(curious, PHONE)
    with pytest.raises(Forbidden):
        await house.patient_register.one(curious, key)
    with pytest.raises(Forbidden):
        await house.patient_register.enter(curious, replace(GRANNY, phone=PHONE))
    with pytest.raises(Forbidden):
        await house.patient_register.reach(curious, key, PHONE, 1)


async def test_another_house_finds_nobody_here(house, nurse):
    await house.patient_register.enter(nurse, CALLER)
    stranger = replace(nurse, institution_id=new_id())
    assert await house.patient_register.find(stranger, PHONE) == []


async def test_two_at_the_counter_who_enter_the_same_person_at_once_enter_one(house, nurse):
    """Nothing unique holds an unverified number: they go one after the other."""
    keys = await asyncio.gather(*(house.patient_register.enter(nurse, CALLER) for _ in range(8)))
    assert len(set(keys)) == 1
    assert len(await house.patient_register.find(nurse, PHONE)) == 1


async def test_messages_go_to_ones_own_or_a_guardians_account_and_else_to_the_phone(house, nurse):
    """Who books for a grown-up sees their visits; the counter is told who is written to."""
    daughter = await who(house, await verified(house, MOTHER))
    granny = await house.patients.register(daughter, GRANNY)
    child = await house.patients.register(daughter, CHILD)
    grown, minor = [await house.patient_register.one(nurse, each) for each in (granny, child)]
    assert (grown.has_account, grown.is_written_to) == (True, False)
    assert (minor.has_account, minor.is_written_to) == (True, True)
