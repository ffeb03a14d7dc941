"""Tells people that their money is back, wherever they are reached. (退款通知)"""

from data.billing import Order
from services.billing.ledger import yuan
from services.notify import Directory, Note, Notify
from services.policy import HOUSE, Action, Subject
from services.transaction import Transactions
from services.visit_events import OrderRefunded

REFUND_MADE = "refund_made"


class Receipts:
    """The one who writes to payers."""

    def __init__(self, transactions: Transactions, notify: Notify, directory: Directory) -> None:
        self._transactions = transactions
        self._notify = notify
        self._directory = directory

    async def tell_of_refund(self, event: OrderRefunded) -> None:
        """Tell who ordered it that money has gone back; how much stands in the house only."""
        async with self._transactions.open(HOUSE) as tx:
            order = await tx.get(Order, event.order_id)
            tx.allow(Action.MESSAGE_SEND, Subject("message", institution_id=order.institution_id))
            if order.owner_id is None:  # booked over the phone: nobody has an account
                return
            contact = await self._directory.contact(tx.session, order.owner_id)
            if contact is None:
                return
            note = Note(
                REFUND_MADE,
                f"{REFUND_MADE}:{event.event_id}",
                order.institution_id,
                to=order.owner_id,
                channels=self._notify.reaching(contact),
                values={"amount": yuan(event.amount_fen)},
                link=f"/pay/{order.id}",
            )
            await self._notify.tell(tx, note)
