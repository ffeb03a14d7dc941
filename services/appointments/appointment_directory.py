"""Tells other modules what they ask about appointments and the line. (services/inquiries.py)"""

from uuid import UUID

from sqlalchemy import select

from data.appointments import Appointment, Shift
from data.queue import TicketState
from services.appointments import rows
from services.appointments.kinds import kind_of
from services.appointments.limits import LIVING
from services.inquiries import BookedVisit, Prospect
from services.policy_settings import PolicySettings
from services.transaction import Reading


class AppointmentDirectory:
    """Answers from the diary and the line."""

    def __init__(self, policy: PolicySettings) -> None:
        self._policy = policy

    async def prospect(self, tx: Reading, appointment_id: UUID) -> Prospect:
        """Return what the patient of an appointment can hope for at this moment."""
        ticket = await rows.ticket_of(tx, appointment_id)
        if ticket is None or ticket.state not in rows.HERE:
            return Prospect.ABSENT
        if ticket.state is TicketState.MISSED:  # they may come back within the session
            query = select(Shift.ends_at).join(Appointment, Appointment.shift_id == Shift.id)
            ends_at = await tx.session.scalar(query.where(Appointment.id == appointment_id))
            over = ends_at is None or ends_at <= tx.now
            return Prospect.FORGONE if over else Prospect.SERVED
        home = ticket.institution_id
        there = await rows.is_there(tx, self._policy, ticket.clinician_id, home)
        return Prospect.SERVED if there else Prospect.IN_VAIN

    async def booked(self, tx: Reading, appointment_id: UUID) -> BookedVisit:
        """Return an appointment, or raise `NotFound`."""
        row = await tx.get(Appointment, appointment_id)
        kind = await kind_of(tx, row.institution_id, row.kind)
        return BookedVisit(
            appointment_id=row.id,
            patient_id=row.patient_id,
            owner_id=row.owner_id,
            clinician_id=row.clinician_id,
            institution_id=row.institution_id,
            site_id=row.site_id,
            is_coming=row.state in LIVING,
            needs_devices=kind.needs_devices,
        )
