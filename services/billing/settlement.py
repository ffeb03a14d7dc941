"""What channels say of payments: believed once, for the right sum, to us. (结算)

A channel tells more than once, late, or not at all. Our number of a payment decides what it is
about; a payment of which nobody knows is asked after before anything is repeated. (domain 5.6)
"""

import asyncio
from collections.abc import Awaitable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from data.billing import Order, OrderState, Payment, PaymentState
from data.errors import Conflict, Invalid, Unavailable
from services.billing.ledger import UNDECIDED, UNPAID, payment_by, yuan
from services.billing.refunds import Reason, Refunds
from services.permissions import Action
from services.policy import HOUSE, Role
from services.ports import PaymentAnswer, PaymentChannel, PaymentStatus, Ports
from services.tasks import Priority, Tasks, Wanted
from services.transaction import Transaction, Transactions
from services.visit_events import OrderPaid, PaymentDoubted

PATIENCE = 10  # seconds a channel may take
DIFFERENCE = "payment_differs"
LOOKED_AT_WITHIN = timedelta(hours=4)

T = TypeVar("T")


class Outcome(StrEnum):
    """What came of a payment that a channel reported."""

    PAID = "paid"
    KNOWN = "known"
    """It was reported before."""
    TOO_MUCH = "too_much"
    """The order was closed or paid already: it goes back."""
    DIFFERS = "differs"
    """Not the sum that was asked for: a person looks at it."""


class Settlement:
    """Who takes in what channels say."""

    def __init__(
        self, transactions: Transactions, ports: Ports, tasks: Tasks, refunds: Refunds
    ) -> None:
        self._transactions = transactions
        self._ports = ports
        self._tasks = tasks
        self._refunds = refunds

    @property
    def channel(self) -> PaymentChannel:
        """The channel that serves us; raise `Unavailable("payment_channel_missing")`."""
        if self._ports.payments is None:
            raise Unavailable("payment_channel_missing")
        return self._ports.payments

    async def said(self, question: Awaitable[T]) -> T:
        """Wait for a channel's answer; raise `Unavailable("payment_channel_silent")`."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await question
        except (TimeoutError, Unavailable):
            raise Unavailable("payment_channel_silent") from None

    async def hear(self, headers: Mapping[str, str], body: bytes) -> str:
        """Take in a notice that a channel sent by itself; return what it wants to hear.

        Raise `Invalid`: `payment_notice_forged`, `payment_unknown`, `payment_not_ours`;
        `Conflict("payment_differs")` for another sum: it may send it again, and it stays so.
        """
        channel = self.channel
        answer = channel.heard(headers, body)
        if answer.status is PaymentStatus.SUCCEEDED:
            outcome = await self.settle(answer)
            if outcome is Outcome.DIFFERS:
                raise Conflict("payment_differs")
        return channel.thanks

    async def settle(self, answer: PaymentAnswer) -> Outcome:
        """Write down that a payment was made; told twice it is written once. Raise as `hear`."""
        if answer.merchant != self.channel.merchant:
            raise Invalid("payment_not_ours")
        async with self._transactions.open(HOUSE) as tx:
            order, payment = await payment_by(tx, answer.reference)
            tx.allow(Action.PAYMENT_SETTLE, payment, fen=answer.amount_fen)
            if payment.state is PaymentState.SUCCEEDED:
                return Outcome.KNOWN
            payment.channel_number = answer.channel_number
            if answer.amount_fen != payment.amount_fen:
                payment.state = PaymentState.UNKNOWN
                await self._call_for_help(tx, payment, answer)
                return Outcome.DIFFERS
            payment.state = PaymentState.SUCCEEDED
            payment.settled_at = answer.paid_at or tx.now
            return await self._booked(tx, order, payment)

    async def _booked(self, tx: Transaction, order: Order, payment: Payment) -> Outcome:
        if order.state not in UNPAID:
            closed = order.state is OrderState.CLOSED
            reason = Reason.LATE if closed else Reason.TWICE
            await self._refunds.owe(tx, order, payment, reason)
            return Outcome.TOO_MUCH
        order.state, order.paid_at = OrderState.PAID, payment.settled_at
        tx.forget(timer_of(order.id))
        tx.announce(
            OrderPaid(
                order_id=order.id,
                appointment_id=order.appointment_id,
                amount_fen=order.amount_fen,
            )
        )
        return Outcome.PAID

    async def look_up(self, event: PaymentDoubted) -> None:
        """Ask a channel what has become of a payment; as often as it takes to be told."""
        async with self._transactions.read(HOUSE) as tx:
            payment = await tx.get(Payment, event.payment_id)
            tx.allow(Action.PAYMENT_SETTLE, payment)
            number, state = payment.trade_number, payment.state
            order = await tx.get(Order, payment.order_id)
            waits = order.state in UNPAID
        if state is not PaymentState.UNKNOWN:
            return
        answer = await self.said(self.channel.query(number))
        if answer.status is PaymentStatus.OPEN and not waits:
            answer = await self.closed(number)
        await self.take(answer)

    async def closed(self, trade_number: str) -> PaymentAnswer:
        """Let a payment not be made any more; return what the channel says has become of it.

        Raise `Unavailable("payment_channel_silent")` as long as it can still be made.
        """
        answer = await self.said(self.channel.close(trade_number))
        if answer.status is PaymentStatus.OPEN:
            raise Unavailable("payment_channel_silent")
        return answer

    async def take(self, answer: PaymentAnswer) -> None:
        """Write down what a channel answered when it was asked."""
        if answer.status is PaymentStatus.SUCCEEDED:
            await self.settle(answer)
            return
        is_open = answer.status is PaymentStatus.OPEN
        async with self._transactions.open(HOUSE) as tx:
            _, payment = await payment_by(tx, answer.reference)
            tx.allow(Action.PAYMENT_SETTLE, payment, said=str(answer.status))
            if payment.state in UNDECIDED:
                payment.state = PaymentState.ASKED if is_open else PaymentState.FAILED

    async def doubt(self, trade_number: str) -> None:
        """Write down that nobody knows what has become of a payment, and have it looked up."""
        async with self._transactions.open(HOUSE) as tx:
            _, payment = await payment_by(tx, trade_number)
            tx.allow(Action.PAYMENT_SETTLE, payment, said="silent")
            if payment.state in UNDECIDED:
                payment.state = PaymentState.UNKNOWN
                tx.announce(PaymentDoubted(payment_id=payment.id))

    async def _call_for_help(self, tx: Transaction, payment: Payment, said: PaymentAnswer) -> None:
        values = {
            "number": payment.trade_number[-8:],
            "asked": yuan(payment.amount_fen),
            "paid": yuan(said.amount_fen),
        }
        await self._tasks.raise_(
            tx,
            Wanted(
                kind=DIFFERENCE,
                key=f"{DIFFERENCE}:{payment.id}",
                institution_id=payment.institution_id,
                site_id=payment.site_id,
                role=Role.CASHIER,
                values=values,
                subject=f"payment:{payment.id}",
                patient_id=payment.patient_id,
                due_at=tx.now + LOOKED_AT_WITHIN,
                escalates_to=Role.MEDICAL_AFFAIRS,
                priority=Priority.URGENT,
            ),
        )


def timer_of(order_id: UUID) -> str:
    """Return the key of the timer that rings when the time to pay is up."""
    return f"bill:{order_id}"
