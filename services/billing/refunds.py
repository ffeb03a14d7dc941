"""Money that goes back: asked for by rule, approved, handed to the channel until it has. (退款)

What is owed back is never more than was paid. A large sum waits for a second person, but for money
that was never ours to keep: paid too late, or twice. (domain 5.6, R-PAY-3)
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select

from data.billing import Order, OrderState, Payment, PaymentState, Refund, RefundState
from data.clock import new_id
from data.errors import Conflict, Unavailable
from services.billing.ledger import payments_of, refund_by, refunds_of, subject_of, yuan
from services.permissions import Action
from services.policy import HOUSE, Actor, Role, permits, visible
from services.policy_settings import PolicySettings
from services.ports import PaymentChannel, Ports, RefundAnswer, RefundStatus
from services.tasks import Priority, Tasks, Wanted
from services.transaction import Transaction, Transactions
from services.visit_events import OrderRefunded, RefundDue

__all__ = ["Reason", "RefundState", "Refunds", "Waiting"]

PATIENCE = 10  # seconds a channel may take
MOST_TRIES = 5
RESTS = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=3))
"""How long after each try comes the next."""
PENDING_REST = timedelta(minutes=30)
UNDER_WAY = frozenset({RefundState.APPROVED, RefundState.PROCESSING})
FOR_PEOPLE = frozenset({RefundState.REQUESTED, RefundState.FAILED})
"""States in which a refund waits for somebody."""
APPROVAL, FAILURE = "refund_approval", "refund_failed"
REFUNDS_PAGE = "/refunds"
DECIDED_WITHIN = timedelta(hours=24)
MOST_LISTED = 200


class Reason(StrEnum):
    """Why money goes back."""

    CANCELLED = "cancelled"
    EXPIRED = "expired"
    LATE = "late"
    TWICE = "twice"


NEVER_OURS = frozenset({Reason.LATE, Reason.TWICE})
"""Reasons for which there is nothing to approve."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A refund that waits for somebody at the counter."""

    id: UUID
    fen: int
    reason: Reason
    state: RefundState
    number: str
    asked_at: datetime
    tries: int
    is_for_reader: bool
    """Whether the reader may approve it, or have it tried again."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a channel is asked to give back."""

    trade_number: str
    refund_number: str
    fen: int
    channel: str


class Refunds:
    """Who gives money back."""

    def __init__(
        self, transactions: Transactions, ports: Ports, policy: PolicySettings, tasks: Tasks
    ) -> None:
        self._transactions = transactions
        self._ports = ports
        self._policy = policy
        self._tasks = tasks
        tasks.ends_at(APPROVAL, REFUNDS_PAGE)
        tasks.ends_at(FAILURE, REFUNDS_PAGE)

    async def owe(self, tx: Transaction, order: Order, payment: Payment, reason: Reason) -> None:
        """Owe back what is left of a payment, as part of what `tx` does to its order.

        Nothing is left to owe of what went back, or is about to.
        """
        before = [each for each in await refunds_of(tx, order.id) if each.payment_id == payment.id]
        left = payment.amount_fen - sum(each.amount_fen for each in before)
        if payment.state is not PaymentState.SUCCEEDED or left <= 0:
            return
        tx.allow(Action.REFUND_ASK, order, purpose=str(reason), fen=left)
        row = Refund(
            id=new_id(),
            institution_id=order.institution_id,
            site_id=order.site_id,
            patient_id=order.patient_id,
            order_id=order.id,
            payment_id=payment.id,
            refund_number=new_id().hex,
            amount_fen=left,
            reason=str(reason),
            asked_at=tx.now,
        )
        tx.session.add(row)
        if reason in NEVER_OURS or left <= self._alone(order.institution_id):
            _approve(tx, row)
        else:
            await self._ask_for_approval(tx, order, row)

    async def approve(self, actor: Actor, refund_id: UUID) -> None:
        """Let a large sum go back, as the second person; raise `Conflict("refund_settled")`."""
        async with self._transactions.open(actor) as tx:
            order, _, row = await refund_by(tx, refund_id)
            tx.allow(Action.REFUND_APPROVE, subject_of(row, order), fen=row.amount_fen)
            if row.state is not RefundState.REQUESTED:
                raise Conflict("refund_settled")
            _approve(tx, row)
            key = f"{APPROVAL}:{row.id}"
            await self._tasks.settle(tx, row.institution_id, key, "approved")
            tx.answer(None)

    async def repeat(self, actor: Actor, refund_id: UUID) -> None:
        """Have a refund that failed tried again; raise `Conflict("refund_settled")`."""
        async with self._transactions.open(actor) as tx:
            order, _, row = await refund_by(tx, refund_id)
            tx.allow(Action.REFUND_REPEAT, subject_of(row, order))
            if row.state is not RefundState.FAILED:
                raise Conflict("refund_settled")
            _approve(tx, row)
            key = f"{FAILURE}:{row.id}:{row.tries}"
            await self._tasks.settle(tx, row.institution_id, key, "repeated")
            tx.answer(None)

    async def page(self, actor: Actor) -> list[Waiting]:
        """Return what waits for somebody at the counter, longest first."""
        async with self._transactions.read(actor) as tx:
            query = (
                select(Refund, Order)
                .join(Order, Order.id == Refund.order_id)
                .where(visible(actor, Action.REFUND_READ, Refund), Refund.state.in_(FOR_PEOPLE))
                .order_by(Refund.asked_at)
                .limit(MOST_LISTED)
            )
            rows = (await tx.session.execute(query)).all()
            return [_waiting(actor, each.Refund, each.Order) for each in rows]

    async def send(self, event: RefundDue) -> None:
        """Hand a refund to its channel; what does not work is tried again, five times."""
        asked = await self._taken(event)
        if asked is not None:
            await self._note(event, await self._answer(asked))

    async def _taken(self, event: RefundDue) -> Asked | None:
        """Return what is to be given back, or None if another try has come since."""
        async with self._transactions.open(HOUSE) as tx:
            order, payment, row = await refund_by(tx, event.refund_id)
            tx.allow(Action.REFUND_SEND, subject_of(row, order), attempt=event.attempt)
            if row.state not in UNDER_WAY or row.tries != event.attempt:
                return None
            row.state = RefundState.PROCESSING
            return Asked(payment.trade_number, row.refund_number, row.amount_fen, payment.channel)

    async def _answer(self, asked: Asked) -> RefundAnswer | None:
        """Return what the channel says; None if it says nothing: the same number is asked again."""
        channel: PaymentChannel | None = self._ports.payments
        if channel is None or channel.name != asked.channel:
            return None
        try:
            async with asyncio.timeout(PATIENCE):
                return await channel.refund(asked.trade_number, asked.refund_number, asked.fen)
        except (TimeoutError, Unavailable):
            return None

    async def _note(self, event: RefundDue, answer: RefundAnswer | None) -> None:
        async with self._transactions.open(HOUSE) as tx:
            order, _, row = await refund_by(tx, event.refund_id)
            said = str(answer.status) if answer else "silent"
            tx.allow(Action.REFUND_SEND, subject_of(row, order), attempt=event.attempt, said=said)
            if row.state not in UNDER_WAY or row.tries != event.attempt:
                return
            if answer is not None and answer.status is RefundStatus.PENDING:
                tx.later(_timer(row), tx.now + PENDING_REST, _due(row))
                return
            row.tries += 1
            if answer is not None and answer.status is RefundStatus.SUCCEEDED:
                await _succeed(tx, order, row)
            elif row.tries % MOST_TRIES:
                rest = RESTS[row.tries % MOST_TRIES - 1]
                tx.later(_timer(row), tx.now + rest, _due(row))
            else:
                row.state = RefundState.FAILED
                await self._call_for_help(tx, order, row)

    async def _ask_for_approval(self, tx: Transaction, order: Order, row: Refund) -> None:
        await self._tasks.raise_(tx, _wanted(tx, order, row, APPROVAL, f"{APPROVAL}:{row.id}"))

    async def _call_for_help(self, tx: Transaction, order: Order, row: Refund) -> None:
        key = f"{FAILURE}:{row.id}:{row.tries}"
        await self._tasks.raise_(tx, _wanted(tx, order, row, FAILURE, key))

    def _alone(self, institution_id: UUID) -> int:
        """Return up to how many fen no second person is asked."""
        return self._policy.number("policy.refund.second_approval_over_fen", institution_id)


