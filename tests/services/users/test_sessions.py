"""How long a session lasts, what ends it, and that an ended one opens nothing. (S-AUTH-2, R042)"""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from data.clock import new_id
from data.errors import Forbidden, NotFound
from data.users import Session
from services.audit import Search
from services.clinic import Clinic
from services.events import SessionsEnded
from services.policy import Role
from services.users.sessions import Sessions
from services.users.standards import Standards
from services.users.steps import Caller
from tests.services.users.conftest import HERE


@pytest.fixture
async def doctor(hospital):
    return await hospital.hire("lihua", Role.DOCTOR)


@pytest.fixture
def ended(hospital):
    """What the pages are told: which sessions are over, and why."""
    heard = []

    def listen(event):
        if isinstance(event, SessionsEnded):
            heard.append((event.session_ids, event.reason))

    hospital.clinic.bus.watch(listen)
    return heard


async def last_seen(hospital, session_id):
    async with hospital.clinic.database.transaction(write=False) as session:
        return (await session.get(Session, session_id)).last_seen_at


@pytest.mark.parametrize("token", ["", "x", "ＡＢ", "\x00", "a" * 5000])
async def test_what_is_no_token_opens_nothing(hospital, token):
    assert await hospital.clinic.sessions.actor_of(token) is None
    assert await hospital.clinic.sessions.actor_in(new_id()) is None


@pytest.mark.parametrize(("role", "minutes"), [(Role.DOCTOR, 15), (Role.AUDIT_ADMIN, 10)])
async def test_an_idle_session_closes(hospital, ended, role, minutes):
    """S-AUTH-2: staff 15 minutes, administrators 10."""
    sessions = hospital.clinic.sessions
    step = await hospital.arrive(await hospital.hire("lihua", role))
    for _ in range(3):
        hospital.clock.forward(minutes=minutes)
        assert await sessions.actor_of(step.token) is not None

    hospital.clock.forward(minutes=minutes, seconds=1)

    assert await sessions.actor_of(step.token) is None
    assert await sessions.actor_in(step.session_id) is None
    assert await sessions.expire() == 1
    assert ended == [((step.session_id,), "idle")]
    assert await sessions.expire() == 0


async def test_a_session_ends_after_twelve_hours_however_busy(hospital, doctor, ended):
    """S-AUTH-2: absolute 12 h."""
    step = await hospital.arrive(doctor)
    assert step.ends_at == hospital.clock.now() + timedelta(hours=12)
    for _ in range(71):
        hospital.clock.forward(minutes=10)
        assert await hospital.clinic.sessions.actor_of(step.token) is not None

    hospital.clock.forward(minutes=10)

    assert await hospital.clinic.sessions.actor_of(step.token) is None
    await hospital.clinic.sessions.expire()
    assert ended == [((step.session_id,), "absolute")]


async def test_what_no_person_did_keeps_nobody_awake(hospital, doctor):
    step = await hospital.arrive(doctor)
    for _ in range(3):
        hospital.clock.forward(minutes=5)
        assert await hospital.clinic.sessions.actor_of(step.token, seen=False) is not None
    hospital.clock.forward(seconds=1)
    assert await hospital.clinic.sessions.actor_of(step.token, seen=False) is None


async def test_a_touch_counts_as_a_sign_of_life(hospital, doctor):
    step = await hospital.arrive(doctor)
    await hospital.clinic.sessions.actor_of(step.token)
    hospital.clock.forward(minutes=14)
    hospital.clinic.sessions.touch(step.session_id)
    hospital.clock.forward(minutes=14)
    assert await hospital.clinic.sessions.actor_of(step.token) is not None


async def test_who_is_in_a_call_is_not_idle(hospital, doctor, ended):
    """A session with an active ticket, call or upload is not idle."""
    calls = {doctor.id}
    sessions = hospital.clinic.sessions
    sessions.excuse(lambda session_id, user_id: user_id in calls)
    step = await hospital.arrive(doctor)

    hospital.clock.forward(hours=1)
    assert await sessions.expire() == 0
    assert await sessions.actor_of(step.token, seen=False) is not None

    calls.clear()  # the idle minutes count from the end of the call
    hospital.clock.forward(minutes=14)
    assert await sessions.actor_of(step.token, seen=False) is not None
    hospital.clock.forward(minutes=2)
    assert await sessions.expire() == 1
    assert ended == [((step.session_id,), "idle")]


