"""What people do in front of a door: come, are called, are served."""

from datetime import date, timedelta

from data.errors import Conflict
from data.queue import TicketState
from services.workbench.encounters import Encounters
from tests.factories import an_actor
from tests.services.appointments.conftest import DOCTOR, Town, at


def joined(town: Town) -> Encounters:
    """The visits' module joined to the line."""
    return town.join_encounters()


async def came(town: Town, *starts: int, **born: date) -> list:
    """Book and check in patients at these minutes after nine; return (actor, appointment)."""
    town.neighbours.fee = 0
    people = []
    for minute in starts:
        patient = town.patient(**born)
        booked = await town.book(patient, at(9) + timedelta(minutes=minute))
        people.append((patient[0], booked.id))
    await town.happen()
    await town.until(at(9))
    await town.desk.presences.beat(town.doctor)
    for actor, appointment_id in people:
        try:
            await town.desk.attendance.check_in(actor, appointment_id)
        except Conflict as early:
            assert early.code == "check_in_too_early"  # noqa: PT017
    await town.happen()
    return people


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
