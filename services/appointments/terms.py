"""What a booking is asked for and answered with, and what is announced of it. (预约)"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from data.appointments import Appointment, AppointmentState
from services.appointments.kinds import Kind
from services.inquiries import Clinicians, Person, Persons, Prices
from services.licences import Licences
from services.policy import Subject
from services.visit_events import AppointmentCancelled, AppointmentConfirmed, AppointmentHeld


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to book."""

    patient_id: UUID
    clinician_id: UUID
    starts_at: datetime
    kind: str
    words: str = ""
    """Of the desk, for somebody on the phone."""
    offer_id: UUID | None = None
    """The wait-list entry that this place is kept for."""


@dataclass(frozen=True, slots=True)
class Booked:
    """A place that is held, or already sure."""

    id: UUID
    state: AppointmentState
    starts_at: datetime
    ends_at: datetime
    price_fen: int
    hold_until: datetime | None


@dataclass(frozen=True, slots=True)
class Known:
    """What booking asks of the other modules."""

    persons: Persons
    clinicians: Clinicians
    prices: Prices
    licences: Licences


def cancelled(row: Appointment, by: str, *, refund: bool) -> AppointmentCancelled:
    """Return what is announced of an appointment that does not take place."""
    return AppointmentCancelled(
        appointment_id=row.id,
        patient_id=row.patient_id,
        account_id=row.owner_id,
        clinician_id=row.clinician_id,
        by=by,
        refund=refund,
        institution_id=row.institution_id,
        site_id=row.site_id,
    )


def about(person: Person) -> Subject:
    """Return what a permission to book for a patient depends on."""
    return Subject(
        "appointment", "", person.institution_id, person.site_id, patient_id=person.patient_id
    )


def booked(row: Appointment) -> Booked:
    return Booked(row.id, row.state, row.starts_at, row.ends_at, row.price_fen, row.hold_until)


def held(row: Appointment, kind: Kind, until: datetime) -> AppointmentHeld:
    """Return what is announced of a place that is kept while somebody pays."""
    return AppointmentHeld(
        appointment_id=row.id,
        patient_id=row.patient_id,
        account_id=row.owner_id,
        kind=row.kind,
        price_item=kind.price_item,
        price_fen=row.price_fen,
        price_version=row.price_version,
        starts_at=row.starts_at,
        hold_until=until,
        institution_id=row.institution_id,
        site_id=row.site_id,
    )


def confirmed(row: Appointment, kind: Kind) -> AppointmentConfirmed:
    """Return what is announced of a place that is sure."""
    return AppointmentConfirmed(
        appointment_id=row.id,
        patient_id=row.patient_id,
        account_id=row.owner_id,
        clinician_id=row.clinician_id,
        department_id=row.department_id,
        shift_id=row.shift_id,
        kind=row.kind,
        accept_within=kind.accept_within,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        institution_id=row.institution_id,
        site_id=row.site_id,
    )