async def test_who_uploads_is_not_idle(hospital, doctor):
    sessions = hospital.clinic.sessions
    step = await hospital.arrive(doctor)
    await sessions.actor_of(step.token)
    with sessions.at_work(step.session_id), sessions.at_work(step.session_id):
        hospital.clock.forward(minutes=40)
        assert await sessions.expire() == 0
    hospital.clock.forward(minutes=14)
    assert await sessions.actor_of(step.token) is not None


async def test_signs_of_life_are_written_in_batches(hospital, doctor):
    """Not a write a request: one a minute for all."""
    step = await hospital.arrive(doctor)
    opened = hospital.clock.now()
    sessions = hospital.clinic.sessions
    for _ in range(5):
        hospital.clock.forward(seconds=10)
        await sessions.actor_of(step.token)
    assert await last_seen(hospital, step.session_id) == opened

    assert await sessions.write_seen() == 1

    assert await last_seen(hospital, step.session_id) == opened + timedelta(seconds=50)
    assert await sessions.write_seen() == 0


async def test_a_restart_keeps_sessions_and_their_signs_of_life(hospital, doctor):
    step = await hospital.arrive(doctor)
    await hospital.clinic.sessions.actor_of(step.token)
    hospital.clock.forward(minutes=14)
    await hospital.clinic.sessions.actor_of(step.token)
    await hospital.clinic.sessions.close()

    house = hospital.clinic
    again = Clinic.open(house.database, house.clock, house.keys, house.settings)

    hospital.clock.forward(minutes=14)
    assert (await again.sessions.actor_of(step.token)).user_id == doctor.id


async def test_signing_out_ends_the_session_at_once(hospital, doctor, ended):
    step = await hospital.arrive(doctor)
    actor = await hospital.clinic.sessions.actor_of(step.token)

    await hospital.clinic.sessions.sign_out(actor)

    assert await hospital.clinic.sessions.actor_of(step.token) is None
    assert ended == [((step.session_id,), "signed_out")]


async def test_people_see_and_end_their_own_sessions(hospital, doctor, ended):
    phone = await hospital.arrive(doctor, Caller("10.0.0.9", "Safari on a phone"))
    actor = await hospital.at_work(doctor)

    visits = await hospital.clinic.sessions.mine(actor)
    assert [(v.address, v.user_agent, v.current) for v in visits] == [
        (HERE.address, HERE.user_agent, True),
        ("10.0.0.9", "Safari on a phone", False),
    ]

    await hospital.clinic.sessions.revoke(actor, [phone.session_id])
    assert await hospital.clinic.sessions.actor_of(phone.token) is None
    assert [v.current for v in await hospital.clinic.sessions.mine(actor)] == [True]


async def test_nobody_ends_or_sees_the_sessions_of_another(hospital, doctor):
    step = await hospital.arrive(doctor)
    nurse = await hospital.at_work(await hospital.hire("hushi", Role.NURSE))

    with pytest.raises(Forbidden):
        await hospital.clinic.sessions.revoke(nurse, [step.session_id])
    with pytest.raises(Forbidden):
        await hospital.clinic.sessions.revoke_all(nurse, doctor.id)

    assert await hospital.clinic.sessions.of(nurse, doctor.id) == []
    assert await hospital.clinic.sessions.actor_of(step.token) is not None


async def test_security_ends_every_session_of_a_person(hospital, doctor, ended):
    """R-STF-5."""
    steps = [await hospital.arrive(doctor) for _ in range(3)]
    other = await hospital.arrive(await hospital.hire("hushi", Role.NURSE))
    assert len(await hospital.clinic.sessions.of(hospital.security(), doctor.id)) == 3

    await hospital.clinic.sessions.revoke_all(hospital.security(), doctor.id, "phone was stolen")

    assert [await hospital.clinic.sessions.actor_of(step.token) for step in steps] == [None] * 3
    assert await hospital.clinic.sessions.actor_of(other.token) is not None
    [(ids, reason)] = ended
    assert (set(ids), reason) == ({step.session_id for step in steps}, "phone was stolen")
    auditor = hospital.acting(Role.AUDIT_ADMIN)
    [entry], _ = await hospital.clinic.audit.page(auditor, Search(action="session:revoke"))
    assert entry.purpose == "phone was stolen"


