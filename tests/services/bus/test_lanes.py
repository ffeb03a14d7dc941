"""Each handler has a lane of its own: a slow one holds up itself, and nobody and nothing else."""

import asyncio

import pytest
from sqlalchemy import select

from data.errors import Unavailable
from data.outbox import Delivery
from services import lanes
from services.bus import Bus
from services.events import SettingChanged
from services.policy import HOUSE, Action, Subject
from tests.services.bus.hearing import (
    ItHappened,
    Listener,
    announce,
    at_work,
    called,
    set_timer,
    the_delivery,
    until,
)


async def test_a_failing_handler_holds_up_nobody_else(clinic, bus):
    bad, good = Listener(failures=99), Listener()
    bus.on(ItHappened, bad.hear)
    bus.on(ItHappened, good.also_hear)
    await announce(clinic, "a", "b")

    await bus.deliver()

    assert sorted(good.heard) == ["also a", "also b"]


async def test_a_hanging_handler_holds_up_nobody_else_for_long(clinic, bus, database, monkeypatch):
    monkeypatch.setattr(lanes, "LONGEST_HANDLING", 0.05)
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
    settle = clinic.bus._lanes._settle

    async def broken(delivery_id, problem):
        await settle(delivery_id, problem)
        if not told.is_set():  # only `quick` can be settled before this
            told.set()
            raise Unavailable("disk_full")

    monkeypatch.setattr(clinic.bus._lanes, "_settle", broken)
    async with clinic.transactions.open(HOUSE) as tx:
        tx.allow(Action.BUS_WORK, Subject("bus"))
        tx.announce(SettingChanged(key="x"))

    with pytest.raises(Unavailable, match="disk_full"):
        await clinic.bus.deliver()

    assert "slow" in done


