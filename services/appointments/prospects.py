"""Tells other modules what somebody who waits can hope for. (see services/inquiries.py)"""

from uuid import UUID

from data.queue import TicketState
from services.appointments import rows
from services.inquiries import Prospect
from services.policy_settings import PolicySettings
from services.transaction import Reading


class LineProspects:
    """Answers from the line."""

    def __init__(self, policy: PolicySettings) -> None:
        self._policy = policy

    async def prospect(self, tx: Reading, appointment_id: UUID) -> Prospect:
        """Return what the patient of an appointment can hope for at this moment."""
        ticket = await rows.ticket_of(tx, appointment_id)
        if ticket is None or ticket.state not in (
            *(TicketState.WAITING, TicketState.MISSED),
            *rows.IN_ROOM,
        ):
            return Prospect.ABSENT
        home = ticket.institution_id
        there = await rows.is_there(tx, self._policy, ticket.clinician_id, home)
        return Prospect.SERVED if there else Prospect.IN_VAIN
