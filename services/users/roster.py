"""The list of staff: searched, sorted and paged by the database, masked until somebody asks why."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, or_, select

from data.errors import Invalid
from data.users import RoleGrant, User, UserKind, UserState
from services.masking import mask_email, mask_name, mask_phone
from services.permissions import Action
from services.policy import Actor, Grant, Role, visible
from services.transaction import Reading, Transactions
from services.users.factors import Enrolled, Factors
from services.users.lockout import Guard
from services.users.registrar import checked_reason, staff_member
from services.users.resets import needs_second, waiting_until
from services.users.standards import fold
from services.users.suspension import keepers

LARGEST_PAGE = 200
SORTS = {
    "username": User.username,
    "staff_number": User.staff_number,
    "state": User.state,
    "created_at": User.created_at,
    "last_signed_in_at": User.last_signed_in_at,
}


@dataclass(frozen=True, slots=True)
class StaffSearch:
    """What to look for, and how to sort; empty fields look for everybody."""

    text: str = ""
    """Part of a user name, staff number or name, or a whole phone number."""
    role: Role | None = None
    state: UserState | None = None
    site_id: UUID | None = None
    sort: str = "username"
    """One of `SORTS`."""
    descending: bool = False
    offset: int = 0
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Member:
    """One line of the list; name, phone and address are masked. (S-PI-1)"""

    id: UUID
    username: str
    staff_number: str
    name: str
    phone: str
    email: str
    language: str
    site_id: UUID | None
    grants: frozenset[Grant]
    state: UserState
    state_reason: str
    kept_out_by: frozenset[Role]
    """In whose name, if they may not come in now."""
    is_synthetic: bool
    created_at: datetime
    last_signed_in_at: datetime | None
    version: int


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the list, and how many there are in all."""

    members: tuple[Member, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How many of the staff cannot come in now, and why."""

    suspended: int
    dormant: int
    locked: int
    """By knocks in vain, for some minutes."""


@dataclass(frozen=True, slots=True)
class Dossier:
    """One member, with what the security administrator needs to help them in."""

    member: Member
    enrolled: Enrolled
    must_change_password: bool
    locked_until: datetime | None
    reset_needs_second: bool
    """Whether another administrator would have to approve it."""
    reset_waits_until: datetime | None
    """When a reset that a second person has to approve lapses, if there is one."""


@dataclass(frozen=True, slots=True)
class Unmasked:
    """Who and how to reach, in clear; that somebody looked is in the audit trail."""

    display_name: str
    phone: str
    email: str


class Roster:
    """The keeper of the list."""

    def __init__(self, transactions: Transactions, factors: Factors, guard: Guard) -> None:
        self._transactions = transactions
        self._factors = factors
        self._guard = guard

    async def page(self, actor: Actor, search: StaffSearch) -> Page:
        """Return one page of the staff the actor may see."""
        async with self._transactions.read(actor) as tx:
            where = [visible(actor, Action.STAFF_READ, User), User.kind == UserKind.STAFF]
            where += _clauses(search)
            total = await tx.session.scalar(select(func.count(User.id)).where(*where))
            rows = list(await tx.session.scalars(_sorted(select(User).where(*where), search)))
            held = await _grants(tx, [row.id for row in rows])
            members = tuple(_member(row, held.get(row.id, frozenset())) for row in rows)
            return Page(members, total or 0)

    async def standing(self, actor: Actor) -> Standing:
        """Count those of the staff the actor may see who cannot come in now."""
        async with self._transactions.read(actor) as tx:
            mine = (visible(actor, Action.STAFF_READ, User), User.kind == UserKind.STAFF)
            query = select(
                func.count(User.id).filter(User.state == UserState.SUSPENDED),
                func.count(User.id).filter(User.state == UserState.DORMANT),
            ).where(*mine, User.state != UserState.ACTIVE)
            suspended, dormant = (await tx.session.execute(query)).one()
            locked = await self._guard.locked_among(tx, select(User.username).where(*mine))
            return Standing(suspended, dormant, locked)

    async def get(self, actor: Actor, user_id: UUID) -> Dossier:
        """Return one member, masked as in the list."""
        async with self._transactions.read(actor) as tx:
            user = await staff_member(tx, user_id)
            tx.allow(Action.STAFF_READ, user)
            held = await _grants(tx, [user.id])
            return Dossier(
                member=_member(user, held.get(user.id, frozenset())),
                enrolled=await self._factors.enrolled(tx, user.id),
                must_change_password=user.must_change_password,
                locked_until=await self._guard.locked_until(tx, user.username),
                reset_needs_second=await needs_second(tx, user),
                reset_waits_until=await waiting_until(tx, user.id),
            )

    async def usernames(self, actor: Actor, user_ids: Collection[UUID]) -> dict[UUID, str]:
        """Return what those of these members of staff are called that the actor may see."""
        async with self._transactions.read(actor) as tx:
            query = select(User.id, User.username).where(
                User.id.in_(user_ids),
                User.kind == UserKind.STAFF,
                visible(actor, Action.STAFF_READ, User),
            )
            rows = await tx.session.execute(query)
            return {row.id: row.username for row in rows}

    async def unmask(self, actor: Actor, user_id: UUID, reason: str) -> Unmasked:
        """Return name, phone and address in clear; who asked and why is noted. (S-PI-1)"""
        reason = checked_reason(reason)
        async with self._transactions.open(actor) as tx:
            user = await staff_member(tx, user_id)
            tx.allow(Action.STAFF_UNMASK, user, purpose=reason)
            return Unmasked(user.display_name, user.phone or "", user.email)


def _clauses(search: StaffSearch) -> list[ColumnElement[bool]]:
    clauses: list[ColumnElement[bool]] = []
    text = search.text.strip()
    if text:
        clauses.append(
            or_(
                User.username.contains(fold(text), autoescape=True),
                User.staff_number.contains(text, autoescape=True),
                User.display_name.contains(text, autoescape=True),
                User.phone_index == text,
            )
        )
    if search.state is not None:
        clauses.append(User.state == search.state)
    if search.site_id is not None:
        clauses.append(User.site_id == search.site_id)
    if search.role is not None:
        holders = select(RoleGrant.user_id).where(
            RoleGrant.role == str(search.role), RoleGrant.deleted_at.is_(None)
        )
        clauses.append(User.id.in_(holders))
    return clauses


def _sorted(query: Select[User], search: StaffSearch) -> Select[User]:
    column = SORTS.get(search.sort)
    if column is None:
        raise Invalid("sort_unknown", sort=search.sort)
    order = column.desc().nulls_last() if search.descending else column.asc().nulls_last()
    # The id decides between equals: without it a page could show somebody twice.
    return (
        query.order_by(order, User.id)
        .offset(search.offset)
        .limit(max(1, min(search.limit, LARGEST_PAGE)))
    )


async def _grants(tx: Reading, user_ids: list[UUID]) -> dict[UUID, frozenset[Grant]]:
    query = select(RoleGrant).where(RoleGrant.user_id.in_(user_ids), RoleGrant.deleted_at.is_(None))
    held: dict[UUID, frozenset[Grant]] = {}
    for row in await tx.session.scalars(query):
        grant = Grant(Role(row.role), row.site_id)
        held[row.user_id] = held.get(row.user_id, frozenset()) | {grant}
    return held


def _member(row: User, grants: frozenset[Grant]) -> Member:
    return Member(
        id=row.id,
        username=row.username,
        staff_number=row.staff_number,
        name=mask_name(row.display_name),
        phone=mask_phone(row.phone or ""),
        email=mask_email(row.email),
        language=row.language,
        site_id=row.site_id,
        grants=grants,
        state=row.state,
        state_reason=row.state_reason,
        kept_out_by=keepers(row),
        is_synthetic=row.is_synthetic,
        created_at=row.created_at,
        last_signed_in_at=row.last_signed_in_at,
        version=row.version,
    )
