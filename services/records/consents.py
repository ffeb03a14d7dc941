"""What patients agree to: each by itself, in words that have a version. (知情同意)

What we deliver is consent_texts.json, version 1; medical affairs gives new versions, after which
everybody is asked anew. To withdraw takes one tap, as to give; there is always a way without the
face, for nothing here requires that consent.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select

from data.clock import new_id
from data.errors import Conflict, Invalid
from data.records import Consent, ConsentKind, ConsentText
from services.ages import full_years
from services.i18n import LANGUAGES
from services.inquiries import Person, Persons
from services.permissions import Action
from services.policy import Actor, Subject
from services.policy_settings import PolicySettings
from services.transaction import Reading, Transaction, Transactions
from services.visit_events import ConsentWithdrawn

__all__ = ["ConsentKind", "Consents", "From", "Given", "Words"]

EACH_VISIT = ConsentKind.TELE_CONSULT
LONGEST_TEXT = 10_000


@dataclass(frozen=True, slots=True)
class Words:
    """What is agreed to, as it stands now."""

    kind: ConsentKind
    version: int
    bodies: Mapping[str, str]
    """Language -> text."""

    def text(self, language: str) -> str:
        """Return the text in a language."""
        return self.bodies.get(language) or next(iter(self.bodies.values()))


@dataclass(frozen=True, slots=True)
class Given:
    """A consent that somebody has given."""

    id: UUID
    patient_id: UUID
    kind: ConsentKind
    version: int
    given_at: datetime
    withdrawn_at: datetime | None
    appointment_id: UUID | None


@dataclass(frozen=True, slots=True)
class From:
    """Whence somebody agreed: kept with the consent."""

    address: str = ""
    device: str = ""


@cache
def delivered() -> dict[ConsentKind, Words]:
    """Return the words as we deliver them."""
    file = Path(__file__).with_name("consent_texts.json")
    texts = json.loads(file.read_text(encoding="utf-8"))
    return {ConsentKind(kind): Words(ConsentKind(kind), 1, texts[kind]) for kind in texts}


class Consents:
    """The keeper of consents."""

    def __init__(
        self,
        transactions: Transactions,
        persons: Persons,
        policy: PolicySettings,
        zone: ZoneInfo,
    ) -> None:
        self._transactions = transactions
        self._persons = persons
        self._policy = policy
        self._zone = zone

    async def words(self, actor: Actor, home: UUID) -> dict[ConsentKind, Words]:
        """Return what is agreed to now, of every kind."""
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.CONSENT_READ, Subject("consent_text", "", home))
            return {kind: (await current(tx, home, kind))[0] for kind in ConsentKind}

    async def word(self, actor: Actor, kind: ConsentKind, bodies: Mapping[str, str]) -> int:
        """Give what is agreed to new words, in every language; return their version.

        Raise `Invalid("consent_text_needed")`.
        """
        texts = {language: bodies.get(language, "").strip() for language in LANGUAGES}
        if not all(0 < len(text) <= LONGEST_TEXT for text in texts.values()):
            raise Invalid("consent_text_needed")
        async with self._transactions.open(actor) as tx:
            tx.allow(Action.CONSENT_WORD, Subject("consent_text", str(kind), actor.home))
            now, _ = await current(tx, actor.home, kind)
            row = _row(tx, actor.home, Words(kind, now.version + 1, texts))
            tx.session.add(row)
            return tx.answer(row.version)

    async def give(
        self,
        actor: Actor,
        patient_id: UUID,
        kinds: Mapping[ConsentKind, int],
        appointment_id: UUID | None = None,
        whence: From | None = None,
    ) -> None:
        """Agree for a patient to each of these, in the version that was shown.

        What stands already is not given twice. Raise `Conflict`: `consent_text_changed` if another
        version holds now, `guardian_consent_needed` for a minor whose guardian it is not.
        """
        async with self._transactions.open(actor) as tx:
            person = await self._persons.person(tx, patient_id)
            tx.allow(Action.CONSENT_GIVE, _about(person), kinds=sorted(kinds))
            minor = self._years(tx, person) < self._number("guardian_account_under_years", tx)
            if minor and actor.user_id not in person.guardians:
                raise Conflict("guardian_consent_needed")
            standing = await self._standing(tx, person, appointment_id)
            for kind, version in kinds.items():
                words, row = await current(tx, actor.home, kind)
                if words.version != version:
                    raise Conflict("consent_text_changed")
                if kind in standing:
                    continue
                if row is None:
                    row = _row(tx, actor.home, words)
                    tx.session.add(row)
                    await tx.session.flush()
                tx.session.add(
                    _consent(tx, patient_id, row, appointment_id, whence or From(), minor=minor)
                )

    async def withdraw(self, actor: Actor, consent_id: UUID) -> None:
        """Agree no more, from now on; what the law wants kept stays. To do it twice is nothing."""
        async with self._transactions.open(actor) as tx:
            row = await tx.get(Consent, consent_id)
            tx.allow(Action.CONSENT_WITHDRAW, row, purpose=str(row.kind))
            if row.withdrawn_at is not None:
                return
            row.withdrawn_at, row.withdrawn_by = tx.now, actor.user_id
            tx.announce(
                ConsentWithdrawn(
                    patient_id=row.patient_id,
                    kind=str(row.kind),
                    appointment_id=row.appointment_id,
                    institution_id=row.institution_id,
                )
            )

    async def given(self, actor: Actor, patient_id: UUID) -> list[Given]:
        """Return what was agreed to for a patient, the latest first, withdrawn ones too."""
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.CONSENT_GIVE, _about(await self._persons.person(tx, patient_id)))
            query = (
                select(Consent, ConsentText.version)
                .join(ConsentText, Consent.text_id == ConsentText.id)
                .where(Consent.patient_id == patient_id)
                .order_by(Consent.given_at.desc())
                .limit(200)
            )
            return [
                Given(
                    *(row[0].id, row[0].patient_id, row[0].kind, row[1], row[0].given_at),
                    *(row[0].withdrawn_at, row[0].appointment_id),
                )
                for row in await tx.session.execute(query)
            ]

    async def missing(
        self, tx: Reading, patient_id: UUID, appointment_id: UUID
    ) -> tuple[ConsentKind, ...]:
        """Return what must still be agreed to before this visit. (R-CON-1, R-CON-2, R-PAT-3)"""
        person = await self._persons.person(tx, patient_id)
        needed = [EACH_VISIT, ConsentKind.SENSITIVE_DATA]
        if self._years(tx, person) < self._number("guardian_account_under_years", tx):
            needed.append(ConsentKind.GUARDIAN)
        standing = await self._standing(tx, person, appointment_id)
        return tuple(kind for kind in needed if kind not in standing)

    async def _standing(
        self, tx: Reading, person: Person, appointment_id: UUID | None
    ) -> Collection[ConsentKind]:
        """Return what is agreed to in the words that hold now, by who may still say so.

        A guardian who is none any more has no voice: what they said for a minor does not count.
        """
        query = (
            select(Consent, ConsentText.version, ConsentText.institution_id)
            .join(ConsentText, Consent.text_id == ConsentText.id)
            .where(
                Consent.patient_id == person.patient_id,
                Consent.withdrawn_at.is_(None),
                or_(
                    Consent.kind != EACH_VISIT,
                    Consent.appointment_id == appointment_id
                    if appointment_id is not None
                    else Consent.appointment_id.is_(None),
                ),
            )
        )
        found = set()
        for consent, version, home in await tx.session.execute(query):
            words, _ = await current(tx, home, consent.kind)
            spoken = not consent.is_by_guardian or consent.owner_id in person.guardians
            if version == words.version and spoken:
                found.add(consent.kind)
        return found

    def _years(self, tx: Reading, person: Person) -> int:
        today: date = tx.now.astimezone(self._zone).date()
        return full_years(person.birth_date, today)

    def _number(self, name: str, tx: Reading) -> int:
        return self._policy.number(f"policy.patient.{name}", tx.actor.institution_id)


async def current(tx: Reading, home: UUID, kind: ConsentKind) -> tuple[Words, ConsentText | None]:
    """Return the words that hold now, and their row if there is one."""
    query = (
        select(ConsentText)
        .where(
            ConsentText.institution_id == home,
            ConsentText.kind == kind,
            ConsentText.effective_from <= tx.now,
        )
        .order_by(ConsentText.version.desc())
        .limit(1)
    )
    row = await tx.session.scalar(query)
    if row is None:
        return delivered()[kind], None
    return Words(kind, row.version, dict(row.bodies)), row


def digest_of(bodies: Mapping[str, str]) -> bytes:
    """Return the SHA-256 of the words as canonical JSON."""
    canonical = json.dumps(dict(bodies), ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(canonical.encode()).digest()


def _about(person: Person) -> Subject:
    return Subject(
        "consent", "", person.institution_id, person.site_id, patient_id=person.patient_id
    )


def _row(tx: Transaction, home: UUID, words: Words) -> ConsentText:
    return ConsentText(
        id=new_id(),
        institution_id=home,
        kind=words.kind,
        version=words.version,
        bodies=dict(words.bodies),
        digest=digest_of(words.bodies),
        effective_from=tx.now,
        entered_by=tx.actor.user_id,
    )


def _consent(
    tx: Transaction,
    patient_id: UUID,
    text: ConsentText,
    appointment_id: UUID | None,
    whence: From,
    *,
    minor: bool,
) -> Consent:
    return Consent(
        institution_id=text.institution_id,
        owner_id=tx.actor.user_id,
        patient_id=patient_id,
        kind=text.kind,
        text_id=text.id,
        text_digest=text.digest,
        appointment_id=appointment_id if text.kind is EACH_VISIT else None,
        is_by_guardian=minor,
        given_at=tx.now,
        address=whence.address or tx.actor.address,
        device=whence.device[:200],
    )
