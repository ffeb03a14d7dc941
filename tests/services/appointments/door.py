"""What people do in front of a door: come, are called, are served."""

from datetime import date, timedelta

from data.queue import TicketState
from services.appointments.booking import AppointmentState
from services.workbench.encounters import Encounters
from tests.factories import an_actor
from tests.services.appointments.conftest import DOCTOR, Town, at


async def came(town: Town, *starts: int, **born: date) -> list:
    """Book patients at these minutes after nine, and check in whoever may by nine.

    Return (actor, appointment) of each.
    """
    town.neighbours.fee = 0
    people = []
    for minute in starts:
        patient = town.patient(**born)
        booked = await town.book(patient, at(9) + timedelta(minutes=minute))
        people.append((patient[0], booked.id))
    await town.happen()
    await town.until(at(9))
    await town.desk.presences.beat(town.doctor)
    await arrive(town, people)
    return people


async def arrive(town: Town, people: list) -> None:
    """Check in whoever may by now."""
    for actor, appointment_id in people:
        row = await town.appointment(appointment_id)
        opens = row.starts_at - timedelta(minutes=30)
        if row.state is AppointmentState.CONFIRMED and opens <= town.clock.now():
            await town.desk.attendance.check_in(actor, appointment_id)
    await town.happen()


async def line(town: Town, state: TicketState = TicketState.WAITING) -> list:
    worklist = await town.desk.waiting_room.worklist(town.doctor)
    return [entry.appointment_id for entry in worklist if entry.state is state]


def doctor(town: Town):
    """The doctor, who has just shown who they are."""
    return an_actor("doctor", user_id=DOCTOR, confirmed_at=town.clock.now())


async def serve(town: Town, person, encounters: Encounters, minutes: float = 8) -> None:
    """Call the next, who is this one, let them in and end after so long."""
    called = await town.desk.queue.call_next(doctor(town))
    assert called.appointment_id == person[1]
    await town.happen()
    await town.desk.queue.enter(person[0], person[1])
    await town.happen()
    await town.later(minutes=minutes)
    await town.desk.presences.beat(town.doctor)
    await encounters.end(doctor(town), (await encounters.of(doctor(town), person[1])).id)
    await town.happen()
