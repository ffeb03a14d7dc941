"""The infrastructure an internet hospital must have, declared with evidence. (R-ORG-3)

Software cannot see a second power line. So the system administrator says how it is and since when
there is evidence (a contract, a test report), and is asked again every year.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from data.clock import Clock
from data.errors import Invalid
from services.facts import Known, put, read
from services.findings import Finding, ok, warn
from services.i18n import Key
from services.policy import Action, Actor, Subject
from services.transaction import Transactions

GOOD_FOR = timedelta(days=366)
LONGEST_NOTE = 300


class Item(StrEnum):
    """What the basic standard (互联网医院基本标准, 附录) asks for."""

    SERVERS_APART = "servers_apart"
    """Two servers at least, database and application apart."""
    VIDEO_TWICE = "video_twice"
    """Two sets of audio and video systems at least."""
    BANDWIDTH = "bandwidth"
    """10 Mbit/s at least."""
    PROVIDERS_TWICE = "providers_twice"
    """From two network providers at least."""
    POWER_TWICE = "power_twice"
    IN_MAINLAND = "in_mainland"
    """Servers that store medical data stand inside mainland China."""
    HIS = "his"
    """Real-time exchange with the HIS,"""
    PACS = "pacs"
    LIS = "lis"
    EMERGENCY_PLAN = "emergency_plan"
    """Plans for failures of power, network, equipment and security. (R-ORG-4)"""


@dataclass(frozen=True, slots=True)
class Declaration:
    """What was declared about one item."""

    item: Item
    met: bool | None
    """None: nobody has said anything yet."""
    note: str = ""
    evidence_on: date | None = None
    declared_by: str = ""

    def is_outdated(self, today: date) -> bool:
        """Tell whether the evidence is too old to count."""
        return self.evidence_on is not None and today - self.evidence_on > GOOD_FOR


class Infrastructure:
    """The list and what was declared."""

    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def declare(
        self, actor: Actor, item: Item, *, met: bool, note: str, evidence_on: date
    ) -> None:
        """Say how it is and what shows it; raise `Invalid` without a note or with a day to come."""
        words = note.strip()
        if not words or len(words) > LONGEST_NOTE:
            raise Invalid("evidence_needed", high=LONGEST_NOTE)
        async with self._transactions.open(actor) as tx:
            place = Subject("infrastructure", item, institution_id=actor.institution_id)
            tx.allow(Action.INFRASTRUCTURE_DECLARE, place, purpose=words, met=met)
            if evidence_on > (tx.now + timedelta(days=1)).date():
                raise Invalid("evidence_in_future")
            told: dict[str, Any] = {"met": met, "note": words, "on": evidence_on.isoformat()}
            told["by"] = str(actor.user_id)
            await put(tx.session, _key(actor.institution_id, item), told, tx.now)

    async def page(self, actor: Actor) -> list[Declaration]:
        """Return every item with what was declared."""
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.HEALTH_READ, Subject("infrastructure"))
            told = await read(tx.session, _key(actor.institution_id))
        return [_declaration(item, told.get(_key(actor.institution_id, item))) for item in Item]


def findings(told: dict[str, Known], institution_id: UUID, today: date) -> list[Finding]:
    """Judge each item of one institution."""
    return [
        _judged(_declaration(item, told.get(_key(institution_id, item))), today) for item in Item
    ]


def _judged(declared: Declaration, today: date) -> Finding:
    item = Key(f"infrastructure.{declared.item}")
    if declared.met is None or declared.evidence_on is None:
        return warn("infrastructure", "not_declared", item=item)
    if not declared.met:
        return warn("infrastructure", "not_met", item=item, day=declared.evidence_on)
    if declared.is_outdated(today):
        return warn("infrastructure", "old", item=item, day=declared.evidence_on)
    return ok("infrastructure", "declared", item=item, day=declared.evidence_on)


def _key(institution_id: UUID | None, item: str = "") -> str:
    return f"infrastructure:{institution_id}:{item}"


def _declaration(item: Item, known: Known | None) -> Declaration:
    if known is None:
        return Declaration(item, None)
    told = known.value
    return Declaration(item, told["met"], told["note"], date.fromisoformat(told["on"]), told["by"])
