"""Patients as an account has them: oneself and one's family. (就诊人, R-PAT-1, R-PAT-2)

An identity number is one person: whoever tells a number that is here already has to show, by a
code sent to that person's own phone, that they may act for them.
"""

from dataclasses import dataclass
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from data.errors import Conflict, Invalid
from data.patients import IdentityDocument, Patient, PatientLink, Relation, Sex
from data.users import User
from services.ages import full_years
from services.events import PatientLinked, PatientRegistered, PatientUnlinked
from services.masking import mask_phone
from services.permissions import Action
from services.policy import Actor, Subject, visible
from services.policy_settings import PolicySettings
from services.transaction import Reading, Transaction, Transactions
from services.users.codes import Codes, Sent
from services.users.identity import checked_mobile
from services.users.particulars import NewPatient, Particulars, Shown, checked, shown
from services.users.sessions import Sessions

__all__ = ["IdentityDocument", "Member", "NewPatient", "Patients", "Relation", "Sex"]

JOIN = "join:{patient_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member(Shown):
    """A patient an account acts for, as their own pages show them."""

    relation: Relation
    is_guardian: bool


class Patients:
    """The register of patients, from the patients' side."""

    def __init__(
        self,
        transactions: Transactions,
        sessions: Sessions,
        codes: Codes,
        policy: PolicySettings,
        timezone: ZoneInfo,
    ) -> None:
        self._transactions = transactions
        self._sessions = sessions
        self._codes = codes
        self._policy = policy
        self._timezone = timezone

    async def family(self, actor: Actor) -> list[Member]:
        """Return whom the actor acts for, oneself first."""
        async with self._transactions.read(actor) as tx:
            query = (
                select(Patient, PatientLink)
                .join(PatientLink, PatientLink.patient_id == Patient.id)
                .where(
                    visible(actor, Action.PATIENT_READ, Patient),
                    PatientLink.owner_id == actor.user_id,
                    PatientLink.deleted_at.is_(None),
                )
                .order_by(PatientLink.relation != Relation.SELF, PatientLink.since)
            )
            rows = await tx.session.execute(query)
            return [self._member(row.Patient, row.PatientLink, tx) for row in rows]

    async def register(self, actor: Actor, new: NewPatient) -> UUID:
        """Enter oneself or one of one's family; return the patient.

        Raise `Invalid` for what is malformed or does not fit together, `Conflict`:
        `patient_linked_already`, `self_registered_already`, `family_full`, `guardian_needed`,
        `guardian_not_verified`, `patient_known` (then `ask_to_join`).
        """
        async with self._transactions.open(actor) as tx:
            known = await self._judged(tx, new)
            if (found := await _found(tx, known)) is not None:
                raise Conflict("patient_known", phone=mask_phone(found.phone))
            row = known.row(_home(actor), tx.now)
            place = Subject("patient", row.id, row.institution_id, owner_id=actor.user_id)
            tx.allow(Action.PATIENT_REGISTER, place, relation=str(new.relation))
            tx.session.add(row)
            await tx.session.flush()
            tx.announce(PatientRegistered(patient_id=row.id, institution_id=row.institution_id))
            await self._link(tx, row, new)
            return tx.answer(row.id)

    async def ask_to_join(self, actor: Actor, new: NewPatient) -> Sent:
        """Send a code to the phone of a patient who is here already.

        Raise as `register`; `Conflict("patient_without_phone")`: at the hospital's counter then.
        """
        async with self._transactions.open(actor) as tx:
            row = await self._known(tx, new)
            tx.allow(Action.CODE_ASK, Subject("patient", row.id, row.institution_id))
            purpose = JOIN.format(patient_id=row.id)
            user = await tx.get(User, actor.user_id)
            return await self._codes.send(tx, row.phone, purpose, row.institution_id, user.language)

    async def join(self, actor: Actor, new: NewPatient, code: str) -> UUID:
        """Act for a patient who is here already, with the code from their phone.

        Raise as `register`, and `Invalid("code_wrong")`.
        """
        async with self._transactions.open(actor) as tx:
            row = await self._known(tx, new)
            place = Subject("patient", row.id, row.institution_id, owner_id=actor.user_id)
            tx.allow(Action.PATIENT_REGISTER, place, relation=str(new.relation))
            if not await self._codes.take(tx, row.phone, JOIN.format(patient_id=row.id), code):
                raise Invalid("code_wrong")
            await self._link(tx, row, new)
            return tx.answer(row.id)

    async def leave(self, actor: Actor, patient_id: UUID, reason: str = "") -> None:
        """Act no longer for one of the family; what was done in their name stays theirs."""
        async with self._transactions.open(actor) as tx:
            row = await tx.get(Patient, patient_id)
            tx.allow(Action.PATIENT_CHANGE, row, purpose="unlink")
            query = select(PatientLink).where(
                PatientLink.owner_id == actor.user_id,
                PatientLink.patient_id == patient_id,
                PatientLink.deleted_at.is_(None),
            )
            link = (await tx.session.scalars(query.with_for_update())).one()
            link.deleted_at, link.ended_because = tx.now, " ".join(reason.split())
            tx.announce(
                PatientUnlinked(
                    patient_id=patient_id, account_id=actor.user_id, was_guardian=link.is_guardian
                )
            )
            self._sessions.forget_after(tx, actor.user_id)

    async def change_phone(self, actor: Actor, patient_id: UUID, phone: str, version: int) -> None:
        """Say where a patient is reached; raise `Conflict("changed_meanwhile")`."""
        async with self._transactions.open(actor) as tx:
            row = await tx.get(Patient, patient_id)
            tx.allow(Action.PATIENT_CHANGE, row, purpose="phone")
            if row.version != version:
                raise Conflict("changed_meanwhile")
            row.phone = checked_mobile(phone)

    async def _judged(self, tx: Transaction, new: NewPatient) -> Particulars:
        """Return what was told if it fits together and this account may register it."""
        known = checked(new, self._today(tx))
        years = full_years(known.birth_date, self._today(tx))
        minor = years < self._number("guardian_account_under_years", tx)
        links = await _links(tx)
        if new.relation is Relation.SELF:
            if any(link.relation is Relation.SELF for link in links):
                raise Conflict("self_registered_already")
            if minor:
                raise Conflict("guardian_needed")
            return known
        if len([link for link in links if link.relation is not Relation.SELF]) >= self._number(
            "max_family_members", tx
        ):
            raise Conflict("family_full", most=self._number("max_family_members", tx))
        if minor:
            if not new.is_guardian:
                raise Conflict("guardian_needed")
            if not await _self_is_verified(tx):
                raise Conflict("guardian_not_verified")
        return known

    async def _known(self, tx: Transaction, new: NewPatient) -> Patient:
        known = await self._judged(tx, new)
        row = await _found(tx, known)
        if row is None:
            raise Invalid("identity_differs")
        if not row.phone:
            raise Conflict("patient_without_phone")
        return row

    async def _link(self, tx: Transaction, row: Patient, new: NewPatient) -> None:
        link = PatientLink(
            owner_id=tx.actor.user_id,
            patient_id=row.id,
            institution_id=row.institution_id,
            relation=new.relation,
            is_guardian=new.is_guardian and new.relation is not Relation.SELF,
            since=tx.now,
        )
        tx.session.add(link)
        if new.relation is Relation.SELF:
            user = await tx.get(User, tx.actor.user_id)
            user.display_name = row.name
            if not row.phone:
                row.phone = user.phone or ""
        tx.announce(
            PatientLinked(
                patient_id=row.id, account_id=tx.actor.user_id, is_guardian=link.is_guardian
            )
        )
        self._sessions.forget_after(tx, tx.actor.user_id)

    def _member(self, row: Patient, link: PatientLink, tx: Reading) -> Member:
        return Member(
            **shown(row, self._today(tx)), relation=link.relation, is_guardian=link.is_guardian
        )

    def _today(self, tx: Reading) -> date:
        return tx.now.astimezone(self._timezone).date()

    def _number(self, name: str, tx: Reading) -> int:
        return self._policy.number(f"policy.patient.{name}", tx.actor.institution_id)


