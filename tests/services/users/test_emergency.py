"""Breaking the glass: by whom, for how long, seen by whom, and judged by another. (R016, R042)"""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from data.clock import new_id
from data.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from data.users import ReviewOutcome
from services.audit import Search as Trail
from services.events import (
    EmergencyAccessClosed,
    EmergencyAccessOpened,
    EmergencyAccessReviewed,
)
from services.policy import Action, Grant, Role, Subject
from services.tasks import Search, TaskState
from tests.services.users.conftest import HERE, totp

REASON = "unconscious in the emergency room"
PATIENT, ANOTHER = new_id(), new_id()


@pytest.fixture
async def doctor(hospital):
    return await hospital.at_work(await hospital.hire("lihua", Role.DOCTOR))


async def look(hospital, actor, patient_id=PATIENT):
    chart = Subject("chart", institution_id=hospital.id, patient_id=patient_id)
    async with hospital.clinic.transactions.open(actor) as tx:
        tx.allow(Action.CHART_READ, chart, purpose=REASON)


async def now(hospital, actor):
    """The actor as the next request finds them."""
    return await hospital.clinic.sessions.actor_in(actor.session_id, HERE.address)


async def test_a_record_opens_for_an_hour_and_the_trail_says_why(hospital, doctor):
    """R042: break-glass with reason; the audit shows `emergency: <reason>`."""
    with pytest.raises(Forbidden):
        await look(hospital, doctor)

    access = await hospital.clinic.emergency.open(doctor, PATIENT, f"  {REASON} ")
    assert access.until - access.opened_at == timedelta(minutes=60)
    breaker = await now(hospital, doctor)
    await look(hospital, breaker)
    with pytest.raises(Forbidden):
        await look(hospital, breaker, ANOTHER)

    auditor = hospital.acting(Role.AUDIT_ADMIN)
    [entry], _ = await hospital.clinic.audit.page(
        auditor, Trail(action="chart:read", result="done")
    )
    assert (entry.actor_id, entry.purpose) == (doctor.user_id, f"emergency: {REASON}")
    for _ in range(5):
        hospital.clock.forward(minutes=12)
        breaker = await now(hospital, doctor)
    assert breaker.emergencies == frozenset()
    with pytest.raises(Forbidden):
        await look(hospital, breaker)


async def test_it_needs_a_fresh_proof(hospital, doctor):
    """R042: re-authentication."""
    hospital.clock.forward(minutes=6)
    with pytest.raises(Unauthenticated, match="confirm_needed"):
        await hospital.clinic.emergency.open(doctor, PATIENT, REASON)

    step = await hospital.clinic.sign_in.confirm(doctor, totp(hospital.code()))
    fresh = await hospital.clinic.sessions.actor_of(step.token)
    assert await hospital.clinic.emergency.open(fresh, PATIENT, REASON)


async def test_it_needs_a_reason(hospital, doctor):
    for reason in ("", "urgent", "         x         ", "a b c d e", "x" * 501):
        with pytest.raises(Invalid, match="emergency_reason_needed"):
            await hospital.clinic.emergency.open(doctor, PATIENT, reason)


async def test_it_is_for_those_who_treat(hospital):
    """R042: no administrator reads a record."""
    for role in (Role.CASHIER, Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN, Role.HR):
        with pytest.raises(Forbidden):
            await hospital.clinic.emergency.open(hospital.acting(role), PATIENT, REASON)


async def test_whoever_reviews_hears_of_it_at_once(hospital, doctor):
    heard = []
    hospital.clinic.bus.watch(heard.append)
    access = await hospital.clinic.emergency.open(doctor, PATIENT, REASON)
    [told] = [event for event in heard if isinstance(event, EmergencyAccessOpened)]
    assert (told.access_id, told.user_id, told.patient_id, told.reason, told.institution_id) == (
        access.id,
        doctor.user_id,
        PATIENT,
        REASON,
        hospital.id,
    )


async def test_a_record_is_opened_once_at_a_time(hospital, doctor):
    opening = [hospital.clinic.emergency.open(doctor, PATIENT, REASON) for _ in range(4)]
    answers = await asyncio.gather(*opening, return_exceptions=True)
    codes = [getattr(answer, "code", "") for answer in answers]
    assert codes.count("emergency_open_already") == 3

    await hospital.clinic.emergency.open(doctor, ANOTHER, REASON)
    assert (await now(hospital, doctor)).emergencies == {PATIENT, ANOTHER}
    assert len(await hospital.clinic.emergency.mine(doctor)) == 2


