"""Reads what somebody holds now: their roles, and the records they opened by broken glass."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from data.patients import PatientLink
from data.users import EmergencyAccess, RoleGrant
from services.policy import Grant, Role
from services.rules import ADMINISTRATORS
from services.transaction import Reading


async def grants_of(tx: Reading, user_id: UUID) -> frozenset[Grant]:
    """Return the roles somebody holds now."""
    query = select(RoleGrant).where(RoleGrant.user_id == user_id, RoleGrant.deleted_at.is_(None))
    return frozenset(Grant(Role(row.role), row.site_id) for row in await tx.session.scalars(query))


async def patients_of(tx: Reading, user_id: UUID) -> frozenset[UUID]:
    """Return the patients an account acts for now."""
    query = select(PatientLink.patient_id).where(
        PatientLink.owner_id == user_id, PatientLink.deleted_at.is_(None)
    )
    return frozenset(await tx.session.scalars(query))


async def open_emergencies(tx: Reading, user_id: UUID) -> tuple[tuple[UUID, datetime], ...]:
    """Return the patients whose glass somebody broke, each with the moment it closes again."""
    query = select(EmergencyAccess.patient_id, EmergencyAccess.until).where(
        EmergencyAccess.owner_id == user_id,
        EmergencyAccess.closed_at.is_(None),
        EmergencyAccess.until > tx.now,
    )
    return tuple((row.patient_id, row.until) for row in await tx.session.execute(query))


async def administrators_among(tx: Reading, user_ids: list[UUID]) -> frozenset[UUID]:
    """Return which of these people are administrators now."""
    query = select(RoleGrant.user_id).where(
        RoleGrant.user_id.in_(user_ids),
        RoleGrant.role.in_([str(role) for role in ADMINISTRATORS]),
        RoleGrant.deleted_at.is_(None),
    )
    return frozenset(await tx.session.scalars(query))
