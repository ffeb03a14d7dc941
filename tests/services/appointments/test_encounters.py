"""The visit from the request to its end. (domain 5.4)"""

from uuid import UUID

import pytest

from data.errors import NotFound
from data.queue import TicketState
from services.appointments.booking import AppointmentState
from services.policy import HOUSE, Actor
from services.visit_events import (
    AppointmentCancelled,
    AppointmentConfirmed,
    AppointmentLapsed,
    AppointmentMissed,
    ShiftPassedOn,
)
from services.workbench.encounters import Encounters, EncounterState, Termination
from tests.services.appointments.conftest import OTHER_DOCTOR, Town, at
from tests.services.appointments.door import came, doctor, line


async def sure(town: Town) -> tuple[Actor, UUID]:
    """Book the first place of a morning, free of charge; nobody has heard of it yet."""
    town.neighbours.fee = 0
    await town.shift()
    patient = town.patient()
    return patient[0], (await town.book(patient, at(9))).id


async def test_a_visit_that_nobody_takes_is_paid_back(town: Town, encounters: Encounters):
    """TIMEOUT_REFUND at slot end + 15 min. (domain 5.4)"""
    await town.shift()
    (person,) = await came(town, 0)
    await town.until(at(9, 24))
    assert (await encounters.of(person[0], person[1])).state is EncounterState.REQUESTED
    await town.later(minutes=1)
    assert (await encounters.of(person[0], person[1])).state is EncounterState.TIMEOUT_REFUND
    state = (await town.appointment(person[1])).state
    assert state is AppointmentState.CANCELLED_BY_HOSPITAL


async def test_no_turn_is_lost_while_the_doctor_sees_one_after_the_other(
    town: Town, encounters: Encounters
):
    await town.shift()
    (person,) = await came(town, 0)
    await town.until(at(9, 24, day=at(9).date()))
    await town.desk.presences.beat(town.doctor)
    await town.later(minutes=1)
    assert (await encounters.of(person[0], person[1])).state is EncounterState.REQUESTED
    await town.later(minutes=15)  # now the doctor is gone
    assert (await encounters.of(person[0], person[1])).state is EncounterState.TIMEOUT_REFUND


async def test_a_visit_nobody_came_to_is_no_refund_but_a_no_show(
    town: Town, encounters: Encounters
):
    actor, appointment_id = await sure(town)
    await town.happen()
    await town.until(at(9, 25))
    await town.happen()
    assert (await town.appointment(appointment_id)).state is AppointmentState.NO_SHOW
    assert (await encounters.of(actor, appointment_id)).state is EncounterState.CANCELLED
    assert (await town.ticket(appointment_id)).state is TicketState.NO_SHOW


@pytest.mark.parametrize("code", sorted(Termination))
async def test_a_visit_broken_off_is_paid_back_and_says_where_to_go(
    town: Town, encounters: Encounters, code
):
    """R-FU-3."""
    await town.shift()
    (person,) = await came(town, 0)
    await town.desk.queue.call_next(doctor(town))
    await town.happen()
    await town.desk.queue.enter(*person)
    await town.happen()
    visit = await encounters.of(person[0], person[1])
    await encounters.terminate(doctor(town), visit.id, code, "请到心内科门诊面诊")
    await town.happen()
    visit = await encounters.of(person[0], person[1])
    assert (visit.state, visit.termination) == (EncounterState.TERMINATED, code)
    state = (await town.appointment(person[1])).state
    assert state is AppointmentState.CANCELLED_BY_HOSPITAL
    assert (await town.ticket(person[1])).state is TicketState.DONE


async def test_a_visit_that_broke_down_goes_first(town: Town, encounters: Encounters):
    """TECH_FAILED -> requeue with priority 1. (domain 5.4)"""
    await town.shift()
    people = await came(town, 0, 10)
    await town.desk.queue.call_next(doctor(town))
    await town.happen()
    await town.desk.queue.enter(*people[0])
    await town.happen()
    visit = await encounters.of(people[0][0], people[0][1])
    await encounters.fail(HOUSE, visit.id, again=True)
    await town.happen()
    assert await line(town) == [people[0][1], people[1][1]]
    assert (await town.ticket(people[0][1])).priority == 1


@pytest.mark.parametrize("ends", [AppointmentCancelled, AppointmentMissed])
async def test_a_confirmation_heard_of_after_the_end_leaves_nothing_behind(
    town: Town, encounters: Encounters, ends
):
    """Each handler has a lane of its own, so that either may be told first."""
    actor, appointment_id = await sure(town)
    if ends is AppointmentCancelled:
        await town.desk.booking.cancel(actor, appointment_id)
    else:
        town.clock.forward(days=1)
        await town.desk.attendance.lapse(AppointmentLapsed(appointment_id=appointment_id))
    confirmed, ended = await town.told_of(AppointmentConfirmed, ends)
    if ends is AppointmentCancelled:
        await town.desk.tickets.drop(ended)
        await encounters.withdraw(ended)
    else:
        await town.desk.tickets.note_absence(ended)
        await encounters.withdraw_missed(ended)
    await town.desk.tickets.expect(confirmed)
    await town.desk.reminders.confirm(confirmed)
    await encounters.request(confirmed)
    with pytest.raises(NotFound):
        await encounters.of(actor, appointment_id)
    assert await line(town, TicketState.EXPECTED) == []
    assert await town.messages(actor.user_id, "visit_booked") == []


async def test_a_confirmation_heard_of_after_the_move_opens_the_visit_with_whom_it_is(
    town: Town, encounters: Encounters
):
    actor, appointment_id = await sure(town)
    mine = (await town.appointment(appointment_id)).shift_id
    theirs = await town.shift(OTHER_DOCTOR)
    await town.desk.shifts.swap(town.planner, mine, theirs, "换班")
    for moved in await town.told_of(ShiftPassedOn):
        await town.desk.booking.move_shift(moved)
    (confirmed,) = await town.told_of(AppointmentConfirmed)
    await town.desk.tickets.expect(confirmed)
    await encounters.request(confirmed)
    assert (await encounters.of(actor, appointment_id)).clinician_id == OTHER_DOCTOR
    assert (await town.ticket(appointment_id)).clinician_id == OTHER_DOCTOR
