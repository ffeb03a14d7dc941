"""Bookings: held, paid, given back, refused; never more than there are places.

R006, R063, R064; domain 5.1, 5.2.
"""

import asyncio
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone

import pytest
from sqlalchemy import select

from data.appointments import BookingBan, SlotState
from data.clock import new_id
from data.errors import Conflict, Forbidden
from services.appointments.booking import AppointmentState, Wish
from services.demand import Demand
from services.visit_events import OrderClosed, OrderPaid
from tests.services.appointments.conftest import DOCTOR, FEE, TOMORROW, Town, at


async def pay(town: Town, appointment_id) -> None:
    await town.desk.booking.confirm(
        OrderPaid(order_id=new_id(), appointment_id=appointment_id, amount_fen=FEE)
    )
    await town.happen()


async def test_a_place_is_held_while_it_is_paid_and_sure_afterwards(town: Town, clock):
    shift_id = await town.shift()
    booked = await town.book(town.patient(), at(9))
    assert booked.state is AppointmentState.CREATED
    assert booked.hold_until == clock.now() + timedelta(minutes=15)
    assert (await town.slots(shift_id))[0].state is SlotState.LOCKED
    await pay(town, booked.id)
    assert (await town.appointment(booked.id)).state is AppointmentState.CONFIRMED
    assert (await town.slots(shift_id))[0].state is SlotState.BOOKED


async def test_where_nothing_is_to_pay_the_place_is_sure_at_once(town: Town):
    town.neighbours.fee = 0
    await town.shift()
    assert (await town.book(town.patient(), at(9))).state is AppointmentState.CONFIRMED


async def test_the_price_is_that_of_the_moment_of_booking(town: Town):
    """R-PRICE: an appointment keeps its price when the tariff changes."""
    await town.shift()
    booked = await town.book(town.patient(), at(9))
    town.neighbours.fee = 9900
    row = await town.appointment(booked.id)
    assert (row.price_fen, row.price_version) == (FEE, 1)


async def test_a_place_that_is_not_paid_in_time_goes_back_but_not_at_once(town: Town):
    """An expired hold; the delayed return against scalpers. (domain 5.1)"""
    shift_id = await town.shift()
    booked = await town.book(town.patient(), at(9))
    await town.later(minutes=15)
    assert (await town.appointment(booked.id)).state is AppointmentState.EXPIRED
    slot = (await town.slots(shift_id))[0]
    assert slot.state is SlotState.FREE
    wait = slot.free_at - town.clock.now()
    assert timedelta(minutes=1) <= wait <= timedelta(minutes=10)
    with pytest.raises(Conflict, match="slot_taken"):
        await town.book(town.patient(), at(9))
    await town.later(minutes=10)
    await town.book(town.patient(), at(9))


async def test_a_payment_after_the_hold_is_paid_back_and_takes_nobodys_place(town: Town):
    await town.shift()
    booked = await town.book(town.patient(), at(9))
    await town.later(minutes=15)
    await town.later(minutes=11)
    other = await town.book(town.patient(), at(9))
    told = []
    town.bus.watch(told.append)
    await pay(town, booked.id)
    back = [event for event in told if type(event).__name__ == "AppointmentCancelled"]
    assert [(event.appointment_id, event.refund) for event in back] == [(booked.id, True)]
    assert (await town.appointment(other.id)).state is AppointmentState.CREATED


async def test_a_closed_order_gives_the_place_back(town: Town):
    await town.shift()
    booked = await town.book(town.patient(), at(9))
    event = OrderClosed(order_id=new_id(), appointment_id=booked.id)
    await town.desk.booking.let_go_unpaid(event)
    assert (await town.appointment(booked.id)).state is AppointmentState.EXPIRED


async def test_fifty_ask_for_ten_places_and_ten_get_one(town: Town):
    """Never more than there are: asked at the same moment by fifty. (guard of domain 5.1)"""
    await town.shift(capacity=10)
    patients = [town.patient() for _ in range(50)]
    answers = await asyncio.gather(
        *(town.book(patient, at(9)) for patient in patients), return_exceptions=True
    )
    refused = [answer for answer in answers if isinstance(answer, Exception)]
    assert len(answers) - len(refused) == 10
    assert {error.code for error in refused} == {"slot_taken"}


async def test_a_hundred_requests_with_one_key_book_once(town: Town):
    await town.shift()
    actor, patient_id = town.patient()
    wish = Wish(patient_id, DOCTOR, at(9), "video")

    async def ask() -> object:
        demand = Demand("one actor", "one key", "the same body", shown=str)
        once = town.clinic.once
        return await once.do(actor, demand, lambda who: town.desk.booking.hold(who, wish))

    answers = await asyncio.gather(*(ask() for _ in range(100)), return_exceptions=True)
    done = [answer for answer in answers if not isinstance(answer, Exception)]
    refused = {answer.code for answer in answers if isinstance(answer, Exception)}
    assert len({str(answer) for answer in done}) == 1
    assert refused <= {"still_running"}
    assert len(await town.desk.visits.coming(actor)) == 1


