"""The ways of being seen, as data: what each needs, how long it may take, what it costs.

What we deliver is visit_kinds.json; a row of an institution replaces the line of the same code.
"""

import json
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from uuid import UUID

from sqlalchemy import select

from data.appointments import VisitKind
from data.errors import Conflict, Invalid
from services.permissions import Action
from services.policy import Actor, Subject
from services.transaction import Reading, Transaction, Transactions


@dataclass(frozen=True, slots=True)
class Kind:
    """One way of being seen. (就诊方式)"""

    code: str
    names: dict[str, str]
    """Language -> name."""
    channels: tuple[str, ...]
    """Of audio, video, text."""
    price_item: str
    needs_devices: bool = True
    accept_within: int | None = None
    """Minutes after the request in which it must be taken; None: until its place has passed."""
    lasts_at_most: int | None = None
    """Minutes; None: no limit."""
    most_rounds: int | None = None
    is_offered: bool = True
    version: int = 0
    """0: as we deliver it."""

    def name(self, language: str) -> str:
        """Return its name in a language, or in the first one there is."""
        return self.names.get(language) or next(iter(self.names.values()))


@cache
def delivered() -> dict[str, Kind]:
    """Return the kinds as we deliver them."""
    file = Path(__file__).with_name("visit_kinds.json")
    lines = json.loads(file.read_text(encoding="utf-8"))
    kinds = (Kind(**{**line, "channels": tuple(line["channels"])}) for line in lines)
    return {kind.code: kind for kind in kinds}


class Kinds:
    """The list of ways of being seen."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def all(self, actor: Actor, institution_id: UUID) -> list[Kind]:
        """Return every kind, those that are not offered now too."""
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.KIND_READ, Subject("visit_kind", institution_id=institution_id))
            return list((await kinds_of(tx, institution_id)).values())

    async def offer(self, actor: Actor, code: str, *, is_offered: bool) -> None:
        """Offer a kind from now on, or no more; what is booked stays booked."""
        async with self._transactions.open(actor) as tx:
            institution_id = actor.home
            place = Subject("visit_kind", code, institution_id)
            tx.allow(Action.KIND_CHANGE, place, is_offered=is_offered)
            kind = replace(await kind_of(tx, institution_id, code), is_offered=is_offered)
            await _keep(tx, institution_id, kind)

    async def change(self, actor: Actor, changed: Kind) -> None:
        """Give a kind other names or limits; its code and channels are what it is.

        Raise `Invalid("kind_names_needed")` or `("kind_limit_wrong")`,
        `Conflict("changed_meanwhile")`.
        """
        limits = (changed.accept_within, changed.lasts_at_most, changed.most_rounds)
        if not all(name.strip() for name in changed.names.values()) or not changed.names:
            raise Invalid("kind_names_needed")
        if any(limit is not None and limit < 1 for limit in limits):
            raise Invalid("kind_limit_wrong")
        async with self._transactions.open(actor) as tx:
            institution_id = actor.home
            tx.allow(Action.KIND_CHANGE, Subject("visit_kind", changed.code, institution_id))
            known = await kind_of(tx, institution_id, changed.code)
            if known.version != changed.version:
                raise Conflict("changed_meanwhile")
            await _keep(tx, institution_id, replace(changed, channels=known.channels))


async def kinds_of(tx: Reading, institution_id: UUID) -> dict[str, Kind]:
    """Return the kinds of an institution by their codes, in the order of delivery."""
    rows = await tx.session.scalars(
        select(VisitKind).where(VisitKind.institution_id == institution_id)
    )
    return {**delivered(), **{row.code: _kind(row) for row in rows}}


async def kind_of(tx: Reading, institution_id: UUID, code: str) -> Kind:
    """Return one kind, or raise `Invalid("kind_unknown")`."""
    kind = (await kinds_of(tx, institution_id)).get(code)
    if kind is None:
        raise Invalid("kind_unknown", what=code)
    return kind


async def _keep(tx: Transaction, institution_id: UUID, kind: Kind) -> None:
    query = select(VisitKind).where(
        VisitKind.institution_id == institution_id, VisitKind.code == kind.code
    )
    row = await tx.session.scalar(query.with_for_update())
    if row is None:
        row = VisitKind(
            institution_id=institution_id,
            code=kind.code,
            names={},
            channels=list(kind.channels),
            price_item=kind.price_item,
        )
        tx.session.add(row)
    row.names, row.price_item = dict(kind.names), kind.price_item
    row.needs_devices, row.is_offered = kind.needs_devices, kind.is_offered
    row.accept_within, row.lasts_at_most = kind.accept_within, kind.lasts_at_most
    row.most_rounds = kind.most_rounds


def _kind(row: VisitKind) -> Kind:
    return Kind(
        code=row.code,
        names=dict(row.names),
        channels=tuple(row.channels),
        price_item=row.price_item,
        needs_devices=row.needs_devices,
        accept_within=row.accept_within,
        lasts_at_most=row.lasts_at_most,
        most_rounds=row.most_rounds,
        is_offered=row.is_offered,
        version=row.version,
    )
