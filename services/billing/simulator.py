"""The checkout of a channel that only pretends: one presses a button, no money moves. (模拟)"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol, runtime_checkable
from uuid import UUID

from sqlalchemy import select

from data.billing import Payment
from data.errors import NotFound
from services.billing.settlement import Settlement
from services.policy import Action, Actor, Subject
from services.ports import PaymentStatus, Ports
from services.transaction import Transactions


@dataclass(frozen=True, slots=True)
class Checkout:
    """What a payer would see at a real channel."""

    reference: str
    fen: int
    description: str
    pay_until: datetime
    status: PaymentStatus
    order_id: UUID | None = None
    """The bill to go back to."""


@runtime_checkable
class Pretender(Protocol):
    """A payment channel of a demo, with a checkout of its own."""

    sandbox: bool

    async def checkout(self, reference: str) -> Checkout | None:
        """Return what is to be paid there, if anything was asked for under this reference."""
        ...

    async def pretend(self, reference: str) -> tuple[Mapping[str, str], bytes]:
        """Take it as paid; return the notice that goes to the house, as headers and body.

        Raise `Conflict("bill_closed")` if it cannot be paid any more.
        """
        ...


class Simulator:
    """What the page of the pretended checkout asks; where the channel is real there is none."""

    def __init__(self, transactions: Transactions, ports: Ports, settlement: Settlement) -> None:
        self._transactions = transactions
        self._ports = ports
        self._settlement = settlement

    async def look(self, actor: Actor, reference: str) -> Checkout:
        """Return a checkout; raise `NotFound` where nothing is pretended."""
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.PAYMENT_SIMULATE, Subject("payment", reference))
            query = select(Payment.order_id).where(Payment.trade_number == reference)
            order_id = await tx.session.scalar(query)
        found = await self._pretender(reference).checkout(reference)
        if found is None:
            raise NotFound("not_found", what="payment", key=reference)
        return replace(found, order_id=order_id)

    async def pay(self, actor: Actor, reference: str) -> None:
        """Pretend to pay: the channel tells the house as a real one would. Raise as `look`."""
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.PAYMENT_SIMULATE, Subject("payment", reference))
        headers, body = await self._pretender(reference).pretend(reference)
        await self._settlement.hear(headers, body)

    def _pretender(self, reference: str) -> Pretender:
        channel = self._ports.payments
        if isinstance(channel, Pretender) and channel.sandbox:
            return channel
        raise NotFound("not_found", what="payment", key=reference)
