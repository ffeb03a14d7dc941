"""Links in messages that open a page for whoever has the phone in hand, once. (一键直达)

Such a link proves what a code proves that was sent to the same phone: it opens a session of that
account. It is good until the visit it is about is over, for one opening, and not once the account
is reached elsewhere. Looking at it uses nothing up: programs that preview links only look.
"""

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select

from data.crypto import Keys
from data.errors import Conflict, Invalid
from data.patients import EntryLink
from data.users import User, UserKind
from services.permissions import Action
from services.policy import ANYBODY, HOUSE, Actor, Subject
from services.transaction import Reading, Transaction, Transactions
from services.users.steps import Caller, Step, Steps

PAGE = "/go"
BYTES = 16
KEPT_FOR = timedelta(days=30)
"""How long a link that is over still says where it led."""
OVER, USED = "link_over", "link_used"


@dataclass(frozen=True, slots=True)
class Entry:
    """What a link leads to."""

    path: str
    is_mine: bool
    """Whether whoever looks is signed in as its receiver."""
    is_used: bool


class EntryLinks:
    """The doorman who knows the links that were sent."""

    def __init__(self, transactions: Transactions, steps: Steps, keys: Keys) -> None:
        self._transactions = transactions
        self._steps = steps
        self._keys = keys

    async def entry(
        self, tx: Transaction, account_id: UUID, house: UUID, path: str, until: datetime
    ) -> str:
        """Return the path of a new link for an account, as part of what `tx` does."""
        token = secrets.token_urlsafe(BYTES)
        row = EntryLink(
            institution_id=house,
            owner_id=account_id,
            digest=self._digest(token),
            path=path,
            sent_at=tx.now,
            until=until,
        )
        tx.session.add(row)
        return f"{PAGE}/{token}"

    async def look(self, actor: Actor, token: str) -> Entry:
        """Return where a link leads, using nothing up; raise `Invalid("link_over")`."""
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.LINK_OPEN, Subject("entry_link"))
            row = await self._find(tx, token)
            mine = actor.user_id == row.owner_id
            return Entry(row.path, mine, row.used_at is not None)

    async def open(self, token: str, caller: Caller, leaving: Actor = ANYBODY) -> Step:
        """Open a session for a link's receiver; `leaving` ends, as at the other doors.

        Raise `Invalid("link_over")`, `Conflict("link_used")`, `Forbidden` as at the other doors.
        """
        async with self._transactions.open(replace(ANYBODY, address=caller.address)) as tx:
            tx.allow(Action.LINK_OPEN, Subject("entry_link"))
            row = await self._find(tx, token)
            if row.used_at is not None:
                raise Conflict(USED)
            user = await tx.session.get(User, row.owner_id)
            if user is None or user.kind is not UserKind.PATIENT:
                raise Invalid(OVER)  # staff show more than a message: no link is their way in
            if user.contact_since is not None and user.contact_since >= row.sent_at:
                raise Invalid(OVER)  # it went to a phone that may be somebody else's now
            row.used_at = tx.now
        return await self._steps.let_in(row.owner_id, caller, leaving)

    async def tidy(self) -> None:
        """Forget links that have long been over; a job calls it once a day."""
        async with self._transactions.open(HOUSE) as tx:
            tx.go_unnoted("links that lead nowhere any more")
            await tx.session.execute(delete(EntryLink).where(EntryLink.until < tx.now - KEPT_FOR))

    async def _find(self, tx: Reading, token: str) -> EntryLink:
        query = select(EntryLink).where(EntryLink.digest == self._digest(token))
        query = query.with_for_update() if isinstance(tx, Transaction) else query
        row = await tx.session.scalar(query)
        if row is None or row.until <= tx.now:
            raise Invalid(OVER)
        return row

    def _digest(self, token: str) -> bytes:
        return self._keys.blind("entry_link", token)
