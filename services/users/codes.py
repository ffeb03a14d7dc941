"""Codes of six digits sent to a phone: good once, for minutes, for one purpose. (短信验证码)

What is kept is a keyed digest; the number is in the message alone, which is wiped once it is sent.
"""

import secrets
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select

from data.crypto import Keys
from data.errors import TooMany
from data.messages import Channel
from data.patients import OneTimeCode
from services.neighbourhood import neighbourhood
from services.notify import Note, Notify
from services.transaction import Transaction
from services.users.standards import Standards

DIGITS = 6
AGAIN_AFTER = timedelta(seconds=60)
DAY = timedelta(days=1)
MOST_A_DAY = 10
"""Codes to one phone."""
MOST_AN_ADDRESS = 100
"""Codes asked for from one network a day: a whole clinic may share one address."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A code is on its way."""

    until: datetime
    again_at: datetime
    """When another may be asked for."""


class Codes:
    """Sends them and takes them; each method is part of its caller's unit of work."""

    def __init__(self, notify: Notify, keys: Keys, standards: Standards) -> None:
        self._notify = notify
        self._keys = keys
        self._standards = standards

    async def send(
        self, tx: Transaction, phone: str, purpose: str, house: UUID, language: str
    ) -> Sent:
        """Send a code; raise `TooMany`: `code_too_soon` within a minute, `codes_too_many` a day."""
        index, near = self._index(phone), neighbourhood(tx.actor.address)
        await _spare(tx, index, near)
        code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
        row = OneTimeCode(
            phone_index=index,
            address=near,
            digest=self._digest(phone, purpose, code),
            sent_at=tx.now,
            until=tx.now + self._standards.code_for,
        )
        tx.session.add(row)
        note = Note(
            "code",
            f"code:{row.id}",
            house,
            address=phone,
            language=language,
            channels=frozenset({Channel.SMS}),
            values={"code": code, "minutes": self._standards.code_for // timedelta(minutes=1)},
            expires_at=row.until,
        )
        await self._notify.tell(tx, note)
        return Sent(row.until, tx.now + AGAIN_AFTER)

    async def take(self, tx: Transaction, phone: str, purpose: str, code: str) -> bool:
        """Tell whether this is a code that was sent there for this, and use it up."""
        code = unicodedata.normalize("NFKC", code).replace(" ", "")
        query = select(OneTimeCode).where(
            OneTimeCode.phone_index == self._index(phone),
            OneTimeCode.digest == self._digest(phone, purpose, code),
            OneTimeCode.used_at.is_(None),
            OneTimeCode.until > tx.now,
        )
        row = await tx.session.scalar(query.with_for_update())
        if row is None:
            return False
        row.used_at = tx.now
        return True

    async def tidy(self, tx: Transaction) -> None:
        """Forget codes of the day before."""
        await tx.session.execute(delete(OneTimeCode).where(OneTimeCode.sent_at < tx.now - DAY))

    def _index(self, phone: str) -> str:
        return self._keys.blind("phone", phone).hex()

    def _digest(self, phone: str, purpose: str, code: str) -> bytes:
        return self._keys.blind("one_time_code", f"{purpose}:{phone}:{code}")


async def _spare(tx: Transaction, index: str, near: str) -> None:
    """Refuse to send what would cost the hospital money and somebody their peace."""
    mine = OneTimeCode.phone_index == index
    last = await tx.session.scalar(select(func.max(OneTimeCode.sent_at)).where(mine))
    if last is not None and tx.now - last < AGAIN_AFTER:
        seconds = int((last + AGAIN_AFTER - tx.now).total_seconds()) + 1
        raise TooMany("code_too_soon", seconds=seconds, retry_after=seconds)
    if await _sent_today(tx, mine) >= MOST_A_DAY:
        raise TooMany("codes_too_many", retry_after=3600)
    if near and await _sent_today(tx, OneTimeCode.address == near) >= MOST_AN_ADDRESS:
        raise TooMany("codes_too_many", retry_after=3600)


async def _sent_today(tx: Transaction, which: ColumnElement[bool]) -> int:
    query = select(func.count(OneTimeCode.id)).where(which, OneTimeCode.sent_at > tx.now - DAY)
    return await tx.session.scalar(query) or 0
