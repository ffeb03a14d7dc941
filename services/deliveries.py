"""What the outbox could not bring to its handler: shown to a person, tried again on their word.

An event's content is not shown: who looks after the machines need not know whom it is about.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, select

from data.errors import NotFound
from data.outbox import Delivery, OutboxEvent
from services.bus import Bus
from services.policy import Action, Actor, Subject
from services.transaction import Transactions


@dataclass(frozen=True, slots=True)
class Parked:
    """A delivery that is no longer tried by itself."""

    id: UUID
    event: str
    handler: str
    error: str
    """The kind of trouble, never its text."""
    attempts: int
    happened_at: datetime
    parked_at: datetime


@dataclass(frozen=True, slots=True)
class Flow:
    """How the outbox stands."""

    waiting: int
    parked: int
    oldest: datetime | None
    """Since when the longest-waiting delivery has been due."""


class Deliveries:
    """The view of the outbox for who looks after the machines."""

    def __init__(self, transactions: Transactions, bus: Bus) -> None:
        self._transactions = transactions
        self._bus = bus

    async def parked(
        self, actor: Actor, *, search: str = "", offset: int = 0, limit: int = 50
    ) -> tuple[list[Parked], int]:
        """Return one page of what is parked, latest first, and how much there is."""
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.DELIVERY_READ, Subject("outbox_delivery"))
            where: list[ColumnElement[bool]] = [Delivery.parked_at.is_not(None)]
            if search:
                where.append(
                    Delivery.handler.contains(search, autoescape=True)
                    | OutboxEvent.name.contains(search, autoescape=True)
                )
            joined = select(Delivery, OutboxEvent).join(
                OutboxEvent, OutboxEvent.id == Delivery.event_id
            )
            total = await tx.session.scalar(
                select(func.count(Delivery.id))
                .join(OutboxEvent, OutboxEvent.id == Delivery.event_id)
                .where(*where)
            )
            query = joined.where(*where).order_by(Delivery.parked_at.desc(), Delivery.id)
            rows = await tx.session.execute(query.offset(offset).limit(min(limit, 200)))
            return [_parked(delivery, event) for delivery, event in rows], total or 0

    async def flow(self, actor: Actor) -> Flow:
        """Count what waits and what is parked."""
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.DELIVERY_READ, Subject("outbox_delivery"))
            query = select(
                func.count(Delivery.due_at),
                func.count(Delivery.parked_at),
                func.min(Delivery.due_at),
            )
            waiting, parked, oldest = (await tx.session.execute(query)).one()
            return Flow(waiting, parked, oldest)

    async def replay(self, actor: Actor, delivery_id: UUID) -> None:
        """Have a parked delivery tried again from the start.

        Handlers hear some events twice anyway, so this never does anything a second time.
        """
        async with self._transactions.open(actor) as tx:
            tx.allow(Action.DELIVERY_REPLAY, Subject("outbox_delivery", delivery_id))
            if not await self._bus.replay(tx.session, delivery_id):
                raise NotFound("delivery_not_parked")
            tx.answer(None)


def _parked(delivery: Delivery, event: OutboxEvent) -> Parked:
    return Parked(
        id=delivery.id,
        event=event.name,
        handler=delivery.handler,
        error=delivery.error or "",
        attempts=delivery.attempts,
        happened_at=event.at,
        parked_at=delivery.parked_at or event.at,
    )
