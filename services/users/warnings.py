"""Tells people what others do to their account, also where they were reached before. (S-AC-1)

Whoever wants to take over an account changes first where its owner hears of it.
"""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from data.messages import Channel
from data.users import User
from services.events import ContactChanged, Event, ResetAsked
from services.notify import Contact, Note, Notify
from services.policy import HOUSE, Action, Subject
from services.transaction import Transaction, Transactions

FORMER_COUNTS_FOR = timedelta(days=30)


class Warnings:
    """The one who calls after people."""

    def __init__(self, transactions: Transactions, notify: Notify) -> None:
        self._transactions = transactions
        self._notify = notify

    async def tell_of_change(self, event: ContactChanged) -> None:
        """Tell somebody, at the old number and address too, that there are new ones."""
        await self._warn(event, event.user_id, "contact_changed")

    async def tell_of_request(self, event: ResetAsked) -> None:
        """Tell an administrator that their sign-in is to be reset, before it is."""
        await self._warn(event, event.user_id, "reset_asked")

    async def _warn(self, event: Event, user_id: UUID, template: str) -> None:
        async with self._transactions.open(HOUSE) as tx:
            user = await tx.session.get(User, user_id)
            if user is None:
                return
            tx.allow(Action.MESSAGE_SEND, Subject("message", institution_id=user.institution_id))
            key = f"{template}:{event.event_id}"
            note = Note(template, key, user.institution_id, language=user.language)
            now = Contact(user.language, user.email, user.phone or "")
            to_them = replace(note, to=user.id, channels=self._notify.reaching(now))
            await self._notify.tell(tx, to_them)
            for channel, address in self._former(tx, user).items():
                await self._notify.tell(
                    tx, replace(note, address=address, channels=frozenset({channel}))
                )

    def _former(self, tx: Transaction, user: User) -> dict[Channel, str]:
        """Return where they were reached until lately, as far as that leads anywhere else."""
        if user.contact_since is None or tx.now - user.contact_since > FORMER_COUNTS_FOR:
            return {}
        before = Contact(user.language, user.former_email, user.former_phone or "")
        known = {user.email, user.phone or ""}
        ways = {Channel.EMAIL: before.email, Channel.SMS: before.phone}
        return {
            channel: address
            for channel, address in ways.items()
            if channel in self._notify.reaching(before) and address not in known
        }
