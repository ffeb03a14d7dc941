"""What is announced is delivered: at least once, however often we fall."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from data.errors import Conflict, Unavailable
from data.outbox import Delivery, OutboxEvent, Timer
from services import bus as module
from services.bus import LONGEST_WAIT, MOST_TRIES, Bus
from services.events import Event, SettingChanged
from services.policy import HOUSE, Action, Subject


class ItHappened(Event, frozen=True):
    """Something that only happens in tests."""

    what: str = ""


@pytest.fixture(autouse=True)
def only_here():
    """Keep the tests' own event out of the catalogue that other tests read."""
    Event.catalogue["ItHappened"] = ItHappened
    yield
    Event.catalogue.pop("ItHappened", None)


class Listener:
    """Hears, and fails as often as it is told to."""

    def __init__(self, failures: int = 0, error: Exception | None = None) -> None:
        self.heard: list[str] = []
        self.failures = failures
        self.error = error or Conflict("slot_full")

    async def hear(self, event: ItHappened) -> None:
        if self.failures:
            self.failures -= 1
            raise self.error
        self.heard.append(event.what)

    async def also_hear(self, event: ItHappened) -> None:
        self.heard.append(f"also {event.what}")


@pytest.fixture
def bus(clinic):
    return clinic.bus


async def announce(clinic, *what: str) -> None:
    async with clinic.transactions.open(HOUSE) as tx:
        tx.go_unnoted("a test")
        tx.announce(*(ItHappened(what=each) for each in what))


async def set_timer(clinic, key, minutes, what="rang"):
    async with clinic.transactions.open(HOUSE) as tx:
        tx.go_unnoted("a test")
        tx.later(key, tx.now + timedelta(minutes=minutes), ItHappened(what=what))


async def ring_and_deliver(bus):
    await bus.ring()
    await bus.deliver()


async def the_delivery(database) -> Delivery:
    async with database.transaction(write=False) as session:
        return (await session.scalars(select(Delivery))).one()


@asynccontextmanager
async def at_work(bus):
    """Let the bus run as it does in the house."""
    task = asyncio.create_task(bus.run())
    try:
        yield
    finally:
        bus.stop()
        async with asyncio.timeout(10):
            await task


async def until(true):
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.01)


async def test_every_handler_hears_of_an_event_once_it_is_kept(clinic, bus):
    listener = Listener()
    bus.on(ItHappened, listener.hear, listener.also_hear)
    await announce(clinic, "a", "b")
    assert not listener.heard

    await bus.deliver()
    await bus.deliver()

    assert sorted(listener.heard) == ["a", "also a", "also b", "b"]


async def test_events_arrive_in_the_order_they_were_announced_in(clinic, bus):
    listener = Listener()
    bus.on(ItHappened, listener.hear)
    await announce(clinic, *map(str, range(40)))
    await announce(clinic, *map(str, range(40, 60)))

    await bus.deliver()

    assert listener.heard == [str(number) for number in range(60)]


async def test_nothing_is_announced_by_a_unit_of_work_that_failed(clinic, bus, database):
    listener, hints = Listener(), []
    bus.on(ItHappened, listener.hear)
    bus.watch(hints.append)
    with pytest.raises(ZeroDivisionError):
        async with clinic.transactions.open(HOUSE) as tx:
            tx.go_unnoted("a test")
            tx.announce(ItHappened())
            tx.later("key", tx.now, ItHappened())
            raise ZeroDivisionError

    await ring_and_deliver(bus)

    assert not listener.heard
    assert not hints


async def test_a_handler_that_fails_is_tried_again_ever_later(clinic, bus, clock, database):
    listener = Listener(failures=3)
    bus.on(ItHappened, listener.hear)
    await announce(clinic, "a")
    for seconds in (2, 4, 8):
        await bus.deliver()
        row = await the_delivery(database)
        assert (row.due_at, row.error) == (clock.now() + timedelta(seconds=seconds), "slot_full")
        clock.forward(seconds=seconds - 1)
        await bus.deliver()
        assert (await the_delivery(database)).attempts == row.attempts  # not before its time
        clock.forward(seconds=1)

    await bus.deliver()

    assert listener.heard == ["a"]
    row = await the_delivery(database)
    assert (row.due_at, row.parked_at, row.error) == (None, None, None)