async def test_nobody_books_for_somebody_else(town: Town):
    """A phone number of someone else does not make their patient mine. (R042)"""
    await town.shift()
    actor, _ = town.patient()
    _, other = town.patient()
    with pytest.raises(Forbidden):
        await town.desk.booking.hold(actor, Wish(other, DOCTOR, at(9), "video"))


async def test_who_is_not_verified_cannot_book(town: Town):
    """R-PAT-1: name and number are checked before a visit online."""
    await town.shift()
    with pytest.raises(Conflict, match="patient_unverified"):
        await town.book(town.patient(is_verified=False), at(9))


async def test_a_minor_is_booked_for_by_a_guardian_and_not_once_they_are_removed(town: Town):
    """R-PAT-2: minors only through a guardian's account."""
    await town.shift()
    actor, child = town.patient(born=date(2015, 1, 1), own_account=None)
    with pytest.raises(Conflict, match="guardian_needed_to_book"):
        await town.book((actor, child), at(9))
    person = town.neighbours.people[child]
    town.neighbours.people[child] = replace(person, guardians=frozenset({actor.user_id}))
    booked = await town.book((actor, child), at(9))
    assert (await town.appointment(booked.id)).is_by_proxy
    town.neighbours.people[child] = person
    with pytest.raises(Conflict, match="guardian_needed_to_book"):
        await town.book((actor, child), at(9, 10))


async def test_a_doctor_whose_licence_lapsed_at_noon_is_not_booked_any_more(town: Town):
    """R-STF-1: asked again at each booking."""
    await town.shift()
    town.neighbours.lapsed.add(DOCTOR)
    with pytest.raises(Conflict, match="clinician_not_active"):
        await town.book(town.patient(), at(9))


async def test_one_booking_a_doctor_and_day_two_a_department_five_in_all(town: Town):
    """Limits against scalpers. (domain 5.1)"""
    town.neighbours.fee = 0
    patient = town.patient()
    days = [TOMORROW + timedelta(days=each) for each in range(6)]
    for day in days:
        await town.shift(day=day)
    first = await town.book(patient, at(9))
    with pytest.raises(Conflict, match="booked_already") as refusal:
        await town.book(patient, at(9, 10))
    assert refusal.value.details["appointment_id"] == str(first.id)
    for day in days[1:5]:
        await town.book(patient, at(9, day=day))
    with pytest.raises(Conflict, match="too_many_bookings"):
        await town.book(patient, at(9, day=days[5]))


async def test_a_link_opened_twice_books_once(town: Town):
    await town.shift()
    patient = town.patient()
    answers = await asyncio.gather(
        town.book(patient, at(9)), town.book(patient, at(9, 10)), return_exceptions=True
    )
    assert [isinstance(answer, Conflict) for answer in answers].count(True) == 1


async def test_a_patient_cancels_until_half_an_hour_before(town: Town):
    """Cancel rules. (domain 5.2)"""
    town.neighbours.fee = 0
    await town.shift()
    early, late = town.patient(), town.patient()
    one, other = await town.book(early, at(9)), await town.book(late, at(9, 10))
    await town.until(at(8, 30))
    await town.desk.booking.cancel(early[0], one.id)
    assert (await town.appointment(one.id)).state is AppointmentState.CANCELLED
    await town.until(at(8, 40, day=TOMORROW) + timedelta(seconds=1))
    with pytest.raises(Conflict, match="too_late_to_cancel"):
        await town.desk.booking.cancel(late[0], other.id)


async def test_the_hospital_cancels_at_any_time_and_pays_back(town: Town):
    await town.shift()
    booked = await town.book(town.patient(), at(9))
    await pay(town, booked.id)
    told = []
    town.bus.watch(told.append)
    await town.desk.booking.cancel_for_hospital(town.nurse, booked.id, "设备故障")
    await town.happen()
    assert [event.refund for event in told if type(event).__name__ == "AppointmentCancelled"] == [
        True
    ]


async def test_three_missed_visits_ban_for_three_months(town: Town):
    """爽约: 3 in 6 months -> 3 months. (domain 5.1)"""
    town.neighbours.fee = 0
    patient = town.patient()
    for day in range(3):
        await town.shift(day=TOMORROW + timedelta(days=day))
        booked = await town.book(patient, at(9, day=TOMORROW + timedelta(days=day)))
    await town.until(at(9, 25, day=TOMORROW + timedelta(days=2)))
    assert (await town.appointment(booked.id)).state is AppointmentState.NO_SHOW
    next_day = TOMORROW + timedelta(days=3)
    await town.shift(day=next_day)
    with pytest.raises(Conflict, match="booking_banned"):
        await town.book(patient, at(9, day=next_day))
    async with town.clinic.database.transaction(write=False) as session:
        ban = (await session.scalars(select(BookingBan))).one()
        assert ban.until - ban.since == timedelta(days=90)


