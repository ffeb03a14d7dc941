"""The standard interface between modules: what has happened, in the past tense. (R057)

A module may publish its own events and listen to anyone's, and may import no other module.
An event carries what its listeners need, so that none has to ask back. Its fields may grow, with
defaults; they are never renamed, for events of yesterday wait in the outbox.
"""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, Field

from data.clock import new_id


class Event(BaseModel, frozen=True):
    """Something that has happened."""

    catalogue: ClassVar[dict[str, type["Event"]]] = {}

    event_id: UUID = Field(default_factory=new_id)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        Event.catalogue[cls.__name__] = cls


# Kernel


class SettingChanged(Event, frozen=True):
    """A setting has another value; whoever keeps it in memory reads it again."""

    key: str


class TaskRaised(Event, frozen=True):
    """Something waits for a person."""

    task_id: UUID
    kind: str
    owner_id: UUID | None = None
    owner_role: str | None = None
    institution_id: UUID | None = None


class TaskClosed(Event, frozen=True):
    task_id: UUID
    kind: str


class TaskOverdue(Event, frozen=True):
    """A task's time is up (by the timer); it goes to whoever answers for it."""

    task_id: UUID


class TaskEscalated(Event, frozen=True):
    """A task that was not done in time has gone on to another role."""

    task_id: UUID
    kind: str
    owner_id: UUID | None = None
    owner_role: str | None = None
    institution_id: UUID | None = None


class MessageQueued(Event, frozen=True):
    """A message to a person waits to be sent over its channel."""

    message_id: UUID
    channel: str
    recipient_id: UUID | None = None


class MessageFailed(Event, frozen=True):
    """A message could not be sent however often it was tried."""

    message_id: UUID
    channel: str
    reason: str


class DeliveryParked(Event, frozen=True):
    """What a handler was owed was tried too often: a person is to see to it."""

    handler: str
    of: str
    """The name of the event that it could not be told of."""


# Users


class StaffAdded(Event, frozen=True):
    user_id: UUID
    institution_id: UUID


class StaffSuspended(Event, frozen=True):
    """The person may not work here now: their open pages close. (R-STF-5)"""

    user_id: UUID


class RolesChanged(Event, frozen=True):
    user_id: UUID


class AdministratorMade(Event, frozen=True):
    """Somebody was given the role of one of the three administrators."""

    user_id: UUID
    role: str
    made_by: UUID


class SessionOpened(Event, frozen=True):
    session_id: UUID
    user_id: UUID
    at: datetime


class SessionsEnded(Event, frozen=True):
    """These sessions are over: pages and sockets that they opened close."""

    session_ids: tuple[UUID, ...]
    reason: str


class ContactChanged(Event, frozen=True):
    """Somebody's phone number or e-mail address was changed by another."""

    user_id: UUID
    changed_by: UUID


class CredentialsReset(Event, frozen=True):
    """Security gave somebody a new temporary password, and perhaps took their second factors."""

    user_id: UUID
    reset_by: UUID
    factors: bool
    approved_by: UUID | None = None
    """The second person, where the account was an administrator's."""


class ResetAsked(Event, frozen=True):
    """An administrator's sign-in is to be reset: a second person decides."""

    request_id: UUID
    user_id: UUID
    asked_by: UUID
    factors: bool


class ResetOverdue(Event, frozen=True):
    """Nobody has decided about a reset in time (by the timer)."""

    request_id: UUID


class ResetSettled(Event, frozen=True):
    """A reset that waited was approved, refused, or lapsed."""

    request_id: UUID
    user_id: UUID
    outcome: str


class AccountLocked(Event, frozen=True):
    """Too many wrong passwords or codes."""

    user_id: UUID
    until: datetime


class EmergencyAccessOpened(Event, frozen=True):
    """Somebody broke the glass: it will be reviewed."""

    access_id: UUID
    user_id: UUID
    patient_id: UUID
    reason: str
    until: datetime
    institution_id: UUID | None = None


class EmergencyAccessClosed(Event, frozen=True):
    """Broken glass was given up, or found needless, before its time was over."""

    access_id: UUID
    user_id: UUID


class EmergencyAccessReviewed(Event, frozen=True):
    """Another person has judged whether breaking the glass was right."""

    access_id: UUID
    user_id: UUID
    reviewed_by: UUID
    outcome: str


# Patients


class PatientRegistered(Event, frozen=True):
    """A person is known here for the first time."""

    patient_id: UUID
    institution_id: UUID


class PatientVerified(Event, frozen=True):
    """It was made sure that a patient's name and number belong together. (R-PAT-1)"""

    patient_id: UUID
    method: str


class PatientLinked(Event, frozen=True):
    """An account acts for a patient from now on."""

    patient_id: UUID
    account_id: UUID
    is_guardian: bool


class PatientUnlinked(Event, frozen=True):
    """An account acts for a patient no longer."""

    patient_id: UUID
    account_id: UUID
    was_guardian: bool


# Appointments


class AppointmentHeld(Event, frozen=True):
    """A place is kept for somebody who has not paid yet, with the price as it is now. (R-PRICE)"""

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
    site_id: UUID | None


class AppointmentCancelled(Event, frozen=True):
    """A visit will not take place: the patient or the hospital has called it off."""

    appointment_id: UUID
    patient_id: UUID
    account_id: UUID | None
    clinician_id: UUID
    by: str
    refund: bool
    institution_id: UUID
    site_id: UUID | None


class AppointmentExpired(Event, frozen=True):
    """A place that was kept was not paid in time, and is others' again."""

    appointment_id: UUID


# Billing


class OrderOpened(Event, frozen=True):
    """There is a bill: whoever is to pay it can be led to it."""

    order_id: UUID
    appointment_id: UUID | None


class OrderPaid(Event, frozen=True):
    """What an order asks for has been paid."""

    order_id: UUID
    appointment_id: UUID | None
    amount_fen: int


class OrderClosed(Event, frozen=True):
    """An order was not paid and cannot be any more."""

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
