"""Tells who may treat, where, and who they are. (R-STF-1, R-STF-3, R-ORG-2)"""

from collections import defaultdict
from collections.abc import Collection
from datetime import date
from uuid import UUID

from sqlalchemy import select

from data.clinicians import (
    Clinician,
    CredentialState,
    Department,
    DepartmentMember,
    Profession,
)
from data.errors import Conflict
from services.inquiries import Colleague
from services.permissions import Action
from services.policy import Actor, Subject
from services.transaction import Reading, Transactions


class ClinicianDirectory:
    """The register of those who treat, as the other modules and the public may read it."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def may_treat(
        self, tx: Reading, clinician_id: UUID, department_id: UUID, on: date
    ) -> None:
        """Go on only if a doctor may treat in this department on that day.

        Raise `Conflict`: `clinician_not_active`, `licence_ends_before`, `department_not_offered`.
        """
        query = select(Clinician).where(
            Clinician.owner_id == clinician_id, Clinician.profession == Profession.DOCTOR
        )
        row = await tx.session.scalar(query)
        if row is None or row.state is not CredentialState.ACTIVE:
            raise Conflict("clinician_not_active")
        if any(
            ends is None or ends < on for ends in (row.licence_valid_to, row.certificate_valid_to)
        ):
            raise Conflict("licence_ends_before")
        member = (
            select(Department.id)
            .join(DepartmentMember, DepartmentMember.department_id == Department.id)
            .where(
                Department.id == department_id,
                Department.deleted_at.is_(None),
                Department.is_online,
                DepartmentMember.clinician_id == row.id,
                DepartmentMember.deleted_at.is_(None),
            )
        )
        if await tx.session.scalar(member) is None:
            raise Conflict("department_not_offered")

    async def colleagues(self, tx: Reading, ids: Collection[UUID]) -> dict[UUID, Colleague]:
        """Return those of these accounts that belong to a doctor."""
        if not ids:
            return {}
        query = select(Clinician).where(
            Clinician.owner_id.in_(ids), Clinician.profession == Profession.DOCTOR
        )
        rows = list(await tx.session.scalars(query))
        members = await _members(tx, {row.id for row in rows})
        return {row.owner_id: _colleague(row, members[row.id]) for row in rows}

    async def departments(self, tx: Reading, ids: Collection[UUID]) -> dict[UUID, str]:
        """Return the names of these departments, of closed ones too."""
        if not ids:
            return {}
        query = select(Department.id, Department.name).where(Department.id.in_(ids))
        return {row[0]: row[1] for row in await tx.session.execute(query)}

    async def doctors(self, actor: Actor, home: UUID) -> list[Colleague]:
        """Return the doctors of an institution who may treat now: for everybody. (R-STF-3)"""
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.CLINICIAN_READ, Subject("clinician", "", home))
            query = (
                select(Clinician)
                .where(
                    Clinician.institution_id == home,
                    Clinician.profession == Profession.DOCTOR,
                    Clinician.state == CredentialState.ACTIVE,
                )
                .order_by(Clinician.name)
            )
            rows = list(await tx.session.scalars(query))
            members = await _members(tx, {row.id for row in rows})
            return [_colleague(row, members[row.id]) for row in rows]


async def _members(tx: Reading, ids: Collection[UUID]) -> dict[UUID, frozenset[UUID]]:
    query = select(DepartmentMember.clinician_id, DepartmentMember.department_id).where(
        DepartmentMember.clinician_id.in_(ids), DepartmentMember.deleted_at.is_(None)
    )
    found: dict[UUID, set[UUID]] = defaultdict(set)
    for row in await tx.session.execute(query):
        found[row[0]].add(row[1])
    return defaultdict(frozenset, {key: frozenset(value) for key, value in found.items()})


def _colleague(row: Clinician, departments: frozenset[UUID]) -> Colleague:
    return Colleague(
        user_id=row.owner_id,
        name=row.name,
        title=row.title,
        licence=row.licence,
        department_ids=departments,
        is_active=row.state is CredentialState.ACTIVE,
        institution_id=row.institution_id,
        site_id=row.site_id,
    )
