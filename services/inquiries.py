"""What modules ask of one another inside a unit of work, where an event would come too late.

Each Protocol is implemented by the module that knows, used by those that need it, and joined in
services/clinic.py: so that no module imports another. (R057)
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from services.transaction import Reading


@dataclass(frozen=True, slots=True)
class Person:
    """A patient, as far as other modules need to know them."""

    patient_id: UUID
    name: str
    sex: str
    birth_date: date
    phone: str
    """Where they are reached; empty if nowhere."""
    is_verified: bool
    guardians: frozenset[UUID]
    """Accounts that act for them as a guardian."""
    accounts: frozenset[UUID]
    """Accounts that act for them at all."""
    institution_id: UUID
    site_id: UUID | None = None
    own_account: UUID | None = None
    """The account of the patient themselves, if they have one."""

    @property
    def answering(self) -> UUID | None:
        """Return the account that answers for them: their own, or else a guardian's."""
        return self.own_account or min(self.guardians, default=None)


class Persons(Protocol):
    """Knows patients. (services/users)"""

    async def person(self, tx: Reading, patient_id: UUID) -> Person:
        """Return the patient, or raise `NotFound`."""
        ...

    async def persons(self, tx: Reading, ids: Collection[UUID]) -> dict[UUID, Person]:
        """Return those of these patients there are."""
        ...


@dataclass(frozen=True, slots=True)
class Colleague:
    """A member of staff who treats, as patients and other modules may know them. (R-STF-3)"""

    user_id: UUID
    name: str
    title: str
    licence: str
    department_ids: frozenset[UUID]
    is_active: bool
    """Whether their papers are in order now."""
    institution_id: UUID
    site_id: UUID | None = None


class Clinicians(Protocol):
    """Knows who may treat, and in which department. (services/users)"""

    async def may_treat(
        self, tx: Reading, clinician_id: UUID, department_id: UUID, on: date
    ) -> None:
        """Raise `Conflict`: `clinician_not_active`, `licence_ends_before` (their licence or
        certificate is over on that day) or `department_not_offered` (not licensed for the
        institution, not offered online, or not among the clinician's). (R-STF-1, R-ORG-2)"""
        ...

    async def colleagues(self, tx: Reading, ids: Collection[UUID]) -> dict[UUID, Colleague]:
        """Return those of these accounts that belong to a clinician."""
        ...

    async def departments(self, tx: Reading, ids: Collection[UUID]) -> dict[UUID, str]:
        """Return the names of these departments, of closed ones too."""
        ...


@dataclass(frozen=True, slots=True)
class Price:
    """What something costs, and by which version of the tariff. (R-PRICE)"""

    fen: int
    version: int


class Prices(Protocol):
    """Knows the tariff. (services/billing)"""

    async def price(self, tx: Reading, institution_id: UUID, item: str) -> Price:
        """Return the price that holds now, or raise `Conflict("price_missing")`."""
        ...


class Readiness(Protocol):
    """Knows what a patient still has to get ready for a visit. (services/records)"""

    async def missing(self, tx: Reading, appointment_id: UUID) -> tuple[str, ...]:
        """Return the names of what is missing before check-in, in the order to do it:
        `red_flags`, `emergency` (an answer was yes: no queue), `complaint`, `evidence`,
        `consents`, `whereabouts`, `devices`; empty if all is ready. (domain 5.2, CHECK_IN)"""
        ...


class Prospect(StrEnum):
    """What somebody who is to be seen can hope for."""

    ABSENT = "absent"  # has not come
    SERVED = "served"  # waits, or may still come back, and will be seen
    IN_VAIN = "in_vain"  # waits, and nobody is there
    FORGONE = "forgone"  # was called, has not come, and the session is over


class Prospects(Protocol):
    """Knows the line. (services/appointments)"""

    async def prospect(self, tx: Reading, appointment_id: UUID) -> Prospect:
        """Return what the patient of an appointment can hope for at this moment."""
        ...


@dataclass(frozen=True, slots=True)
class BookedVisit:
    """An appointment, as far as other modules need to know it."""

    appointment_id: UUID
    patient_id: UUID
    owner_id: UUID | None
    clinician_id: UUID
    institution_id: UUID
    site_id: UUID | None
    is_coming: bool
    """Whether it can still take place."""
    needs_devices: bool
    """Whether a camera or microphone is used."""


class Bookings(Protocol):
    """Knows appointments. (services/appointments)"""

    async def booked(self, tx: Reading, appointment_id: UUID) -> BookedVisit:
        """Return an appointment, or raise `NotFound`."""
        ...


class Diary(Bookings, Prospects, Protocol):
    """Knows appointments and the line. (services/appointments)"""
