"""What is told of a patient when they are registered, and whether it fits together. (R-PAT-1)"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select

from data.clock import new_id
from data.errors import Invalid
from data.patients import IdentityDocument, Patient, Relation, Sex
from services.ages import full_years
from services.institution import checked_name
from services.masking import mask_id, mask_phone
from services.users.identity import checked_identity, checked_mobile


@dataclass(frozen=True, slots=True)
class NewPatient:
    """What somebody tells about themselves, one of their family, or whoever is at the counter."""

    name: str
    number: str
    relation: Relation = Relation.SELF
    document: IdentityDocument = IdentityDocument.RESIDENT_CARD
    sex: Sex | None = None
    """Told by the number of a resident's card, if not here; asked for with other documents."""
    birth_date: date | None = None
    phone: str = ""
    is_guardian: bool = False


@dataclass(frozen=True, slots=True)
class Particulars:
    """What was told, checked and completed by what the number says."""

    name: str
    document: IdentityDocument
    number: str
    sex: Sex
    birth_date: date
    phone: str

    def row(self, institution_id: UUID, now: datetime) -> Patient:
        """Return a new patient, whose identity is not sure yet."""
        return Patient(
            id=new_id(),
            institution_id=institution_id,
            name=self.name,
            document=self.document,
            number=self.number,
            sex=self.sex,
            birth_date=self.birth_date,
            phone=self.phone,
            created_at=now,
        )

    def same_number(self, institution_id: UUID) -> Select[Patient]:
        """Return the query for whoever is here under this number already."""
        return select(Patient).where(
            Patient.institution_id == institution_id,
            Patient.document == self.document,
            Patient.number_index == self.number,
            Patient.deleted_at.is_(None),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A patient as pages show them: number and phone masked."""

    patient_id: UUID
    name: str
    document: IdentityDocument
    number: str
    sex: Sex
    birth_date: date
    years: int
    phone: str
    verified_at: datetime | None
    version: int

    @property
    def is_verified(self) -> bool:
        return self.verified_at is not None


def shown(row: Patient, today: date) -> dict[str, Any]:
    """Return the fields of `Shown`."""
    return {
        "patient_id": row.id,
        "name": row.name,
        "document": row.document,
        "number": mask_id(row.number),
        "sex": row.sex,
        "birth_date": row.birth_date,
        "years": full_years(row.birth_date, today),
        "phone": mask_phone(row.phone),
        "verified_at": row.verified_at,
        "version": row.version,
    }


def checked(new: NewPatient, today: date) -> Particulars:
    """Return what was told, as it is kept; raise `Invalid` for what cannot be or does not fit.

    Codes: those of `checked_identity`, `checked_mobile` and `checked_name`; `identity_differs`,
    `sex_and_birth_needed`, `birth_date_wrong`.
    """
    found = checked_identity(new.document, new.number, today)
    if (new.sex and found.sex and new.sex is not found.sex) or (
        new.birth_date and found.birth_date and new.birth_date != found.birth_date
    ):
        raise Invalid("identity_differs")
    sex, born = found.sex or new.sex, found.birth_date or new.birth_date
    if sex is None or born is None:
        raise Invalid("sex_and_birth_needed")
    if born > today:
        raise Invalid("birth_date_wrong")
    phone = checked_mobile(new.phone) if new.phone else ""
    return Particulars(checked_name(new.name), new.document, found.number, sex, born, phone)
