"""The timetable: shifts, patterns, leave, and what is done when somebody cannot.

R062; domain 5.1.
"""

from datetime import date, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.appointments import Channel, SlotState
from data.errors import Conflict, DomainError, Forbidden, Invalid
from services.appointments.booking import AppointmentState, Wish
from services.appointments.hours import Hours, checked_hours, cut
from services.appointments.patterns import NewPattern
from services.appointments.shifts import NewShift
from services.events import ClinicianSuspended
from tests.factories import INSTITUTION
from tests.services.appointments.conftest import (
    CARDIOLOGY,
    DOCTOR,
    OTHER_DOCTOR,
    TOMORROW,
    ZONE,
    Town,
    at,
)

MORNING = Hours(time(9), time(12), 10)


@given(
    st.integers(0, 20), st.integers(1, 12), st.integers(3, 60), st.integers(1, 5), st.integers(0, 3)
)
def test_a_shift_is_cut_into_places_that_fill_it_and_do_not_overlap(hour, slots, length, cap, kept):
    ends = hour * 60 + slots * length
    if ends >= 24 * 60 or kept > cap:
        return
    hours = Hours(time(hour), time(ends // 60, ends % 60), length, cap, {"window": kept})
    places = list(cut(TOMORROW, checked_hours(hours), ZONE))
    assert [place.seq for place in places] == list(range(slots * cap))
    assert places[0].starts_at == at(hour)
    assert places[-1].ends_at == at(hour) + timedelta(minutes=slots * length)
    assert len([each for each in places if each.channel is Channel.WINDOW]) == kept * slots
    starts = sorted({place.starts_at for place in places})
    assert all(b - a == timedelta(minutes=length) for a, b in pairwise(starts))


@pytest.mark.parametrize(
    ("hours", "code"),
    [
        (Hours(time(9), time(9), 10), "shift_ends_before"),
        (Hours(time(12), time(9), 10), "shift_ends_before"),
        (Hours(time(9), time(12), 0), "slot_length_wrong"),
        (Hours(time(9), time(12), 7), "slot_does_not_fit"),
        (Hours(time(9), time(12), 10, 0), "capacity_wrong"),
        (Hours(time(9), time(12), 10, 100), "capacity_wrong"),
        (Hours(time(9), time(12), 10, 2, {"window": 3}), "quota_wrong"),
        (Hours(time(9), time(12), 10, 2, {"portal": 1}), "quota_wrong"),
        (Hours(time(9), time(12), 10, 2, {"window": -1}), "quota_wrong"),
    ],
)
def test_hours_that_do_not_fit_are_refused_by_name(hours, code):
    with pytest.raises(Invalid) as refusal:
        checked_hours(hours)
    assert refusal.value.code == code


async def test_a_draft_is_seen_by_no_patient_and_a_published_shift_from_its_release_on(
    town: Town, clock
):
    """Released seven days before, at eight in the morning. (domain 5.1)"""
    later = TOMORROW + timedelta(days=9)
    new = NewShift(DOCTOR, CARDIOLOGY, "video", later, MORNING)
    shift_id = await town.desk.shifts.add(town.planner, new)
    patient = town.patient()
    with pytest.raises(Conflict, match="slot_taken"):
        await town.book(patient, at(9, day=later))
    await town.desk.shifts.publish(town.planner, [shift_id])
    with pytest.raises(Conflict, match="slot_taken"):
        await town.book(patient, at(9, day=later))
    await town.until(at(7, 59, day=later - timedelta(days=7)))
    with pytest.raises(Conflict, match="slot_taken"):
        await town.book(patient, at(9, day=later))
    await town.later(minutes=1)
    assert (await town.book(patient, at(9, day=later))).state is AppointmentState.CREATED


async def test_two_shifts_of_one_clinician_never_overlap(town: Town):
    await town.shift()
    for hours in (Hours(time(11, 50), time(13), 10), Hours(time(8), time(9, 10), 10)):
        with pytest.raises(Conflict, match="shift_overlaps"):
            await town.desk.shifts.add(
                town.planner, NewShift(DOCTOR, CARDIOLOGY, "video", TOMORROW, hours)
            )
    touching = NewShift(DOCTOR, CARDIOLOGY, "video", TOMORROW, Hours(time(12), time(13), 10))
    await town.desk.shifts.add(town.planner, touching)


async def test_only_departments_that_are_licensed_and_clinicians_whose_papers_hold_get_a_shift(
    town: Town,
):
    """R-ORG-2, R-STF-1: asked of the credentials each time."""
    town.neighbours.lapsed.add(OTHER_DOCTOR)
    with pytest.raises(Conflict, match="clinician_not_active"):
        await town.shift(OTHER_DOCTOR)
    new = NewShift(DOCTOR, OTHER_DOCTOR, "video", TOMORROW, MORNING)
    with pytest.raises(Conflict, match="department_not_offered"):
        await town.desk.shifts.add(town.planner, new)


async def test_who_may_not_treat_any_more_leaves_no_shift_uncovered(town: Town):
    """Suspended: open tickets are to be taken over. (domain 5.9)"""
    event = ClinicianSuspended(clinician_id=DOCTOR, user_id=DOCTOR, institution_id=INSTITUTION)
    await town.desk.cover.ask(event)
    assert await town.open_tasks("shifts_uncovered") == 0
    await town.shift()
    await town.desk.cover.ask(event)
    await town.desk.cover.ask(event)
    assert await town.open_tasks("shifts_uncovered") == 1


async def test_a_patient_plans_nothing(town: Town):
    actor, _ = town.patient()
    with pytest.raises(Forbidden):
        await town.desk.shifts.add(actor, NewShift(DOCTOR, CARDIOLOGY, "video", TOMORROW, MORNING))


async def test_a_stopped_shift_cancels_pays_back_and_offers_another_time(town: Town):
    """停诊: all bookings are cancelled by the hospital, with full refund. (domain 5.1)"""
    town.neighbours.fee = 0
    shift_id = await town.shift()
    booked = await town.book(town.patient(), at(9))
    await town.happen()
    await town.desk.shifts.suspend(town.planner, shift_id, "医生突发疾病")
    await town.happen()
    row = await town.appointment(booked.id)
    assert row.state is AppointmentState.CANCELLED_BY_HOSPITAL
    assert {slot.state for slot in await town.slots(shift_id)} == {SlotState.RELEASED}
    assert (await town.ticket(booked.id)).state == "left"
    told = await town.messages(row.owner_id, "visit_cancelled")
    assert [message.link for message in told] == [f"/book?again={booked.id}"]


async def test_a_shift_passed_on_keeps_its_bookings_and_lets_them_go_free_of_charge(town: Town):
    town.neighbours.fee = 0
    shift_id = await town.shift()
    patient = town.patient()
    booked = await town.book(patient, at(9))
    await town.happen()
    await town.desk.shifts.pass_on(town.planner, shift_id, OTHER_DOCTOR, "林医生开会")
    await town.happen()
    assert (await town.appointment(booked.id)).clinician_id == OTHER_DOCTOR
    assert (await town.ticket(booked.id)).clinician_id == OTHER_DOCTOR
    await town.until(at(8, 55))  # too late for anybody else
    await town.desk.booking.cancel(patient[0], booked.id)
    assert (await town.appointment(booked.id)).state is AppointmentState.CANCELLED


async def test_two_clinicians_swap_their_shifts(town: Town):
    mine, theirs = await town.shift(DOCTOR), await town.shift(OTHER_DOCTOR)
    await town.desk.shifts.swap(town.planner, mine, theirs, "换班")
    page = {
        view.id: view.clinician_id
        for view in await town.desk.shifts.page(town.planner, TOMORROW, TOMORROW)
    }
    assert page == {mine: OTHER_DOCTOR, theirs: DOCTOR}


async def test_weeks_are_laid_out_from_the_pattern_once(town: Town):
    pattern = NewPattern(DOCTOR, CARDIOLOGY, "video", 2, MORNING, date(2026, 3, 1))
    await town.desk.patterns.add(town.planner, pattern)
    first = await town.desk.patterns.lay_out(town.planner, TOMORROW, weeks=3)
    again = await town.desk.patterns.lay_out(town.planner, TOMORROW, weeks=3)
    assert (len(first.made), again.made, first.left_out) == (3, (), ())
    shifts = await town.desk.shifts.page(town.planner, TOMORROW, TOMORROW + timedelta(days=30))
    assert [shift.day for shift in shifts] == [
        date(2026, 3, 4) + timedelta(weeks=week) for week in range(3)
    ]
    assert await town.desk.shifts.publish(town.planner, first.made) == 3


async def test_a_day_on_which_somebody_is_away_is_left_out_and_said(town: Town):
    pattern = NewPattern(DOCTOR, CARDIOLOGY, "video", 2, MORNING, date(2026, 3, 1))
    await town.desk.patterns.add(town.planner, pattern)
    away = date(2026, 3, 11)
    await town.desk.patterns.take_leave(town.planner, DOCTOR, away, away, "年假")
    out = await town.desk.patterns.lay_out(town.planner, TOMORROW, weeks=3)
    assert out.left_out == ((away, DOCTOR, "clinician_on_leave"),)
    assert len(out.made) == 2


async def test_leave_stops_what_is_published_then(town: Town):
    town.neighbours.fee = 0
    await town.shift()
    booked = await town.book(town.patient(), at(9))
    await town.happen()
    stopped = await town.desk.patterns.take_leave(town.doctor, DOCTOR, TOMORROW, TOMORROW, "病假")
    await town.happen()
    assert stopped == 1
    state = (await town.appointment(booked.id)).state
    assert state is AppointmentState.CANCELLED_BY_HOSPITAL


async def test_a_doctor_takes_leave_for_themselves_only(town: Town):
    with pytest.raises(Forbidden):
        await town.desk.patterns.take_leave(town.doctor, OTHER_DOCTOR, TOMORROW, TOMORROW, "请假")


async def test_places_kept_for_the_window_are_not_given_to_the_portal(town: Town):
    """Channel quotas: one of two places of each slot is the desk's. (domain 5.1)"""
    town.neighbours.fee = 0
    await town.shift(capacity=2, window=1)
    await town.book(town.patient(), at(9))
    with pytest.raises(Conflict, match="slot_taken"):
        await town.book(town.patient(), at(9))
    _, somebody = town.patient()
    wish = Wish(somebody, DOCTOR, at(9), "video", "电话预约")
    booked = await town.desk.booking.hold(town.nurse, wish)
    assert (await town.appointment(booked.id)).channel is Channel.WINDOW


@pytest.mark.parametrize(
    ("since", "until"), [(TOMORROW, TOMORROW - timedelta(1)), (TOMORROW, TOMORROW + timedelta(99))]
)
async def test_days_in_the_wrong_order_or_too_many_are_refused(town: Town, since, until):
    with pytest.raises(DomainError, match="days_wrong"):
        await town.desk.shifts.page(town.planner, since, until)
