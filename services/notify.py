"""Tells people, in their language, in the house and by e-mail and text message. (通知)

A message is queued in the unit of work that gives reason for it, and sent afterwards by a handler
of `MessageQueued`, never inside a unit. A counterpart that fails is tried again by the bus; when
that has gone on for too long, a person gets a task.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from data.errors import DomainError, Invalid, Unavailable
from data.messages import Channel, Message, MessageState
from services.blanks import packed, unpacked
from services.events import (
    AccountLocked,
    CredentialsReset,
    MessageFailed,
    MessageQueued,
    TaskEscalated,
    TaskRaised,
)
from services.i18n import LANGUAGES, Key, say
from services.notes import Contact, Directory, Note, Ways
from services.policy import HOUSE, Action, Actor, Role, Subject
from services.policy_settings import PolicySettings
from services.ports import Letter, Ports, TextMessage
from services.tasks import Priority, Tasks, Wanted
from services.templates import MAY_LEAVE, TEMPLATES, Template
from services.transaction import Transaction, Transactions

__all__ = ["Channel", "Contact", "Directory", "Note", "Notify"]

FAILURE = "message_failed"
LINK = "link"
PATIENCE = 10  # seconds a counterpart may take
REST = timedelta(seconds=30)  # a channel whose counterpart did not answer is left alone so long


def failure_key(channel: str, reason: str) -> str:
    """Return what the keys of tasks about such failures begin with."""
    return f"{FAILURE}:{channel}:{reason}:"


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message that is to go out now, apart from the database."""

    id: UUID
    template: Template
    channel: Channel
    contact: Contact
    values: dict[str, Any]
    attempts: int
    resting: str
    """Why its channel is left alone for a moment; empty: it is not."""


