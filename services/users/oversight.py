"""Asks a second person to look at what one administrator alone did to an account. (S-AC-1)"""

from datetime import timedelta

from data.users import User
from services.events import AdministratorMade, CredentialsReset
from services.i18n import Key
from services.permissions import Action
from services.policy import HOUSE, Role
from services.policy_settings import PolicySettings
from services.rules import ADMINISTRATORS
from services.tasks import Priority, Tasks, Wanted
from services.transaction import Transactions
from services.users.rights import grants_of

CHECKED_WITHIN = timedelta(hours=24)


class Oversight:
    """The second pair of eyes."""

    def __init__(self, transactions: Transactions, policy: PolicySettings, tasks: Tasks) -> None:
        self._transactions = transactions
        self._policy = policy
        self._tasks = tasks

    async def ask_for_check(self, event: CredentialsReset) -> None:
        """Ask another security administrator, and the auditor a day later, to check a reset.

        Whoever resets a password can sign in as its owner; the owner knows whether they asked. For
        an administrator's account that would be two of the three: so it is always checked, and at
        once by the administrator who is neither, unless a second person approved it beforehand.
        """
        if event.approved_by is not None:
            return
        async with self._transactions.open(HOUSE) as tx:
            user = await tx.get(User, event.user_id)
            tx.allow(Action.TASK_RAISE, user)
            held = ADMINISTRATORS & {grant.role for grant in await grants_of(tx, user.id)}
            wanted = self._policy.value("policy.auth.check_resets", user.institution_id)
            if not wanted and not held:
                return
            first, then = _checkers(held)
            await self._tasks.raise_(
                tx,
                Wanted(
                    kind="reset_check",
                    key=f"reset_check:{event.event_id}",
                    institution_id=user.institution_id,
                    site_id=user.site_id,
                    role=first,
                    values={"username": user.username},
                    subject=f"user_account:{user.id}",
                    due_at=tx.now + CHECKED_WITHIN,
                    escalates_to=then,
                    priority=Priority.URGENT if held else Priority.HIGH,
                    barred_id=event.reset_by,
                ),
            )

    async def ask_about_administrator(self, event: AdministratorMade) -> None:
        """Ask another administrator at once whether somebody is to be one of the three.

        Whoever makes administrators could make one to be: an account that nobody else knows.
        """
        async with self._transactions.open(HOUSE) as tx:
            user = await tx.get(User, event.user_id)
            tx.allow(Action.TASK_RAISE, user)
            first, then = _checkers(frozenset({Role(event.role)}))
            await self._tasks.raise_(
                tx,
                Wanted(
                    kind="administrator_check",
                    key=f"administrator_check:{event.event_id}",
                    institution_id=user.institution_id,
                    site_id=user.site_id,
                    role=first,
                    values={"username": user.username, "role": Key(f"role.{event.role}")},
                    subject=f"user_account:{user.id}",
                    due_at=tx.now + CHECKED_WITHIN,
                    escalates_to=then,
                    priority=Priority.URGENT,
                    barred_id=event.made_by,
                ),
            )


def _checkers(held: frozenset[Role]) -> tuple[Role, Role]:
    """Return who checks, and who does if they do not: none who plays the part it is about."""
    if not held:
        return Role.SECURITY_ADMIN, Role.AUDIT_ADMIN
    others = [role for role in (Role.AUDIT_ADMIN, Role.SYSTEM_ADMIN) if role not in held]
    return others[0], others[-1] if len(others) > 1 else Role.MEDICAL_AFFAIRS
