"""Who may do what: every permission of the house, in one table. (R042, R061, S-AC-1)

A rule answers two questions with one meaning: may this actor do it to this one thing (`holds`),
and to which rows of a table (`where`). What no rule grants is refused.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_

from data.errors import Forbidden, Unauthenticated
from services.permissions import (
    BREAKABLE,
    EVEN_DELETED,
    FORBIDDEN_TOGETHER,
    RULES,
    SENSITIVE,
    Action,
)
from services.rules import Actor, Grant, Role, Subject

__all__ = [
    "ANYBODY",
    "EMERGENCY",
    "HOUSE",
    "Action",
    "Actor",
    "Grant",
    "Role",
    "Subject",
    "allow",
    "clash",
    "permits",
    "reach",
    "roles_that_may",
    "visible",
]

HOUSE = Actor(user_id=UUID(int=0), grants=frozenset({Grant(Role.HOUSE)}))
"""Ourselves: event handlers and jobs act in this name, and may do what its column allows."""

ANYBODY = Actor(user_id=UUID(int=1), grants=frozenset({Grant(Role.VISITOR)}))
"""Somebody we do not know: may look at what is public, and sign in."""

EMERGENCY = "emergency: "
"""What the purpose of an act begins with in the trail, if only broken glass allowed it."""

CONFIRMED_FOR = timedelta(minutes=5)
"""How long a re-authentication counts for sensitive acts, unless the house rules say else."""


def permits(actor: Actor, action: Action, subject: Subject) -> bool:
    """Return whether a rule grants this, leaving re-authentication and broken glass aside."""
    if subject.deleted and action not in EVEN_DELETED:
        return False
    return bool(roles_that_may(actor, action, subject))


def roles_that_may(actor: Actor, action: Action, subject: Subject) -> frozenset[Role]:
    """Return in which of their roles the actor may do this: in whose name it is done."""
    rules = RULES[action]
    return frozenset(
        grant.role
        for grant in actor.grants
        if grant.role in rules and rules[grant.role].holds(actor, grant, subject)
    )


def allow(
    actor: Actor,
    action: Action,
    subject: Subject,
    now: datetime,
    confirmed_for: timedelta = CONFIRMED_FOR,
) -> str:
    """Return why the actor may do this to `subject`: by `rule`, or by `emergency` (broken glass).

    Raise `Forbidden` if not, `Unauthenticated("confirm_needed")` if only a fresh proof of who the
    actor is lacks.
    """
    if permits(actor, action, subject):
        ground = "rule"
    elif action in BREAKABLE and _behind_broken_glass(actor, subject):
        ground = "emergency"
    elif actor.grants == ANYBODY.grants:
        raise Unauthenticated("sign_in_needed")
    else:
        raise _refusal(actor, action, subject)
    if action in SENSITIVE and not is_confirmed(actor, now, confirmed_for):
        raise Unauthenticated("confirm_needed")
    return ground


def _refusal(actor: Actor, action: Action, subject: Subject) -> Forbidden:
    """Say no; and that there is a glass to break, to who might break it for this record."""
    asked = {"action": str(action), "subject": str(subject)}
    if action in BREAKABLE and subject.patient_id is not None:
        breaker = replace(actor, emergencies=frozenset({subject.patient_id}))
        if _behind_broken_glass(breaker, subject):
            return Forbidden("behind_glass", **asked, patient=str(subject.patient_id))
    return Forbidden("forbidden", **asked)


def _behind_broken_glass(actor: Actor, subject: Subject) -> bool:
    """Broken glass opens what its own institution keeps of this patient, and nothing deleted.

    To who may break it still: roles that were taken away meanwhile take this with them.
    """
    if actor.roles.isdisjoint(RULES[Action.EMERGENCY_OPEN]):
        return False
    at_home = subject.institution_id is not None and subject.institution_id == actor.institution_id
    return at_home and not subject.deleted and subject.patient_id in actor.emergencies


def is_confirmed(actor: Actor, now: datetime, confirmed_for: timedelta) -> bool:
    """Tell whether the actor has shown who they are lately enough for a sensitive act."""
    if Role.HOUSE in actor.roles:
        return True
    # Not in the future either: a clock that is set back must not stretch the time.
    return actor.confirmed_at is not None and (
        timedelta(0) <= now - actor.confirmed_at <= confirmed_for
    )


def visible(actor: Actor, action: Action, table: Any) -> ColumnElement[bool]:
    """Return the WHERE clause for the rows of `table` that the actor may do this to."""
    rules = RULES[action]
    grants = [grant for grant in actor.grants if grant.role in rules]
    if not grants:
        raise Forbidden("forbidden", action=str(action))
    granted = or_(*(rules[grant.role].where(actor, grant, table) for grant in grants))
    if action not in EVEN_DELETED and hasattr(table, "deleted_at"):
        return and_(granted, table.deleted_at.is_(None))
    return granted


def reach(actor: Actor, action: Action) -> frozenset[UUID | None]:
    """Return the sites where the actor may do this; None among them stands for the whole house."""
    return frozenset(grant.site_id for grant in actor.grants if grant.role in RULES[action])


def clash(roles: Iterable[Role]) -> frozenset[Role] | None:
    """Return a set of roles among these that one person must not hold together, if there is one."""
    held = frozenset(roles)
    return next((pair for pair in FORBIDDEN_TOGETHER if pair <= held), None)
