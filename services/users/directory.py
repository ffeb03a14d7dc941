"""Tells the messenger how to reach people, and who plays a role."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from data.users import RoleGrant, User, UserKind, UserState
from services.notify import Contact

MOST = 500  # colleagues to choose from: a small hospital has fewer


class UserDirectory:
    """The accounts, as an address book."""

    async def contact(self, session: AsyncSession, user_id: UUID) -> Contact | None:
        """Return how to reach a person, or None if there is no such account."""
        user = await session.get(User, user_id)
        if user is None:
            return None
        return Contact(user.language, user.email, user.phone or "", user.institution_id)

    async def holders(
        self, session: AsyncSession, role: str, institution_id: UUID, site_id: UUID | None = None
    ) -> list[UUID]:
        """Return who plays a role now, in an institution or at one of its sites."""
        query = select(User.id).where(
            User.institution_id == institution_id,
            User.state == UserState.ACTIVE,
            _plays(role, site_id),
        )
        return list(await session.scalars(query))

    async def works(
        self,
        session: AsyncSession,
        user_id: UUID,
        role: str | None,
        institution_id: UUID,
        site_id: UUID | None = None,
    ) -> bool:
        """Whether a member of staff is active here, and plays the role at that site if given."""
        query = select(User.id).where(
            User.id == user_id,
            User.kind == UserKind.STAFF,
            User.institution_id == institution_id,
            User.state == UserState.ACTIVE,
        )
        if role is not None:
            query = query.where(_plays(role, site_id))
        return await session.scalar(query) is not None

    async def usernames(self, session: AsyncSession, user_ids: Collection[UUID]) -> dict[UUID, str]:
        """Return what members of staff are called in lists of who did what; nobody's name in clear.

        Patients are left out: their user name may be what others know them by.
        """
        query = select(User.id, User.username).where(
            User.id.in_(sorted(user_ids)), User.kind == UserKind.STAFF
        )
        rows = await session.execute(query)
        return {row.id: row.username for row in rows}

    async def colleagues(
        self,
        session: AsyncSession,
        roles: Collection[str],
        institution_id: UUID,
        site_id: UUID | None = None,
    ) -> list[tuple[UUID, str]]:
        """Return the active members of staff who play one of these roles there, by name."""
        query = select(User.id, User.display_name).where(
            User.kind == UserKind.STAFF,
            User.institution_id == institution_id,
            User.state == UserState.ACTIVE,
        )
        if roles:
            query = query.where(or_(*(_plays(role, site_id) for role in sorted(roles))))
        rows = await session.execute(query.order_by(User.display_name, User.id).limit(MOST))
        return [(row.id, row.display_name) for row in rows]

    async def made_up(self, session: AsyncSession) -> int:
        """Count the accounts of people who do not exist and that can still sign in."""
        query = select(func.count(User.id)).where(
            User.is_synthetic.is_(True), User.state == UserState.ACTIVE
        )
        return await session.scalar(query) or 0


def _plays(role: str, site_id: UUID | None) -> ColumnElement[bool]:
    """Whether a user has the role now: everywhere, or at the site if one is given."""
    grant = exists().where(
        RoleGrant.user_id == User.id, RoleGrant.role == role, RoleGrant.deleted_at.is_(None)
    )
    if site_id is not None:
        grant = grant.where(or_(RoleGrant.site_id.is_(None), RoleGrant.site_id == site_id))
    return grant
