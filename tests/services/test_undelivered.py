"""What could not be sent is found, sent again on a word, and never forgotten. (R033)"""

from datetime import timedelta

import pytest
from sqlalchemy import select

from data.errors import Conflict, Forbidden, NotFound, Unavailable
from data.messages import Channel, Message, MessageState
from integrations.sandbox.messages import SandboxSms
from services.clinic import Clinic
from services.events import MessageFailed
from services.inbox import Tray
from services.notify import Note
from services.policy import HOUSE, Role
from services.ports import Ports
from services.settings import Settings
from services.tasks import Search, TaskState
from tests.factories import INSTITUTION, OTHER_INSTITUTION, an_actor

ADMIN = an_actor(Role.SYSTEM_ADMIN)
CODE = {"code": "314159", "minutes": 5}


class Provider(SandboxSms):
    """One that does not answer on its bad days."""

    down = True

    async def send(self, message):
        if self.down:
            raise Unavailable("counterpart_silent")
        return await super().send(message)


@pytest.fixture
def provider(database, clock):
    return Provider(Tray(database, clock))


@pytest.fixture
def clinic(database, clock, keys, tmp_path, provider):
    ports = Ports(sms=provider)
    return Clinic.open(database, clock, keys, Settings(home=tmp_path, demo=True), ports)


async def fail(clinic, key="key", template="test", **more):
    """Have a message tried until it has failed."""
    note = {"address": "19900000001", "language": "en", "channels": frozenset({Channel.SMS})}
    await clinic.notify.send(HOUSE, Note(template, key, INSTITUTION, **{**note, **more}))
    for _ in range(40):
        await clinic.bus.deliver()
        clinic.clock.forward(minutes=5)


async def unsent(clinic):
    return (await clinic.undelivered.page(ADMIN))[0]


async def tasks(clinic):
    return (await clinic.tasks.page(ADMIN, Search()))[0]


async def test_a_message_that_failed_is_sent_again_with_all_its_tries(clinic, provider):
    """Red before: it stood in the database as failed, and nobody could do anything about it."""
    await fail(clinic)
    [message] = await unsent(clinic)
    assert (message.template, message.reason) == ("test", "counterpart_silent")
    provider.down = False

    await clinic.undelivered.resend(ADMIN, message.id)
    with pytest.raises(Conflict, match="message_not_failed"):
        await clinic.undelivered.resend(ADMIN, message.id)
    await clinic.bus.deliver()

    assert await unsent(clinic) == []
    assert (await clinic.inbox.page(ADMIN))[1] == 1
    async with clinic.database.transaction(write=False) as session:
        row = await session.get_one(Message, message.id)
    assert (row.state, row.attempts) == (MessageState.SENT, 1)


async def test_what_was_wiped_or_came_too_late_is_not_sent_again(clinic, provider):
    await fail(clinic, "code", "code", values=CODE)
    soon = clinic.clock.now() + timedelta(hours=1)
    await fail(clinic, "late", expires_at=soon)
    provider.down = False
    obstacles = {row.obstacle: row.id for row in await unsent(clinic)}
    assert set(obstacles) == {"message_secret_gone", "message_too_late"}
    for obstacle, message_id in obstacles.items():
        with pytest.raises(Conflict, match=obstacle):
            await clinic.undelivered.resend(ADMIN, message_id)


async def test_only_who_looks_after_the_channels_of_the_house_sees_and_sends_it(clinic):
    await fail(clinic)
    [message] = await unsent(clinic)
    nurse = an_actor(Role.NURSE)
    elsewhere = an_actor(Role.SYSTEM_ADMIN, institution_id=OTHER_INSTITUTION)
    with pytest.raises(Forbidden):
        await clinic.undelivered.page(nurse)
    with pytest.raises(Forbidden):
        await clinic.undelivered.resend(nurse, message.id)
    assert await clinic.undelivered.page(elsewhere) == ([], 0)
    with pytest.raises((Forbidden, NotFound)):
        await clinic.undelivered.resend(elsewhere, message.id)


async def test_it_is_paged_and_searched(clinic):
    for number in range(3):
        await fail(clinic, str(number))
    rows, total = await clinic.undelivered.page(ADMIN, offset=1, limit=1)
    assert (len(rows), total) == (1, 3)
    assert (await clinic.undelivered.page(ADMIN, search="silent"))[1] == 3
    assert (await clinic.undelivered.page(ADMIN, search="_"))[1] == 3
    assert (await clinic.undelivered.page(ADMIN, search="%"))[1] == 0


async def test_a_cause_that_comes_again_after_its_task_was_closed_is_a_new_task(clinic):
    """Red before: not on the same day, however many messages failed."""
    await fail(clinic, "one")
    await fail(clinic, "two")
    [task] = await tasks(clinic)  # one at a time
    await clinic.tasks.close(ADMIN, task.id, "told the provider")
    assert await tasks(clinic) == []

    await fail(clinic, "three")
    [again] = await tasks(clinic)
    assert again.id != task.id


async def test_a_failure_told_twice_is_one_task_though_it_was_closed_meanwhile(clinic):
    await fail(clinic)
    [task] = await tasks(clinic)
    await clinic.tasks.close(ADMIN, task.id, "told the provider")
    async with clinic.database.transaction(write=False) as session:
        [message] = await session.scalars(select(Message.id))
    event = MessageFailed(message_id=message, channel="sms", reason="counterpart_silent")
    for _ in range(2):
        await clinic.notify.report(event)
    [again] = await tasks(clinic)
    await clinic.tasks.close(ADMIN, again.id, "seen")
    await clinic.notify.report(event)
    assert await tasks(clinic) == []


async def test_the_task_about_a_failure_ends_with_the_last_that_is_sent_again(clinic, provider):
    """Red before: it stayed open, and somebody looked for what was not there."""
    await fail(clinic, "one")
    await fail(clinic, "two")
    [task] = await tasks(clinic)
    first, second = await unsent(clinic)
    provider.down = False
    await clinic.undelivered.resend(ADMIN, first.id)
    assert (await clinic.tasks.one(ADMIN, task.id)).state is not TaskState.DONE
    await clinic.undelivered.resend(ADMIN, second.id)
    assert (await clinic.tasks.one(ADMIN, task.id)).state is TaskState.DONE
