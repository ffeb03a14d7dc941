"""Patients, oneself and one's family: known once, each by their own number. (R059)

R-PAT-1, R-PAT-2, R-PAT-3.
"""

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import select

from data.clock import new_id
from data.errors import Conflict, Forbidden, Invalid, TooMany, Unavailable
from data.messages import Message
from data.patients import (
    IdentityCheck,
    IdentityDocument,
    IdentityOutcome,
    Patient,
    Relation,
    Sex,
)
from integrations.sandbox.identities import SandboxIdentities
from services.clinic import Clinic
from services.policy import Actor, Grant, Role
from services.ports import Ports
from services.users.identity import check_digit
from services.users.patients import NewPatient
from services.users.steps import Caller
from tests.services.users.conftest import HOSPITAL, somebody

MOTHER, FATHER = "19900000001", "19900000002"
CALLER = Caller("203.0.113.7", "a phone")


def number(born: str, serial: int = 1) -> str:
    first = f"110101{born}{serial:03}"
    return first + check_digit(first)


ADULT = NewPatient("王芳", number("19900307", 122))
CHILD = NewPatient("王小明", number("20200101", 1), Relation.SON, is_guardian=True)
GRANNY = NewPatient("李秀英", number("19480101", 2), Relation.PARENT)


@pytest.fixture
async def house(database, clock, keys, settings):
    demo = settings.model_copy(update={"demo": True})
    clinic = Clinic.open(database, clock, keys, demo, Ports(identities=SandboxIdentities()))
    await clinic.founding.found(HOSPITAL, [somebody("anquan", Role.SECURITY_ADMIN)])
    await clinic.policy.load()
    yield clinic
    await clinic.close()


async def code_to(house: Clinic, phone: str) -> str:
    async with house.database.transaction(write=False) as session:
        query = select(Message).where(Message.template == "code", Message.address == phone)
        message = (await session.scalars(query.order_by(Message.id.desc()))).first()
        assert message, "no code was sent there"
        return str(message.values["code"])


async def account(house: Clinic, phone: str) -> str:
    """Sign in by phone; return the session's token."""
    await house.patient_door.ask(phone, CALLER)
    step = await house.patient_door.enter(phone, await code_to(house, phone), CALLER)
    return step.token


async def who(house: Clinic, token: str) -> Actor:
    actor = await house.sessions.actor_of(token)
    assert actor
    return actor


async def patient(house: Clinic, patient_id) -> Patient:
    async with house.database.transaction(write=False) as session:
        return (await session.scalars(select(Patient).where(Patient.id == patient_id))).one()


async def verified(house: Clinic, phone: str, new: NewPatient = ADULT) -> str:
    """An account whose holder is registered and verified."""
    token = await account(house, phone)
    own = await house.patients.register(await who(house, token), new)
    await house.real_name.verify(await who(house, token), own)
    return token


async def test_the_number_tells_sex_and_birth(house):
    token = await account(house, MOTHER)
    own = await house.patients.register(await who(house, token), ADULT)
    [member] = await house.patients.family(await who(house, token))
    assert (member.patient_id, member.name, member.relation) == (own, "王芳", Relation.SELF)
    assert (member.sex, member.birth_date, member.years) == (Sex.FEMALE, date(1990, 3, 7), 35)
    assert member.number == "1101**********" + ADULT.number[-4:]
    assert member.phone == "199****0001", "one's own phone, if none is given"
    assert not member.is_verified


@pytest.mark.parametrize(
    "wrong",
    [{"sex": Sex.MALE}, {"birth_date": date(1990, 3, 8)}],
)
async def test_what_the_form_says_must_fit_the_number(house, wrong):
    token = await account(house, MOTHER)
    with pytest.raises(Invalid, match="identity_differs"):
        await house.patients.register(await who(house, token), replace(ADULT, **wrong))


async def test_another_document_tells_nothing_by_itself(house):
    token = await account(house, MOTHER)
    passport = replace(ADULT, document=IdentityDocument.PASSPORT, number="E12345678")
    with pytest.raises(Invalid, match="sex_and_birth_needed"):
        await house.patients.register(await who(house, token), passport)
    told = replace(passport, sex=Sex.FEMALE, birth_date=date(1990, 3, 7))
    own = await house.patients.register(await who(house, token), told)
    with pytest.raises(Invalid, match="identity_at_counter_only"):
        await house.real_name.verify(await who(house, token), own)


