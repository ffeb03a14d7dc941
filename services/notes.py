"""What somebody is to be told, and how they are reached. (通知)"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from data.messages import Channel
from services.addresses import Front
from services.i18n import LANGUAGES
from services.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Contact:
    """How to reach somebody."""

    language: str = LANGUAGES[0]
    email: str = ""
    phone: str = ""
    institution_id: UUID | None = None


class Directory(Protocol):
    """Who people are: kept by the module that has the accounts."""

    async def contact(self, session: AsyncSession, user_id: UUID) -> Contact | None:
        """Return how to reach a person who may be written to, or None."""
        ...

    async def holders(
        self, session: AsyncSession, role: str, institution_id: UUID, site_id: UUID | None = None
    ) -> list[UUID]:
        """Return who plays a role in an institution, at one of its sites if that is given."""
        ...


class Doorways(Protocol):
    """Lets the receiver of a message in: kept by the module that has the accounts."""

    async def entry(
        self, tx: Transaction, account_id: UUID, house: UUID, path: str, until: datetime
    ) -> str:
        """Return the path of a new link that opens `path` for this account, once, until then."""
        ...


@dataclass(frozen=True, slots=True)
class Ways:
    """How somebody who reads a message outside finds in."""

    front: Front
    doorways: Doorways


@dataclass(frozen=True, slots=True)
class Note:
    """Something to tell somebody."""

    template: str
    key: str
    """Natural: the same key tells a person once over each channel."""
    institution_id: UUID
    to: UUID | None = None
    address: str = ""
    """For somebody without an account: an e-mail address or a mobile number, one channel."""
    language: str = ""
    channels: frozenset[Channel] = frozenset()
    """Empty: every channel that the template has."""
    values: dict[str, Any] = field(default_factory=dict)
    link: str = ""
    """A path of ours that it leads to."""
    expires_at: datetime | None = None
    """When it is no use any more."""
    opens_until: datetime | None = None
    """Until when its link lets the receiver in from a letter or text message, once, without a
    sign-in; None: it leads nowhere from there."""
