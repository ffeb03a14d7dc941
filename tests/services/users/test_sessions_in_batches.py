"""However many sessions there are, they are seen to batch by batch, and nobody waits for all."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select

from data.clock import new_id
from data.errors import Unavailable
from data.users import Session, SessionStage
from services.policy import Role
from services.users import sessions as module


@pytest.fixture(autouse=True)
def batches_of_five(monkeypatch):
    monkeypatch.setattr(module, "BATCH", 5)


@pytest.fixture
async def doctor(hospital):
    return await hospital.hire("lihua", Role.DOCTOR)


@pytest.fixture
async def administrator(hospital):
    return await hospital.hire("xitong", Role.SYSTEM_ADMIN)


async def visits(hospital, who, number, **columns):
    """Make sessions of somebody, as if they had signed in that often."""
    now = hospital.clock.now()
    settled = {
        "institution_id": hospital.id,
        "user_id": who.id,
        "owner_id": who.id,
        "stage": SessionStage.OPEN,
        "opened_at": now,
        "last_seen_at": now,
        "ends_at": now + timedelta(hours=12),
        **columns,
    }
    ids = [new_id() for _ in range(number)]
    rows = [{**settled, "id": each, "token_digest": each.bytes} for each in ids]
    async with hospital.clinic.database.transaction(write=True) as session:
        await session.execute(insert(Session), rows)
    return ids


async def left(hospital, *which):
    async with hospital.clinic.database.transaction(write=False) as session:
        return await session.scalar(select(func.count(Session.id)).where(*which))


async def see(hospital, ids):
    hospital.clock.forward(minutes=1)
    for each in ids:
        await hospital.clinic.sessions.actor_in(each)


async def test_every_session_whose_time_is_up_ends_in_one_run(hospital, doctor):
    """S-AUTH-2: the first batch is not the last."""
    await visits(hospital, doctor, 13)
    hospital.clock.forward(minutes=16)

    assert await hospital.clinic.sessions.expire() == 13

    assert await left(hospital, Session.ended_at.is_(None)) == 0
    assert await hospital.clinic.sessions.expire() == 0


async def test_those_who_may_be_idle_for_longer_do_not_stand_in_the_way(
    hospital, doctor, administrator
):
    """S-AUTH-2: doctors have 15 minutes, administrators 10; a batch of the one hid the others."""
    await visits(hospital, doctor, 7)
    await visits(hospital, administrator, 2)
    hospital.clock.forward(minutes=12)

    assert await hospital.clinic.sessions.expire() == 2

    assert await left(hospital, Session.ended_at.is_(None)) == 7


async def test_every_old_session_leaves_the_table_in_one_run(hospital, doctor):
    await visits(hospital, doctor, 13, ended_at=hospital.clock.now())
    hospital.clock.forward(days=31)

    await hospital.clinic.sessions.tidy()

    assert await left(hospital) == 0


@pytest.mark.parametrize("what", ["write_seen", "expire", "tidy"])
async def test_others_have_their_turn_between_two_batches(hospital, doctor, what):
    """R034: the line goes on while thousands of sessions are seen to."""
    ids = await visits(hospital, doctor, 13)
    sessions = hospital.clinic.sessions
    if what == "write_seen":
        await see(hospital, ids)
    elif what == "expire":
        hospital.clock.forward(minutes=16)
    else:
        await sessions.revoke_all(hospital.security(), doctor.id)
        hospital.clock.forward(days=31)
    work = asyncio.create_task(getattr(sessions, what)())
    turns = 0
    while not work.done():
        async with hospital.clinic.database.transaction(write=True):
            turns += not work.done()
    await work

    assert turns >= 2


async def test_signs_of_life_are_all_written(hospital, doctor):
    ids = await visits(hospital, doctor, 13)
    await see(hospital, ids)

    assert await hospital.clinic.sessions.write_seen() == 13

    assert await left(hospital, Session.last_seen_at == hospital.clock.now()) == 13
    assert await hospital.clinic.sessions.write_seen() == 0


@pytest.mark.sqlite
@pytest.mark.may_wait
async def test_a_session_read_while_signs_of_life_are_written_does_not_look_idle(hospital, doctor):
    """S-AUTH-2: until it is in the database, memory knows better."""
    [one] = await visits(hospital, doctor, 1)
    sessions = hospital.clinic.sessions
    await see(hospital, [one])
    hospital.clock.forward(minutes=14)
    await sessions.actor_in(one)
    hospital.clock.forward(minutes=5)

    async with hospital.clinic.database.transaction(write=True):
        writing = asyncio.create_task(sessions.write_seen())
        while not hospital.clinic.database.waiting:
            await asyncio.sleep(0)
        sessions.forget_user(doctor.id)  # as when their rights change
        assert await sessions.actor_in(one, seen=False) is not None
    await writing


@pytest.mark.sqlite
async def test_a_sign_of_life_that_could_not_be_written_is_kept(hospital, doctor, monkeypatch):
    """R034: a line that is full now may have room in a minute."""
    ids = await visits(hospital, doctor, 7)
    await see(hospital, ids)
    with monkeypatch.context() as full:
        full.setattr("data.writer.LONGEST_LINE", 0)
        with pytest.raises(Unavailable):
            await hospital.clinic.sessions.write_seen()

    assert await hospital.clinic.sessions.write_seen() == 7
