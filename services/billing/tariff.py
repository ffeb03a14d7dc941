"""What things cost: public before one pays, never changed, only followed. (收费标准, R-PRICE)

A price holds from a day on until one holds that begins later; of two that begin at once it is the
later entered. What was ordered keeps the price it was ordered at.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from data.billing import Tariff
from data.errors import Conflict, Invalid
from data.institution import Institution
from services.i18n import LANGUAGES, say
from services.inquiries import Price
from services.policy import Action, Actor, Subject
from services.transaction import Reading, Transaction, Transactions

KNOWN_ITEMS = ("visit.video", "visit.voice", "visit.text")
"""What kinds of visit are sold as: each hospital says what they cost before it offers them."""
ITEM = re.compile(r"[a-z][a-z0-9_]{0,30}(\.[a-z0-9_]{1,30}){1,3}")
LONGEST_NAME = 60
HIGHEST_FEN = 10_000_000
"""A hundred thousand yuan: more is a slip of the hand."""


@dataclass(frozen=True, slots=True)
class NewPrice:
    """What an item is to cost, in fen, from when on."""

    item: str
    fen: int
    effective_from: datetime | None = None
    """From now on, if not said."""
    names: Mapping[str, str] | None = None
    """What people call it, by language; as before, or as the house calls it, if not said."""


@dataclass(frozen=True, slots=True)
class Version:
    """What an item costs, or did, or will, by one entry of the list."""

    item: str
    version: int
    names: Mapping[str, str]
    fen: int
    effective_from: datetime
    holds: bool
    """Whether it is the price now."""

    def name(self, language: str) -> str:
        """Return what it is called in a language."""
        return self.names.get(language) or next(iter(self.names.values()), self.item)


class Tariffs:
    """The keeper of the price list."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def prices(self, actor: Actor) -> list[Version]:
        """Return what holds now, by item: for everybody, also before they sign in."""
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.TARIFF_READ, Subject("tariff"))
            rows = await _rows(tx, await _home(tx))
            return [each for each in _versions(rows, tx.now) if each.holds]

    async def versions(self, actor: Actor) -> list[Version]:
        """Return all that was, is and will be, by item, what begins last first."""
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.TARIFF_READ, Subject("tariff"))
            return _versions(await _rows(tx, await _home(tx)), tx.now)

    async def set_price(self, actor: Actor, new: NewPrice) -> int:
        """Enter a price that follows the one before; return its version.

        Raise `Invalid`: `tariff_item_wrong`, `tariff_price_wrong`, `tariff_in_the_past`,
        `tariff_name_needed`; `Conflict("changed_meanwhile")` if another was entered just now.
        """
        async with self._transactions.open(actor) as tx:
            home = await _home(tx)
            if home is None:
                raise Conflict("institution_not_founded")
            tx.allow(
                Action.TARIFF_CHANGE,
                Subject("tariff", new.item, institution_id=home),
                item=new.item,
                fen=new.fen,
            )
            last = await _last(tx, home, _checked(new, tx.now))
            row = Tariff(
                institution_id=home,
                item=new.item,
                version=last.version + 1 if last else 1,
                names=_named(new, last),
                price_fen=new.fen,
                effective_from=new.effective_from or tx.now,
                entered_by=actor.user_id,
            )
            tx.session.add(row)
            try:
                await tx.session.flush()
            except IntegrityError:  # somebody else has entered this version
                raise Conflict("changed_meanwhile") from None
            return tx.answer(row.version)

    async def price(self, tx: Reading, institution_id: UUID, item: str) -> Price:
        """Return the price that holds now; see `services.inquiries.Prices`."""
        query = (
            select(Tariff.price_fen, Tariff.version)
            .where(
                Tariff.institution_id == institution_id,
                Tariff.item == item,
                Tariff.effective_from <= tx.now,
            )
            .order_by(Tariff.effective_from.desc(), Tariff.version.desc())
            .limit(1)
        )
        found = (await tx.session.execute(query)).one_or_none()
        if found is None:
            raise Conflict("price_missing", item=item)
        return Price(found.price_fen, found.version)


async def names_of(tx: Reading, institution_id: UUID, item: str, version: int) -> dict[str, str]:
    """Return what an item was called in one version of the list."""
    query = select(Tariff.names).where(
        Tariff.institution_id == institution_id, Tariff.item == item, Tariff.version == version
    )
    return await tx.session.scalar(query) or house_names(item)


def house_names(item: str) -> dict[str, str]:
    """Return what the house itself calls an item; nothing for one that it does not know."""
    if item not in KNOWN_ITEMS:
        return {}
    return {language: say(language, f"tariff.item.{item}") for language in LANGUAGES}


def _checked(new: NewPrice, now: datetime) -> str:
    """Return the item of a price that is well formed."""
    if not ITEM.fullmatch(new.item):
        raise Invalid("tariff_item_wrong", field="item")
    if not 0 <= new.fen <= HIGHEST_FEN:
        raise Invalid("tariff_price_wrong", field="price", high=HIGHEST_FEN // 100)
    if new.effective_from is not None and new.effective_from < now:
        raise Invalid("tariff_in_the_past", field="day")
    return new.item


def _named(new: NewPrice, last: Tariff | None) -> dict[str, str]:
    told = {
        language: " ".join(name.split())
        for language, name in (new.names or {}).items()
        if language in LANGUAGES
    }
    told = {language: name for language, name in told.items() if name}
    names = {**house_names(new.item), **(last.names if last else {}), **told}
    if not names or any(len(name) > LONGEST_NAME for name in names.values()):
        raise Invalid("tariff_name_needed", field="zh_CN", high=LONGEST_NAME)
    return names


def _versions(rows: list[Tariff], now: datetime) -> list[Version]:
    """Return the rows, latest beginning first in each item, and say which of them hold."""
    found: list[Version] = []
    holding: set[str] = set()
    for row in rows:
        holds = row.effective_from <= now and row.item not in holding
        if holds:
            holding.add(row.item)
        told = (row.item, row.version, row.names, row.price_fen, row.effective_from)
        found.append(Version(*told, holds=holds))
    return found


async def _rows(tx: Reading, institution_id: UUID | None) -> list[Tariff]:
    query = (
        select(Tariff)
        .where(Tariff.institution_id == institution_id)
        .order_by(Tariff.item, Tariff.effective_from.desc(), Tariff.version.desc())
    )
    return list(await tx.session.scalars(query))


async def _last(tx: Transaction, institution_id: UUID | None, item: str) -> Tariff | None:
    query = (
        select(Tariff)
        .where(Tariff.institution_id == institution_id, Tariff.item == item)
        .order_by(Tariff.version.desc())
        .limit(1)
    )
    found: Tariff | None = await tx.session.scalar(query)
    return found


async def _home(tx: Reading) -> UUID | None:
    """Return whose list it is: the asker's institution, or the house's only one, if founded."""
    if tx.actor.institution_id is not None:
        return tx.actor.institution_id
    query = select(Institution.id).order_by(Institution.created_at).limit(1)
    found: UUID | None = await tx.session.scalar(query)
    return found
