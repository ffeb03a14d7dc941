"""What is announced is delivered: at least once, however often we fall."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from data.outbox import Delivery, OutboxEvent
from services.bus import Bus
from services.lanes import LONGEST_WAIT, MOST_TRIES
from services.policy import HOUSE
from tests.services.bus.hearing import (
    ItHappened,
    Listener,
    announce,
    at_work,
    ring_and_deliver,
    the_delivery,
    until,
)


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
    owed = (await bus._lanes._due(()))[0]
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
