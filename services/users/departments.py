"""The clinical departments (诊疗科目) that the institution is licensed for. (R-ORG-2)"""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from uuid import UUID

from sqlalchemy import select

from data.clinicians import Department
from data.clock import new_id
from data.errors import Conflict, Invalid
from services.institution import checked_name
from services.permissions import Action
from services.policy import Actor, Subject
from services.transaction import Reading, Transaction, Transactions


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the national catalogue (医疗机构诊疗科目名录)."""

    code: str
    name: str
    parent: str
    is_pediatric: bool


@dataclass(frozen=True, slots=True)
class DepartmentView:
    """A department as everybody may see it."""

    id: UUID
    code: str
    name: str
    is_pediatric: bool
    is_online: bool
    version: int


@cache
def catalogue() -> dict[str, Entry]:
    """Return the national catalogue by code."""
    file = Path(__file__).with_name("departments.csv")
    with file.open(encoding="utf-8", newline="") as lines:
        return {
            line["code"]: Entry(
                line["code"], line["name_zh"], line["parent"], line["pediatric"] == "1"
            )
            for line in csv.DictReader(lines)
        }


class Departments:
    """The list of departments."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def all(self, actor: Actor, home: UUID) -> list[DepartmentView]:
        """Return the departments of an institution by code, those not offered online too."""
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.DEPARTMENT_READ, Subject("department", "", home))
            query = (
                select(Department)
                .where(Department.institution_id == home, Department.deleted_at.is_(None))
                .order_by(Department.code)
            )
            return [_view(row) for row in await tx.session.scalars(query)]

    async def add(self, actor: Actor, code: str, name: str = "") -> UUID:
        """Enter a department of the licence; its name is the catalogue's, if not said.

        Raise `Invalid("department_code_unknown")`, `Conflict("department_known")`.
        """
        entry = catalogue().get(code)
        if entry is None:
            raise Invalid("department_code_unknown", what=code)
        async with self._transactions.open(actor) as tx:
            tx.allow(Action.DEPARTMENT_CHANGE, Subject("department", code, actor.home))
            if await _coded(tx, actor.home, code) is not None:
                raise Conflict("department_known")
            row = Department(
                id=new_id(),
                institution_id=actor.home,
                code=code,
                name=checked_name(name) if name else entry.name,
                is_pediatric=entry.is_pediatric,
                created_at=tx.now,
            )
            tx.session.add(row)
            return tx.answer(row.id)

    async def change(
        self, actor: Actor, department_id: UUID, name: str, version: int, *, is_online: bool
    ) -> None:
        """Rename a department, offer it online or no more.

        Raise `Conflict("changed_meanwhile")`.
        """
        async with self._transactions.open(actor) as tx:
            row = await tx.get(Department, department_id)
            tx.allow(Action.DEPARTMENT_CHANGE, row, is_online=is_online)
            if row.version != version:
                raise Conflict("changed_meanwhile")
            row.name, row.is_online = checked_name(name), is_online

    async def close(self, actor: Actor, department_id: UUID, version: int) -> None:
        """Take a department away, for the licence does not name it any more.

        Raise `Conflict("changed_meanwhile")`.
        """
        async with self._transactions.open(actor) as tx:
            row = await tx.get(Department, department_id)
            tx.allow(Action.DEPARTMENT_CHANGE, row, purpose="close")
            if row.version != version:
                raise Conflict("changed_meanwhile")
            row.deleted_at = tx.now


async def _coded(tx: Transaction | Reading, home: UUID, code: str) -> Department | None:
    query = select(Department).where(
        Department.institution_id == home,
        Department.code == code,
        Department.deleted_at.is_(None),
    )
    return await tx.session.scalar(query)


def _view(row: Department) -> DepartmentView:
    return DepartmentView(row.id, row.code, row.name, row.is_pediatric, row.is_online, row.version)
