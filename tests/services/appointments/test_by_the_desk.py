"""Booked and cancelled by the desk for somebody on the phone. (代约, R060)"""

import pytest

from data.errors import Conflict, Forbidden
from services.appointments.booking import AppointmentState, Wish
from tests.services.appointments.conftest import DOCTOR, Town, at


async def hold(town: Town, patient_id, minute: int = 0):
    wish = Wish(patient_id, DOCTOR, at(9, minute), "video", words="电话预约")
    return await town.desk.booking.hold(town.nurse, wish)


async def test_it_belongs_to_the_patients_own_account(town: Town):
    await town.shift()
    actor, patient_id = town.patient()
    booked = await hold(town, patient_id)
    row = await town.appointment(booked.id)
    assert (row.owner_id, row.booked_by) == (actor.user_id, town.nurse.user_id)
    assert row.is_by_proxy
    assert [each.id for each in await town.desk.visits.coming(actor)] == [booked.id]


async def test_of_a_child_it_is_the_guardians(town: Town):
    await town.shift()
    guardian = town.patient()[0].user_id
    _, patient_id = town.patient(own_account=None, guardians=frozenset({guardian}))
    assert (await town.appointment((await hold(town, patient_id)).id)).owner_id == guardian


async def test_who_has_no_account_is_booked_all_the_same(town: Town):
    town.neighbours.fee = 0
    await town.shift()
    _, patient_id = town.patient(own_account=None, accounts=frozenset())
    row = await town.appointment((await hold(town, patient_id)).id)
    assert (row.owner_id, row.state) == (None, AppointmentState.CONFIRMED)
    await town.happen()


async def test_the_desk_cancels_for_somebody_as_they_would_themselves(town: Town):
    town.neighbours.fee = 0
    await town.shift()
    _, patient_id = town.patient()
    booked = await hold(town, patient_id)
    await town.desk.booking.cancel(town.nurse, booked.id)
    assert (await town.appointment(booked.id)).state is AppointmentState.CANCELLED
    late = await hold(town, patient_id, 10)
    await town.happen()
    await town.until(at(9, 5))
    with pytest.raises(Conflict, match="too_late_to_cancel"):
        await town.desk.booking.cancel(town.nurse, late.id)


async def test_the_desk_sees_one_patients_visits_and_their_ban(town: Town):
    town.neighbours.fee = 0
    await town.shift()
    (one, one_id), (_, other_id) = town.patient(), town.patient()
    mine = await hold(town, one_id)
    await hold(town, other_id, 10)
    seen = await town.desk.visits.coming(town.nurse, one_id)
    assert [each.id for each in seen] == [mine.id]
    assert await town.desk.visits.banned_until(town.nurse, one_id) is None
    assert await town.desk.visits.banned_until(one, one_id) is None
    with pytest.raises(Forbidden):
        await town.desk.visits.banned_until(one, other_id)
