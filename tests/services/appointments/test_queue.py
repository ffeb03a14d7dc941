"""The line: called, missed, come back, left; never a promise while nobody is there.

R065; domain 5.3.
"""

from datetime import date, timedelta
from statistics import median

import pytest
from sqlalchemy import select

from data.audit import AuditEntry
from data.errors import Conflict, Forbidden, Unauthenticated
from data.queue import TicketState, WaitForecast
from data.tasks import Task
from services.appointments.booking import AppointmentState
from services.workbench.encounters import Encounters, EncounterState
from tests.factories import an_actor
from tests.services.appointments.conftest import DOCTOR, OTHER_DOCTOR, Town, at
from tests.services.appointments.door import arrive, came, doctor, line, serve


async def test_a_confirmed_booking_is_expected_and_check_in_turns_it_to_waiting(town: Town):
    """R093: on the doctor's list at once; check-in turns it to waiting."""
    town.neighbours.fee = 0
    await town.shift()
    patient = town.patient()
    booked = await town.book(patient, at(9))
    await town.happen()
    assert (await town.ticket(booked.id)).state is TicketState.EXPECTED
    await town.until(at(8, 45))
    assert await line(town, TicketState.EXPECTED) == [booked.id]
    await town.desk.attendance.check_in(patient[0], booked.id)
    await town.happen()
    assert await line(town) == [booked.id]
    await town.desk.attendance.check_in(patient[0], booked.id)  # a double tap
    assert await line(town) == [booked.id]


async def test_a_visit_goes_from_the_call_to_its_end(town: Town, encounters: Encounters):
    await town.shift()
    (person,) = await came(town, 0)
    await serve(town, person, encounters)
    assert (await town.appointment(person[1])).state is AppointmentState.COMPLETED
    assert (await town.ticket(person[1])).state is TicketState.DONE
    visit = await encounters.of(doctor(town), person[1])
    assert (visit.state, visit.ended_at - visit.started_at) == (
        EncounterState.ENDED,
        timedelta(minutes=8),
    )


async def test_one_is_served_at_a_time(town: Town):
    await town.shift()
    people = await came(town, 0, 10)
    await town.desk.queue.call_next(doctor(town))
    with pytest.raises(Conflict, match="patient_in_room"):
        await town.desk.queue.call_next(doctor(town))
    await town.desk.queue.enter(*people[0])
    with pytest.raises(Conflict, match="patient_in_room"):
        await town.desk.queue.call_next(doctor(town))


async def test_a_doctor_shows_within_twelve_hours_who_they_are_before_they_call(town: Town):
    """R-STF-2: re-authentication <= 12 h."""
    await town.shift()
    await came(town, 0)
    stale = an_actor(
        "doctor", user_id=DOCTOR, confirmed_at=town.clock.now() - timedelta(hours=12, seconds=1)
    )
    with pytest.raises(Unauthenticated, match="confirm_needed"):
        await town.desk.queue.call_next(stale)
    fresh = an_actor(
        "doctor", user_id=DOCTOR, confirmed_at=town.clock.now() - timedelta(hours=11, minutes=59)
    )
    await town.desk.queue.call_next(fresh)


async def test_a_doctor_whose_papers_ended_meanwhile_calls_nobody(town: Town):
    """R-STF-1, R-STF-5: a doctor whose licence lapsed at noon; the patients keep their turn."""
    await town.shift()
    (person,) = await came(town, 0)
    town.neighbours.lapsed.add(DOCTOR)
    with pytest.raises(Conflict, match="clinician_not_active"):
        await town.desk.queue.call_next(doctor(town))
    assert await line(town) == [person[1]]


