"""Tells patients what becomes of their appointments, and reminds them. (提醒)"""

from typing import Any
from uuid import UUID

from data.appointments import Appointment, AppointmentState
from data.messages import Channel
from services.appointments import rows
from services.appointments.limits import LIVING
from services.inquiries import Persons
from services.notify import Note, Notify
from services.permissions import Action
from services.policy import HOUSE
from services.policy_settings import PolicySettings
from services.transaction import Transaction, Transactions
from services.visit_events import (
    AppointmentCancelled,
    AppointmentConfirmed,
    AppointmentMissed,
    AppointmentMoved,
    AppointmentReminderDue,
    TicketCalled,
)

BY_THEMSELVES = ("patient", "left", "paid_late")
"""Who cancels by their own hand need not be told; whose payment came late sees it on the bill."""
REMINDED = (AppointmentState.CONFIRMED,)


class Reminders:
    """The one who writes to patients."""

    def __init__(
        self,
        transactions: Transactions,
        policy: PolicySettings,
        persons: Persons,
        notify: Notify,
    ) -> None:
        self._transactions = transactions
        self._policy = policy
        self._persons = persons
        self._notify = notify

    async def confirm(self, event: AppointmentConfirmed) -> None:
        """Say that a place is sure, if by now it still is."""
        async with self._transactions.open(HOUSE) as tx:
            row = await tx.get(Appointment, event.appointment_id)
            tx.allow(Action.APPOINTMENT_SETTLE, row, purpose="tell")
            if row.state not in LIVING:
                return
            await self._tell(tx, row, "visit_booked", moment=row.starts_at)

    async def remind(self, event: AppointmentReminderDue) -> None:
        """Remind of an appointment that is still to come (by the timer)."""
        async with self._transactions.open(HOUSE) as tx:
            row = await tx.get(Appointment, event.appointment_id)
            tx.allow(Action.APPOINTMENT_SETTLE, row, purpose="remind")
            if row.state in REMINDED and row.starts_at > tx.now:
                await self._tell(tx, row, "visit_reminder", f"{event.hours}", moment=row.starts_at)

    async def cancel(self, event: AppointmentCancelled) -> None:
        """Say that the hospital cancels, that the money comes back, and offer another time."""
        if event.by in BY_THEMSELVES:
            return
        async with self._transactions.open(HOUSE) as tx:
            row = await tx.get(Appointment, event.appointment_id)
            tx.allow(Action.APPOINTMENT_SETTLE, row, purpose="tell")
            link = f"/book?again={row.id}"
            await self._tell(tx, row, "visit_cancelled", link=link, moment=row.starts_at)

    async def miss(self, event: AppointmentMissed) -> None:
        """Say that an appointment has passed without the patient."""
        async with self._transactions.open(HOUSE) as tx:
            row = await tx.get(Appointment, event.appointment_id)
            tx.allow(Action.APPOINTMENT_SETTLE, row, purpose="tell")
            await self._tell(tx, row, "visit_missed", moment=row.starts_at)

    async def move(self, event: AppointmentMoved) -> None:
        """Say that another doctor will see them, at the same time."""
        async with self._transactions.open(HOUSE) as tx:
            row = await tx.get(Appointment, event.appointment_id)
            tx.allow(Action.APPOINTMENT_SETTLE, row, purpose="tell")
            await self._tell(tx, row, "visit_moved", str(event.clinician_id), moment=row.starts_at)

    async def call(self, event: TicketCalled) -> None:
        """Say that it is their turn, to whoever does not look at the page."""
        async with self._transactions.open(HOUSE) as tx:
            row = await tx.get(Appointment, event.appointment_id)
            tx.allow(Action.APPOINTMENT_SETTLE, row, purpose="tell")
            minutes = self._policy.number("policy.queue.call_timeout_minutes", row.institution_id)
            nth = f"{event.event_id}"
            await self._tell(tx, row, "turn_called", nth, minutes=minutes)

    async def _tell(
        self,
        tx: Transaction,
        row: Appointment,
        template: str,
        nth: str = "",
        link: str = "",
        **values: Any,
    ) -> None:
        to, phone = await self._whom(tx, row)
        if to is None and not phone:
            return  # the desk has booked for somebody who cannot be written to
        note = Note(
            template,
            f"{template}:{row.id}:{nth}",
            row.institution_id,
            to=to,
            address="" if to else phone,
            channels=frozenset() if to else frozenset({Channel.SMS}),
            values=values,
            link=link or f"/visits/{row.id}",
            opens_until=max(row.ends_at, tx.now) + rows.OPEN_FOR,
        )
        await self._notify.tell(tx, note)

    async def _whom(self, tx: Transaction, row: Appointment) -> tuple[UUID | None, str]:
        """Return the account to write to, or else the patient's own phone."""
        if row.owner_id is not None:
            return row.owner_id, ""
        person = await self._persons.person(tx, row.patient_id)
        return person.answering, person.phone
