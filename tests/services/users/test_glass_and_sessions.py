"""Broken glass closes with the session it was broken in, and the review says why. (R042, R016)"""

import pytest

from data.clock import new_id
from data.users import EmergencyAccess
from services.events import EmergencyAccessClosed
from services.i18n import LANGUAGES, has
from services.policy import Grant, Role
from services.users.glass import ENDINGS
from tests.services.users.conftest import HERE

REASON = "unconscious in the emergency room"
PATIENT = new_id()


@pytest.fixture
async def lihua(hospital):
    return await hospital.hire("lihua", Role.DOCTOR)


@pytest.fixture
async def doctor(hospital, lihua):
    return await hospital.at_work(lihua)


@pytest.fixture
async def access(hospital, doctor):
    return await hospital.clinic.emergency.open(doctor, PATIENT, REASON)


async def reviewed(hospital, access):
    found, _, _ = await hospital.clinic.emergency.one(hospital.acting(Role.AUDIT_ADMIN), access.id)
    return found


async def test_who_signs_out_leaves_no_record_open(hospital, lihua, doctor, access):
    """Red before: the next sign-in, at any desk, found the record open for the rest of its hour."""
    heard = []
    hospital.clinic.bus.watch(heard.append)
    hospital.clock.forward(minutes=5)
    await hospital.clinic.sessions.sign_out(doctor)

    ended = await reviewed(hospital, access)
    assert (ended.closed_at, ended.closed_because) == (hospital.clock.now(), "signed_out")
    closed = [each.access_id for each in heard if isinstance(each, EmergencyAccessClosed)]
    assert closed == [access.id]
    again = await hospital.at_work(lihua)
    assert again.emergencies == frozenset()
    assert await hospital.clinic.emergency.mine(again) == []


async def test_the_rights_end_in_the_other_sessions_as_well(hospital, lihua, doctor):
    """They lent them; the glass was broken here."""
    other = await hospital.at_work(lihua)
    await hospital.clinic.emergency.open(doctor, PATIENT, REASON)
    hear = hospital.clinic.sessions.actor_in
    assert (await hear(other.session_id, HERE.address)).emergencies == {PATIENT}
    await hospital.clinic.sessions.revoke(other, [doctor.session_id])
    assert (await hear(other.session_id, HERE.address)).emergencies == frozenset()


async def test_what_another_session_opened_stays_open(hospital, lihua, doctor, access):
    other = await hospital.at_work(lihua)
    await hospital.clinic.sessions.sign_out(other)
    assert (await reviewed(hospital, access)).closed_at is None
    kept = await hospital.clinic.sessions.actor_in(doctor.session_id, HERE.address)
    assert kept.emergencies == {PATIENT}


async def test_who_walks_away_leaves_it_open_no_longer_than_the_session(hospital, access):
    hospital.clock.forward(minutes=16)
    await hospital.clinic.sessions.expire()
    assert (await reviewed(hospital, access)).closed_because == "idle"


async def test_who_is_kept_out_has_nothing_open(hospital, doctor, access):
    await hospital.clinic.staff.suspend(hospital.security(), doctor.user_id, "an incident")
    assert (await reviewed(hospital, access)).closed_because == "suspended"


async def test_another_role_ends_it_too(hospital, doctor, access):
    await hospital.clinic.staff.grant(hospital.security(), doctor.user_id, Grant(Role.QUALITY))
    assert (await reviewed(hospital, access)).closed_because == "roles_changed"


async def test_one_that_was_over_keeps_its_own_end(hospital, doctor, access):
    """By hand, or by its hour: what came first counts."""
    await hospital.clinic.emergency.close(doctor, access.id)
    at = hospital.clock.now()
    hospital.clock.forward(minutes=1)
    second = await hospital.clinic.emergency.open(doctor, PATIENT, REASON)
    async with hospital.clinic.database.transaction(write=True) as session:
        (await session.get(EmergencyAccess, second.id)).until = hospital.clock.now()
    hospital.clock.forward(minutes=1)
    await hospital.clinic.sessions.sign_out(doctor)
    first = await reviewed(hospital, access)
    assert (first.closed_at, first.closed_because) == (at, "given_up")
    assert (await reviewed(hospital, second)).closed_at is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_end_has_a_sentence(language):
    assert [why for why in ENDINGS if not has(f"emergency.ended.{why}", language)] == []
