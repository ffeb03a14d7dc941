"""What the house has told somebody, as they read it on their own page. (站内消息)"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, update

from data.messages import Channel, Message, MessageState
from services.blanks import unpacked
from services.policy import HOUSE, Action, Actor, Subject, visible
from services.templates import TEMPLATES
from services.transaction import Transactions


@dataclass(frozen=True, slots=True)
class Notice:
    """A message in the house: `title` and `text` are keys of sentences that `values` fill."""

    id: UUID
    template: str
    values: dict[str, Any]
    link: str
    at: datetime
    read: bool

    @property
    def title(self) -> str:
        return TEMPLATES[self.template].title

    @property
    def text(self) -> str:
        return TEMPLATES[self.template].sentence(Channel.IN_APP)


class Notices:
    """Everybody's own messages."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def page(
        self, actor: Actor, *, unread_only: bool = False, offset: int = 0, limit: int = 50
    ) -> tuple[list[Notice], int]:
        """Return one page of the actor's messages, latest first, and how many there are."""
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.MESSAGE_READ, _mine(actor))
            where = _clauses(actor, unread_only=unread_only)
            total = await tx.session.scalar(select(func.count(Message.id)).where(*where))
            query = select(Message).where(*where)
            query = query.order_by(Message.queued_at.desc(), Message.id.desc())
            rows = await tx.session.scalars(query.offset(offset).limit(min(limit, 200)))
            return [_notice(row) for row in rows], total or 0

    async def unread(self, actor: Actor) -> int:
        """Count what the actor has not read."""
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.MESSAGE_READ, _mine(actor))
            where = _clauses(actor, unread_only=True)
            return await tx.session.scalar(select(func.count(Message.id)).where(*where)) or 0

    async def mark_read(self, actor: Actor, *message_ids: UUID) -> None:
        """Note that the actor has read these messages, or all of theirs if none is named."""
        async with self._transactions.open(actor) as tx:
            tx.allow(Action.MESSAGE_READ, _mine(actor))
            where = _clauses(actor, unread_only=True)
            if message_ids:
                where.append(Message.id.in_(message_ids))
            change = update(Message).where(*where)
            await tx.session.execute(change.values(state=MessageState.READ, read_at=tx.now))

    async def prune(self, institution_id: UUID, before: datetime, limit: int) -> int:
        """Forget at most `limit` messages of an institution from before then; return how many.

        Over every channel, read or not; only what still waits to be sent stays.
        """
        async with self._transactions.open(HOUSE) as tx:
            tx.allow(Action.BUS_WORK, Subject("message", institution_id=institution_id))
            old = select(Message.id).where(
                Message.institution_id == institution_id,
                Message.queued_at < before,
                Message.state != MessageState.QUEUED,
            )
            ids = list(await tx.session.scalars(old.order_by(Message.queued_at).limit(limit)))
            await tx.session.execute(delete(Message).where(Message.id.in_(ids)))
            return len(ids)


def _mine(actor: Actor) -> Subject:
    return Subject("message", owner_id=actor.user_id)


def _clauses(actor: Actor, *, unread_only: bool) -> list[Any]:
    clauses = [
        visible(actor, Action.MESSAGE_READ, Message),
        Message.owner_id == actor.user_id,
        Message.channel == Channel.IN_APP,
    ]
    return [*clauses, Message.state == MessageState.SENT] if unread_only else clauses


def _notice(row: Message) -> Notice:
    return Notice(
        row.id,
        row.template,
        unpacked(row.values),
        row.link,
        row.queued_at,
        row.state is MessageState.READ,
    )