async def _links(tx: Reading) -> list[PatientLink]:
    query = select(PatientLink).where(
        PatientLink.owner_id == tx.actor.user_id, PatientLink.deleted_at.is_(None)
    )
    return list(await tx.session.scalars(query))


async def _self_is_verified(tx: Reading) -> bool:
    query = (
        select(func.count(Patient.id))
        .join(PatientLink, PatientLink.patient_id == Patient.id)
        .where(
            PatientLink.owner_id == tx.actor.user_id,
            PatientLink.relation == Relation.SELF,
            PatientLink.deleted_at.is_(None),
            Patient.verified_at.is_not(None),
        )
    )
    return bool(await tx.session.scalar(query))


async def _found(tx: Transaction, known: Particulars) -> Patient | None:
    """Return the patient with this number, if there is one of whom it is sure.

    Raise `Conflict("patient_linked_already")`; and `Invalid("identity_differs")` for another name,
    as the check of a real name would: whether a number is here is told to nobody who guesses.
    """
    query = known.same_number(_home(tx.actor))
    mine = {link.patient_id for link in await _links(tx)}
    rows = list(await tx.session.scalars(query))
    if any(row.id in mine for row in rows):
        raise Conflict("patient_linked_already")
    sure = next((row for row in rows if row.verified_at is not None), None)
    if sure is not None and sure.name != known.name:
        raise Invalid("identity_differs")
    return sure


def _home(actor: Actor) -> UUID:
    if actor.institution_id is None:
        raise Invalid("institution_needed")
    return actor.institution_id
