"""What the outbox could not bring to its handler: shown to a person, tried again on their word.

For each handler that is owed something there is one task; it ends when nothing is parked any more.

An event's content is not shown: who looks after the machines need not know whom it is about.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from data.errors import NotFound
from data.institution import Institution
from data.outbox import Delivery, OutboxEvent
from services.bus import Bus
from services.events import DeliveryParked
from services.i18n import LANGUAGES, Key, has
from services.lanes import TIMER
from services.policy import HOUSE, Action, Actor, Role, Subject
from services.procedures import Step
from services.tasks import Priority, Tasks, Wanted
from services.transaction import Transaction, Transactions

TASK = "delivery_parked"
PAGE = "/deliveries"


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

    def __init__(self, transactions: Transactions, bus: Bus, tasks: Tasks) -> None:
        self._transactions = transactions
        self._bus = bus
        self._tasks = tasks
        tasks.ends_at(TASK, PAGE)

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

    async def parked_count(self, actor: Actor) -> int:
        """Count what is parked."""
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.DELIVERY_READ, Subject("outbox_delivery"))
            query = select(func.count(Delivery.id)).where(Delivery.parked_at.is_not(None))
            return await tx.session.scalar(query) or 0

    async def replay(self, actor: Actor, delivery_id: UUID) -> None:
        """Have a parked delivery tried again from the start.

        Handlers hear some events twice anyway, so this never does anything a second time.
        """
        async with self._transactions.open(actor) as tx:
            tx.allow(Action.DELIVERY_REPLAY, Subject("outbox_delivery", delivery_id))
            row = await tx.session.get(Delivery, delivery_id)
            if row is None or not await self._bus.replay(tx.session, delivery_id):
                raise NotFound("delivery_not_parked")
            if not await _is_parked(tx.session, row.handler):
                await self._settle(tx, row.handler)
            tx.answer(None)

    async def call_for_help(self, event: DeliveryParked) -> None:
        """Give the system administrator one task for each handler that things are parked for."""
        async with self._transactions.open(HOUSE) as tx:
            if not await _is_parked(tx.session, event.handler):
                return  # replayed meanwhile
            tx.allow(Action.TASK_RAISE, Subject("outbox_delivery"))
            for institution_id in list(await tx.session.scalars(select(Institution.id))):
                if not await self._open_keys(tx, institution_id, event.handler):
                    await self._tasks.raise_(tx, _wanted(event, institution_id, tx.now))

    async def _settle(self, tx: Transaction, handler: str) -> None:
        for institution_id in list(await tx.session.scalars(select(Institution.id))):
            for key in await self._open_keys(tx, institution_id, handler):
                await self._tasks.settle(tx, institution_id, key, "replayed")

    async def _open_keys(self, tx: Transaction, institution_id: UUID, handler: str) -> list[str]:
        keys = await self._tasks.open_keys(tx, institution_id, TASK)
        return sorted(key for key in keys if key.startswith(_keys_of(handler)))


async def _is_parked(session: AsyncSession, handler: str) -> bool:
    query = select(Delivery.id).where(Delivery.handler == handler, Delivery.parked_at.is_not(None))
    return await session.scalar(query.limit(1)) is not None


def _keys_of(handler: str) -> str:
    return f"{TASK}:{handler}:"


def _wanted(event: DeliveryParked, institution_id: UUID, now: datetime) -> Wanted:
    return Wanted(
        kind=TASK,
        key=f"{_keys_of(event.handler)}{event.event_id}",
        institution_id=institution_id,
        role=Role.SYSTEM_ADMIN,
        values={"what": in_words(event.handler)},
        due_at=now + timedelta(days=1),
        priority=Priority.HIGH,
    )


def in_words(handler: str) -> str:
    """Return the key of the sentence for what a handler does, or its name if there is none."""
    if handler == TIMER:
        return Key("deliveries.timer")
    key = Step(handler).key if handler.count(".") > 1 else ""
    return Key(key) if has(key, LANGUAGES[0]) else handler


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
