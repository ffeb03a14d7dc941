"""In whose name somebody is kept out, and who may therefore let them in again. (R042)"""

from data.errors import Forbidden
from data.users import User, UserState
from services.permissions import Action
from services.policy import Role, Subject, roles_that_may
from services.transaction import Transaction

ABOVE_OTHERS = (Role.HOUSE, Role.SECURITY_ADMIN)
"""Who keeps people out for the sake of the house: what they put on, no office lifts."""


def keepers(user: User) -> frozenset[Role]:
    """Return in whose name somebody is kept out; of long ago it is not known."""
    return frozenset(Role(role) for role in user.kept_out_by.split())


def keep_out(tx: Transaction, user: User, reason: str) -> None:
    """Keep somebody out in the name of the actor's office, and of those that do so already."""
    mine = roles_that_may(tx.actor, Action.STAFF_SUSPEND, Subject.of(user))
    first = next((role for role in ABOVE_OTHERS if role in mine), min(mine))
    held = keepers(user) if user.state is not UserState.ACTIVE else frozenset()
    user.state, user.state_reason = UserState.SUSPENDED, reason
    user.kept_out_by = " ".join(sorted(held | {first}))


def may_lift(mine: frozenset[Role], keeping: frozenset[Role]) -> bool:
    """Tell whether somebody with these roles may let in whom those keep out."""
    return not mine.isdisjoint(ABOVE_OTHERS) or (bool(keeping) and keeping <= mine)


def require_lifter(tx: Transaction, user: User) -> None:
    """Go on only if the actor's office is the one that keeps this person out, or is above it."""
    mine = roles_that_may(tx.actor, Action.STAFF_REACTIVATE, Subject.of(user))
    if user.state is not UserState.ACTIVE and not may_lift(mine, keepers(user)):
        subject = str(Subject.of(user))
        action = str(Action.STAFF_REACTIVATE)
        raise Forbidden("suspended_by_another", action=action, subject=subject)
