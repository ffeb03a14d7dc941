"""What people were told is forgotten after as long as their institution has set, and not before."""

from datetime import timedelta

from sqlalchemy import select

from data.clock import new_id
from data.messages import CaughtMessage, Channel, Message, MessageState
from jobs import schedule as schedule_module
from services.policy import Role
from tests.factories import INSTITUTION, an_actor
from tests.services.test_schedule import found, schedule

KEEP = "policy.notify.keep_days"


async def told(clinic, age: timedelta, state=MessageState.SENT, channel=Channel.IN_APP):
    row = Message(
        institution_id=INSTITUTION,
        key=str(new_id()),
        template="test",
        channel=channel,
        owner_id=new_id(),
        state=state,
        queued_at=clinic.clock.now() - age,
    )
    async with clinic.database.transaction(write=True) as session:
        session.add(row)
    return row.key


async def left(clinic):
    async with clinic.database.transaction(write=False) as session:
        return set(await session.scalars(select(Message.key)))


async def test_messages_are_forgotten_after_the_time_that_is_set(clinic):
    """A year as we deliver it; what waits to be sent stays, however long it does."""
    await found(clinic)
    year = timedelta(days=365)
    kept = {
        await told(clinic, year - timedelta(hours=1)),
        await told(clinic, 2 * year, MessageState.QUEUED, Channel.SMS),
    }
    for state in (MessageState.SENT, MessageState.READ, MessageState.FAILED):
        for channel in Channel:
            await told(clinic, year + timedelta(hours=1), state, channel)

    assert await schedule(clinic).run("messages")

    assert await left(clinic) == kept


async def test_the_institution_says_how_long_within_bounds(clinic):
    await found(clinic)
    await clinic.policy.change(an_actor(Role.SYSTEM_ADMIN), KEEP, 30, "less is better")
    await told(clinic, timedelta(days=31))
    young = await told(clinic, timedelta(days=29))

    await schedule(clinic).run("messages")

    assert await left(clinic) == {young}


async def test_many_messages_are_forgotten_in_batches(clinic, monkeypatch):
    """Each batch is a unit of its own: whoever books an appointment waits for one of them only."""
    monkeypatch.setattr(schedule_module, "BATCH", 3)
    await found(clinic)
    for _ in range(7):
        await told(clinic, timedelta(days=400))
    asked = []
    prune = clinic.notices.prune

    async def watched(*given):
        asked.append(await prune(*given))
        return asked[-1]

    monkeypatch.setattr(type(clinic.notices), "prune", lambda _self, *given: watched(*given))
    await schedule(clinic).run("messages")

    assert asked == [3, 3, 1]
    assert await left(clinic) == set()


async def test_what_the_demo_caught_goes_as_well(clinic, clock, database):
    async with database.transaction(write=True) as session:
        for days in (1, 400):
            session.add(
                CaughtMessage(
                    reference=f"{days}",
                    channel=Channel.SMS,
                    address="19900000001",
                    text="x",
                    at=clock.now() - timedelta(days=days),
                )
            )

    await schedule(clinic).run("messages")

    async with database.transaction(write=False) as session:
        assert list(await session.scalars(select(CaughtMessage.reference))) == ["1"]