async def test_one_registers_oneself_once(house):
    token = await account(house, MOTHER)
    await house.patients.register(await who(house, token), ADULT)
    with pytest.raises(Conflict, match="self_registered_already"):
        await house.patients.register(
            await who(house, token), replace(ADULT, number=number("19910101", 3))
        )
    with pytest.raises(Conflict, match="patient_linked_already"):
        again = replace(ADULT, relation=Relation.SIBLING)
        await house.patients.register(await who(house, token), again)


async def test_who_is_under_age_has_no_account_of_their_own(house):
    """R-PAT-2: under 18 through a guardian's account only, and that one's holder is known."""
    token = await account(house, MOTHER)
    with pytest.raises(Conflict, match="guardian_needed"):
        young = replace(CHILD, relation=Relation.SELF)
        await house.patients.register(await who(house, token), young)
    with pytest.raises(Conflict, match="guardian_needed"):
        await house.patients.register(await who(house, token), replace(CHILD, is_guardian=False))
    with pytest.raises(Conflict, match="guardian_not_verified"):
        await house.patients.register(await who(house, token), CHILD)
    own = await house.patients.register(await who(house, token), ADULT)
    await house.real_name.verify(await who(house, token), own)
    assert await house.patients.register(await who(house, token), CHILD)


async def test_the_day_of_the_eighteenth_birthday_decides(house, clock):
    """By the hospital's calendar: it is the 3rd here from 16:00 UTC of the 2nd on."""
    token = await account(house, MOTHER)
    eighteen = replace(ADULT, number=number("20080303", 2))
    clock.forward(hours=7, minutes=59)
    token = await account(house, FATHER)
    with pytest.raises(Conflict, match="guardian_needed"):
        await house.patients.register(await who(house, token), eighteen)
    clock.forward(minutes=1)
    assert await house.patients.register(await who(house, token), eighteen)


async def test_a_family_has_so_many_members(house):
    token = await verified(house, MOTHER)
    for serial in range(5):
        new = replace(CHILD, number=number("20200101", 11 + 2 * serial))
        await house.patients.register(await who(house, token), new)
    with pytest.raises(Conflict, match="family_full"):
        await house.patients.register(await who(house, token), CHILD)
    *_, last = await house.patients.family(await who(house, token))
    await house.patients.leave(await who(house, token), last.patient_id)
    assert await house.patients.register(await who(house, token), CHILD)


async def test_who_is_known_here_is_added_with_a_code_from_their_own_phone(house):
    granny = await verified(house, FATHER, replace(GRANNY, relation=Relation.SELF))
    token = await account(house, MOTHER)
    with pytest.raises(Conflict) as refused:
        await house.patients.register(await who(house, token), GRANNY)
    assert (refused.value.code, refused.value.details["phone"]) == ("patient_known", "199****0002")
    house.clock.forward(minutes=2)
    await house.patients.ask_to_join(await who(house, token), GRANNY)
    with pytest.raises(Invalid, match="code_wrong"):
        await house.patients.join(await who(house, token), GRANNY, "abcdef")
    code = await code_to(house, FATHER)
    joined = await house.patients.join(await who(house, token), GRANNY, code)
    [own] = await house.patients.family(await who(house, granny))
    assert joined == own.patient_id, "one person, one record"
    assert own.relation is Relation.SELF
    assert joined in (await who(house, token)).patient_ids


async def test_a_code_to_sign_in_adds_nobody_to_a_family(house):
    await verified(house, FATHER, replace(GRANNY, relation=Relation.SELF))
    token = await account(house, MOTHER)
    house.clock.forward(minutes=2)
    await house.patient_door.ask(FATHER, CALLER)
    with pytest.raises(Invalid, match="code_wrong"):
        code = await code_to(house, FATHER)
        await house.patients.join(await who(house, token), GRANNY, code)


async def test_whether_a_number_is_known_is_not_told_to_who_guesses(house):
    await verified(house, FATHER, replace(GRANNY, relation=Relation.SELF))
    token = await account(house, MOTHER)
    with pytest.raises(Invalid, match="identity_differs"):
        await house.patients.register(await who(house, token), replace(GRANNY, name="张三"))


