"""Who is to know is told once, in their language, over what they have, or somebody asks why."""

import asyncio
import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from data.errors import Invalid, NotFound, Unavailable
from data.messages import Channel, Message, MessageState
from data.users import RoleGrant, User
from integrations.sandbox.messages import SandboxSms
from integrations.smtp import SmtpMailer
from services import notify as notify_module
from services.clinic import Clinic
from services.events import AccountLocked, MessageQueued
from services.i18n import LANGUAGES, catalogue, has, say
from services.inbox import Tray
from services.notify import Note
from services.policy import ANYBODY, HOUSE, Action, Role, Subject
from services.ports import Ports
from services.settings import MailSettings, Settings
from services.tasks import Search, Wanted
from services.templates import MAY_LEAVE, TEMPLATES
from tests.factories import INSTITUTION, MONDAY, an_actor
from tests.mail_server import mail_server


class FailingSms:
    """A provider with bad days: not a stand-in for ours, but the trouble that a real one makes."""

    sandbox = False

    def __init__(self, inner):
        self.inner = inner
        self.trouble = None
        self.asked = 0

    async def send(self, message):
        self.asked += 1
        if self.trouble:
            raise self.trouble
        return await self.inner.send(message)


@pytest.fixture
def sms(database, clock):
    return FailingSms(SandboxSms(Tray(database, clock)))


@pytest.fixture
def clinic(database, clock, keys, tmp_path, sms):
    return Clinic.open(database, clock, keys, Settings(home=tmp_path, demo=True), Ports(sms=sms))


async def person(clinic, role=Role.SYSTEM_ADMIN, **more):
    actor = an_actor(role)
    settled = {"language": "en", "phone": "19900000001", "email": "ann@hospital.test", **more}
    async with clinic.database.transaction(write=True) as session:
        session.add(
            User(
                id=actor.user_id,
                owner_id=actor.user_id,
                institution_id=INSTITUTION,
                username=str(actor.user_id),
                display_name="Ann Example",
                created_at=MONDAY,
                woken_at=MONDAY,
                **settled,
            )
        )
        await session.flush()
        session.add(
            RoleGrant(user_id=actor.user_id, role=role, granted_by=actor.user_id, at=MONDAY)
        )
    return actor


def note(template="test", key="k", **more):
    return Note(template, key, INSTITUTION, **more)


async def states(clinic):
    async with clinic.database.transaction(write=False) as session:
        rows = await session.scalars(select(Message).order_by(Message.channel))
        return {row.channel: (row.state, row.reason) for row in rows}


async def caught(clinic):
    return (await clinic.inbox.page(ANYBODY))[0]


async def test_a_code_reaches_the_phone_in_the_readers_language_and_is_wiped(clinic, database):
    ann = await person(clinic)
    await clinic.notify.send(
        HOUSE,
        note(
            "code", to=ann.user_id, channels={Channel.SMS}, values={"code": "314159", "minutes": 5}
        ),
    )
    await clinic.bus.deliver()

    [message] = await caught(clinic)
    assert message.address == "19900000001"
    assert message.text == say("en", "message.code.sms", code="314159", minutes=5)
    async with database.transaction(write=False) as session:
        row = await session.scalar(select(Message))
        assert (row.state, row.values) == (MessageState.SENT, {})
        assert row.provider_number.startswith("sandbox-")


async def test_a_letter_arrives_at_a_real_mail_server(database, clock, keys, tmp_path):
    async with mail_server() as (port, postman):
        settings = MailSettings(
            host="127.0.0.1", port=port, security="none", sender="care@hospital.test"
        )
        ports = Ports(mailer=SmtpMailer(settings, clock))
        clinic = Clinic.open(database, clock, keys, Settings(home=tmp_path), ports)
        ann = await person(clinic, language="zh_CN")
        await clinic.notify.send(HOUSE, note(to=ann.user_id, channels={Channel.EMAIL}))
        await clinic.bus.deliver()
    [letter] = postman.letters
    assert letter["To"] == "ann@hospital.test"
    assert letter["Subject"] == say("zh_CN", "message.test.title")


async def test_telling_the_same_twice_is_telling_it_once(clinic):
    ann = await person(clinic)
    for _ in range(2):
        await clinic.notify.send(HOUSE, note(to=ann.user_id))
    assert (await clinic.notices.page(ann))[1] == 1


async def test_a_delivery_that_is_repeated_sends_nothing_again(clinic, sms):
    ann = await person(clinic)
    [sent] = await clinic.notify.send(HOUSE, note(to=ann.user_id, channels={Channel.SMS}))
    for _ in range(2):
        await clinic.notify.deliver(MessageQueued(message_id=sent, channel="sms"))
    assert sms.asked == 1


