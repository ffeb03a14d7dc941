"""Keeps what somebody is typing, so that neither a reload nor a restart loses it (草稿)."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from data.drafts import Draft
from data.errors import Invalid
from services.policy import Action, Actor, Subject
from services.transaction import Transaction, Transactions

KEPT_FOR = timedelta(days=7)
MOST_FIELDS = 100
MOST_BYTES = 64 * 1024
FORM = re.compile(r"[a-z0-9][a-z0-9_.:-]{0,99}")
"""What a form may be called: `staff-new`, `record:<id>`."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A draft as it was last saved."""

    values: dict[str, str]
    saved_at: datetime


class Drafts:
    """Each person's drafts, one a form; nobody reads another's."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def put(self, actor: Actor, form: str, values: Mapping[str, str]) -> datetime:
        """Keep what has been typed so far in place of what was kept before; return when.

        Raise `Invalid("draft_not_kept")` for a form without a proper name, for more than 100
        fields, or more than 64 kB.
        """
        typed = json.dumps(dict(values), ensure_ascii=False)
        too_much = len(values) > MOST_FIELDS or len(typed.encode()) > MOST_BYTES
        if too_much or not FORM.fullmatch(form):
            raise Invalid("draft_not_kept")
        async with self._transactions.open(actor) as tx:
            tx.allow(Action.DRAFT_KEEP, _mine(actor, form))
            draft = await _draft(tx, actor, form)
            if draft is None:
                draft = Draft(
                    owner_id=actor.user_id,
                    form=form,
                    typed=typed,
                    saved_at=tx.now,
                    expires_at=tx.now + KEPT_FOR,
                )
                tx.session.add(draft)
            draft.typed, draft.saved_at, draft.expires_at = typed, tx.now, tx.now + KEPT_FOR
            return tx.now

    async def take(self, actor: Actor, form: str) -> Kept | None:
        """Return what was typed into this form and not sent, if anything; it stays kept."""
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.DRAFT_KEEP, _mine(actor, form))
            query = select(Draft).where(
                Draft.owner_id == actor.user_id, Draft.form == form, Draft.expires_at > tx.now
            )
            draft = await tx.session.scalar(query)
            return None if draft is None else Kept(json.loads(draft.typed), draft.saved_at)

    async def drop(self, actor: Actor, form: str) -> None:
        """Forget a draft: it was sent, or is not wanted any more."""
        async with self._transactions.open(actor) as tx:
            tx.allow(Action.DRAFT_KEEP, _mine(actor, form))
            draft = await _draft(tx, actor, form)
            if draft is not None:
                await tx.session.delete(draft)

    async def prune(self, actor: Actor) -> None:
        """Forget every draft that nobody came back to for a week; the house does this nightly."""
        async with self._transactions.open(actor) as tx:
            tx.allow(Action.BUS_WORK, Subject("draft"))
            await tx.session.execute(delete(Draft).where(Draft.expires_at <= tx.now))


def _mine(actor: Actor, form: str) -> Subject:
    return Subject("draft", form, owner_id=actor.user_id)


async def _draft(tx: Transaction, actor: Actor, form: str) -> Draft | None:
    """Return the row, kept from others: two tabs may save the same form at once."""
    query = select(Draft).where(Draft.owner_id == actor.user_id, Draft.form == form)
    found: Draft | None = await tx.session.scalar(query.with_for_update())
    return found
