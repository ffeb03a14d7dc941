"""What has happened on the way of a visit, from the timetable to the bill."""

from datetime import datetime
from uuid import UUID

from services.events import Event

# Appointments


class ShiftPublished(Event, frozen=True):
    """A shift can be seen, and from its release on be booked."""

    shift_id: UUID
    clinician_id: UUID
    institution_id: UUID


class ShiftSuspended(Event, frozen=True):
    """A published shift does not take place. (停诊)"""

    shift_id: UUID
    clinician_id: UUID
    institution_id: UUID
    reason: str


class ShiftPassedOn(Event, frozen=True):
    """Another clinician holds a published shift. (替诊)"""

    shift_id: UUID
    was: UUID
    clinician_id: UUID
    institution_id: UUID


class AppointmentHeld(Event, frozen=True):
    """A place is kept while somebody pays for it."""

    appointment_id: UUID
    patient_id: UUID
    account_id: UUID | None
    kind: str
    price_item: str
    price_fen: int
    price_version: int
    starts_at: datetime
    hold_until: datetime
    institution_id: UUID
    site_id: UUID | None = None


class HoldOver(Event, frozen=True):
    """The time to pay for a place is over (by the timer)."""

    appointment_id: UUID


class AppointmentExpired(Event, frozen=True):
    """A place was not paid for in time."""

    appointment_id: UUID


class AppointmentConfirmed(Event, frozen=True):
    """A place is sure."""

    appointment_id: UUID
    patient_id: UUID
    account_id: UUID | None
    clinician_id: UUID
    department_id: UUID
    shift_id: UUID
    kind: str
    accept_within: int | None
    """Minutes in which a doctor must take it; None: until its time has passed."""
    starts_at: datetime
    ends_at: datetime
    institution_id: UUID
    site_id: UUID | None = None


class AppointmentMoved(Event, frozen=True):
    """Another clinician than the one booked will see the patient, at the same time."""

    appointment_id: UUID
    account_id: UUID | None
    clinician_id: UUID
    institution_id: UUID


class AppointmentCancelled(Event, frozen=True):
    """An appointment does not take place, by the patient, the hospital or a stopped shift."""

    appointment_id: UUID
    patient_id: UUID
    account_id: UUID | None
    clinician_id: UUID
    by: str
    refund: bool
    """Whether everything that was paid goes back."""
    institution_id: UUID
    site_id: UUID | None = None


class AppointmentReminderDue(Event, frozen=True):
    """It is time to remind somebody of an appointment (by the timer)."""

    appointment_id: UUID
    hours: int


class AppointmentLapsed(Event, frozen=True):
    """The time of an appointment has passed (by the timer)."""

    appointment_id: UUID


class AppointmentMissed(Event, frozen=True):
    """Nobody came to an appointment. (爽约)"""

    appointment_id: UUID
    patient_id: UUID
    account_id: UUID | None
    institution_id: UUID


class PatientCheckedIn(Event, frozen=True):
    """A patient is here, and waits from now on. (签到)"""

    appointment_id: UUID
    patient_id: UUID
    clinician_id: UUID
    priority: int
    institution_id: UUID


class TicketCalled(Event, frozen=True):
    """A clinician has called the next patient. (叫号)"""

    ticket_id: UUID
    appointment_id: UUID
    patient_id: UUID
    account_id: UUID | None
    clinician_id: UUID
    number: str
    calls: int
    attempt: int
    institution_id: UUID


class TicketUnanswered(Event, frozen=True):
    """The time to come after a call is over (by the timer)."""

    ticket_id: UUID
    calls: int


class TicketEntered(Event, frozen=True):
    """The patient who was called is in the room."""

    ticket_id: UUID
    appointment_id: UUID
    clinician_id: UUID
    attempt: int
    institution_id: UUID


class VisitForgone(Event, frozen=True):
    """A patient was called, has not come, and cannot come back any more."""

    appointment_id: UUID
    institution_id: UUID


