"""A timer rings at its time, once, whatever the clock does and however often we fall."""

from datetime import timedelta

from sqlalchemy import func, select, update

from data.outbox import Delivery, Timer
from services.bus import TRIES_TO_RING, Bus
from services.events import Event
from services.policy import HOUSE
from tests.services.bus.hearing import (
    ItHappened,
    Listener,
    announce,
    at_work,
    ring_and_deliver,
    set_timer,
    the_delivery,
    until,
)


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


async def test_more_timers_than_a_batch_ring_in_one_go(clinic, bus, clock, monkeypatch):
    """After a night without power they are many."""
    monkeypatch.setattr("services.bus.BATCH", 3)
    listener = Listener()
    bus.on(ItHappened, listener.hear)
    for number in range(10):
        await set_timer(clinic, f"key {number}", number, str(number))
    clock.forward(days=1)

    await ring_and_deliver(bus)

    assert listener.heard == [*map(str, range(10))]


async def test_timers_that_cannot_ring_keep_no_delivery_waiting(clinic, bus, monkeypatch):
    async def trouble():
        raise RuntimeError("what nobody thought of")

    monkeypatch.setattr(bus, "ring", trouble)
    listener = Listener()
    bus.on(ItHappened, listener.hear)
    async with at_work(bus):
        await announce(clinic, "a")
        await until(lambda: listener.heard)


async def test_a_timer_that_cannot_ring_stops_no_other(clinic, bus, clock, database):
    """R033: it is tried again for a moment, then set aside where people see it."""
    listener = Listener()
    bus.on(ItHappened, listener.hear)
    twice = ItHappened(what="the same event under two keys")
    async with clinic.transactions.open(HOUSE) as tx:
        tx.go_unnoted("a test")
        tx.later("one", tx.now + timedelta(minutes=1), twice)
        tx.later("two", tx.now + timedelta(minutes=2), twice)
    await set_timer(clinic, "good", 3, "good")
    clock.forward(minutes=5)

    await ring_and_deliver(bus)
    assert listener.heard == [twice.what, "good"]
    assert await bus.parked() == 0
    for _ in range(TRIES_TO_RING - 1):
        await ring_and_deliver(bus)

    assert await bus.parked() == 1
    async with database.transaction(write=False) as session:
        assert not await session.scalar(select(func.count()).select_from(Timer))


async def test_what_a_timer_could_not_announce_is_announced_when_it_is_replayed(
    clinic, bus, clock, database
):
    """After an upgrade that can read it, say; and to everybody who hears of it, once."""
    listener = Listener()
    bus.on(ItHappened, listener.hear, listener.also_hear)
    await set_timer(clinic, "key", 1)
    Event.catalogue.pop("ItHappened")
    clock.forward(minutes=5)
    await ring_and_deliver(bus)
    assert (listener.heard, await bus.parked()) == ([], 1)

    Event.catalogue["ItHappened"] = ItHappened
    parked = await the_delivery(database)
    async with database.transaction(write=True) as session:
        assert await bus.replay(session, parked.id)
    await bus.deliver()
    async with database.transaction(write=True) as session:  # and here the acknowledgement is lost
        change = update(Delivery).where(Delivery.id == parked.id)
        await session.execute(change.values(due_at=clock.now(), attempts=0))
    await bus.deliver()

    assert sorted(listener.heard) == ["also rang", "rang"]
    assert await bus.parked() == 0
