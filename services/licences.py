"""Reminds the hospital of papers that end: sixty, thirty and seven days before. (证照, R-ORG-1)"""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from data.errors import Conflict
from data.institution import Institution
from services.health_house import documents
from services.i18n import Key
from services.notify import Note, Notify
from services.policy import HOUSE, Action, Role, Subject
from services.policy_settings import PolicySettings
from services.tasks import Priority, Tasks, Wanted
from services.transaction import Reading, Transaction, Transactions

PRESSING = 7  # days


class Licences:
    """Who keeps an eye on the papers."""

    def __init__(
        self,
        transactions: Transactions,
        policy: PolicySettings,
        tasks: Tasks,
        notify: Notify,
        timezone: str,
    ) -> None:
        self._transactions = transactions
        self._policy = policy
        self._tasks = tasks
        self._notify = notify
        self._zone = ZoneInfo(timezone)

    async def remind(self) -> int:
        """Raise a task for each paper that has come so near its end; return how many there are."""
        async with self._transactions.open(HOUSE) as tx:
            tx.allow(Action.TASK_RAISE, Subject("task"))
            today = tx.now.astimezone(self._zone).date()
            raised = 0
            for institution in await tx.session.scalars(select(Institution)):
                for document, ends in documents(institution).items():
                    step = self._step(institution, ends, today)
                    if ends is not None and step is not None:
                        await self._ask(tx, institution, document, ends, step)
                        raised += 1
            return raised

    def _step(self, institution: Institution, ends: date | None, today: date) -> int | None:
        """Return the nearest warning that is due: 60, 30, 7, or 0 once it has ended."""
        if ends is None:
            return None
        left = (ends - today).days
        if left < 0:
            return 0
        steps: list[int] = self._policy.value("policy.org.licence_warn_days", institution.id)
        return min((step for step in steps if left <= step), default=None)

    async def _ask(
        self, tx: Transaction, institution: Institution, document: str, ends: date, step: int
    ) -> None:
        values = {"document": Key(document), "day": ends}
        key = f"licence:{document}:{ends.isoformat()}:{step}"
        wanted = Wanted(
            kind="licence_expires" if step else "licence_expired",
            key=key,
            institution_id=institution.id,
            role=Role.SYSTEM_ADMIN,
            values=values,
            subject=f"institution:{institution.id}",
            due_at=tx.now + timedelta(days=PRESSING if step else 1),
            escalates_to=Role.MEDICAL_AFFAIRS,
            priority=Priority.URGENT if step <= PRESSING else Priority.HIGH,
        )
        await self._tasks.raise_(tx, wanted)
        if step:
            note = Note("licence_expires", key, institution.id, values=values, link="/institution")
            await self._notify.tell_role(tx, Role.SYSTEM_ADMIN, note)

    def require(self, tx: Reading, institution: Institution) -> None:
        """Go on only if new visits may begin: raise `Conflict("licence_expired")` if not."""
        if not self._policy.value("policy.org.block_on_expired_licence", institution.id):
            return
        today = tx.now.astimezone(self._zone).date()
        for document, ends in documents(institution).items():
            if ends is not None and ends < today:
                raise Conflict("licence_expired", document=Key(document), day=ends)