async def test_a_handler_that_always_fails_is_parked_and_can_be_replayed(
    clinic, bus, clock, database
):
    listener = Listener(failures=MOST_TRIES)
    bus.on(ItHappened, listener.hear)
    await announce(clinic, "a")
    for _ in range(MOST_TRIES + 5):
        await bus.deliver()
        clock.forward(hours=1)
    row = await the_delivery(database)
    assert (row.attempts, row.due_at) == (MOST_TRIES, None)
    assert row.parked_at is not None
    assert await bus.parked() == 1

    async with database.transaction(write=True) as session:
        assert await bus.replay(session, row.id)
    await bus.deliver()

    assert listener.heard == ["a"]
    assert await bus.parked() == 0
    async with database.transaction(write=True) as session:
        assert not await bus.replay(session, row.id)  # it is not parked any more


async def test_a_failing_handler_holds_up_nobody_else(clinic, bus):
    bad, good = Listener(failures=99), Listener()
    bus.on(ItHappened, bad.hear)
    bus.on(ItHappened, good.also_hear)
    await announce(clinic, "a", "b")

    await bus.deliver()

    assert sorted(good.heard) == ["also a", "also b"]


async def test_a_hanging_handler_holds_up_nobody_else_for_long(clinic, bus, database, monkeypatch):
    monkeypatch.setattr(module, "LONGEST_HANDLING", 0.05)
    good = Listener()

    async def hang(event):
        await asyncio.sleep(3600)

    bus.on(ItHappened, hang, good.hear)
    await announce(clinic, "a")

    async with asyncio.timeout(5):
        await bus.deliver()

    assert good.heard == ["a"]
    async with database.transaction(write=False) as session:
        errors = list(await session.scalars(select(Delivery.error)))
    assert set(errors) == {None, "TimeoutError"}


async def test_a_handlers_error_is_kept_by_its_kind_never_by_its_text(clinic, bus, database):
    """S-LOG: an exception's text may quote a name or an identity number."""
    bus.on(ItHappened, Listener(1, ValueError("王小明 110101199003070011")).hear)
    await announce(clinic, "a")
    await bus.deliver()
    assert (await the_delivery(database)).error == "ValueError"


async def test_a_handler_nobody_knows_any_more_is_parked_not_forgotten(
    clinic, bus, clock, database
):
    """An upgrade renamed it: what it was owed must be found."""
    bus.on(ItHappened, Listener().hear)
    await announce(clinic, "a")
    async with database.transaction(write=True) as session:
        await session.execute(update(Delivery).values(handler="services.gone.Gone.hear"))
    for _ in range(MOST_TRIES):
        await bus.deliver()
        clock.forward(hours=1)
    assert await bus.parked() == 1
    assert (await the_delivery(database)).error == "KeyError"


async def test_what_was_owed_when_we_fell_is_delivered_afterwards(clinic, bus, database, clock):
    """R033: a new process with the same database."""
    bus.on(ItHappened, Listener().hear)
    await announce(clinic, "a")

    listener = Listener()
    after = Bus(database, clock)
    after.on(ItHappened, listener.hear)
    await after.deliver()

    assert listener.heard == ["a"]


async def test_an_effect_whose_acknowledgement_was_lost_is_delivered_again(clinic, bus, database):
    """At least once: a handler therefore must bear to hear a thing twice."""
    listener = Listener()
    bus.on(ItHappened, listener.hear)
    await announce(clinic, "a")
    owed = (await bus._due())[0]
    await bus._handlers["ItHappened"][owed.handler](ItHappened(what="a"))  # and here we fall

    await bus.deliver()

    assert listener.heard == ["a", "a"]


