"""What permissions are made of: who acts, on what, and the few rules there are."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from sqlalchemy import ColumnElement, false, or_, true

from data.errors import Invalid
from services.demand import Demand


class Role(StrEnum):
    """A part that somebody plays in the house (domain section 7)."""

    PATIENT = "patient"
    PROXY = "proxy"
    DOCTOR = "doctor"
    NURSE = "nurse"
    PHARMACIST = "pharmacist"
    DISPENSER = "dispenser"
    CHECKER = "checker"
    CASHIER = "cashier"
    DEPARTMENT_HEAD = "department_head"
    MEDICAL_AFFAIRS = "medical_affairs"
    QUALITY = "quality"
    PATIENT_SERVICE = "patient_service"
    HR = "hr"
    SYSTEM_ADMIN = "system_admin"
    SECURITY_ADMIN = "security_admin"
    AUDIT_ADMIN = "audit_admin"
    DATA_PROTECTION = "data_protection"
    REGULATOR = "regulator"
    HIS = "his"
    VISITING_DOCTOR = "visiting_doctor"
    VISITOR = "visitor"
    """Nobody we know: before sign-in."""
    HOUSE = "house"
    """The system itself: event handlers and jobs."""


ADMINISTRATORS = frozenset({Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN})
OUTSIDERS = frozenset({Role.PATIENT, Role.PROXY, Role.VISITOR})
STAFF = frozenset(Role) - OUTSIDERS - {Role.HOUSE, Role.HIS}


@dataclass(frozen=True, slots=True)
class Grant:
    """A role somebody holds: in the whole institution, or at one site only."""

    role: Role
    site_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, with all that a permission may depend on."""

    user_id: UUID
    grants: frozenset[Grant]
    institution_id: UUID | None = None
    session_id: UUID | None = None
    address: str = ""
    confirmed_at: datetime | None = None
    """When this person last proved who they are, beyond having a session."""
    patient_ids: frozenset[UUID] = field(default_factory=frozenset)
    """The patients a person may act for: themselves and their family."""
    emergencies: frozenset[UUID] = field(default_factory=frozenset)
    """The patients whose record this person has opened by breaking the glass."""
    demand: Demand | None = field(default=None, compare=False, repr=False)
    """What they ask for under a key, if they may ask again."""

    @property
    def home(self) -> UUID:
        """The institution they act in; raise `Invalid("institution_needed")` if none is known."""
        if self.institution_id is None:
            raise Invalid("institution_needed")
        return self.institution_id

    @property
    def roles(self) -> frozenset[Role]:
        return frozenset(grant.role for grant in self.grants)


@dataclass(frozen=True, slots=True)
class Subject:
    """What an action is about, as far as the right to it depends on that."""

    kind: str
    id: UUID | str = ""
    institution_id: UUID | None = None
    site_id: UUID | None = None
    owner_id: UUID | None = None
    patient_id: UUID | None = None
    deleted: bool = False
    clinician_id: UUID | None = None
    """The account of whoever treats, where the thing belongs to a treatment."""

    @classmethod
    def of(cls, row: Any) -> Self:
        """Read a row: its place, its owner, its patient, and whether it is deleted."""
        return cls(
            kind=str(row.__tablename__),
            id=row.id,
            institution_id=getattr(row, "institution_id", None),
            site_id=getattr(row, "site_id", None),
            owner_id=getattr(row, "owner_id", None),
            patient_id=getattr(row, "patient_id", None),
            deleted=getattr(row, "deleted_at", None) is not None,
            clinician_id=getattr(row, "clinician_id", None),
        )

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}" if self.id else self.kind


Where = ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """One condition, for a thing at hand and as a row filter: both must mean the same."""

    name: str
    holds: Callable[[Actor, Grant, Subject], bool]
    where: Callable[[Actor, Grant, Any], Where]


def _same_place(actor: Actor, grant: Grant, subject: Subject) -> bool:
    """The subject lies in the actor's institution and, where the grant names a site, at it.

    What names no site belongs to the institution as a whole, and so to each of its sites.
    """
    if subject.institution_id is None or subject.institution_id != actor.institution_id:
        return False
    return grant.site_id is None or subject.site_id in (None, grant.site_id)


def _in_same_place(actor: Actor, grant: Grant, table: Any) -> Where:
    if actor.institution_id is None or not hasattr(table, "institution_id"):
        return false()
    institution: Where = table.institution_id == actor.institution_id
    if grant.site_id is None or not hasattr(table, "site_id"):
        return institution
    return institution & or_(table.site_id.is_(None), table.site_id == grant.site_id)


def _at_my_site(actor: Actor, grant: Grant, subject: Subject) -> bool:
    """As `_same_place`, but what belongs to the institution as a whole is not one site's."""
    at_site = grant.site_id is None or subject.site_id == grant.site_id
    return at_site and _same_place(actor, grant, subject)


def _only_at_my_site(actor: Actor, grant: Grant, table: Any) -> Where:
    if grant.site_id is None:
        return _in_same_place(actor, grant, table)
    if not hasattr(table, "site_id"):
        return false()
    here: Where = table.site_id == grant.site_id
    return _in_same_place(actor, grant, table) & here


def _treated(actor: Actor, grant: Grant, table: Any) -> Where:
    if not hasattr(table, "clinician_id"):
        return false()
    mine: Where = table.clinician_id == actor.user_id
    return _in_same_place(actor, grant, table) & mine


def _of_another(actor: Actor, table: Any) -> Where:
    if not hasattr(table, "owner_id"):
        return true()
    return or_(table.owner_id.is_(None), table.owner_id != actor.user_id)


def _owned(actor: Actor, table: Any) -> Where:
    clauses = []
    if hasattr(table, "owner_id"):
        clauses.append(table.owner_id == actor.user_id)
    if hasattr(table, "patient_id") and actor.patient_ids:
        clauses.append(table.patient_id.in_(actor.patient_ids))
    return or_(*clauses) if clauses else false()


anyone = Rule("anyone", lambda *_: True, lambda *_: true())
"""Whatever it is, wherever it is: only for what is public, and for the house itself."""

in_place = Rule("in_place", _same_place, _in_same_place)
"""What lies in my institution, and at my site if my role is for a site."""

within = Rule("within", _at_my_site, _only_at_my_site)
"""As `in_place`; but to a role for one site, what is the whole institution's is out of reach."""

own = Rule(
    "own",
    lambda actor, _, subject: (
        (subject.owner_id is not None and subject.owner_id == actor.user_id)
        or (subject.patient_id is not None and subject.patient_id in actor.patient_ids)
    ),
    lambda actor, _, table: _owned(actor, table),
)
"""What is mine, or is about a patient I may act for."""

treats = Rule(
    "treats",
    lambda actor, grant, subject: (
        _same_place(actor, grant, subject) and subject.clinician_id == actor.user_id
    ),
    _treated,
)
"""What belongs to a visit that is mine to hold."""

not_own = Rule(
    "not_own",
    lambda actor, grant, subject: (
        _same_place(actor, grant, subject) and subject.owner_id != actor.user_id
    ),
    lambda actor, grant, table: _in_same_place(actor, grant, table) & _of_another(actor, table),
)
"""What lies in my place and is another's: nobody decides about themselves."""

not_own_within = Rule(
    "not_own_within",
    lambda actor, grant, subject: (
        _at_my_site(actor, grant, subject) and subject.owner_id != actor.user_id
    ),
    lambda actor, grant, table: _only_at_my_site(actor, grant, table) & _of_another(actor, table),
)
"""As `not_own`; but to a role for one site, what is the whole institution's is out of reach."""