async def test_who_types_a_number_first_does_not_keep_its_owner_out(house):
    squatter = await account(house, MOTHER)
    await house.patients.register(await who(house, squatter), replace(ADULT, name="张不符"))
    owner = await verified(house, FATHER)
    [own] = await house.patients.family(await who(house, owner))
    assert own.is_verified


async def test_of_two_who_typed_one_number_one_becomes_known(house):
    first, second = await account(house, MOTHER), await account(house, FATHER)
    mine = await house.patients.register(await who(house, first), ADULT)
    other = await house.patients.register(await who(house, second), ADULT)
    await house.real_name.verify(await who(house, first), mine)
    with pytest.raises(Conflict, match="patient_known_twice"):
        await house.real_name.verify(await who(house, second), other)


async def test_a_name_that_does_not_belong_to_the_number_is_not_verified(house):
    token = await account(house, MOTHER)
    own = await house.patients.register(await who(house, token), replace(ADULT, name="王不符"))
    for _ in range(5):
        outcome = await house.real_name.verify(await who(house, token), own)
        assert outcome is IdentityOutcome.MISMATCH
    with pytest.raises(TooMany, match="identity_tried_too_often"):
        await house.real_name.verify(await who(house, token), own)
    assert (await patient(house, own)).verified_at is None


class SilentRegister(SandboxIdentities):
    async def check(self, reference, name, number):
        raise Unavailable("counterpart_silent")


async def test_a_register_that_does_not_answer_is_said_and_noted(database, clock, keys, settings):
    demo = settings.model_copy(update={"demo": True})
    house = Clinic.open(database, clock, keys, demo, Ports(identities=SilentRegister()))
    await house.founding.found(HOSPITAL, [somebody("anquan", Role.SECURITY_ADMIN)])
    await house.policy.load()
    token = await account(house, MOTHER)
    own = await house.patients.register(await who(house, token), ADULT)
    with pytest.raises(Unavailable, match="identity_register_silent"):
        await house.real_name.verify(await who(house, token), own)
    async with database.transaction(write=False) as session:
        [check] = await session.scalars(select(IdentityCheck))
        assert check.outcome is IdentityOutcome.UNAVAILABLE
    await house.close()


async def test_the_counter_needs_no_face_and_no_network(house):
    token = await account(house, MOTHER)
    own = await house.patients.register(await who(house, token), ADULT)
    institution = (await who(house, token)).institution_id
    nurse = Actor(new_id(), frozenset({Grant(Role.NURSE)}), institution)
    await house.real_name.verify_at_counter(nurse, own, matches=False)
    assert (await patient(house, own)).verified_at is None
    await house.real_name.verify_at_counter(nurse, own, matches=True)
    row = await patient(house, own)
    assert (row.verified_at, row.verified_by) == (house.clock.now(), "counter")


async def test_nobody_reads_or_changes_anothers_family(house):
    token = await verified(house, MOTHER)
    [own] = await house.patients.family(await who(house, token))
    stranger = await who(house, await account(house, FATHER))
    assert await house.patients.family(stranger) == []
    with pytest.raises(Forbidden):
        await house.patients.leave(stranger, own.patient_id)
    with pytest.raises(Forbidden):
        await house.patients.change_phone(stranger, own.patient_id, FATHER, own.version)
    with pytest.raises(Forbidden):
        await house.real_name.verify(stranger, own.patient_id)


async def test_a_guardian_who_was_removed_acts_no_longer(house):
    """At once, in every page that is open."""
    token = await verified(house, MOTHER)
    child = await house.patients.register(await who(house, token), CHILD)
    assert child in (await who(house, token)).patient_ids
    await house.patients.leave(await who(house, token), child, "不再监护")
    assert child not in (await who(house, token)).patient_ids


async def test_a_phone_is_changed_by_who_saw_it_last(house):
    token = await verified(house, MOTHER)
    [own] = await house.patients.family(await who(house, token))
    await house.patients.change_phone(
        await who(house, token), own.patient_id, "199 0000 0009", own.version
    )
    with pytest.raises(Conflict, match="changed_meanwhile"):
        await house.patients.change_phone(
            await who(house, token), own.patient_id, FATHER, own.version
        )
    assert (await patient(house, own.patient_id)).phone == "19900000009"