async def test_only_the_desk_lets_somebody_go_first(town: Town):
    """Pregnant, active duty: the desk says so; whoever says it of themselves waits like all."""
    town.neighbours.fee = 0
    await town.shift()
    keen, named = town.patient(), town.patient()
    booked = [await town.book(keen, at(9)), await town.book(named, at(9, 10))]
    await town.happen()
    await town.until(at(8, 50))
    check_in = town.desk.attendance.check_in
    await check_in(keen[0], booked[0].id, first_because="我很急")
    await check_in(town.nurse, booked[1].id, first_because="孕妇")
    await town.happen()
    assert await line(town) == [booked[1].id, booked[0].id]


async def test_nobody_calls_from_anothers_line(town: Town):
    """R115: each doctor's line, and so their room, is theirs alone."""
    await town.shift()
    (person,) = await came(town, 0)
    ticket = await town.ticket(person[1])
    other = an_actor("doctor", user_id=OTHER_DOCTOR, confirmed_at=town.clock.now())
    with pytest.raises(Forbidden):
        await town.desk.queue.skip(other, ticket.id, "不是我的")
    with pytest.raises(Conflict, match="nobody_waits"):
        await town.desk.queue.call_next(other)


async def test_the_aged_go_first_then_the_slot_then_the_check_in(town: Town):
    """Priority class, slot time, check-in time. (domain 5.3)"""
    await town.shift(capacity=2)
    young = await came(town, 10, 0, 0)
    aged = await came(town, 20, born=date(1940, 1, 1))
    assert await line(town) == [aged[0][1], young[1][1], young[2][1], young[0][1]]


async def test_who_does_not_come_in_three_minutes_is_missed_and_waits_behind_three(town: Town):
    """CALLED -> MISSED -> WAITING after the next three. (domain 5.3)"""
    await town.shift()
    people = await came(town, 0, 10, 20)
    await town.desk.queue.call_next(doctor(town))
    await town.later(minutes=3)
    assert (await town.ticket(people[0][1])).state is TicketState.MISSED
    await town.desk.queue.come_back(*people[0])
    assert await line(town) == [people[1][1], people[2][1], people[0][1]]


async def test_who_came_back_is_not_overtaken_by_those_who_come_later(town: Town):
    await town.shift(capacity=2)
    people = await came(town, 0, 0, 10, 10, 20, 20)
    ids = [person[1] for person in people]
    await town.desk.queue.call_next(doctor(town))
    await town.later(minutes=3)
    await town.desk.queue.come_back(*people[0])
    assert await line(town) == [ids[1], ids[2], ids[3], ids[0], ids[4], ids[5]]
    for expected in (ids[1], ids[2], ids[3], ids[0]):
        called = await town.desk.queue.call_next(doctor(town))
        assert called.appointment_id == expected
        await town.desk.queue.skip(doctor(town), called.ticket_id, "过号")


async def test_after_two_returns_a_missed_call_is_the_last(town: Town):
    await town.shift()
    ((actor, appointment_id),) = await came(town, 0)
    for _ in range(2):
        await town.desk.queue.call_next(doctor(town))
        await town.later(minutes=3)
        await town.desk.queue.come_back(actor, appointment_id)
    await town.desk.queue.call_next(doctor(town))
    await town.later(minutes=3)
    assert (await town.ticket(appointment_id)).state is TicketState.NO_SHOW
    with pytest.raises(Conflict, match="ticket_not_missed"):
        await town.desk.queue.come_back(actor, appointment_id)


async def test_a_doctor_calls_three_times_at_most(town: Town):
    await town.shift()
    await came(town, 0)
    called = await town.desk.queue.call_next(doctor(town))
    for _ in range(2):
        await town.later(minutes=2)
        called = await town.desk.queue.call_again(doctor(town), called.ticket_id)
    assert called.calls == 3
    with pytest.raises(Conflict, match="called_often_enough"):
        await town.desk.queue.call_again(doctor(town), called.ticket_id)
    await town.later(minutes=3)
    assert await line(town, TicketState.MISSED) == [called.appointment_id]


async def test_nobody_comes_in_uncalled_or_for_another(town: Town):
    """R115."""
    await town.shift()
    (one, other) = await came(town, 0, 10)
    with pytest.raises(Conflict, match="ticket_not_called"):
        await town.desk.queue.enter(*one)
    await town.desk.queue.call_next(doctor(town))
    with pytest.raises(Forbidden):
        await town.desk.queue.enter(other[0], one[1])