async def test_a_revocation_that_fails_ends_nothing(hospital, doctor, ended):
    step = await hospital.arrive(doctor)
    nurse = await hospital.at_work(await hospital.hire("hushi", Role.NURSE))
    with pytest.raises(Forbidden):
        await hospital.clinic.sessions.revoke(nurse, [nurse.session_id, step.session_id])
    assert await hospital.clinic.sessions.actor_of(step.token) is not None
    assert await hospital.clinic.sessions.actor_in(nurse.session_id) is not None
    assert ended == []


async def test_a_session_that_is_being_looked_up_while_it_is_revoked_stays_revoked(
    hospital, doctor
):
    """R-STF-5: who reads the old state a moment before must not bring it back."""
    tokens = [(await hospital.arrive(doctor)).token for _ in range(3)]
    house = hospital.clinic
    standards = Standards(house.policy)
    # Nothing in memory yet, so that every reader asks the database.
    sessions = Sessions(house.transactions, house.clock, house.keys, standards)
    readers = [sessions.actor_of(token) for token in tokens * 4]

    await asyncio.gather(
        *readers[:6], sessions.revoke_all(hospital.security(), doctor.id), *readers[6:]
    )

    assert [await sessions.actor_of(token) for token in tokens] == [None] * 3


async def test_a_reading_under_way_is_spoilt_by_a_revocation(hospital, doctor):
    """The same, step by step: the reading began before, and ends after."""
    step = await hospital.arrive(doctor)
    sessions = hospital.clinic.sessions
    read, began, revoked = sessions._read, asyncio.Event(), asyncio.Event()

    async def slowly(tx, which):
        found = await read(tx, which)
        if not began.is_set():
            began.set()
            await revoked.wait()
        return found

    sessions._read = slowly
    looking = asyncio.ensure_future(sessions.actor_of(step.token))
    await began.wait()
    await sessions.revoke_all(hospital.security(), doctor.id)
    revoked.set()

    assert await looking is None
    assert await sessions.actor_of(step.token) is None


async def test_memory_is_bounded_and_forgets_no_sign_of_life(hospital, doctor):
    """R034: caches have a limit."""
    sessions = hospital.clinic.sessions
    sessions._open._most = 2
    tokens = [(await hospital.arrive(doctor)).token for _ in range(4)]
    for token in tokens:
        await sessions.actor_of(token)
    assert len(sessions._open) == 2

    for _ in range(4):  # each is pushed out by the others and read again
        hospital.clock.forward(minutes=14)
        assert None not in [await sessions.actor_of(token) for token in tokens]


async def test_the_next_request_shows_its_own_address(hospital, doctor):
    step = await hospital.arrive(doctor)
    for address in ("10.0.0.1", "10.0.0.2", "10.0.0.1"):
        assert (await hospital.clinic.sessions.actor_of(step.token, address)).address == address


async def test_old_sessions_leave_the_table_and_stay_in_the_trail(hospital, doctor):
    step = await hospital.arrive(doctor)
    actor = await hospital.clinic.sessions.actor_of(step.token)
    await hospital.clinic.sessions.sign_out(actor)
    hospital.clock.forward(days=29)
    await hospital.clinic.sessions.tidy()
    assert await last_seen(hospital, step.session_id)

    hospital.clock.forward(days=2)
    await hospital.clinic.sessions.tidy()

    async with hospital.clinic.database.transaction(write=False) as session:
        assert list(await session.scalars(select(Session))) == []
    auditor = hospital.acting(Role.AUDIT_ADMIN)
    _, total = await hospital.clinic.audit.page(auditor, Search(action="session:revoke"))
    assert total == 1


async def test_a_session_that_never_was_is_not_revoked(hospital):
    """It was answered as if it had been; ending what has ended already changes nothing."""
    doctor = await hospital.at_work(await hospital.hire("lihua", Role.DOCTOR))
    revoke = hospital.clinic.sessions.revoke
    with pytest.raises(NotFound, match="not_found"):
        await revoke(doctor, [doctor.session_id, new_id()])
    assert await hospital.clinic.sessions.actor_in(doctor.session_id)  # all of it or nothing

    await revoke(doctor, [doctor.session_id])
    await revoke(doctor, [doctor.session_id])
