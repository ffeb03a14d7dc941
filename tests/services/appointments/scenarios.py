"""What happens around visits, for the test that tells everybody everything twice."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from data.clinicians import Clinician
from data.clock import new_id
from services.appointments.waitlist import Wanted
from services.clinic import Clinic
from services.policy import HOUSE, Actor, Role
from services.visit_events import OrderClosed, OrderPaid
from services.workbench.encounters import Termination
from tests.factories import an_actor
from tests.practice import Practice
from tests.services.billing.scenarios import announced


async def a_practice(clinic: Clinic, fen: int = 0) -> Practice:
    """A new doctor each time, on the day after tomorrow."""
    day = (clinic.clock.now() + timedelta(days=2)).date()
    practice = await Practice(clinic, day=day).open(fen)
    await practice.shift()
    return practice


async def somebody_comes(clinic: Clinic) -> tuple[Practice, Actor, UUID]:
    practice = await a_practice(clinic)
    patient = await practice.patient()
    return practice, patient, await practice.come(patient, practice.at(9))


async def a_visit_is_held_and_ends(clinic: Clinic) -> None:
    practice, patient, appointment_id = await somebody_comes(clinic)
    encounter_id = await practice.enter(patient, appointment_id)
    await clinic.encounters.end(practice.proven(), encounter_id)


async def a_visit_is_broken_off(clinic: Clinic) -> None:
    practice, patient, appointment_id = await somebody_comes(clinic)
    encounter_id = await practice.enter(patient, appointment_id)
    doctor = practice.proven()
    await clinic.encounters.terminate(doctor, encounter_id, Termination.NEED_EXAM, "请到门诊")


async def a_visit_breaks_down(clinic: Clinic) -> None:
    practice, patient, appointment_id = await somebody_comes(clinic)
    encounter_id = await practice.enter(patient, appointment_id)
    await clinic.encounters.fail(HOUSE, encounter_id, again=True)


async def nobody_takes_a_visit(clinic: Clinic) -> None:
    practice, _, _ = await somebody_comes(clinic)
    await practice.until(practice.at(9, 25))


async def a_call_is_missed(clinic: Clinic) -> None:
    practice, _, _ = await somebody_comes(clinic)
    await clinic.queue.call_next(practice.proven())
    clinic.clock.forward(minutes=3)


async def a_call_is_missed_for_good(clinic: Clinic) -> None:
    practice, _, _ = await somebody_comes(clinic)
    await clinic.queue.call_next(practice.proven())
    await practice.until(practice.at(9, 3))
    await practice.until(practice.at(12, 30))


async def a_patient_gives_up_waiting(clinic: Clinic) -> None:
    _, patient, appointment_id = await somebody_comes(clinic)
    await clinic.queue.leave(patient, appointment_id)


async def a_place_is_paid_and_nobody_comes(clinic: Clinic) -> None:
    practice = await a_practice(clinic, 2000)
    booked = await practice.book(await practice.patient(), practice.at(9))
    paid = OrderPaid(order_id=new_id(), appointment_id=booked.id, amount_fen=2000)
    await announced(clinic, paid)
    await practice.until(practice.at(7, 1))
    await practice.until(practice.at(9, 26))


async def a_place_is_not_paid(clinic: Clinic) -> None:
    practice = await a_practice(clinic, 2000)
    await practice.book(await practice.patient(), practice.at(9))
    clinic.clock.forward(minutes=16)


async def an_order_is_closed(clinic: Clinic) -> None:
    practice = await a_practice(clinic, 2000)
    booked = await practice.book(await practice.patient(), practice.at(9))
    await announced(clinic, OrderClosed(order_id=new_id(), appointment_id=booked.id))


async def a_shift_is_stopped(clinic: Clinic) -> None:
    practice = await a_practice(clinic)
    shift_id = await practice.shift(13, 15)
    await practice.book(await practice.patient(), practice.at(13))
    await practice.happen()
    await clinic.shifts.suspend(practice.planner, shift_id, "医生生病")


async def a_shift_is_passed_on(clinic: Clinic) -> None:
    practice = await a_practice(clinic)
    other = await Practice(clinic, day=practice.day).open()
    shift_id = await practice.shift(13, 15)
    await practice.book(await practice.patient(), practice.at(13))
    await practice.happen()
    await clinic.shifts.pass_on(practice.planner, shift_id, other.doctor.user_id, "换班一次")


async def a_doctors_papers_are_suspended(clinic: Clinic) -> None:
    practice = await a_practice(clinic)
    async with clinic.database.transaction(write=False) as session:
        query = select(Clinician.id).where(Clinician.owner_id == practice.doctor.user_id)
        clinician_id = (await session.scalars(query)).one()
    hr = an_actor(Role.HR)
    await clinic.credential_review.suspend(hr, clinician_id, "执业注册有疑问")


async def a_place_is_offered_and_not_taken(clinic: Clinic) -> None:
    practice = await a_practice(clinic)
    patient, keen = await practice.patient(), await practice.patient()
    booked = await practice.book(patient, practice.at(9))
    await practice.happen()
    wanted = Wanted(*keen.patient_ids, practice.doctor.user_id, "video", practice.day, practice.day)
    await clinic.waitlist.join(keen, wanted)
    await clinic.booking.cancel(patient, booked.id)
    await practice.happen()
    clinic.clock.forward(minutes=31)


SCENARIOS = (
    a_visit_is_held_and_ends,
    a_visit_is_broken_off,
    a_visit_breaks_down,
    nobody_takes_a_visit,
    a_call_is_missed,
    a_call_is_missed_for_good,
    a_patient_gives_up_waiting,
    a_place_is_paid_and_nobody_comes,
    a_place_is_not_paid,
    an_order_is_closed,
    a_shift_is_stopped,
    a_shift_is_passed_on,
    a_place_is_offered_and_not_taken,
    a_doctors_papers_are_suspended,
)