async def test_what_is_never_committed_is_never_sent(clinic):
    ann = await person(clinic)

    async def tell_and_fail():
        async with clinic.transactions.open(HOUSE) as tx:
            tx.allow(Action.MESSAGE_SEND, Subject("message"))
            await clinic.notify.tell(tx, note(to=ann.user_id))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await tell_and_fail()
    await clinic.bus.deliver()
    assert await caught(clinic) == []


async def test_a_provider_that_is_down_is_tried_again_until_it_works(clinic, clock, sms):
    ann = await person(clinic)
    sms.trouble = Unavailable("counterpart_silent")
    await clinic.notify.send(HOUSE, note(to=ann.user_id, channels={Channel.SMS}))
    await clinic.bus.deliver()
    assert await states(clinic) == {"sms": (MessageState.QUEUED, "counterpart_silent")}
    sms.trouble = None
    clock.forward(minutes=2)
    await clinic.bus.deliver()
    assert (await states(clinic))["sms"][0] is MessageState.SENT
    assert len(await caught(clinic)) == 1


async def test_a_channel_that_is_down_is_left_alone_for_a_moment(clinic, sms):
    """One silent provider must not cost its patience for each message that waits."""
    ann = await person(clinic)
    sms.trouble = Unavailable("counterpart_silent")
    for number in range(5):
        await clinic.notify.send(
            HOUSE, note(key=str(number), to=ann.user_id, channels={Channel.SMS})
        )
    await clinic.bus.deliver()
    assert sms.asked == 1


async def test_a_provider_that_hangs_holds_nobody_up(clinic, sms, monkeypatch):
    monkeypatch.setattr(notify_module, "PATIENCE", 0.1)
    ann = await person(clinic)

    async def hang(message):
        await asyncio.Event().wait()

    sms.inner.send = hang
    await clinic.notify.send(HOUSE, note(to=ann.user_id, channels={Channel.SMS}))
    await asyncio.wait_for(clinic.bus.deliver(), 5)
    assert (await states(clinic))["sms"] == (MessageState.QUEUED, "counterpart_silent")


async def test_after_the_last_try_the_administrator_gets_one_task_a_day(clinic, clock, sms):
    ann = await person(clinic)
    sms.trouble = Unavailable("counterpart_silent")
    for number in range(3):
        await clinic.notify.send(
            HOUSE, note(key=str(number), to=ann.user_id, channels={Channel.SMS})
        )
    for _ in range(80):
        clock.forward(minutes=5)
        await clinic.bus.deliver()
    assert (await states(clinic))["sms"] == (MessageState.FAILED, "counterpart_silent")
    [task], total = await clinic.tasks.page(ann, Search())
    assert total == 1
    title = say("en", task.title, **task.values)
    assert title == (
        "Messages cannot be sent (text message): "
        "The other system does not answer; please try again later."
    )


async def test_a_number_that_is_none_is_not_tried_again(clinic, sms):
    ann = await person(clinic, phone="12")
    await clinic.notify.send(HOUSE, note(to=ann.user_id, channels={Channel.SMS}))
    await clinic.bus.deliver()
    assert (await states(clinic))["sms"] == (MessageState.FAILED, "sms_number_malformed")
    assert sms.asked == 1


@pytest.mark.parametrize(
    ("channel", "missing", "reason"),
    [
        (Channel.SMS, {"phone": None}, "message_no_address"),
        (Channel.EMAIL, {}, "mail_not_set_up"),
    ],
)
async def test_what_cannot_be_sent_is_said_to_be_so(clinic, channel, missing, reason):
    ann = await person(clinic, **missing)
    await clinic.notify.send(HOUSE, note(to=ann.user_id, channels={channel}))
    await clinic.bus.deliver()
    assert (await states(clinic))[channel] == (MessageState.FAILED, reason)
    assert has(f"error.{reason}")


async def test_a_code_that_comes_too_late_is_not_sent(clinic, clock):
    ann = await person(clinic)
    await clinic.notify.send(
        HOUSE,
        note(
            "code",
            to=ann.user_id,
            channels={Channel.SMS},
            values={"code": "314159", "minutes": 5},
            expires_at=MONDAY + timedelta(minutes=5),
        ),
    )
    clock.forward(minutes=6)
    await clinic.bus.deliver()
    assert (await states(clinic))["sms"] == (MessageState.FAILED, "message_too_late")
    assert await caught(clinic) == []


