"""Messages that could not be sent: shown to a person, sent again on their word. (未发出的消息)

Whom they were for and what they say is not shown: who looks after the channels need not know.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, select

from data.errors import Conflict
from data.messages import Channel, Message, MessageState
from services.events import MessageQueued
from services.notify import FAILURE, failure_key
from services.policy import Action, Actor, Subject, visible
from services.tasks import Tasks
from services.templates import TEMPLATES
from services.transaction import Transaction, Transactions


@dataclass(frozen=True, slots=True)
class Unsent:
    """A message that nobody got."""

    id: UUID
    template: str
    channel: Channel
    reason: str
    """The code of the sentence that says why."""
    attempts: int
    queued_at: datetime
    obstacle: str
    """The code of why it cannot be sent again; empty: it can."""


class Undelivered:
    """The view of the messages for who looks after the channels."""

    def __init__(self, transactions: Transactions, tasks: Tasks) -> None:
        self._transactions = transactions
        self._tasks = tasks

    async def page(
        self, actor: Actor, *, search: str = "", offset: int = 0, limit: int = 50
    ) -> tuple[list[Unsent], int]:
        """Return one page of what could not be sent, latest first, and how much there is."""
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.MESSAGE_OVERSEE, _all(actor))
            where = _failed(actor)
            if search:
                where.append(
                    Message.template.contains(search, autoescape=True)
                    | Message.reason.contains(search, autoescape=True)
                )
            total = await tx.session.scalar(select(func.count(Message.id)).where(*where))
            query = select(Message).where(*where)
            query = query.order_by(Message.queued_at.desc(), Message.id.desc())
            rows = await tx.session.scalars(query.offset(offset).limit(min(limit, 200)))
            return [_unsent(row, tx.now) for row in rows], total or 0

    async def count(self, actor: Actor) -> int:
        """Count what could not be sent."""
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.MESSAGE_OVERSEE, _all(actor))
            query = select(func.count(Message.id)).where(*_failed(actor))
            return await tx.session.scalar(query) or 0

    async def resend(self, actor: Actor, message_id: UUID) -> None:
        """Have a message that failed sent again, with all its tries before it.

        Raise `Conflict("message_not_failed")` if it waits or is sent, and the obstacle if there is
        one: a code that was wiped, or a time that is over.
        """
        async with self._transactions.open(actor) as tx:
            row = await tx.get(Message, message_id)
            tx.allow(Action.MESSAGE_RESEND, row, channel=row.channel)
            if row.state is not MessageState.FAILED:
                raise Conflict("message_not_failed")
            if obstacle := _obstacle(row, tx.now):
                raise Conflict(obstacle)
            cause, row.reason = row.reason, ""
            row.state, row.attempts = MessageState.QUEUED, 0
            await self._settle(tx, row, cause)
            tx.announce(
                MessageQueued(message_id=row.id, channel=row.channel, recipient_id=row.owner_id)
            )
            tx.answer(None)

    async def _settle(self, tx: Transaction, row: Message, cause: str) -> None:
        """Close the task about such failures once no message is left that failed so."""
        await tx.session.flush()
        query = select(Message.id).where(
            Message.institution_id == row.institution_id,
            Message.channel == row.channel,
            Message.state == MessageState.FAILED,
            Message.reason == cause,
        )
        if await tx.session.scalar(query.limit(1)) is not None:
            return
        for key in await self._tasks.open_keys(tx, row.institution_id, FAILURE):
            if key.startswith(failure_key(row.channel, cause)):
                await self._tasks.settle(tx, row.institution_id, key, "sent again")


def _all(actor: Actor) -> Subject:
    return Subject("message", institution_id=actor.institution_id)


def _failed(actor: Actor) -> list[ColumnElement[bool]]:
    overseen = visible(actor, Action.MESSAGE_OVERSEE, Message)
    return [overseen, Message.state == MessageState.FAILED]


def _obstacle(row: Message, now: datetime) -> str:
    template = TEMPLATES.get(row.template)
    if template is None or template.secret:
        return "message_secret_gone"
    return "message_too_late" if row.expires_at is not None and row.expires_at <= now else ""


def _unsent(row: Message, now: datetime) -> Unsent:
    return Unsent(
        id=row.id,
        template=row.template,
        channel=row.channel,
        reason=row.reason,
        attempts=row.attempts,
        queued_at=row.queued_at,
        obstacle=_obstacle(row, now),
    )
