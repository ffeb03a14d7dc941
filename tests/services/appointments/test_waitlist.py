"""The wait-list: who may wait, once, and who is offered what becomes free. (候补, domain 5.1)

R006, R060, R-PAT-1, R-PAT-2.
"""

import asyncio
from dataclasses import replace
from datetime import date, timedelta

import pytest

from data.appointments import BookingBan
from data.clock import new_id
from data.errors import Conflict
from services.appointments.booking import AppointmentState, Wish
from services.appointments.waitlist import Wanted
from tests.factories import INSTITUTION
from tests.services.appointments.conftest import DOCTOR, TOMORROW, Town, at


@pytest.mark.parametrize(
    ("person", "code"),
    [
        ({"is_verified": False}, "patient_unverified"),
        ({"born": date(2020, 1, 1)}, "guardian_needed_to_book"),
    ],
)
async def test_who_could_not_book_does_not_wait(town: Town, person, code):
    """An offered place is kept from everybody else; by whatever way somebody asks. (R-PAT-1)"""
    actor, patient_id = town.patient(**person)
    with pytest.raises(Conflict, match=code):
        await town.desk.waitlist.join(
            actor, Wanted(patient_id, DOCTOR, "video", TOMORROW, TOMORROW)
        )
    assert await town.desk.waitlist.mine(actor) == []


async def test_who_is_banned_does_not_wait(town: Town):
    """R060: a place that one may not book is not kept for one."""
    actor, patient_id = town.patient()
    now = town.clock.now()
    ban = BookingBan(
        id=new_id(),
        institution_id=INSTITUTION,
        patient_id=patient_id,
        since=now,
        until=now + timedelta(days=90),
        reason="no_shows",
    )
    async with town.clinic.database.transaction(write=True) as session:
        session.add(ban)
    wanted = Wanted(patient_id, DOCTOR, "video", TOMORROW, TOMORROW)
    with pytest.raises(Conflict, match="booking_banned"):
        await town.desk.waitlist.join(actor, wanted)


async def test_to_ask_many_times_at_once_is_to_wait_once(town: Town):
    actor, patient_id = town.patient()
    wanted = Wanted(patient_id, DOCTOR, "video", TOMORROW, TOMORROW)
    keys = await asyncio.gather(*(town.desk.waitlist.join(actor, wanted) for _ in range(8)))
    assert len(set(keys)) == 1
    assert len(await town.desk.waitlist.mine(actor)) == 1


async def test_who_waits_longest_is_offered_a_place_that_becomes_free(town: Town):
    """候补: offered for half an hour, then to the next; nobody else takes it meanwhile."""
    town.neighbours.fee = 0
    await town.shift()
    patients = [town.patient() for _ in range(18)]
    booked = [
        await town.book(each, at(9) + n * timedelta(minutes=10)) for n, each in enumerate(patients)
    ]
    first, second = town.patient(), town.patient()
    for actor, patient_id in (first, second):
        wanted = Wanted(patient_id, DOCTOR, "video", TOMORROW, TOMORROW)
        await town.desk.waitlist.join(actor, wanted)
        await town.later(seconds=1)
    await town.desk.booking.cancel(patients[3][0], booked[3].id)
    await town.happen()
    offer = (await town.desk.waitlist.mine(first[0]))[0]
    assert offer.offered_at == at(9, 30)
    await town.later(minutes=11)
    with pytest.raises(Conflict, match="slot_taken"):
        await town.book(town.patient(), at(9, 30))
    await town.later(minutes=20)
    assert await town.desk.waitlist.mine(first[0]) == []
    offer = (await town.desk.waitlist.mine(second[0]))[0]
    wish = Wish(second[1], DOCTOR, offer.offered_at, "video", offer_id=offer.id)
    booked = await town.desk.booking.hold(second[0], wish)
    assert (booked.state, booked.starts_at) == (AppointmentState.CONFIRMED, at(9, 30))
    with pytest.raises(Conflict, match="offer_over"):
        await town.desk.booking.hold(second[0], wish)
    third, patient_id = town.patient()
    with pytest.raises(Conflict, match="offer_over"):
        await town.desk.booking.hold(third, replace(wish, patient_id=patient_id))