class Held:
    """A handler that waits until it is let go, and remembers how many it was busy with at once."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.done: list[str] = []
        self.most_at_once = 0
        self.let_go = asyncio.Event()

    async def hear(self, event: ItHappened) -> None:
        self.began.append(event.what)
        self.most_at_once = max(self.most_at_once, len(self.began) - len(self.done))
        await self.let_go.wait()
        self.done.append(event.what)


async def test_a_slow_handler_delays_no_timer(clinic, bus, clock):
    """R034: a counterpart that is silent for a minute must not make a reminder late."""
    slow, listener = Held(), Listener()
    bus.on(ItHappened, slow.hear, listener.hear)
    await set_timer(clinic, "key", 10)
    async with at_work(bus):
        await announce(clinic, "a")
        await until(lambda: slow.began == ["a"])
        clock.forward(minutes=10)
        await until(lambda: "rang" in listener.heard)
        assert slow.began == ["a"]
        slow.let_go.set()


async def test_a_slow_handler_delays_nothing_that_others_hear_later(clinic, bus):
    """R034: not even what is announced while it is still busy."""
    slow, listener = Held(), Listener()
    bus.on(ItHappened, slow.hear, listener.hear)
    async with at_work(bus):
        for what in ("a", "b", "c"):
            await announce(clinic, what)
            await until(lambda what=what: what in listener.heard)
        assert slow.began == ["a"]
        slow.let_go.set()
        await until(lambda: slow.done == ["a", "b", "c"])
    assert (slow.most_at_once, listener.heard) == (1, ["a", "b", "c"])


async def test_what_one_handler_is_owed_hides_nothing_that_others_are(clinic, bus, monkeypatch):
    """A backlog longer than a batch, all of it older than what the other waits for."""
    monkeypatch.setattr(lanes, "BATCH", 3)
    slow, listener = Held(), Listener()
    bus.on(ItHappened, slow.hear)
    await announce(clinic, *map(str, range(10)))
    bus.on(ItHappened, listener.hear)
    async with at_work(bus):
        await until(lambda: slow.began)
        await announce(clinic, "late")
        await until(lambda: listener.heard == ["late"])
        assert slow.began == ["0"]
        slow.let_go.set()
        await until(lambda: slow.done == [*map(str, range(10)), "late"])


async def test_a_lane_takes_a_batch_at_a_time(clinic, bus, monkeypatch):
    """R034: however much is owed, what lies in memory is bounded."""
    monkeypatch.setattr(lanes, "BATCH", 3)
    taken, due = [], bus._lanes._due

    async def watched(but):
        found = await due(but)
        taken.append(len(found))
        return found

    monkeypatch.setattr(bus._lanes, "_due", watched)
    listener = Listener()
    bus.on(ItHappened, listener.hear)
    await announce(clinic, *map(str, range(10)))
    await bus.deliver()

    assert listener.heard == [*map(str, range(10))]
    assert max(taken) == 3


async def test_what_a_lane_brings_about_at_its_end_is_delivered_too(clinic, bus, monkeypatch):
    """Red before: it ended while the next look was under way, and its event waited for a round."""
    due, other = bus._lanes._due, Listener()

    async def slowly(but):
        found = await due(but)
        await until(lambda: not bus._lanes._busy)
        return found

    async def pass_on(event):
        if event.what == "first":
            await announce(clinic, "second")

    monkeypatch.setattr(bus._lanes, "_due", slowly)
    bus.on(ItHappened, pass_on, other.hear)
    await announce(clinic, "first")
    await bus.deliver()

    assert other.heard == ["first", "second"]


async def test_it_ends_when_each_lane_has_done_what_it_is_doing(clinic, bus):
    slow, other = Held(), Held()
    bus.on(ItHappened, slow.hear)
    bus.on(ItHappened, called("other", other.hear))
    await announce(clinic, "a", "b")
    async with at_work(bus):
        await until(lambda: slow.began and other.began)
        bus.stop()
        slow.let_go.set()
        other.let_go.set()
    assert (slow.done, other.done) == (["a"], ["a"])
    assert bus._lanes._busy == {}


async def test_what_was_under_way_when_it_was_cut_off_is_made_again(clinic, bus, database, clock):
    """R033: no lane runs on unowned, and nothing is lost."""
    slow = Held()
    bus.on(ItHappened, slow.hear)
    await announce(clinic, "a", "b")
    work = asyncio.create_task(bus.run())
    await until(lambda: slow.began)
    work.cancel()
    await asyncio.wait([work])
    slow.let_go.set()
    await asyncio.sleep(0)
    assert (slow.done, bus._lanes._busy) == ([], {})

    after = Bus(database, clock)
    after.on(ItHappened, slow.hear)
    await after.deliver()
    assert slow.done == ["a", "b"]


async def test_trouble_in_one_lane_keeps_no_other_waiting(clinic, bus, monkeypatch):
    """R034: what could not be written down is made again; the others go on meanwhile."""
    bad, good = Listener(), Listener()
    bus.on(ItHappened, called("bad", bad.hear), good.hear)
    settle, troubles = bus._lanes._settle, []

    async def broken(delivery_id, problem):
        if bad.heard and len(troubles) < 2 and asyncio.current_task().get_name().endswith("bad"):
            troubles.append(1)
            raise RuntimeError("what nobody thought of")
        await settle(delivery_id, problem)

    monkeypatch.setattr(bus._lanes, "_settle", broken)
    async with at_work(bus):
        await announce(clinic, "a")
        await until(lambda: good.heard == ["a"])
        await announce(clinic, "b")
        await until(lambda: good.heard == ["a", "b"] and "b" in bad.heard)
    assert bad.heard == ["a"] * 3 + ["b"]  # at least once


async def test_what_failed_is_overtaken_by_what_came_behind_it(clinic, bus, clock):
    """R034: an event that cannot be handled must not hold up all that follow for hours."""
    listener = Listener(failures=1)
    bus.on(ItHappened, listener.hear)
    await announce(clinic, "a", "b")
    await bus.deliver()
    assert listener.heard == ["b"]

    clock.forward(seconds=2)
    await bus.deliver()
    assert listener.heard == ["b", "a"]


async def test_a_handler_that_was_waiting_for_what_was_cancelled_has_failed(clinic, bus, database):
    """A pool that is closed cancels what waits for it; that must not end the lane unnoticed."""

    async def wait_for_what_is_cancelled(event):
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    bus.on(ItHappened, wait_for_what_is_cancelled)
    await announce(clinic, "a")
    await bus.deliver()

    row = await the_delivery(database)
    assert (row.attempts, row.error) == (1, "CancelledError")