async def test_it_can_be_opened_again_after_its_hour(hospital, doctor):
    await hospital.clinic.emergency.open(doctor, PATIENT, REASON)
    hospital.clock.forward(minutes=61)
    later = await hospital.at_work(await hospital.hire("lihua2", Role.DOCTOR))
    again = hospital.acting(Role.DOCTOR, user_id=doctor.user_id)
    assert await hospital.clinic.emergency.open(again, PATIENT, REASON)
    assert await hospital.clinic.emergency.open(later, PATIENT, REASON)  # each for themselves


async def test_it_can_be_given_up_early(hospital, doctor):
    access = await hospital.clinic.emergency.open(doctor, PATIENT, REASON)
    nurse = hospital.acting(Role.NURSE)
    with pytest.raises(Forbidden):
        await hospital.clinic.emergency.close(nurse, access.id)

    await hospital.clinic.emergency.close(doctor, access.id)

    assert (await now(hospital, doctor)).emergencies == frozenset()
    assert await hospital.clinic.emergency.mine(doctor) == []


async def test_another_person_judges_it_once(hospital, doctor):
    """R042: reviewed, by somebody else."""
    heard = []
    hospital.clinic.bus.watch(heard.append)
    emergency = hospital.clinic.emergency
    access = await emergency.open(doctor, PATIENT, REASON)
    affairs = hospital.acting(Role.MEDICAL_AFFAIRS)
    assert [one.id for one in (await emergency.page(affairs))[0]] == [access.id]

    with pytest.raises(Invalid, match="reason_needed"):
        await emergency.review(affairs, access.id, ReviewOutcome.JUSTIFIED, " ")
    await emergency.review(affairs, access.id, ReviewOutcome.JUSTIFIED, "seen in the ER log")

    assert (await emergency.page(affairs))[1] == 0
    [judged], _ = await emergency.page(affairs, reviewed=True)
    assert (judged.outcome, judged.reviewed_by) == (ReviewOutcome.JUSTIFIED, affairs.user_id)
    assert [e.outcome for e in heard if isinstance(e, EmergencyAccessReviewed)] == ["justified"]
    with pytest.raises(Conflict, match="emergency_reviewed_already"):
        await emergency.review(affairs, access.id, ReviewOutcome.UNJUSTIFIED, "on second thought")
    assert (await now(hospital, doctor)).emergencies == {PATIENT}


async def test_nobody_judges_themselves(hospital):
    """R042."""
    affairs = await hospital.at_work(await hospital.hire("yiwu", Role.MEDICAL_AFFAIRS))
    access = await hospital.clinic.emergency.open(affairs, PATIENT, REASON)
    assert (await hospital.clinic.emergency.page(affairs))[1] == 0
    with pytest.raises(Forbidden):
        await hospital.clinic.emergency.review(
            affairs, access.id, ReviewOutcome.JUSTIFIED, "it was fine"
        )


async def test_a_glass_broken_without_need_closes_at_once(hospital, doctor):
    access = await hospital.clinic.emergency.open(doctor, PATIENT, REASON)
    assert (await now(hospital, doctor)).emergencies == {PATIENT}
    affairs = hospital.acting(Role.MEDICAL_AFFAIRS)

    await hospital.clinic.emergency.review(
        affairs, access.id, ReviewOutcome.UNJUSTIFIED, "no emergency that day"
    )

    assert (await now(hospital, doctor)).emergencies == frozenset()


async def test_the_auditor_sees_it_and_the_doctor_does_not_review(hospital, doctor):
    await hospital.clinic.emergency.open(doctor, PATIENT, REASON)
    assert (await hospital.clinic.emergency.page(hospital.acting(Role.AUDIT_ADMIN)))[1] == 1
    with pytest.raises(Forbidden):
        await hospital.clinic.emergency.page(hospital.acting(Role.DOCTOR))


