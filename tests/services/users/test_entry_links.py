"""A link in a message opens its page by one tap, once, for whoever has the phone. (R019)"""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from data.errors import Conflict, Forbidden, Invalid
from data.messages import Channel, Message, MessageState
from data.patients import EntryLink
from data.users import User, UserKind, UserState
from integrations.sandbox.messages import SandboxSms
from services.clinic import Clinic
from services.events import MessageQueued
from services.inbox import Tray
from services.notify import Note
from services.policy import ANYBODY, HOUSE, Role
from services.ports import Ports
from services.users.entry_links import PAGE
from services.users.steps import Caller
from tests.services.users.test_patient_door import code_for

CALLER = Caller("203.0.113.7", "a phone")
PHONE = "19900000001"


@pytest.fixture
def house(hospital):
    return hospital.clinic


@pytest.fixture
async def account(house):
    """Somebody who has come in once."""
    step = await house.patient_door.enter(PHONE, await code_for(house), CALLER)
    return await house.sessions.actor_of(step.token)


async def told(house, account, hours=24) -> str:
    """Remind them of something, and return the token of the link in the text message."""
    note = Note(
        "visit_reminder",
        f"reminder:{house.clock.now()}",
        account.home,
        to=account.user_id,
        values={"moment": house.clock.now()},
        link="/visits",
        opens_until=house.clock.now() + timedelta(hours=hours),
    )
    await house.notify.send(HOUSE, note)
    (message,) = await messages(house, Channel.SMS)
    return str(message.values["link"]).removeprefix(f"{PAGE}/")


async def messages(house, channel):
    async with house.database.transaction(write=False) as session:
        query = select(Message).where(
            Message.template == "visit_reminder", Message.channel == channel
        )
        return list(await session.scalars(query))


async def test_one_tap_opens_a_session_of_the_receiver(house, account):
    token = await told(house, account)
    entry = await house.entry_links.look(ANYBODY, token)
    assert (entry.path, entry.is_mine, entry.is_used) == ("/visits", False, False)
    assert (await house.entry_links.look(account, token)).is_mine
    step = await house.entry_links.open(token, CALLER)
    actor = await house.sessions.actor_of(step.token)
    assert step.done
    assert actor is not None
    assert (actor.user_id, actor.roles) == (account.user_id, {Role.PATIENT})


async def test_a_link_opened_twice_opens_once_and_says_so(house, account):
    token = await told(house, account)
    tries = [house.entry_links.open(token, CALLER) for _ in range(20)]
    found = await asyncio.gather(*tries, return_exceptions=True)
    refused = [each for each in found if isinstance(each, Conflict)]
    assert (len(refused), {each.code for each in refused}) == (19, {"link_used"})
    assert (await house.entry_links.look(ANYBODY, token)).is_used, "it still says where it led"


async def test_looking_uses_nothing_up(house, account):
    token = await told(house, account)
    for _ in range(3):
        await house.entry_links.look(ANYBODY, token)
    assert (await house.entry_links.open(token, CALLER)).done


async def test_a_link_is_good_until_its_visit_is_over(house, account):
    token = await told(house, account, hours=2)
    house.clock.forward(hours=2)
    for use in (house.entry_links.look(ANYBODY, token), house.entry_links.open(token, CALLER)):
        with pytest.raises(Invalid) as refusal:
            await use
        assert refusal.value.code == "link_over"
    with pytest.raises(Invalid):
        await house.entry_links.look(ANYBODY, "made-up")


async def test_a_link_that_went_to_another_phone_opens_nothing(house, account):
    """The number may be somebody else's by now."""
    token = await told(house, account)
    house.clock.forward(minutes=1)
    await change(house, account, contact_since=house.clock.now())
    with pytest.raises(Invalid):
        await house.entry_links.open(token, CALLER)


async def test_no_link_is_a_way_in_for_staff(house, account):
    """They show a password and a second factor."""
    token = await told(house, account)
    await change(house, account, kind=UserKind.STAFF)
    with pytest.raises(Invalid, match="link_over"):
        await house.entry_links.open(token, CALLER)


async def test_who_is_suspended_is_let_in_by_no_link(house, account):
    token = await told(house, account)
    await change(house, account, state=UserState.SUSPENDED)
    with pytest.raises(Forbidden):
        await house.entry_links.open(token, CALLER)


async def change(house, account, **values):
    async with house.database.transaction(write=True) as session:
        await session.execute(update(User).where(User.id == account.user_id).values(**values))


async def test_the_link_leaves_the_house_and_is_kept_nowhere(house, account):
    """The text message has the whole address; what is kept afterwards opens nothing."""
    token = await told(house, account)
    (inside,) = await messages(house, Channel.IN_APP)
    assert (inside.link, "link" in inside.values) == ("/visits", False)
    assert token not in str(await kept(house))
    ports = Ports(sms=SandboxSms(Tray(house.database, house.clock)))
    sender = Clinic.open(house.database, house.clock, house.keys, house.settings, ports)
    (queued,) = await messages(house, Channel.SMS)
    await sender.notify.deliver(MessageQueued(message_id=queued.id, channel=Channel.SMS))
    (sent,) = await messages(house, Channel.SMS)
    assert sent.state is MessageState.SENT
    assert "link" not in sent.values
    caught, _ = await house.inbox.page(ANYBODY, limit=5)
    mine = next(each for each in caught if token in each.text)
    assert mine.text.endswith(f"{PAGE}/{token}")
    assert "://" in mine.text


async def kept(house):
    async with house.database.transaction(write=False) as session:
        return [vars(row) for row in await session.scalars(select(EntryLink))]


async def test_links_of_long_ago_are_forgotten(house, account):
    await told(house, account)
    house.clock.forward(days=20)
    await house.entry_links.tidy()
    assert await kept(house), "where it led is still said"
    house.clock.forward(days=20)
    await house.entry_links.tidy()
    assert await kept(house) == []