class Notify:
    """The messenger."""

    def __init__(
        self,
        transactions: Transactions,
        ports: Ports,
        directory: Directory,
        policy: PolicySettings,
        tasks: Tasks,
        ways: Ways,
    ) -> None:
        self._transactions = transactions
        self._ports = ports
        self._ways = ways
        self._directory = directory
        self._policy = policy
        self._tasks = tasks
        self._rests: dict[Channel, tuple[datetime, str]] = {}

    async def tell(self, tx: Transaction, note: Note) -> list[UUID]:
        """Queue a message over each of its channels, as part of what `tx` does."""
        return await self._queue(tx, [note])

    async def tell_role(
        self, tx: Transaction, role: str, note: Note, *, site_id: UUID | None = None
    ) -> list[UUID]:
        """Queue a message to everybody who plays a role."""
        people = await self._directory.holders(tx.session, role, note.institution_id, site_id)
        return await self._queue(tx, [replace(note, to=person) for person in people])

    async def _queue(self, tx: Transaction, notes: Sequence[Note]) -> list[UUID]:
        wanted = {
            f"{note.key}:{note.to or note.address}:{channel}": (note, channel)
            for note in notes
            for channel in _template(note).channels & (note.channels or frozenset(Channel))
        }
        query = select(Message.key).where(Message.key.in_(wanted))
        known = set(await tx.session.scalars(query))
        rows = [
            _row(await self._opening(tx, note, channel), channel, key, tx.now)
            for key, (note, channel) in wanted.items()
            if key not in known
        ]
        tx.session.add_all(rows)
        for row in rows:
            tx.announce(
                MessageQueued(message_id=row.id, channel=row.channel, recipient_id=row.owner_id)
            )
        return [row.id for row in rows]

    async def _opening(self, tx: Transaction, note: Note, channel: Channel) -> Note:
        """Give what leaves the house the link that opens its page to the receiver."""
        if note.opens_until is None or note.to is None or channel is Channel.IN_APP:
            return note
        path = await self._ways.doorways.entry(
            tx, note.to, note.institution_id, note.link, note.opens_until
        )
        return replace(note, values={**note.values, LINK: path})

    async def send(self, actor: Actor, note: Note) -> list[UUID]:
        """Queue a message that belongs to nothing else."""
        async with self._transactions.open(actor) as tx:
            tx.allow(Action.MESSAGE_SEND, Subject("message", institution_id=note.institution_id))
            return await self.tell(tx, note)

    async def deliver(self, event: MessageQueued) -> None:
        """Send a queued message over its channel."""
        parcel = await self._pick_up(event.message_id)
        if parcel is None:
            return
        try:
            if parcel.resting:
                raise Unavailable(parcel.resting)  # noqa: TRY301 - an attempt like any other
            number = await self._hand_over(parcel)
        except Unavailable as trouble:
            if not await self._note_attempt(parcel, trouble):
                raise
        except Invalid as refusal:
            await self._give_up(parcel.id, refusal.code)
        else:
            await self._note_sent(parcel, number)

    async def _pick_up(self, message_id: UUID) -> Parcel | None:
        """Return what is to be sent, or None if it has been, or need not be any more."""
        async with self._transactions.read(HOUSE) as tx:
            tx.allow(Action.MESSAGE_SEND, Subject("message", message_id))
            row = await tx.session.get(Message, message_id)
            if row is None or row.state is not MessageState.QUEUED:
                return None
            late = row.expires_at is not None and row.expires_at <= tx.now
            contact = await self._contact(tx.session, row)
            until, why = self._rests.get(row.channel, (tx.now, ""))
            parcel = Parcel(
                row.id,
                TEMPLATES[row.template],
                row.channel,
                contact or Contact(),
                unpacked(row.values),
                row.attempts,
                why if tx.now < until else "",
            )
        if late or contact is None:
            await self._give_up(message_id, "message_too_late" if late else "message_no_address")
            return None
        return parcel

    async def _contact(self, session: AsyncSession, row: Message) -> Contact | None:
        if row.owner_id is None:
            return Contact(row.language or LANGUAGES[0], row.address, row.address)
        contact = await self._directory.contact(session, row.owner_id)
        if contact is None:
            return None
        reached = contact.email if row.channel is Channel.EMAIL else contact.phone
        return contact if reached else None

    async def _hand_over(self, parcel: Parcel) -> str:
        """Give it to the port of its channel; return the provider's number, if it has one."""
        values = {name: value for name, value in parcel.values.items() if name in MAY_LEAVE}
        values[LINK] = await self._whole(values.get(LINK, ""))
        language = parcel.contact.language
        text = say(language, parcel.template.sentence(parcel.channel), **values).strip()
        try:
            async with asyncio.timeout(PATIENCE):
                if parcel.channel is Channel.SMS:
                    return await self._text(parcel, text)
                return await self._post(
                    parcel, say(language, parcel.template.title, **values), text
                )
        except TimeoutError:
            raise Unavailable("counterpart_silent") from None

    async def _whole(self, path: str) -> str:
        """Return the address of a path; nothing if the house is not reached from outside."""
        base = await self._ways.front.address() if path else ""
        return f"{base}{path}" if base else ""

    async def _text(self, parcel: Parcel, text: str) -> str:
        if self._ports.sms is None:
            raise Invalid("sms_not_set_up")
        message = TextMessage(reference=str(parcel.id), to=parcel.contact.phone, text=text)
        return await self._ports.sms.send(message)

    async def _post(self, parcel: Parcel, subject: str, text: str) -> str:
        if self._ports.mailer is None:
            raise Invalid("mail_not_set_up")
        letter = Letter(
            reference=str(parcel.id), to=parcel.contact.email, subject=subject, text=text
        )
        await self._ports.mailer.send(letter)
        return ""

    async def _note_sent(self, parcel: Parcel, number: str) -> None:
        async with self._transactions.open(HOUSE) as tx:
            row = await tx.get(Message, parcel.id)
            tx.allow(Action.MESSAGE_SEND, row, channel=row.channel)
            row.state, row.sent_at, row.provider_number = MessageState.SENT, tx.now, number
            row.attempts += 1
            _wipe(row)
        self._rests.pop(parcel.channel, None)

    async def _note_attempt(self, parcel: Parcel, trouble: DomainError) -> bool:
        """Count an attempt that failed; return whether it was the last."""
        last = parcel.attempts + 1 >= self._policy.number("policy.notify.max_tries")
        if last:
            await self._give_up(parcel.id, trouble.code)
            return True
        async with self._transactions.open(HOUSE) as tx:
            row = await tx.get(Message, parcel.id)
            tx.allow(Action.MESSAGE_SEND, row, purpose="attempt", reason=trouble.code)
            row.attempts += 1
            row.reason = trouble.code
            if not parcel.resting:
                self._rests[parcel.channel] = tx.now + REST, trouble.code
        return False

    async def _give_up(self, message_id: UUID, reason: str) -> None:
        async with self._transactions.open(HOUSE) as tx:
            row = await tx.get(Message, message_id)
            tx.allow(Action.MESSAGE_SEND, row, purpose="given up", reason=reason)
            row.state, row.reason = MessageState.FAILED, reason
            row.attempts += 1
            _wipe(row)
            tx.announce(MessageFailed(message_id=row.id, channel=row.channel, reason=reason))

    async def report(self, event: MessageFailed) -> None:
        """Ask the system administrator to see to a channel that fails, by one task at a time."""
        cause = failure_key(event.channel, event.reason)
        async with self._transactions.open(HOUSE) as tx:
            row = await tx.get(Message, event.message_id)
            tx.allow(Action.TASK_RAISE, row)
            open_ = await self._tasks.open_keys(tx, row.institution_id, FAILURE)
            if any(key.startswith(cause) for key in open_):
                return
            await self._tasks.raise_(
                tx,
                Wanted(
                    kind=FAILURE,
                    key=f"{cause}{event.event_id}",
                    institution_id=row.institution_id,
                    role=Role.SYSTEM_ADMIN,
                    values={
                        "channel": Key(f"channel.{event.channel}"),
                        "reason": Key(f"error.{event.reason}"),
                    },
                    subject=f"message:{row.id}",
                    due_at=tx.now + timedelta(days=1),
                    priority=Priority.HIGH,
                ),
            )

    async def announce_task(self, event: TaskRaised) -> None:
        """Tell a person that a task is theirs."""
        if event.owner_id is None or event.institution_id is None:
            return  # a task for a role stands in the list of everybody who plays it
        note = Note(
            "task_for_you",
            f"task:{event.event_id}",
            event.institution_id,
            to=event.owner_id,
            link=f"/tasks?task={event.task_id}",
        )
        await self.send(HOUSE, note)

    async def announce_lock(self, event: AccountLocked) -> None:
        """Tell a person that their account is locked: it may not have been them. (S-AUTH-2)"""
        key = f"locked:{event.event_id}"
        await self._warn(event.user_id, "account_locked", key, moment=event.until)

    async def announce_reset(self, event: CredentialsReset) -> None:
        """Tell a person that they were given a new password: they may not have asked for it."""
        template = "factors_reset" if event.factors else "password_reset"
        await self._warn(event.user_id, template, f"reset:{event.event_id}")

    async def _warn(self, user_id: UUID, template: str, key: str, **values: Any) -> None:
        """Tell a person something about their own account over everything that leads to them."""
        async with self._transactions.open(HOUSE) as tx:
            contact = await self._directory.contact(tx.session, user_id)
            if contact is None or contact.institution_id is None:
                return
            place = Subject("message", institution_id=contact.institution_id)
            tx.allow(Action.MESSAGE_SEND, place)
            note = Note(
                template,
                key,
                contact.institution_id,
                to=user_id,
                channels=self.reaching(contact),
                values=values,
            )
            await self.tell(tx, note)

    def reaching(self, contact: Contact) -> frozenset[Channel]:
        """Return the channels that lead to somebody now: what is not set up fails nobody."""
        channels = {Channel.IN_APP}
        if contact.email and self._ports.mailer is not None:
            channels.add(Channel.EMAIL)
        if contact.phone and self._ports.sms is not None:
            channels.add(Channel.SMS)
        return frozenset(channels)

    async def announce_overdue(self, event: TaskEscalated) -> None:
        """Tell everybody in the role that answers for it that a task was not done in time."""
        if event.owner_role is None or event.institution_id is None:
            return
        note = Note(
            "task_overdue",
            f"task:{event.event_id}",
            event.institution_id,
            link=f"/tasks?task={event.task_id}",
        )
        async with self._transactions.open(HOUSE) as tx:
            tx.allow(Action.MESSAGE_SEND, Subject("message", institution_id=event.institution_id))
            await self.tell_role(tx, event.owner_role, note)


def _template(note: Note) -> Template:
    template = TEMPLATES.get(note.template)
    if template is None:
        raise Invalid("message_unknown", template=note.template)
    if not note.channels <= template.channels:
        raise Invalid("message_channel_wrong", template=note.template)
    if note.to is None and (not note.address or len(note.channels) != 1):
        raise Invalid("message_for_nobody", template=note.template)
    return template


def _wipe(row: Message) -> None:
    """Forget what would open a door to whoever reads the message later."""
    secret = TEMPLATES[row.template].secret
    row.values = {} if secret else {name: row.values[name] for name in row.values if name != LINK}


def _row(note: Note, channel: Channel, key: str, now: datetime) -> Message:
    inside = channel is Channel.IN_APP
    return Message(
        institution_id=note.institution_id,
        key=key,
        template=note.template,
        channel=channel,
        owner_id=note.to,
        address=note.address,
        language=note.language,
        values=packed(note.values),
        link=note.link,
        state=MessageState.SENT if inside else MessageState.QUEUED,
        queued_at=now,
        expires_at=note.expires_at,
        sent_at=now if inside else None,
    )