class TicketLeft(Event, frozen=True):
    """A patient has given up waiting."""

    appointment_id: UUID
    institution_id: UUID
    refund: bool
    """Whether they waited in vain, and are paid back."""


class QueueMoved(Event, frozen=True):
    """Something in a clinician's line is different: who shows it reads it again."""

    clinician_id: UUID
    institution_id: UUID


class ClinicianCame(Event, frozen=True):
    """A clinician is at work again."""

    clinician_id: UUID
    institution_id: UUID


class ClinicianSilent(Event, frozen=True):
    """Nothing was seen of a clinician for a while, and patients wait."""

    clinician_id: UUID
    institution_id: UUID
    minutes: int


class PlaceOffered(Event, frozen=True):
    """Somebody on the wait-list may take a place that became free. (候补)"""

    entry_id: UUID
    account_id: UUID
    until: datetime
    institution_id: UUID


class OfferOver(Event, frozen=True):
    """The time to take an offered place is over (by the timer)."""

    entry_id: UUID


# Records


class ConsentWithdrawn(Event, frozen=True):
    """Somebody does not agree any more. (R-CON-2)"""

    patient_id: UUID
    kind: str
    appointment_id: UUID | None
    institution_id: UUID


class RedFlagFound(Event, frozen=True):
    """A patient has named a sign of danger: no queue, but 120. (R-FU-4)"""

    appointment_id: UUID
    patient_id: UUID
    codes: tuple[str, ...]
    institution_id: UUID
    site_id: UUID | None = None


class PreparationReady(Event, frozen=True):
    """A patient has everything ready for a visit."""

    appointment_id: UUID
    patient_id: UUID
    taps: int
    institution_id: UUID


# Workbench


class EncounterEnded(Event, frozen=True):
    """A visit is over as it should be."""

    encounter_id: UUID
    appointment_id: UUID
    patient_id: UUID
    clinician_id: UUID
    kind: str
    started_at: datetime
    ended_at: datetime
    institution_id: UUID


class EncounterTerminated(Event, frozen=True):
    """A visit was broken off: everything is paid back. (R-FU-3)"""

    encounter_id: UUID
    appointment_id: UUID
    patient_id: UUID
    clinician_id: UUID
    code: str
    institution_id: UUID


class EncounterOverdue(Event, frozen=True):
    """Nobody has taken a requested visit in time (by the timer)."""

    encounter_id: UUID


class EncounterTimedOut(Event, frozen=True):
    """A visit was not taken by anybody: everything is paid back."""

    encounter_id: UUID
    appointment_id: UUID
    institution_id: UUID


class EncounterFailed(Event, frozen=True):
    """A visit broke down and did not come back: the patient goes first, or is paid back."""

    encounter_id: UUID
    appointment_id: UUID
    attempt: int
    again: bool
    institution_id: UUID


# Billing


class OrderOpened(Event, frozen=True):
    """There is a bill: whoever is to pay it can be led to it."""

    order_id: UUID
    appointment_id: UUID | None


class OrderPaid(Event, frozen=True):
    """An order is paid in full."""

    order_id: UUID
    appointment_id: UUID | None
    amount_fen: int


class OrderClosed(Event, frozen=True):
    """An order was not paid in time, and cannot be any more."""

    order_id: UUID
    appointment_id: UUID | None


class OrderRefunded(Event, frozen=True):
    """Money that was paid for an order has gone back."""

    order_id: UUID
    appointment_id: UUID | None
    amount_fen: int


class OrderOverdue(Event, frozen=True):
    """The time to pay an order is up (by the timer)."""

    order_id: UUID


class PaymentDoubted(Event, frozen=True):
    """A channel did not say what became of a payment: it is asked before anything is repeated."""

    payment_id: UUID


class RefundDue(Event, frozen=True):
    """A refund may be handed to its channel, after so many tries before (by the timer)."""

    refund_id: UUID
    attempt: int
