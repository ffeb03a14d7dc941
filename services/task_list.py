"""What waits, as a list: how a task looks to its reader, whose it is, in which order. (待办)"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, func, or_

from data.tasks import Priority, Task, TaskState
from services.blanks import unpacked
from services.policy import Action, Actor, Role, visible

OPEN_STATES = (TaskState.OPEN, TaskState.TAKEN)


@dataclass(frozen=True, slots=True)
class View:
    """A task as its reader sees it."""

    id: UUID
    kind: str
    values: dict[str, Any]
    subject: str
    patient_id: UUID | None
    site_id: UUID | None
    owner_id: UUID | None
    role: str | None
    priority: Priority
    state: TaskState
    due_at: datetime | None
    overdue: bool
    escalated_at: datetime | None
    raised_at: datetime
    note: str
    closed_by: UUID | None
    closed_at: datetime | None
    place: str
    """The path where people do what ends it; empty: it is closed with a note, as it stands."""

    @property
    def title(self) -> str:
        """The key of its sentence."""
        return f"task.{self.kind}"


class Sort(StrEnum):
    PRESSING = "pressing"
    """What presses most first, then what is due first: the order to work in."""
    DUE = "due"
    RAISED = "raised"
    KIND = "kind"


@dataclass(frozen=True, slots=True)
class Search:
    """Which tasks, in which order; as it stands, all that are open."""

    text: str = ""
    kind: str = ""
    states: tuple[TaskState, ...] = OPEN_STATES
    mine_only: bool = False
    overdue_only: bool = False
    role: Role | None = None
    """For whoever plays it, or come to them because it was overdue."""
    sort: Sort = Sort.PRESSING
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Counts:
    """What the frame of every page shows."""

    open: int
    mine: int
    overdue: int
    urgent: int


def concerns(actor: Actor, task: Task) -> bool:
    """Whether it is the actor's own, or for a role of theirs at its place, and not about them."""
    if task.barred_id == actor.user_id:
        return False
    if task.owner_id == actor.user_id:
        return True
    roles = {task.role, task.escalates_to if task.escalated_at else None}
    return any(
        grant.role in roles and (grant.site_id is None or task.site_id in {None, grant.site_id})
        for grant in actor.grants
    )


def theirs(actor: Actor) -> list[ColumnElement[bool]]:
    """Say the same as `concerns`, as a condition on rows."""
    mine: list[ColumnElement[bool]] = [Task.owner_id == actor.user_id]
    for grant in actor.grants:
        part = for_role(grant.role)
        if grant.site_id is not None:
            part &= or_(Task.site_id.is_(None), Task.site_id == grant.site_id)
        mine.append(part)
    not_about_them = or_(Task.barred_id.is_(None), Task.barred_id != actor.user_id)
    return [visible(actor, Action.TASK_READ, Task), or_(*mine), not_about_them]


def clauses_of(search: Search, actor: Actor, now: datetime) -> list[ColumnElement[bool]]:
    clauses: list[ColumnElement[bool]] = [Task.state.in_(search.states)]
    if search.text.strip():
        clauses.append(Task.words.contains(search.text.strip().lower(), autoescape=True))
    if search.kind:
        clauses.append(Task.kind == search.kind)
    if search.mine_only:
        clauses.append(Task.owner_id == actor.user_id)
    if search.overdue_only:
        clauses.append(Task.due_at <= now)
    if search.role is not None:
        clauses.append(for_role(search.role))
    return clauses


def for_role(role: Role) -> ColumnElement[bool]:
    """Say which tasks are for a role: its own, and those that were passed on to it."""
    return or_(
        Task.role == role,
        and_(Task.escalates_to == role, Task.escalated_at.is_not(None)),
    )


def order_of(search: Search) -> list[ColumnElement[Any]]:
    due = Task.due_at.asc().nulls_last()
    if search.sort is Sort.PRESSING:
        return [Task.priority.desc(), due, Task.id.asc()]
    columns: dict[Sort, Any] = {
        Sort.DUE: Task.due_at,
        Sort.RAISED: Task.raised_at,
        Sort.KIND: Task.kind,
    }
    column = columns[search.sort]
    way = column.desc() if search.descending else column.asc()
    return [way.nulls_last(), Task.id.asc()]


def counted(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))


def view_of(row: Task, now: datetime, place: str) -> View:
    """Show a task to its reader; `place` as in `Tasks.ends_at`."""
    return View(
        id=row.id,
        kind=row.kind,
        values=unpacked(row.values),
        subject=row.subject,
        patient_id=row.patient_id,
        site_id=row.site_id,
        owner_id=row.owner_id,
        role=row.role,
        priority=Priority(row.priority),
        state=row.state,
        due_at=row.due_at,
        overdue=row.is_open and row.due_at is not None and row.due_at <= now,
        escalated_at=row.escalated_at,
        raised_at=row.raised_at,
        note=row.note,
        closed_by=row.closed_by,
        closed_at=row.closed_at,
        place=place.replace("{id}", row.subject.partition(":")[2]),
    )
