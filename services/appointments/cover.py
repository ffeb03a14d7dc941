"""Finds cover for the shifts of somebody who may not treat any more. (domain 5.9)"""

from datetime import timedelta

from sqlalchemy import func, select

from data.appointments import Shift, ShiftState
from services.events import ClinicianSuspended
from services.inquiries import Clinicians
from services.permissions import Action
from services.policy import HOUSE, Role, Subject
from services.tasks import Priority, Tasks, Wanted
from services.transaction import Transactions

SOON = timedelta(hours=2)


class Cover:
    """Who sees that nobody waits for a doctor who will not come."""

    def __init__(self, transactions: Transactions, clinicians: Clinicians, tasks: Tasks) -> None:
        self._transactions = transactions
        self._clinicians = clinicians
        self._tasks = tasks

    async def ask(self, event: ClinicianSuspended) -> None:
        """Ask medical affairs to pass on or stop the shifts that are still to come.

        Nobody books with the clinician meanwhile, and they call nobody: papers are asked for each
        time.
        """
        place = Subject("shift", "", event.institution_id)
        async with self._transactions.read(HOUSE) as reading:
            reading.allow(Action.SHIFT_CHANGE, place)
            query = select(func.count(Shift.id)).where(
                Shift.clinician_id == event.user_id,
                Shift.state == ShiftState.PUBLISHED,
                Shift.ends_at > reading.now,
            )
            count = await reading.session.scalar(query) or 0
            people = await self._clinicians.colleagues(reading, {event.user_id})
        if not count:
            return
        async with self._transactions.open(HOUSE) as tx:
            tx.allow(Action.SHIFT_CHANGE, place, purpose="cover")
            name = people[event.user_id].name if event.user_id in people else ""
            await self._tasks.raise_(
                tx,
                Wanted(
                    kind="shifts_uncovered",
                    key=f"uncovered:{event.event_id}",
                    institution_id=event.institution_id,
                    role=Role.MEDICAL_AFFAIRS,
                    values={"name": name, "count": count},
                    subject=f"clinician:{event.clinician_id}",
                    due_at=tx.now + SOON,
                    escalates_to=Role.DEPARTMENT_HEAD,
                    priority=Priority.URGENT,
                ),
            )
