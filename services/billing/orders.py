"""Bills: opened when a place is kept, paid through a channel, closed when the time is up. (订单)

CREATED - PAYING - PAID - (PARTIAL_REFUNDED) - REFUNDED, or CLOSED. A bill keeps the price of the
moment it was opened (R-PRICE). A channel is asked outside every unit of work. (domain 5.6)
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from data.billing import Order, OrderState, Payment, PaymentState
from data.clock import new_id
from data.errors import Conflict, Unavailable
from services.billing.ledger import (
    UNDECIDED,
    UNPAID,
    Bill,
    bill_of,
    line_of,
    payments_of,
)
from services.billing.refunds import Reason, Refunds
from services.billing.settlement import Settlement, timer_of
from services.billing.tariff import names_of
from services.i18n import LANGUAGES
from services.permissions import Action
from services.policy import HOUSE, Actor, Subject, visible
from services.ports import PaymentRequest, PaymentStatus
from services.transaction import Transaction, Transactions
from services.visit_events import (
    AppointmentCancelled,
    AppointmentExpired,
    AppointmentHeld,
    OrderClosed,
    OrderOpened,
    OrderOverdue,
    PaymentDoubted,
)

__all__ = ["Bill", "Bills", "OrderState"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a channel is asked for."""

    payment_id: UUID
    trade_number: str
    fen: int
    description: str
    pay_until: datetime
    doubted: bool


