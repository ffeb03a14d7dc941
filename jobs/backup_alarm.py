"""Asks the system administrator to see to a failed backup or drill, once for all nights. (告警)"""

from typing import Any
from uuid import UUID

from sqlalchemy import select

from data.institution import Institution
from data.tasks import Task, TaskState
from services.clinic import Clinic
from services.policy import HOUSE, Action, Role, Subject
from services.tasks import Priority, Wanted
from services.transaction import Transaction

BACKUP, DRILL = "backup_failed", "drill_failed"
HEALTH_PAGE = "/health"
OVER = "ok"


class Alarm:
    """One kind of failure, which nights may repeat without asking again."""

    def __init__(self, clinic: Clinic, kind: str) -> None:
        """`kind` is that of the task; nobody but a success ends it."""
        self._clinic = clinic
        self._kind = kind
        clinic.tasks.ends_at(kind, HEALTH_PAGE)

    async def ring(self, **values: Any) -> None:
        """Raise the task unless it is open."""
        async with self._clinic.transactions.open(HOUSE) as tx:
            tx.allow(Action.TASK_RAISE, Subject("task"))
            first = select(Institution.id).order_by(Institution.id).limit(1)
            home = await tx.session.scalar(first)
            if home is None or await self._open(tx):
                return
            wanted = Wanted(
                kind=self._kind,
                key=f"{self._kind}:{tx.now.isoformat()}",
                institution_id=home,
                role=Role.SYSTEM_ADMIN,
                values=values,
                subject="backup",
                priority=Priority.URGENT,
            )
            await self._clinic.tasks.raise_(tx, wanted)

    async def end(self) -> None:
        """Close the task, for it succeeded again."""
        async with self._clinic.transactions.read(HOUSE) as reading:
            reading.allow(Action.TASK_CLOSE, Subject("task"))
            if not await reading.session.scalar(self._query()):
                return
        async with self._clinic.transactions.open(HOUSE) as tx:
            tx.allow(Action.TASK_CLOSE, Subject("task"))
            for institution_id, key in await self._open(tx):
                await self._clinic.tasks.settle(tx, institution_id, key, OVER)

    async def _open(self, tx: Transaction) -> list[tuple[UUID, str]]:
        return [(row.institution_id, row.key) for row in await tx.session.execute(self._query())]

    def _query(self) -> Any:
        return select(Task.institution_id, Task.key).where(
            Task.kind == self._kind, Task.state.in_((TaskState.OPEN, TaskState.TAKEN))
        )