async def test_watchers_get_a_hint_and_cannot_harm_each_other(clinic, bus):
    hints = []

    def broken(event):
        raise ZeroDivisionError

    bus.watch(broken)
    stop = bus.watch(lambda event: hints.append(event.what))
    listener = Listener()
    bus.on(ItHappened, listener.hear)
    async with at_work(bus):
        await announce(clinic, "a")
        assert hints == ["a"]
        await until(lambda: listener.heard)
        stop()
        stop()
        await announce(clinic, "b")
    assert hints == ["a"]


async def test_it_delivers_by_itself_while_it_runs(clinic, bus):
    listener = Listener()
    bus.on(ItHappened, listener.hear)
    async with at_work(bus):
        for number in range(5):
            await announce(clinic, str(number))
        await until(lambda: len(listener.heard) == 5)


async def test_it_survives_trouble_it_did_not_expect(clinic, bus, monkeypatch):
    """Whatever goes wrong in one round, the next one happens."""
    listener, calls, ring = Listener(), [], bus.ring

    async def trouble():
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("what nobody thought of")
        await ring()

    monkeypatch.setattr(bus, "ring", trouble)
    bus.on(ItHappened, listener.hear)
    async with at_work(bus):
        await until(lambda: calls)
        await announce(clinic, "a")
        await until(lambda: listener.heard)


async def test_it_stops_after_what_it_is_doing_however_much_is_owed(clinic, bus):
    heard = []

    async def stop(event):
        heard.append(event.what)
        bus.stop()

    bus.on(ItHappened, stop)
    await announce(clinic, *map(str, range(30)))
    async with asyncio.timeout(20):
        await bus.run()

    assert heard == ["0"]


async def test_a_timer_rings_at_its_time(clinic, bus, clock):
    listener = Listener()
    bus.on(ItHappened, listener.hear)
    await set_timer(clinic, "key", 10)
    clock.forward(minutes=9)
    await ring_and_deliver(bus)
    assert not listener.heard

    clock.forward(minutes=1)
    await ring_and_deliver(bus)
    await ring_and_deliver(bus)

    assert listener.heard == ["rang"]


async def test_a_timer_moves_when_it_is_set_again(clinic, bus, clock):
    listener = Listener()
    bus.on(ItHappened, listener.hear)
    await set_timer(clinic, "key", 10, "early")
    await set_timer(clinic, "key", 30, "late")
    clock.forward(minutes=20)
    await ring_and_deliver(bus)
    assert not listener.heard
    clock.forward(minutes=10)
    await ring_and_deliver(bus)
    assert listener.heard == ["late"]


async def test_a_timer_set_twice_in_one_unit_of_work_counts_once(clinic, bus, clock, database):
    async with clinic.transactions.open(HOUSE) as tx:
        tx.go_unnoted("a test")
        tx.later("key", tx.now, ItHappened(what="a"))
        tx.later("key", tx.now, ItHappened(what="b"))
    async with database.transaction(write=False) as session:
        assert await session.scalar(select(func.count()).select_from(Timer)) == 1


async def test_a_timer_can_be_taken_back(clinic, bus, clock):
    listener = Listener()
    bus.on(ItHappened, listener.hear)
    await set_timer(clinic, "key", 10)
    async with clinic.transactions.open(HOUSE) as tx:
        tx.go_unnoted("a test")
        tx.forget("key")
        tx.forget("never set")
    clock.forward(hours=1)
    await ring_and_deliver(bus)
    assert not listener.heard


async def test_timers_that_fell_due_while_we_were_down_ring_in_their_order(clinic, database, clock):
    for minutes in (30, 10, 20):
        await set_timer(clinic, f"key {minutes}", minutes, str(minutes))
    clock.forward(days=2)

    listener = Listener()
    after = Bus(database, clock)
    after.on(ItHappened, listener.hear)
    await ring_and_deliver(after)

    assert listener.heard == ["10", "20", "30"]