async def test_two_missed_visits_ban_nobody(town: Town):
    town.neighbours.fee = 0
    patient = town.patient()
    for day in range(3):
        await town.shift(day=TOMORROW + timedelta(days=day))
    for day in range(2):
        await town.book(patient, at(9, day=TOMORROW + timedelta(days=day)))
    await town.until(at(8, day=TOMORROW + timedelta(days=2)))
    await town.book(patient, at(9, day=TOMORROW + timedelta(days=2)))


@pytest.mark.parametrize(
    ("moment", "code"),
    [
        (at(8, 29), "check_in_too_early"),
        (at(9, 10) + timedelta(seconds=1), "check_in_too_late"),
    ],
)
async def test_before_and_after_the_window_nobody_checks_in(town: Town, moment, code):
    town.neighbours.fee = 0
    await town.shift()
    patient = town.patient()
    booked = await town.book(patient, at(9))
    await town.until(moment)
    with pytest.raises(Conflict, match=code):
        await town.desk.attendance.check_in(patient[0], booked.id)


@pytest.mark.parametrize(
    ("missing", "code"),
    [
        (("emergency",), "red_flag_found"),
        (("evidence", "consents"), "not_ready"),
        (("consents",), "not_ready"),
        (("devices",), "not_ready"),
    ],
)
async def test_who_is_not_ready_does_not_check_in(town: Town, missing, code):
    """R-FU-4: a red flag never waits; R-CON-1, R-FU-1: consents and evidence first. (5.2)"""
    town.neighbours.fee = 0
    await town.shift()
    patient = town.patient()
    booked = await town.book(patient, at(9))
    town.neighbours.not_ready[booked.id] = missing
    await town.until(at(8, 45))
    with pytest.raises(Conflict, match=code):
        await town.desk.attendance.check_in(patient[0], booked.id)


async def test_an_unpaid_place_cannot_be_checked_in(town: Town):
    await town.shift()
    patient = town.patient()
    await town.until(at(8, 50))
    booked = await town.book(patient, at(9))
    with pytest.raises(Conflict, match="not_paid"):
        await town.desk.attendance.check_in(patient[0], booked.id)


async def test_a_time_from_a_phone_in_another_zone_is_the_same_moment(town: Town):
    """China has no summer time; a phone in another zone asks for the same instant."""
    town.neighbours.fee = 0
    await town.shift()
    actor, patient_id = town.patient()
    abroad = at(9).astimezone(timezone(timedelta(hours=-5)))
    booked = await town.desk.booking.hold(actor, Wish(patient_id, DOCTOR, abroad, "video"))
    assert booked.starts_at == at(9)


async def test_a_booking_at_midnight_counts_for_the_hospitals_own_day(town: Town):
    """Day boundaries are the hospital's: 16:00 UTC is midnight there."""
    town.neighbours.fee = 0
    await town.shift(day=TOMORROW)
    await town.shift(day=TOMORROW + timedelta(days=1))
    patient = town.patient()
    await town.book(patient, at(9))
    await town.until(datetime(2026, 3, 2, 16, 0, tzinfo=at(9).tzinfo) + timedelta(hours=8))
    await town.book(patient, at(9, day=TOMORROW + timedelta(days=1)))


async def test_names_are_masked_for_whoever_does_not_act_for_them(town: Town):
    """Lists mask names; one's own family reads theirs."""
    town.neighbours.fee = 0
    await town.shift()
    patient = town.patient()
    booked = await town.book(patient, at(9))
    visits = town.desk.visits
    assert [each.patient for each in await visits.coming(patient[0])] == ["王芳"]
    for reader in (town.nurse, town.doctor):
        assert [each.patient for each in await visits.coming(reader)] == ["王*"]
        assert (await visits.one(reader, booked.id)).patient == "王*"


async def test_reminders_come_at_the_hours_that_the_house_has_set(town: Town):
    town.neighbours.fee = 0
    await town.shift()
    actor, _ = patient = town.patient()
    await town.book(patient, at(11))
    await town.happen()
    assert len(await town.messages(actor.user_id, "visit_booked")) == 1
    await town.until(at(8, 59))
    assert await town.messages(actor.user_id, "visit_reminder") == []
    await town.later(minutes=1)
    assert len(await town.messages(actor.user_id, "visit_reminder")) == 1
