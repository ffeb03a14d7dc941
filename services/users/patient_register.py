"""Patients as the counter has them: found, registered for somebody on the phone, reached. (导诊台)

What the counter looks at is masked, and that it looked is in the trail; what it looked for is not.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, select

from data.errors import Conflict, Invalid
from data.patients import (
    IdentityCheck,
    IdentityMethod,
    IdentityOutcome,
    Patient,
)
from data.turns import take_turn
from services.events import PatientRegistered
from services.permissions import Action
from services.policy import Actor, Subject, visible
from services.transaction import Reading, Transaction, Transactions
from services.users.identity import MOBILE, checked_mobile
from services.users.particulars import NewPatient, Particulars, Shown, checked, shown
from services.users.person_directory import PersonDirectory

MOST = 20
"""Patients that one search finds: of a common name the number or the phone tells who is meant."""
SEEN = timedelta(hours=1)
"""How long the comparison of document and person counts for a change of the phone."""
NUMBER = re.compile(r"(?=.*[0-9])[A-Z0-9]{5,20}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered(Shown):
    """A patient as the counter sees them."""

    has_account: bool
    """Whether an account acts for them: it sees their visits and pays their bills."""
    is_written_to: bool
    """Whether messages go to an account; if not, to their own phone."""


class PatientRegister:
    """The register of patients, from the hospital's side."""

    def __init__(
        self, transactions: Transactions, persons: PersonDirectory, timezone: ZoneInfo
    ) -> None:
        self._transactions = transactions
        self._persons = persons
        self._timezone = timezone

    async def find(self, actor: Actor, words: str) -> list[Registered]:
        """Return whoever has exactly this phone, document number or name: who is verified, then
        the newest first.

        Raise `Invalid("search_words_missing")`.
        """
        kind, wanted = _wanted(words)
        async with self._transactions.open(actor) as tx:
            tx.allow(Action.PATIENT_FIND, Subject("patient", "", actor.home), purpose=kind)
            query = (
                select(Patient)
                .where(visible(actor, Action.PATIENT_FIND, Patient), wanted)
                .order_by(Patient.verified_at.is_(None), Patient.created_at.desc())
                .limit(MOST)
            )
            return await self._views(tx, list(await tx.session.scalars(query)))

    async def one(self, actor: Actor, patient_id: UUID) -> Registered:
        """Return one patient, or raise `NotFound`."""
        async with self._transactions.open(actor) as tx:
            row = await tx.get(Patient, patient_id)
            tx.allow(Action.PATIENT_FIND, row, purpose="one")
            return (await self._views(tx, [row]))[0]

    async def enter(self, actor: Actor, new: NewPatient) -> UUID:
        """Register somebody who is on the phone or at the counter; return the patient.

        Who is here already under this number and name is that patient: nobody is entered twice.
        Raise as `checked`; `Invalid("phone_needed")`; `Conflict("patient_name_differs")`.
        """
        async with self._transactions.open(actor) as tx:
            told = checked(new, self._today(tx))
            tx.allow(Action.PATIENT_ENTER, Subject("patient", "", actor.home))
            if not told.phone:
                raise Invalid("phone_needed")
            await take_turn(tx.session, "number", actor.home, told.number)
            if (known := await _known(tx, told)) is not None:
                return tx.answer(known.id)
            row = told.row(actor.home, tx.now)
            tx.session.add(row)
            tx.announce(PatientRegistered(patient_id=row.id, institution_id=row.institution_id))
            return tx.answer(row.id)

    async def reach(self, actor: Actor, patient_id: UUID, phone: str, version: int) -> None:
        """Write down the phone of a patient whose document was just looked at.

        The code by which others may act for a patient goes to this phone: that is why somebody
        of the hospital must have compared the document with the person within the hour. Raise
        `Conflict`: `patient_unverified_here`, `changed_meanwhile`.
        """
        number = checked_mobile(phone)
        async with self._transactions.open(actor) as tx:
            row = await tx.get(Patient, patient_id)
            tx.allow(Action.PATIENT_ENTER, row, purpose="phone")
            if not await _seen_lately(tx, patient_id):
                raise Conflict("patient_unverified_here")
            if row.version != version:
                raise Conflict("changed_meanwhile")
            row.phone = number

    async def _views(self, tx: Reading, rows: list[Patient]) -> list[Registered]:
        people = await self._persons.persons(tx, [row.id for row in rows])
        return [
            Registered(
                **shown(row, self._today(tx)),
                has_account=bool(people[row.id].accounts),
                is_written_to=people[row.id].answering is not None,
            )
            for row in rows
        ]

    def _today(self, tx: Reading) -> date:
        return tx.now.astimezone(self._timezone).date()


def _wanted(words: str) -> tuple[str, ColumnElement[bool]]:
    """Return what was typed, by its looks: a phone, a document's number or a name."""
    plain = " ".join(unicodedata.normalize("NFKC", words).split())
    close = plain.replace(" ", "").replace("-", "").removeprefix("+86")
    if not plain:
        raise Invalid("search_words_missing")
    if MOBILE.fullmatch(close):
        return "phone", Patient.phone_index == close
    if NUMBER.fullmatch(close.upper()):
        return "number", Patient.number_index == close.upper()
    return "name", Patient.name_index == plain


async def _known(tx: Transaction, told: Particulars) -> Patient | None:
    """Return who is here under this number; one who was verified goes before all others."""
    surest_first = (Patient.verified_at.is_(None), Patient.created_at)
    query = told.same_number(tx.actor.home).order_by(*surest_first)
    rows = list(await tx.session.scalars(query))
    if rows and rows[0].verified_at is not None and rows[0].name != told.name:
        raise Conflict("patient_name_differs")
    return next((row for row in rows if row.name == told.name), None)


async def _seen_lately(tx: Transaction, patient_id: UUID) -> bool:
    """Tell whether the latest look at the document, within the hour, found that it is theirs."""
    query = (
        select(IdentityCheck.outcome)
        .where(
            IdentityCheck.patient_id == patient_id,
            IdentityCheck.method == IdentityMethod.COUNTER,
            IdentityCheck.checked_at > tx.now - SEEN,
        )
        .order_by(IdentityCheck.checked_at.desc(), IdentityCheck.id.desc())
        .limit(1)
    )
    return await tx.session.scalar(query) is IdentityOutcome.MATCH
