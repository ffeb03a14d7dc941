"""Whatever is done, in whatever order: places, appointments, tickets and visits agree. (5.1 to 5.4)

Walks of random moves by a patient, another patient, the doctor, the desk and the clock; after each
move the house is looked through.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from data.appointments import Appointment, AppointmentState, Shift, ShiftState, Slot, SlotState
from data.clock import new_id
from data.database import Database
from data.errors import DomainError
from data.queue import Ticket, TicketState
from data.workbench import Encounter, EncounterState
from services.appointments.limits import LIVING
from services.clinic import Clinic
from services.policy import HOUSE, Actor
from services.settings import Settings
from services.visit_events import OrderPaid
from services.workbench.encounters import Termination
from tests.conftest import HeldClock
from tests.practice import Practice
from tests.services.billing.scenarios import announced

FINAL = {
    AppointmentState.COMPLETED,
    AppointmentState.EXPIRED,
    AppointmentState.CANCELLED,
    AppointmentState.NO_SHOW,
    AppointmentState.CANCELLED_BY_HOSPITAL,
}
OVER = {
    EncounterState.ENDED,
    EncounterState.TERMINATED,
    EncounterState.TIMEOUT_REFUND,
    EncounterState.TECH_FAILED,
    EncounterState.CANCELLED,
}
CLOSED = {TicketState.DONE, TicketState.LEFT, TicketState.NO_SHOW}
PLACE_OF = {
    AppointmentState.CREATED: {SlotState.LOCKED},
    AppointmentState.CONFIRMED: {SlotState.BOOKED},
    AppointmentState.CHECKED_IN: {SlotState.BOOKED},
    AppointmentState.IN_CONSULT: {SlotState.BOOKED},
    AppointmentState.COMPLETED: {SlotState.USED},
}


@dataclass
class Walk:
    """A practice of two places an hour, and what two patients have in hand."""

    practice: Practice
    patients: list[Actor] = field(default_factory=list)
    last: dict[int, UUID] = field(default_factory=dict)
    seen: dict[UUID, AppointmentState] = field(default_factory=dict)

    @property
    def clinic(self) -> Clinic:
        return self.practice.clinic

    async def visit_of(self, who: int) -> UUID:
        found = await self.clinic.encounters.of(self.patients[who], self.last[who])
        return found.id

    async def book(self, who: int) -> None:
        at = self.practice.at(9) + timedelta(minutes=10 * who)
        self.last[who] = (await self.practice.book(self.patients[who], at)).id

    async def pay(self, who: int) -> None:
        event = OrderPaid(order_id=new_id(), appointment_id=self.last[who], amount_fen=2000)
        await announced(self.clinic, event)

    async def prepare(self, who: int) -> None:
        await self.practice.prepare(self.patients[who], self.last[who])

    async def check_in(self, who: int) -> None:
        await self.clinic.attendance.check_in(self.patients[who], self.last[who])

    async def cancel(self, who: int) -> None:
        await self.clinic.booking.cancel(self.patients[who], self.last[who])

    async def cancel_for_hospital(self, who: int) -> None:
        nurse = self.practice.nurse
        await self.clinic.booking.cancel_for_hospital(nurse, self.last[who], "设备故障")

    async def call(self, _: int) -> None:
        await self.clinic.queue.call_next(self.practice.proven())

    async def enter(self, who: int) -> None:
        await self.clinic.queue.enter(self.patients[who], self.last[who])

    async def come_back(self, who: int) -> None:
        await self.clinic.queue.come_back(self.patients[who], self.last[who])

    async def leave(self, who: int) -> None:
        await self.clinic.queue.leave(self.patients[who], self.last[who])

    async def beat(self, _: int) -> None:
        await self.clinic.presences.beat(self.practice.doctor)

    async def end(self, who: int) -> None:
        await self.clinic.encounters.end(self.practice.proven(), await self.visit_of(who))

    async def break_off(self, who: int) -> None:
        visit, doctor = await self.visit_of(who), self.practice.proven()
        await self.clinic.encounters.terminate(doctor, visit, Termination.NEED_EXAM, "请到门诊")

    async def fail(self, who: int) -> None:
        await self.clinic.encounters.fail(HOUSE, await self.visit_of(who), again=who == 0)

    async def stop(self, _: int) -> None:
        async with self.clinic.database.transaction(write=False) as session:
            shift_id = await session.scalar(select(Shift.id))
        assert shift_id
        await self.clinic.shifts.suspend(self.practice.planner, shift_id, "医生生病")

    async def wait(self, minutes: int) -> None:
        self.clinic.clock.forward(minutes=(1, 4, 17)[minutes % 3])

    async def go_to_the_day(self, _: int) -> None:
        start = self.practice.at(8, 50)
        if self.clinic.clock.now() < start:
            await self.practice.until(start)

    async def let_the_day_end(self) -> None:
        """Nobody waits for ever: by evening only a visit that is still held is open."""
        for hour in range(1, 13):
            await self.practice.until(self.practice.at(9) + timedelta(hours=hour))
        await self.look_round()
        held = FINAL | {AppointmentState.IN_CONSULT}
        assert set(self.seen.values()) <= held
        async with self.clinic.database.transaction(write=False) as session:
            open_tickets = set(await session.scalars(select(Ticket.state)))
            visits = set(await session.scalars(select(Encounter.state)))
        assert open_tickets <= CLOSED | {TicketState.SERVING}
        assert visits <= OVER | {EncounterState.IN_PROGRESS}

    async def look_round(self) -> None:
        """Places, appointments, tickets and visits must agree."""
        async with self.clinic.database.transaction(write=False) as session:
            appointments = list(await session.scalars(select(Appointment)))
            slots = {slot.id: slot for slot in await session.scalars(select(Slot))}
            shifts = {shift.id: shift for shift in await session.scalars(select(Shift))}
            tickets = {each.appointment_id: each for each in await session.scalars(select(Ticket))}
            visits = {
                each.appointment_id: each for each in await session.scalars(select(Encounter))
            }
        living = Counter(row.slot_id for row in appointments if row.state in LIVING)
        assert max(living.values(), default=0) <= 1, "a place was given twice"
        for slot in slots.values():
            if slot.state in (SlotState.LOCKED, SlotState.BOOKED) and not living[slot.id]:
                late = [row for row in appointments if row.slot_id == slot.id]
                assert {row.state for row in late} == {AppointmentState.NO_SHOW}
        serving = [each for each in tickets.values() if each.state is TicketState.SERVING]
        assert len(serving) <= 1
        for row in appointments:
            self._agrees(row, slots[row.slot_id], tickets.get(row.id), visits.get(row.id))
            was = self.seen.get(row.id)
            assert was not in FINAL or was is row.state, f"{was} became {row.state}"
            self.seen[row.id] = row.state
            stopped = shifts[row.shift_id].state is ShiftState.SUSPENDED
            assert not (stopped and row.state is AppointmentState.CONFIRMED)

    def _agrees(
        self, row: Appointment, slot: Slot, ticket: Ticket | None, visit: Encounter | None
    ) -> None:
        assert slot.state in PLACE_OF.get(row.state, set(SlotState))
        if row.state in (AppointmentState.CREATED, AppointmentState.EXPIRED):
            assert ticket is None
            assert visit is None
            return
        if row.confirmed_at is None:
            return
        assert ticket is not None
        assert visit is not None
        if row.state is AppointmentState.IN_CONSULT:
            assert ticket.state is TicketState.SERVING
            assert visit.state is EncounterState.IN_PROGRESS
        if row.state in FINAL:
            assert visit.state in OVER
            assert ticket.state not in (TicketState.WAITING, TicketState.CALLED)
            assert ticket.state is not TicketState.SERVING


MOVES: tuple[Callable[[Walk, int], Awaitable[None]], ...] = (
    *(Walk.book, Walk.pay, Walk.prepare, Walk.go_to_the_day, Walk.check_in, Walk.beat),
    *(Walk.call, Walk.enter, Walk.end, Walk.wait, Walk.cancel, Walk.cancel_for_hospital),
    *(Walk.come_back, Walk.leave, Walk.break_off, Walk.fail, Walk.stop),
)
WAY = (
    *((move, who) for who in (0, 1) for move in (Walk.book, Walk.pay, Walk.prepare)),
    *((Walk.go_to_the_day, 0), (Walk.beat, 0), (Walk.check_in, 0), (Walk.check_in, 1)),
    *((Walk.call, 0), (Walk.enter, 0), (Walk.wait, 1), (Walk.beat, 0), (Walk.end, 0)),
    *((Walk.call, 0), (Walk.enter, 1), (Walk.wait, 1), (Walk.end, 1)),
)
"""The usual way, so that walks come far; hypothesis goes on from anywhere on it."""


@example(len(WAY), [])
@example(11, [(Walk.call, 0), (Walk.wait, 1)])
@example(11, [(Walk.call, 0), (Walk.wait, 1), (Walk.come_back, 0)])
@example(11, [(Walk.call, 0), (Walk.wait, 1), (Walk.come_back, 0), (Walk.beat, 0)] * 3)
@example(12, [(Walk.fail, 0), (Walk.call, 0), (Walk.enter, 0), (Walk.end, 0)])
@example(12, [(Walk.break_off, 0), (Walk.stop, 0)])
@given(
    st.integers(0, len(WAY)),
    st.lists(st.tuples(st.sampled_from(MOVES), st.integers(0, 1)), max_size=22),
)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@pytest.mark.sqlite
def test_on_any_path_places_appointments_tickets_and_visits_agree(
    keys, tmp_path_factory, far, moves
):
    asyncio.run(_walk(tmp_path_factory.mktemp("walk"), keys, [*WAY[:far], *moves]))


async def _walk(home, keys, moves) -> None:
    configured = Settings(home=home)
    database = await Database(configured.database, keys.key("db")).open()
    await database.create_tables()
    try:
        clinic = Clinic.open(database, HeldClock(), keys, configured)
        practice = await Practice(clinic, day=date(2026, 3, 3)).open(2000)
        await practice.shift(9, 10)
        walk = Walk(practice, [await practice.patient(), await practice.patient("李四")])
        for move, who in moves:
            try:
                await move(walk, who)
            except (DomainError, KeyError):
                continue
            await practice.happen()
            await walk.look_round()
        await walk.let_the_day_end()
    finally:
        await database.close()
