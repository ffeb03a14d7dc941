"""Asks a second person to look at what one administrator alone did to an account. (S-AC-1)"""

from datetime import timedelta

from data.users import User
from services.events import CredentialsReset
from services.permissions import Action
from services.policy import HOUSE, Role
from services.policy_settings import PolicySettings
from services.tasks import Priority, Tasks, Wanted
from services.transaction import Transactions

CHECKED_WITHIN = timedelta(hours=24)


class Oversight:
    """The second pair of eyes."""

    def __init__(self, transactions: Transactions, policy: PolicySettings, tasks: Tasks) -> None:
        self._transactions = transactions
        self._policy = policy
        self._tasks = tasks

    async def ask_for_check(self, event: CredentialsReset) -> None:
        """Ask another security administrator, and the auditor a day later, to check a reset.

        Whoever resets a password can sign in as its owner; the owner knows whether they asked.
        """
        async with self._transactions.open(HOUSE) as tx:
            user = await tx.get(User, event.user_id)
            tx.allow(Action.TASK_RAISE, user)
            if not self._policy.value("policy.auth.check_resets", user.institution_id):
                return
            await self._tasks.raise_(
                tx,
                Wanted(
                    kind="reset_check",
                    key=f"reset_check:{event.event_id}",
                    institution_id=user.institution_id,
                    site_id=user.site_id,
                    role=Role.SECURITY_ADMIN,
                    values={"username": user.username},
                    subject=f"user_account:{user.id}",
                    due_at=tx.now + CHECKED_WITHIN,
                    escalates_to=Role.AUDIT_ADMIN,
                    priority=Priority.HIGH,
                    barred_id=event.reset_by,
                ),
            )