async def test_two_ahead_get_a_message_once(town: Town):
    """2 ahead -> message. (domain 5.3)"""
    await town.shift()
    people = await came(town, 0, 10, 20, 30)
    told = [len(await town.messages(actor.user_id, "turn_near")) for actor, _ in people]
    assert told == [1, 1, 1, 0]
    called = await town.desk.queue.call_next(doctor(town))
    await town.desk.queue.skip(doctor(town), called.ticket_id, "没来")
    await town.happen()
    told = [len(await town.messages(actor.user_id, "turn_near")) for actor, _ in people]
    assert told == [1, 1, 1, 1]


async def test_no_time_is_promised_while_the_doctor_is_away(town: Town):
    await town.shift()
    people = await came(town, 0, 10)
    turn = await town.desk.waiting_room.turn(*people[1])
    assert (turn.ahead, turn.waits, turn.is_there) == (1, timedelta(minutes=10), True)
    await town.later(minutes=2)
    turn = await town.desk.waiting_room.turn(*people[1])
    assert (turn.waits, turn.is_there) == (None, False)


async def test_the_trail_says_when_a_doctor_came_and_not_each_heartbeat(town: Town):
    for _ in range(3):
        await town.desk.presences.beat(town.doctor)
        await town.later(seconds=30)
    await town.later(minutes=10)
    await town.desk.presences.beat(town.doctor)
    async with town.clinic.database.transaction(write=False) as session:
        query = select(AuditEntry).where(AuditEntry.action == "presence:beat")
        assert [entry.purpose for entry in await session.scalars(query)] == ["came", "came"]


async def test_the_time_comes_from_the_doctors_own_visits(town: Town, encounters: Encounters):
    """Rolling median of the last ten; ten minutes while there are fewer than three."""
    await town.shift()
    people = await came(town, 0, 10, 20, 30)
    for person, minutes in zip(people[:3], (4, 5, 9), strict=True):
        await serve(town, person, encounters, minutes)
    late = town.patient()
    booked = await town.book(late, at(9, 40))
    await town.happen()
    await town.desk.attendance.check_in(late[0], booked.id)
    await town.happen()
    turn = await town.desk.waiting_room.turn(late[0], booked.id)
    assert (turn.ahead, turn.waits, turn.measured) == (1, timedelta(minutes=5), 3)


async def test_what_a_forecast_came_to_is_kept_beside_it(town: Town, encounters: Encounters):
    await town.shift()
    people = await came(town, 0, 10)
    await serve(town, people[0], encounters, 7)
    await town.desk.queue.call_next(doctor(town))
    await town.happen()
    async with town.clinic.database.transaction(write=False) as session:
        found = list(await session.scalars(select(WaitForecast).order_by(WaitForecast.ahead)))
        kept = [(each.ahead, each.seconds, each.came_to) for each in found]
    assert kept == [(0, 0, 0), (1, 600, 420)]


async def test_a_silent_doctor_brings_the_desk_and_then_a_way_out(town: Town):
    """Silent 5 min -> desk task; 30 min -> the patient may go with the money back."""
    await town.shift()
    ((actor, appointment_id),) = await came(town, 0)
    await town.until(at(9, 4))
    await town.desk.presences.watch()
    assert await open_tasks(town) == []
    await town.later(minutes=1)
    await town.desk.presences.watch()
    await town.desk.presences.watch()
    assert await open_tasks(town) == ["clinician_silent"]
    await town.desk.presences.beat(town.doctor)
    assert await open_tasks(town) == []
    await town.later(minutes=30)
    await town.desk.presences.watch()
    await town.happen()
    assert len(await town.messages(actor.user_id, "doctor_gone")) == 1
    told = []
    town.bus.watch(told.append)
    await town.desk.queue.leave(actor, appointment_id)
    await town.happen()
    assert (await town.appointment(appointment_id)).state is AppointmentState.CANCELLED_BY_HOSPITAL
    assert [each.refund for each in told if type(each).__name__ == "AppointmentCancelled"] == [True]