async def test_a_timer_nobody_can_read_stops_no_other(clinic, bus, clock, database):
    """An event of yesterday's version that is gone today: set aside where people see it."""
    listener = Listener()
    bus.on(ItHappened, listener.hear)
    for number, key in enumerate(("gone", "spoilt", "good"), start=1):
        await set_timer(clinic, key, number)
    async with database.transaction(write=True) as session:
        await session.execute(update(Timer).where(Timer.key == "gone").values(name="LongGone"))
        await session.execute(update(Timer).where(Timer.key == "spoilt").values(payload="{"))
    clock.forward(minutes=5)

    await ring_and_deliver(bus)
    await ring_and_deliver(bus)

    assert listener.heard == ["rang"]
    assert await bus.parked() == 2
    async with database.transaction(write=False) as session:
        assert not await session.scalar(select(func.count()).select_from(Timer))


async def test_a_clock_that_is_set_back_delays_no_delivery(clinic, bus, clock):
    """A machine starts with a wrong time, and then hears the right one from the network."""
    listener = Listener()
    bus.on(ItHappened, listener.hear)
    await announce(clinic, "a")
    clock.forward(days=-1)
    await bus.deliver()
    assert listener.heard == ["a"]


async def test_a_clock_that_is_set_back_delays_no_second_try_beyond_the_longest_wait(
    clinic, bus, clock
):
    listener = Listener(failures=1)
    bus.on(ItHappened, listener.hear)
    await announce(clinic, "a")
    await bus.deliver()
    clock.forward(days=-30)
    clock.time += LONGEST_WAIT
    await bus.deliver()
    assert listener.heard == ["a"]


async def test_a_clock_that_jumps_ahead_rings_each_timer_once(clinic, bus, clock):
    listener = Listener()
    bus.on(ItHappened, listener.hear)
    await set_timer(clinic, "key", 10)
    clock.forward(days=400)
    await ring_and_deliver(bus)
    clock.forward(days=-400)
    await ring_and_deliver(bus)
    clock.forward(minutes=10)
    await ring_and_deliver(bus)
    assert listener.heard == ["rang"]


async def test_what_everybody_has_had_is_forgotten_after_a_month(clinic, bus, clock, database):
    bus.on(ItHappened, Listener().hear)
    await announce(clinic, "old")
    await bus.deliver()
    owing = Bus(database, clock)  # the same house, later, with a handler that fails
    owing.on(ItHappened, Listener(failures=999).hear)
    async with database.transaction(write=True) as session:
        event = ItHappened(what="still owed")
        await session.run_sync(lambda sync: owing.keep(sync.connection(), [event], []))
    await owing.deliver()
    assert await owing.prune() == 0  # too young
    clock.forward(days=31)

    assert await owing.prune() == 1
    assert await owing.prune() == 0  # what is owed waits, however old it is

    async with database.transaction(write=False) as session:
        [left] = await session.scalars(select(OutboxEvent))
        assert await session.scalar(select(func.count()).select_from(Delivery)) == 1
    assert "still owed" in left.payload


async def test_trouble_in_one_lane_is_told_when_the_others_are_at_rest(clinic, monkeypatch):
    """A lane that ran on unowned would have its deliveries made a second time at once."""
    done, told = [], asyncio.Event()

    async def quick(event):
        done.append("quick")

    async def slow(event):
        await told.wait()
        done.append("slow")

    for handler in (quick, slow):
        handler.__qualname__ = handler.__name__
        clinic.bus.on(SettingChanged, handler)
    settle = clinic.bus._settle

    async def broken(delivery_id, problem):
        await settle(delivery_id, problem)
        if not told.is_set():  # only `quick` can be settled before this
            told.set()
            raise Unavailable("disk_full")

    monkeypatch.setattr(clinic.bus, "_settle", broken)
    async with clinic.transactions.open(HOUSE) as tx:
        tx.allow(Action.BUS_WORK, Subject("bus"))
        tx.announce(SettingChanged(key="x"))

    with pytest.raises(Unavailable, match="disk_full"):
        await clinic.bus.deliver()

    assert "slow" in done