class Bills:
    """Who writes bills, and sees that they are paid."""

    def __init__(
        self, transactions: Transactions, settlement: Settlement, refunds: Refunds
    ) -> None:
        self._transactions = transactions
        self._settlement = settlement
        self._refunds = refunds

    async def open_order(self, event: AppointmentHeld) -> None:
        """Open the bill of a visit that is kept for somebody; what is free has none."""
        if event.price_fen == 0:
            return
        async with self._transactions.open(HOUSE) as tx:
            place = Subject("sales_order", institution_id=event.institution_id)
            tx.allow(Action.BILL_OPEN, place)
            known = select(Order.id).where(Order.appointment_id == event.appointment_id)
            if await tx.session.scalar(known) is not None:
                return
            names = await names_of(tx, event.institution_id, event.price_item, event.price_version)
            line = {
                "item": event.price_item,
                "names": names,
                "fen": event.price_fen,
                "version": event.price_version,
            }
            row = Order(
                id=new_id(),
                institution_id=event.institution_id,
                site_id=event.site_id,
                owner_id=event.account_id,
                patient_id=event.patient_id,
                appointment_id=event.appointment_id,
                lines=[line],
                amount_fen=event.price_fen,
                created_at=tx.now,
                pay_until=event.hold_until,
            )
            tx.session.add(row)
            tx.later(timer_of(row.id), row.pay_until, OrderOverdue(order_id=row.id))
            tx.announce(OrderOpened(order_id=row.id, appointment_id=row.appointment_id))

    async def one(self, actor: Actor, order_id: UUID) -> Bill:
        """Return one bill."""
        async with self._transactions.read(actor) as tx:
            row = await tx.get(Order, order_id)
            tx.allow(Action.BILL_READ, row)
            return await bill_of(tx, row)

    async def of_visit(self, actor: Actor, appointment_id: UUID) -> Bill | None:
        """Return the bill of a visit, if it has one and the actor may see it."""
        async with self._transactions.read(actor) as tx:
            row = await tx.session.scalar(
                select(Order).where(
                    visible(actor, Action.BILL_READ, Order), Order.appointment_id == appointment_id
                )
            )
            return None if row is None else await bill_of(tx, row)

    async def pay(self, actor: Actor, order_id: UUID) -> PaymentRequest:
        """Ask for the money; asked again, the payer goes on where they were.

        Raise `Conflict`: `bill_paid`, `bill_closed`; `Unavailable("payment_channel_missing")` or
        `("payment_channel_silent")`: then nobody knows, and the channel is asked before the payer.
        """
        channel = self._settlement.channel
        attempt = await self._begun(actor, order_id)
        if attempt.doubted:
            await self._settlement.look_up(PaymentDoubted(payment_id=attempt.payment_id))
            attempt = await self._begun(actor, order_id)
        try:
            return await self._settlement.said(
                channel.ask(
                    attempt.trade_number, attempt.fen, attempt.description, attempt.pay_until
                )
            )
        except (Conflict, Unavailable):
            await self._settlement.doubt(attempt.trade_number)
            raise Unavailable("payment_channel_silent") from None

    async def check(self, actor: Actor, order_id: UUID) -> Bill:
        """Ask the channel whether a bill has been paid, and return the bill as it is then."""
        async with self._transactions.read(actor) as tx:
            row = await tx.get(Order, order_id)
            tx.allow(Action.BILL_READ, row)
            waiting = _waiting(await payments_of(tx, order_id))
        for number in waiting:
            answer = await self._settlement.said(self._settlement.channel.query(number))
            if answer.status is PaymentStatus.SUCCEEDED:
                await self._settlement.settle(answer)
        return await self.one(actor, order_id)

    async def close_unpaid(self, event: OrderOverdue) -> None:
        """Close a bill whose time to be paid is up, unless its channel has the money already."""
        await self._close(event.order_id)

    async def give_back(self, event: AppointmentCancelled) -> None:
        """Close the bill of a visit that was called off, or give back what was paid for it."""
        await self._undo(event.appointment_id, Reason.CANCELLED, refund=event.refund)

    async def drop(self, event: AppointmentExpired) -> None:
        """Close the bill of a visit that is kept for nobody any more, and keep no money for it."""
        await self._undo(event.appointment_id, Reason.EXPIRED, refund=True)

    async def _undo(self, appointment_id: UUID, reason: Reason, *, refund: bool) -> None:
        async with self._transactions.read(HOUSE) as tx:
            query = select(Order).where(Order.appointment_id == appointment_id)
            row = await tx.session.scalar(query)
            if row is None:
                return
            tx.allow(Action.BILL_CLOSE, row)
            order_id = row.id
        await self._close(order_id)
        if not refund:
            return
        async with self._transactions.open(HOUSE) as tx:
            order = await tx.get(Order, order_id)
            tx.allow(Action.BILL_CLOSE, order, purpose=str(reason))
            for payment in await payments_of(tx, order_id):
                await self._refunds.owe(tx, order, payment, reason)

    async def _close(self, order_id: UUID) -> None:
        """Close a bill that is not paid: at its channel first, which may know better."""
        async with self._transactions.read(HOUSE) as tx:
            row = await tx.get(Order, order_id)
            tx.allow(Action.BILL_CLOSE, row)
            if row.state not in UNPAID:
                return
            waiting = _waiting(await payments_of(tx, order_id))
        for number in waiting:
            try:
                answer = await self._settlement.closed(number)
            except Unavailable:  # what comes late goes back
                await self._settlement.doubt(number)
            else:
                await self._settlement.take(answer)
        async with self._transactions.open(HOUSE) as tx:
            order = await tx.get(Order, order_id)
            tx.allow(Action.BILL_CLOSE, order)
            if order.state in UNPAID:
                order.state, order.closed_at = OrderState.CLOSED, tx.now
                tx.forget(timer_of(order.id))
                tx.announce(OrderClosed(order_id=order.id, appointment_id=order.appointment_id))

    async def _begun(self, actor: Actor, order_id: UUID) -> Attempt:
        """Keep an attempt to pay: the one that is under way, or a new one."""
        async with self._transactions.open(actor) as tx:
            order = await tx.get(Order, order_id)
            tx.allow(Action.BILL_PAY, order, fen=order.amount_fen)
            _require_payable(order, tx.now)
            before = [each for each in await payments_of(tx, order_id) if each.state in UNDECIDED]
            payment = before[-1] if before else self._new_payment(tx, order)
            order.state = OrderState.PAYING
            lines = [line_of(each) for each in order.lines]
            return Attempt(
                payment_id=payment.id,
                trade_number=payment.trade_number,
                fen=payment.amount_fen,
                description=", ".join(line.name(LANGUAGES[0]) for line in lines),
                pay_until=order.pay_until,
                doubted=payment.state is PaymentState.UNKNOWN,
            )

    def _new_payment(self, tx: Transaction, order: Order) -> Payment:
        payment_id = new_id()
        row = Payment(
            id=payment_id,
            institution_id=order.institution_id,
            site_id=order.site_id,
            patient_id=order.patient_id,
            order_id=order.id,
            channel=self._settlement.channel.name,
            trade_number=payment_id.hex,
            amount_fen=order.amount_fen,
            asked_at=tx.now,
        )
        tx.session.add(row)
        return row


def _waiting(payments: list[Payment]) -> list[str]:
    """Return our numbers of those payments that may still be made."""
    return [each.trade_number for each in payments if each.state in UNDECIDED]


def _require_payable(order: Order, now: datetime) -> None:
    if order.state not in UNPAID:
        paid = order.state is not OrderState.CLOSED
        raise Conflict("bill_paid" if paid else "bill_closed")
    if now >= order.pay_until:
        raise Conflict("bill_closed")