def _approve(tx: Transaction, row: Refund) -> None:
    row.state = RefundState.APPROVED
    tx.announce(RefundDue(refund_id=row.id, attempt=row.tries or 0))


async def _succeed(tx: Transaction, order: Order, row: Refund) -> None:
    """The money is back: say so, and what the order has become by it."""
    row.state, row.settled_at = RefundState.SUCCESS, tx.now
    paid = sum(
        each.amount_fen
        for each in await payments_of(tx, order.id)
        if each.state is PaymentState.SUCCEEDED
    )
    back = sum(
        each.amount_fen
        for each in await refunds_of(tx, order.id)
        if each.state is RefundState.SUCCESS
    )
    if order.state in {OrderState.PAID, OrderState.PARTIAL_REFUNDED} and paid - back <= 0:
        order.state = OrderState.REFUNDED
    elif order.state is OrderState.PAID and paid - back < order.amount_fen:
        order.state = OrderState.PARTIAL_REFUNDED
    tx.announce(
        OrderRefunded(
            order_id=order.id, appointment_id=order.appointment_id, amount_fen=row.amount_fen
        )
    )


def _wanted(tx: Transaction, order: Order, row: Refund, kind: str, key: str) -> Wanted:
    return Wanted(
        kind=kind,
        key=key,
        institution_id=row.institution_id,
        site_id=row.site_id,
        role=Role.CASHIER,
        values={"amount": yuan(row.amount_fen), "number": row.refund_number[-8:]},
        subject=f"refund:{row.id}",
        patient_id=row.patient_id,
        due_at=tx.now + DECIDED_WITHIN,
        escalates_to=Role.MEDICAL_AFFAIRS,
        priority=Priority.HIGH,
        barred_id=order.owner_id,
    )


def _waiting(actor: Actor, row: Refund, order: Order) -> Waiting:
    asks = Action.REFUND_APPROVE if row.state is RefundState.REQUESTED else Action.REFUND_REPEAT
    return Waiting(
        id=row.id,
        fen=row.amount_fen,
        reason=Reason(row.reason),
        state=row.state,
        number=row.refund_number,
        asked_at=row.asked_at,
        tries=row.tries,
        is_for_reader=permits(actor, asks, subject_of(row, order)),
    )


def _due(row: Refund) -> RefundDue:
    return RefundDue(refund_id=row.id, attempt=row.tries)


def _timer(row: Refund) -> str:
    return f"refund:{row.id}"