async def test_somebody_without_an_account_is_reached_at_an_address(clinic):
    await clinic.notify.send(
        HOUSE,
        note(
            "code",
            address="19900000009",
            language="en",
            channels={Channel.SMS},
            values={"code": "271828", "minutes": 5},
        ),
    )
    await clinic.bus.deliver()
    assert [message.address for message in await caught(clinic)] == ["19900000009"]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"template": "no_such", "address": "19900000001"}, "message_unknown"),
        ({"template": "code", "channels": {Channel.IN_APP}}, "message_channel_wrong"),
        ({"template": "test"}, "message_for_nobody"),
        ({"template": "test", "address": "19900000001"}, "message_for_nobody"),
    ],
)
async def test_a_note_that_makes_no_sense_is_refused(clinic, wrong, code):
    with pytest.raises(Invalid) as refusal:
        await clinic.notify.send(HOUSE, note(**wrong))
    assert refusal.value.code == code


async def test_messages_in_the_house_are_read_by_their_reader_only(clinic):
    ann, ben = await person(clinic), await person(clinic)
    await clinic.notify.send(HOUSE, note(to=ann.user_id, channels={Channel.IN_APP}))

    [notice], total = await clinic.notices.page(ann)
    assert (total, notice.read, notice.title) == (1, False, "message.test.title")
    assert (await clinic.notices.page(ben))[1] == 0
    await clinic.notices.mark_read(ben, notice.id)
    assert await clinic.notices.unread(ann) == 1
    await clinic.notices.mark_read(ann)
    assert await clinic.notices.unread(ann) == 0
    assert (await clinic.notices.page(ann, unread_only=True))[1] == 0


async def test_a_task_given_to_somebody_is_told_to_them(clinic):
    ann = await person(clinic, Role.NURSE)
    await clinic.tasks.add(
        HOUSE,
        Wanted("asked", "a", INSTITUTION, owner_id=ann.user_id, values={"words": "Call back"}),
    )
    await clinic.bus.deliver()
    [notice], _ = await clinic.notices.page(ann)
    assert notice.template == "task_for_you"
    assert notice.link.startswith("/tasks?task=")


async def test_an_overdue_task_is_told_to_everybody_who_answers_for_it(clinic, clock):
    heads = [await person(clinic, Role.MEDICAL_AFFAIRS) for _ in range(2)]
    other = await person(clinic, Role.HR)
    due = MONDAY + timedelta(minutes=30)
    await clinic.tasks.add(
        HOUSE,
        Wanted(
            "asked",
            "a",
            INSTITUTION,
            role=Role.NURSE,
            values={"words": "Call back"},
            due_at=due,
            escalates_to=Role.MEDICAL_AFFAIRS,
        ),
    )
    clock.forward(minutes=31)
    await clinic.bus.ring()
    await clinic.bus.deliver()
    assert [await clinic.notices.unread(head) for head in heads] == [1, 1]
    assert await clinic.notices.unread(other) == 0


async def test_the_sandbox_inbox_is_for_a_demo_only(database, clock, keys, settings):
    real = Clinic.open(database, clock, keys, settings)
    with pytest.raises(NotFound):
        await real.inbox.page(an_actor(Role.SYSTEM_ADMIN))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", TEMPLATES.values(), ids=lambda template: template.key)
def test_no_letter_and_no_text_message_can_tell_anything_about_health(template, language):
    """S-PI-1: what leaves the house has harmless blanks only, in every language."""
    outside = template.channels - {Channel.IN_APP}
    keys = [template.title, *(template.sentence(channel) for channel in template.channels)]
    assert [key for key in keys if not has(key, language)] == []
    leaving = [template.title, *(template.sentence(channel) for channel in outside)]
    for key in leaving if outside else []:
        sentence = catalogue(language).sentences[key]
        assert set(re.findall(r"{(\w+)}", sentence)) <= MAY_LEAVE


async def test_a_caller_who_hands_in_more_than_may_leave_changes_nothing(clinic):
    ann = await person(clinic)
    values = {"code": "314159", "minutes": 5, "diagnosis": "抑郁症"}
    await clinic.notify.send(
        HOUSE, note("code", to=ann.user_id, channels={Channel.SMS}, values=values)
    )
    await clinic.bus.deliver()
    [message] = await caught(clinic)
    assert "抑郁症" not in message.text


async def test_somebody_whose_account_is_locked_hears_of_it(clinic, clock):
    """S-AUTH-2: it may have been somebody else who tried."""
    ann = await person(clinic, email="")
    until = clock.now() + timedelta(minutes=30)
    await clinic.notify.announce_lock(AccountLocked(user_id=ann.user_id, until=until))
    await clinic.bus.deliver()
    [notice], _ = await clinic.notices.page(ann)
    assert notice.values == {"moment": until}
    [message] = await caught(clinic)
    assert message.channel is Channel.SMS
    assert message.text == say("en", "message.account_locked.sms", moment=until)
