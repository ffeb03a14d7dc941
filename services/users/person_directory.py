"""Tells other modules who a patient is, and which accounts act for them. (services/inquiries.py)"""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select

from data.errors import NotFound
from data.patients import Patient, PatientLink, Relation
from services.inquiries import Person
from services.transaction import Reading


class PersonDirectory:
    """The register of patients, as the other modules may read it."""

    async def person(self, tx: Reading, patient_id: UUID) -> Person:
        """Return the patient, or raise `NotFound`."""
        found = await self.persons(tx, {patient_id})
        if patient_id not in found:
            raise NotFound("not_found", what="Patient", key=str(patient_id))
        return found[patient_id]

    async def persons(self, tx: Reading, ids: Collection[UUID]) -> dict[UUID, Person]:
        """Return those of these patients there are; whoever is deleted is not there."""
        if not ids:
            return {}
        patients = select(Patient).where(Patient.id.in_(ids), Patient.deleted_at.is_(None))
        links = select(PatientLink).where(
            PatientLink.patient_id.in_(ids), PatientLink.deleted_at.is_(None)
        )
        acting: dict[UUID, list[PatientLink]] = {}
        for link in await tx.session.scalars(links):
            acting.setdefault(link.patient_id, []).append(link)
        return {
            row.id: _person(row, acting.get(row.id, []))
            for row in await tx.session.scalars(patients)
        }


def _person(row: Patient, links: list[PatientLink]) -> Person:
    own = [link.owner_id for link in links if link.relation is Relation.SELF]
    return Person(
        patient_id=row.id,
        name=row.name,
        sex=str(row.sex),
        birth_date=row.birth_date,
        phone=row.phone,
        is_verified=row.verified_at is not None,
        guardians=frozenset(link.owner_id for link in links if link.is_guardian),
        accounts=frozenset(link.owner_id for link in links),
        institution_id=row.institution_id,
        site_id=row.site_id,
        own_account=own[0] if own else None,
    )