async def test_the_review_is_a_task_until_somebody_has_done_it(hospital, doctor):
    """R042: immediately, due within 24 h, passed on to medical affairs after that."""
    house, opened = hospital.clinic, hospital.clock.now()
    access = await house.emergency.open(doctor, PATIENT, REASON)
    await house.bus.deliver()
    auditor, affairs = hospital.acting(Role.AUDIT_ADMIN), hospital.acting(Role.MEDICAL_AFFAIRS)

    [task], _ = await house.tasks.page(auditor, Search(kind="emergency_review"))
    assert task.place == f"/emergency/reviews?access={access.id}"
    assert (task.subject, task.due_at) == (
        f"emergency_access:{access.id}",
        opened + timedelta(hours=24),
    )
    assert task.patient_id is None  # who it was is for the page of the review to show

    hospital.clock.forward(hours=25)
    await house.bus.ring()
    await house.bus.deliver()
    [late], _ = await house.tasks.page(affairs, Search(kind="emergency_review"))
    assert late.id == task.id

    await house.emergency.review(affairs, access.id, ReviewOutcome.JUSTIFIED, "seen in the log")
    assert (await house.tasks.page(auditor, Search(kind="emergency_review")))[1] == 0


async def test_a_review_before_the_task_arrives_leaves_none(hospital, doctor):
    access = await hospital.clinic.emergency.open(doctor, PATIENT, REASON)
    affairs = hospital.acting(Role.MEDICAL_AFFAIRS)
    await hospital.clinic.emergency.review(
        affairs, access.id, ReviewOutcome.JUSTIFIED, "seen in the log"
    )
    await hospital.clinic.bus.deliver()
    assert (await hospital.clinic.tasks.page(affairs, Search(kind="emergency_review")))[1] == 0


async def test_who_broke_the_glass_cannot_close_its_review(hospital):
    """R042: they do not even see it, though their role reviews; nor does any hand end it but one.

    Red before: medical affairs closed the task about itself with a note, and no review was left.
    """
    house = hospital.clinic
    both = await hospital.hire("yiwu", Role.MEDICAL_AFFAIRS, Role.QUALITY)
    breaker = await hospital.at_work(both)
    await house.emergency.open(breaker, PATIENT, REASON)
    await house.bus.deliver()
    auditor = hospital.acting(Role.AUDIT_ADMIN)
    [task], _ = await house.tasks.page(auditor, Search(kind="emergency_review"))
    hospital.clock.forward(hours=25)
    await house.bus.ring()
    await house.bus.deliver()  # late: medical affairs answers for it now
    colleague = hospital.acting(Role.MEDICAL_AFFAIRS)
    assert (await house.tasks.page(colleague, Search(kind="emergency_review")))[1] == 1

    breaker = hospital.acting(Role.MEDICAL_AFFAIRS, user_id=breaker.user_id)
    assert (await house.tasks.page(breaker, Search(kind="emergency_review")))[1] == 0
    with pytest.raises(NotFound):
        await house.tasks.one(breaker, task.id)
    for act in (
        house.tasks.close(breaker, task.id, "it was fine"),
        house.tasks.take(breaker, task.id),
        house.tasks.hand_over(auditor, task.id, to=breaker.user_id),
        house.tasks.close(auditor, task.id, "no time for this"),
        house.tasks.close(auditor, task.id, "no", state=TaskState.CANCELLED),
    ):
        with pytest.raises(Forbidden):
            await act
    assert (await house.tasks.one(auditor, task.id)).state is TaskState.OPEN


async def test_a_role_that_is_taken_away_takes_the_broken_glass_with_it(hospital, doctor):
    """R042: the hour was given to somebody who treats."""
    await hospital.clinic.emergency.open(doctor, PATIENT, REASON)
    breaker = await now(hospital, doctor)
    clerk = replace(breaker, grants=frozenset({Grant(Role.CASHIER)}))
    with pytest.raises(Forbidden):
        await look(hospital, clerk)
    await look(hospital, breaker)


async def test_who_judges_sees_what_was_looked_at(hospital, doctor):
    """R042: not only that the glass was broken, but what for."""
    house = hospital.clinic
    access = await house.emergency.open(doctor, PATIENT, REASON)
    hospital.clock.forward(minutes=2)
    await look(hospital, await now(hospital, doctor))
    hospital.clock.forward(minutes=3)
    await house.emergency.close(doctor, access.id)
    auditor = hospital.acting(Role.AUDIT_ADMIN)

    judged, looks, total = await house.emergency.one(auditor, access.id)
    assert total == 1
    assert (judged.username, judged.name) == ("lihua", "李*华")
    assert judged.ends_at == judged.opened_at + timedelta(minutes=5)
    assert [(each.action, each.subject) for each in looks] == [("chart:read", "chart")]
    assert looks[0].at == judged.opened_at + timedelta(minutes=2)
    for nobody in (doctor, hospital.acting(Role.CASHIER)):
        with pytest.raises(Forbidden):
            await house.emergency.one(nobody, access.id)


