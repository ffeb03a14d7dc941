"""What is parked is one task for who can replay it, until nothing is parked any more. (R033)"""

from sqlalchemy import select

from data.institution import Institution
from data.outbox import Delivery
from services.events import Event
from services.i18n import say
from services.lanes import MOST_TRIES
from services.policy import Role
from services.tasks import Search
from tests.factories import INSTITUTION, MONDAY, an_actor
from tests.services.bus.hearing import ItHappened, Listener, announce, set_timer

ADMIN = an_actor(Role.SYSTEM_ADMIN)


async def found(clinic):
    async with clinic.database.transaction(write=True) as session:
        session.add(Institution(id=INSTITUTION, name="甲", uscc="1", created_at=MONDAY))


async def tasks(clinic):
    return (await clinic.tasks.page(ADMIN, Search()))[0]


async def give_up(clinic):
    """Let every delivery fail as often as it takes."""
    for _ in range(MOST_TRIES):
        await clinic.bus.deliver()
        clinic.clock.forward(hours=1)


async def parked(clinic):
    rows, _ = await clinic.deliveries.parked(ADMIN)
    return [row.id for row in rows]


async def test_it_is_one_task_for_each_handler_however_much_is_parked(clinic, bus):
    """Red before: nobody was told, and the duty to look daily was all there was."""
    await found(clinic)
    bus.on(ItHappened, Listener(failures=9999).hear)
    await announce(clinic, *"abc")
    await give_up(clinic)
    await announce(clinic, "d")
    await give_up(clinic)

    assert len(await parked(clinic)) == 4
    [task] = await tasks(clinic)
    assert (task.role, task.place) == (Role.SYSTEM_ADMIN, "/deliveries")
    assert "Deliveries are parked" in say("en", task.title, **task.values)


async def test_it_ends_when_nothing_is_parked_any_more_and_comes_again(clinic, bus):
    await found(clinic)
    listener = Listener(failures=2 * MOST_TRIES)
    bus.on(ItHappened, listener.hear)
    await announce(clinic, "a", "b")
    await give_up(clinic)

    one, other = await parked(clinic)
    await clinic.deliveries.replay(ADMIN, one)
    assert len(await tasks(clinic)) == 1
    await clinic.deliveries.replay(ADMIN, other)
    assert await tasks(clinic) == []

    listener.failures = 9999
    await give_up(clinic)
    assert len(await tasks(clinic)) == 1


async def test_a_timer_that_was_set_aside_is_one_too(clinic, bus):
    await found(clinic)
    await set_timer(clinic, "key", 0)
    Event.catalogue.pop("ItHappened")
    await bus.ring()
    await bus.deliver()
    [task] = await tasks(clinic)
    assert say("en", task.title, **task.values).endswith("What was due is announced")


async def test_who_cannot_be_told_of_it_makes_no_endless_chain(clinic, bus, monkeypatch):
    """Where the tasks themselves fail, the page and the health check still show it."""
    await found(clinic)
    monkeypatch.setattr(clinic.deliveries, "_tasks", None)
    bus.on(ItHappened, Listener(failures=9999).hear)
    await announce(clinic, "a")
    await give_up(clinic)
    await give_up(clinic)
    await give_up(clinic)

    async with clinic.database.transaction(write=False) as session:
        names = [row.event.name for row in await session.scalars(select(Delivery))]
    assert sorted(names) == ["DeliveryParked", "ItHappened"]
    assert len(await parked(clinic)) == 2
