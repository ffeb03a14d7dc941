"""The sandbox inbox: letters and text messages of a demo, which no network ever saw."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select

from data.clock import Clock
from data.database import Database
from data.errors import NotFound
from data.messages import CaughtMessage, Channel
from services.policy import HOUSE, Action, Actor, Subject
from services.transaction import Transactions

KEPT = 500


@dataclass(frozen=True, slots=True)
class Caught:
    """One message that was caught."""

    reference: str
    channel: Channel
    address: str
    subject: str
    text: str
    at: datetime


class Tray:
    """Where sandbox adapters put what they are told to send."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def keep(
        self, channel: Channel, reference: str, address: str, text: str, *, subject: str = ""
    ) -> str:
        """Keep a message, the same reference once; return the number a provider would give it."""
        async with self._database.transaction(write=True) as session:
            query = select(CaughtMessage).where(CaughtMessage.reference == reference)
            row = await session.scalar(query)
            if row is None:
                row = CaughtMessage(
                    reference=reference,
                    channel=channel,
                    address=address,
                    subject=subject,
                    text=text,
                    at=self._clock.now(),
                )
                session.add(row)
            return f"sandbox-{row.id}"


class Inbox:
    """Shows what was caught, in a demo and nowhere else."""

    def __init__(self, transactions: Transactions, *, demo: bool) -> None:
        self._transactions = transactions
        self._demo = demo

    async def page(
        self, actor: Actor, *, offset: int = 0, limit: int = 50
    ) -> tuple[list[Caught], int]:
        """Return one page, latest first; raise `NotFound` outside a demo."""
        if not self._demo:
            raise NotFound("not_found", what="inbox", key="")
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.INBOX_READ, Subject("inbox"))
            total = await tx.session.scalar(select(func.count(CaughtMessage.id)))
            query = select(CaughtMessage).order_by(CaughtMessage.id.desc())
            rows = await tx.session.scalars(query.offset(offset).limit(min(limit, KEPT)))
            return [
                Caught(row.reference, row.channel, row.address, row.subject, row.text, row.at)
                for row in rows
            ], total or 0

    async def prune(self, before: datetime, limit: int) -> int:
        """Forget at most `limit` of what was caught before then; return how many."""
        async with self._transactions.open(HOUSE) as tx:
            tx.allow(Action.BUS_WORK, Subject("inbox"))
            old = select(CaughtMessage.id).where(CaughtMessage.at < before)
            ids = list(await tx.session.scalars(old.order_by(CaughtMessage.at).limit(limit)))
            await tx.session.execute(delete(CaughtMessage).where(CaughtMessage.id.in_(ids)))
            return len(ids)