async def test_who_broke_it_sees_what_came_of_it(hospital, doctor):
    house, auditor = hospital.clinic, hospital.acting(Role.AUDIT_ADMIN)
    first = await house.emergency.open(doctor, PATIENT, REASON)
    hospital.clock.forward(minutes=1)
    second = await house.emergency.open(doctor, ANOTHER, REASON)
    await house.emergency.review(auditor, first.id, ReviewOutcome.UNJUSTIFIED, "not that day")

    mine, total = await house.emergency.history(doctor)
    assert total == 2
    assert [(each.id, each.outcome, each.review_note) for each in mine] == [
        (second.id, None, ""),
        (first.id, ReviewOutcome.UNJUSTIFIED, "not that day"),
    ]
    assert [each.id for each in await house.emergency.mine(doctor)] == [second.id]
    assert await house.emergency.history(auditor) == ([], 0)


async def test_what_is_open_stands_first_however_many_there_were(hospital, doctor):
    """It can be ended there; the list is paged where the data is."""
    house = hospital.clinic
    still = await house.emergency.open(doctor, PATIENT, REASON)
    for _ in range(3):
        hospital.clock.forward(minutes=1)
        other = await house.emergency.open(doctor, new_id(), REASON)
        await house.emergency.close(doctor, other.id)
    page, total = await house.emergency.history(doctor, limit=2)
    assert (page[0].id, len(page), total) == (still.id, 2, 4)
    rest, _ = await house.emergency.history(doctor, offset=2, limit=2)
    assert len({each.id for each in (*page, *rest)}) == 4


async def test_looks_of_one_patient_neither_hide_nor_join_those_of_another(hospital, doctor):
    """Red before: the earliest hundred of all that was open were shown, and nothing said so."""
    house = hospital.clinic
    one = await house.emergency.open(doctor, PATIENT, REASON)
    other = await house.emergency.open(doctor, ANOTHER, REASON)
    breaker = await now(hospital, doctor)
    for _ in range(5):
        await look(hospital, breaker)
    await look(hospital, breaker, ANOTHER)
    auditor = hospital.acting(Role.AUDIT_ADMIN)

    _, looks, total = await house.emergency.one(auditor, other.id)
    assert (len(looks), total) == (1, 1)
    _, looks, total = await house.emergency.one(auditor, one.id, offset=3, limit=10)
    assert (len(looks), total) == (2, 5)


async def test_open_pages_hear_that_it_is_over(hospital, doctor):
    """Once: what is over already ends no second time."""
    heard = []
    hospital.clinic.bus.watch(heard.append)
    house, auditor = hospital.clinic, hospital.acting(Role.AUDIT_ADMIN)
    access = await house.emergency.open(doctor, PATIENT, REASON)
    for _ in range(2):
        await house.emergency.close(doctor, access.id)
    await house.emergency.review(auditor, access.id, ReviewOutcome.UNJUSTIFIED, "not that day")
    closed = [event for event in heard if isinstance(event, EmergencyAccessClosed)]
    assert [(event.access_id, event.user_id) for event in closed] == [(access.id, doctor.user_id)]


async def test_a_refusal_tells_who_may_break_the_glass_that_there_is_one(hospital, doctor):
    """R042: whose record it is goes with it, so that nobody types a number while time runs."""
    with pytest.raises(Forbidden) as refused:
        await look(hospital, doctor)
    assert (refused.value.code, refused.value.details["patient"]) == ("behind_glass", str(PATIENT))
    for role in (Role.CASHIER, Role.AUDIT_ADMIN):
        with pytest.raises(Forbidden) as refused:
            await look(hospital, hospital.acting(role))
        assert refused.value.code == "forbidden"
        assert "patient" not in refused.value.details
    entries, _ = await hospital.clinic.audit.page(
        hospital.acting(Role.AUDIT_ADMIN), Trail(action="chart:read", result="denied")
    )
    assert [entry.purpose for entry in entries] == ["forbidden", "forbidden", "behind_glass"]
