"""Makes sure that a patient's name and number belong together. (实名核验, R-PAT-1)

By a register of identities where one is set up; always also by somebody of the hospital who looks
at the document: nobody has to show a face to a machine.
"""

import asyncio
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select

from data.clock import new_id
from data.errors import Conflict, Invalid, TooMany, Unavailable
from data.patients import (
    IdentityCheck,
    IdentityDocument,
    IdentityMethod,
    IdentityOutcome,
    Patient,
)
from services.events import PatientVerified
from services.permissions import Action
from services.policy import Actor
from services.ports import IdentityAnswer, Ports
from services.transaction import Transaction, Transactions

__all__ = ["IdentityOutcome", "RealName"]

PATIENCE = 10  # seconds a register may take
MOST_A_DAY = 5
"""Mismatches a day: who tries names on a number learns little."""
DAY = timedelta(days=1)
ASKED_OF_A_REGISTER = {IdentityDocument.RESIDENT_CARD}


class RealName:
    """The checker of real names."""

    def __init__(self, transactions: Transactions, ports: Ports) -> None:
        self._transactions = transactions
        self._ports = ports

    @property
    def is_online(self) -> bool:
        """Whether a register can be asked; else only the counter."""
        return self._ports.identities is not None

    async def verify(self, actor: Actor, patient_id: UUID) -> IdentityOutcome:
        """Ask the register; to ask again about somebody who is verified does nothing.

        Raise `Unavailable("identity_register_missing")` or `("identity_register_silent")`:
        the counter is the other way; `TooMany("identity_tried_too_often")`;
        `Conflict("patient_known")` if the hospital knows somebody with this number already.
        """
        async with self._transactions.open(actor) as tx:
            row = await tx.get(Patient, patient_id)
            tx.allow(Action.PATIENT_VERIFY, row, purpose="register")
            if row.verified_at is not None:
                return IdentityOutcome.MATCH
            await _spare(tx, patient_id)
            asked = (row.document, row.name, row.number)
        outcome = await self._asked(*asked)
        async with self._transactions.open(actor) as tx:
            row = await tx.get(Patient, patient_id)
            tx.allow(Action.PATIENT_VERIFY, row, purpose=str(outcome))
            if (row.document, row.name, row.number) != asked:
                raise Conflict("changed_meanwhile")
            register = self._ports.identities
            method = IdentityMethod(register.method) if register else IdentityMethod.COUNTER
            await _keep(tx, row, method, outcome)
        if outcome is IdentityOutcome.UNAVAILABLE:
            raise Unavailable("identity_register_silent")
        return outcome

    async def verify_at_counter(self, actor: Actor, patient_id: UUID, *, matches: bool) -> None:
        """Write down that somebody of the hospital has compared the document with the person."""
        async with self._transactions.open(actor) as tx:
            row = await tx.get(Patient, patient_id)
            tx.allow(Action.PATIENT_VERIFY_AT_COUNTER, row, matches=matches)
            outcome = IdentityOutcome.MATCH if matches else IdentityOutcome.MISMATCH
            await _keep(tx, row, IdentityMethod.COUNTER, outcome, by=actor.user_id)

    async def _asked(self, document: IdentityDocument, name: str, number: str) -> IdentityOutcome:
        register = self._ports.identities
        if register is None:
            raise Unavailable("identity_register_missing")
        if document not in ASKED_OF_A_REGISTER:
            raise Invalid("identity_at_counter_only")
        try:
            async with asyncio.timeout(PATIENCE):
                answer = await register.check(str(new_id()), name, number)
        except (TimeoutError, Unavailable):
            return IdentityOutcome.UNAVAILABLE
        if answer is IdentityAnswer.MATCH:
            return IdentityOutcome.MATCH
        return IdentityOutcome.MISMATCH


async def _spare(tx: Transaction, patient_id: UUID) -> None:
    query = select(func.count(IdentityCheck.id)).where(
        IdentityCheck.patient_id == patient_id,
        IdentityCheck.outcome == IdentityOutcome.MISMATCH,
        IdentityCheck.checked_at > tx.now - DAY,
    )
    if (await tx.session.scalar(query) or 0) >= MOST_A_DAY:
        raise TooMany("identity_tried_too_often", retry_after=3600)


async def _keep(
    tx: Transaction,
    row: Patient,
    method: IdentityMethod,
    outcome: IdentityOutcome,
    by: UUID | None = None,
) -> None:
    """Write the check down; what matches makes the patient a known person, once."""
    if outcome is IdentityOutcome.MATCH:
        await _alone(tx, row)
    tx.session.add(
        IdentityCheck(
            patient_id=row.id,
            institution_id=row.institution_id,
            site_id=row.site_id,
            method=method,
            outcome=outcome,
            checked_by=by,
            checked_at=tx.now,
        )
    )
    if outcome is IdentityOutcome.MATCH and row.verified_at is None:
        row.verified_at, row.verified_by = tx.now, method
        tx.announce(PatientVerified(patient_id=row.id, method=str(method)))


async def _alone(tx: Transaction, row: Patient) -> None:
    """Raise `Conflict` if somebody else with this number has been verified."""
    query = select(Patient.id).where(
        Patient.institution_id == row.institution_id,
        Patient.document == row.document,
        Patient.number_index == row.number,
        Patient.deleted_at.is_(None),
        Patient.verified_at.is_not(None),
        Patient.id != row.id,
    )
    if await tx.session.scalar(query) is not None:
        raise Conflict("patient_known_twice")