async def test_a_shift_under_way_is_taken_over_with_everybody_who_waits(town: Town):
    """Doctor silent: transfer to a colleague; who waits stands in their line. (domain 5.3)"""
    shift_id = await town.shift()
    people = await came(town, 0, 10)
    await town.later(minutes=6)
    await town.desk.shifts.pass_on(town.planner, shift_id, OTHER_DOCTOR, "林医生突发不适")
    await town.happen()
    assert await line(town) == []
    worklist = await town.desk.waiting_room.worklist(town.other_doctor)
    assert [each.appointment_id for each in worklist] == [person[1] for person in people]
    other = an_actor("doctor", user_id=OTHER_DOCTOR, confirmed_at=town.clock.now())
    assert (await town.desk.queue.call_next(other)).appointment_id == people[0][1]


async def test_who_leaves_while_the_doctor_is_there_is_not_paid_back(town: Town):
    await town.shift()
    ((actor, appointment_id),) = await came(town, 0)
    await town.desk.queue.leave(actor, appointment_id)
    await town.happen()
    assert (await town.appointment(appointment_id)).state is AppointmentState.CANCELLED
    assert (await town.ticket(appointment_id)).state is TicketState.LEFT


async def open_tasks(town: Town) -> list[str]:
    async with town.clinic.database.transaction(write=False) as session:
        query = select(Task.kind).where(Task.state == "open", Task.kind == "clinician_silent")
        return list(await session.scalars(query))


async def test_names_are_masked_on_lists_and_on_the_board(town: Town):
    """Decision 23; the hall reads numbers and masked names only."""
    await town.shift()
    await came(town, 0, 10)
    assert {entry.name for entry in await town.desk.waiting_room.worklist(town.nurse)} == {"王*"}
    await town.desk.queue.call_next(doctor(town))
    (door,) = await town.desk.waiting_room.board(town.nurse)
    assert (door.called, door.next, door.waiting) == (("A001 王*",), ("A002",), 1)


async def test_the_hall_hears_a_second_call_and_the_desk_sees_whose_line_it_is(town: Town):
    await town.shift()
    await came(town, 0)
    called = await town.desk.queue.call_next(doctor(town))
    (door,) = await town.desk.waiting_room.board(town.nurse)
    assert door.calls == 1
    await town.desk.queue.call_again(doctor(town), called.ticket_id)
    (door,) = await town.desk.waiting_room.board(town.nurse)
    assert door.calls == 2
    (entry,) = await town.desk.waiting_room.worklist(town.nurse)
    assert (entry.clinician_id, entry.clinician) == (DOCTOR, "林医生")


async def test_a_recorded_afternoon_is_foretold_better_than_by_ten_minutes_a_head(
    town: Town, encounters: Encounters
):
    """The error of the forecast is smaller than that of ten minutes a head."""
    lengths = [6, 4, 7, 5, 12, 5, 4, 6, 8, 3, 5, 6, 4, 9, 5, 6, 5, 4]
    await town.shift(capacity=2)
    people = await came(town, *sorted([*range(0, 90, 10)] * 2))
    ours, heads = [], []
    for done, minutes in enumerate(lengths):
        await arrive(town, people[done:])
        for actor, appointment_id in people[done:]:
            if (await town.ticket(appointment_id)).state is TicketState.WAITING:
                turn = await town.desk.waiting_room.turn(actor, appointment_id)
                real = timedelta(minutes=sum(lengths[done : done + turn.ahead]))
                ours.append(abs(turn.waits - real))
                heads.append(abs(turn.ahead * timedelta(minutes=10) - real))
        await serve(town, people[done], encounters, minutes)
    assert len(ours) > 50
    assert median(ours) < median(heads)
