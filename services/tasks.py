"""Everything that waits for a person: raised once, taken, handed over, closed with a note. (任务)

Alarms and work lists of every module are tasks; none invents its own. A task that is not closed
by its time goes on to the role that answers for it, once.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from data.errors import Conflict, Forbidden, Invalid, NotFound
from data.tasks import Priority, Task, TaskState
from services.blanks import packed, unpacked
from services.events import StaffSuspended, TaskClosed, TaskEscalated, TaskOverdue, TaskRaised
from services.i18n import LANGUAGES, say
from services.policy import HOUSE, Action, Actor, Role, Subject, visible
from services.transaction import Transaction, Transactions

__all__ = ["Counts", "Priority", "Search", "Sort", "TaskState", "Tasks", "View", "Wanted"]

LONGEST_NOTE = 2000
OPEN_STATES = (TaskState.OPEN, TaskState.TAKEN)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be done, by whom, until when."""

    kind: str
    """Names the sentence `task.<kind>`, which `values` fill."""
    key: str
    """Natural, within the institution: raising the same again changes nothing."""
    institution_id: UUID
    site_id: UUID | None = None
    role: Role | None = None
    owner_id: UUID | None = None
    values: dict[str, Any] = field(default_factory=dict)
    subject: str = ""
    """What it is about, as the audit trail writes it: `message:<id>`."""
    patient_id: UUID | None = None
    due_at: datetime | None = None
    escalates_to: Role | None = None
    priority: Priority = Priority.NORMAL


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
    sort: Sort = Sort.PRESSING
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Counts:
    """What the frame of every page shows."""

    open: int
    mine: int
    overdue: int
    urgent: int


class Tasks:
    """Who hands out the work and sees that it is done."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def raise_(self, tx: Transaction, wanted: Wanted) -> UUID:
        """Raise a task as part of what `tx` does; return its id, also if it was raised before.

        The right to do so is the right to the act it belongs to.
        """
        if wanted.role is None and wanted.owner_id is None:
            raise Invalid("task_for_nobody", kind=wanted.kind)
        query = select(Task.id).where(
            Task.institution_id == wanted.institution_id, Task.key == wanted.key
        )
        if known := await tx.session.scalar(query):
            return known
        task = _row(wanted, tx)
        tx.session.add(task)
        if wanted.due_at is not None:
            tx.later(_timer(task.id), wanted.due_at, TaskOverdue(task_id=task.id))
        tx.announce(
            TaskRaised(
                task_id=task.id,
                kind=task.kind,
                owner_id=task.owner_id,
                owner_role=task.role,
                institution_id=task.institution_id,
            )
        )
        return task.id

    async def add(self, actor: Actor, wanted: Wanted) -> UUID:
        """Raise a task that belongs to nothing else: a colleague is asked for something."""
        async with self._transactions.open(actor) as tx:
            place = Subject("task", institution_id=wanted.institution_id, site_id=wanted.site_id)
            tx.allow(Action.TASK_RAISE, place)
            return await self.raise_(tx, wanted)

    async def take(self, actor: Actor, task_id: UUID) -> View:
        """Make it the actor's own, so that nobody does it twice."""
        async with self._transactions.open(actor) as tx:
            task = await self._open_task(tx, Action.TASK_TAKE, task_id)
            if task.state is TaskState.TAKEN and task.owner_id != actor.user_id:
                raise Conflict("task_taken")
            task.owner_id, task.state = actor.user_id, TaskState.TAKEN
            return _view(task, tx.now)

    async def hand_over(
        self, actor: Actor, task_id: UUID, *, to: UUID | None = None, role: Role | None = None
    ) -> View:
        """Give it to a person, or back to whoever plays a role."""
        if (to is None) == (role is None):
            raise Invalid("task_for_nobody")
        async with self._transactions.open(actor) as tx:
            task = await self._open_task(tx, Action.TASK_HAND_OVER, task_id)
            task.owner_id, task.state = to, TaskState.OPEN
            task.role = role or task.role
            tx.announce(
                TaskRaised(
                    task_id=task.id,
                    kind=task.kind,
                    owner_id=to,
                    owner_role=task.role,
                    institution_id=task.institution_id,
                )
            )
            return _view(task, tx.now)

    async def close(
        self, actor: Actor, task_id: UUID, note: str, *, state: TaskState = TaskState.DONE
    ) -> View:
        """Close it as done, or as cancelled, saying what came of it."""
        words = note.strip()
        if not words or len(words) > LONGEST_NOTE:
            raise Invalid("task_note_needed", high=LONGEST_NOTE)
        if state in OPEN_STATES:
            raise Invalid("task_state_wrong", state=state)
        async with self._transactions.open(actor) as tx:
            task = await self._open_task(tx, Action.TASK_CLOSE, task_id)
            _close(tx, task, state, words)
            return _view(task, tx.now)

    async def settle(self, tx: Transaction, institution_id: UUID, key: str, note: str) -> bool:
        """Close a task whose cause is gone, as part of what `tx` does; return whether one was."""
        query = select(Task).where(
            Task.institution_id == institution_id, Task.key == key, Task.state.in_(OPEN_STATES)
        )
        task = await tx.session.scalar(query.with_for_update())
        if task is None:
            return False
        _close(tx, task, TaskState.DONE, note)
        return True

    async def page(
        self, actor: Actor, search: Search, *, offset: int = 0, limit: int = 50
    ) -> tuple[list[View], int]:
        """Return one page of what the actor may work on, and how much there is."""
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.TASK_READ, _place(actor))
            where = [*_for(actor), *_clauses(search, actor, tx.now)]
            total = await tx.session.scalar(select(func.count(Task.id)).where(*where))
            query = select(Task).where(*where).order_by(*_order(search))
            rows = await tx.session.scalars(query.offset(offset).limit(min(limit, 200)))
            return [_view(row, tx.now) for row in rows], total or 0

    async def one(self, actor: Actor, task_id: UUID) -> View:
        """Return one task; raise `NotFound` if it is none of the actor's."""
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.TASK_READ, _place(actor))
            row = await tx.session.scalar(select(Task).where(Task.id == task_id, *_for(actor)))
            if row is None:
                raise NotFound("not_found", what="Task", key=str(task_id))
            return _view(row, tx.now)

    async def counts(self, actor: Actor) -> Counts:
        """Count what is open for the actor."""
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.TASK_READ, _place(actor))
            query = select(
                func.count(Task.id),
                _sum(Task.owner_id == actor.user_id),
                _sum(Task.due_at <= tx.now),
                _sum(Task.priority == Priority.URGENT),
            ).where(*_for(actor), Task.state.in_(OPEN_STATES))
            return Counts(*(int(n or 0) for n in (await tx.session.execute(query)).one()))

    async def escalate(self, event: TaskOverdue) -> None:
        """Pass a task that is overdue on to the role that answers for it."""
        async with self._transactions.open(HOUSE) as tx:
            task = await tx.session.get(Task, event.task_id, with_for_update=True)
            if task is None or not task.is_open or task.escalated_at is not None:
                return
            tx.allow(Action.TASK_ESCALATE, task)
            task.escalated_at = tx.now
            task.priority = max(task.priority, Priority.HIGH)
            tx.announce(
                TaskEscalated(
                    task_id=task.id,
                    kind=task.kind,
                    owner_id=task.owner_id,
                    owner_role=task.escalates_to or task.role,
                    institution_id=task.institution_id,
                )
            )

    async def give_back(self, event: StaffSuspended) -> None:
        """Give the open tasks of somebody who may not work here now back to their role."""
        async with self._transactions.open(HOUSE) as tx:
            query = select(Task).where(Task.owner_id == event.user_id, Task.state.in_(OPEN_STATES))
            for task in await tx.session.scalars(query.with_for_update()):
                if task.role is None and task.escalates_to is None:
                    continue  # nobody else could do it: whoever lifts the suspension finds it
                tx.allow(Action.TASK_ESCALATE, task)
                task.role = task.role or task.escalates_to
                task.owner_id, task.state = None, TaskState.OPEN

    async def _open_task(self, tx: Transaction, action: Action, task_id: UUID) -> Task:
        task = await tx.get(Task, task_id)
        tx.allow(action, task)
        if not _concerns(tx.actor, task):
            raise Forbidden("forbidden", action=str(action), subject=str(Subject.of(task)))
        if not task.is_open:
            raise Conflict("task_closed")
        return task


def _row(wanted: Wanted, tx: Transaction) -> Task:
    values = packed(wanted.values)
    titles = (say(language, f"task.{wanted.kind}", **wanted.values) for language in LANGUAGES)
    return Task(
        institution_id=wanted.institution_id,
        site_id=wanted.site_id,
        kind=wanted.kind,
        key=wanted.key,
        values=values,
        words="\n".join(titles).lower(),
        subject=wanted.subject,
        patient_id=wanted.patient_id,
        owner_id=wanted.owner_id,
        role=wanted.role,
        escalates_to=wanted.escalates_to,
        priority=wanted.priority,
        due_at=wanted.due_at,
        raised_by=tx.actor.user_id,
        raised_at=tx.now,
    )


def _close(tx: Transaction, task: Task, state: TaskState, note: str) -> None:
    task.state, task.note = state, note
    task.closed_by, task.closed_at = tx.actor.user_id, tx.now
    tx.forget(_timer(task.id))
    tx.announce(TaskClosed(task_id=task.id, kind=task.kind))


def _timer(task_id: UUID) -> str:
    return f"task:{task_id}"


def _place(actor: Actor) -> Subject:
    return Subject("task", institution_id=actor.institution_id)


def _concerns(actor: Actor, task: Task) -> bool:
    """Whether it is the actor's own, or for a role of theirs at its place."""
    if task.owner_id == actor.user_id:
        return True
    roles = {task.role, task.escalates_to if task.escalated_at else None}
    return any(
        grant.role in roles and (grant.site_id is None or task.site_id in {None, grant.site_id})
        for grant in actor.grants
    )


def _for(actor: Actor) -> list[ColumnElement[bool]]:
    """Say the same as `_concerns`, as a condition on rows."""
    mine: list[ColumnElement[bool]] = [Task.owner_id == actor.user_id]
    for grant in actor.grants:
        part = or_(
            Task.role == grant.role,
            and_(Task.escalates_to == grant.role, Task.escalated_at.is_not(None)),
        )
        if grant.site_id is not None:
            part &= or_(Task.site_id.is_(None), Task.site_id == grant.site_id)
        mine.append(part)
    return [visible(actor, Action.TASK_READ, Task), or_(*mine)]


def _clauses(search: Search, actor: Actor, now: datetime) -> list[ColumnElement[bool]]:
    clauses: list[ColumnElement[bool]] = [Task.state.in_(search.states)]
    if search.text.strip():
        clauses.append(Task.words.contains(search.text.strip().lower(), autoescape=True))
    if search.kind:
        clauses.append(Task.kind == search.kind)
    if search.mine_only:
        clauses.append(Task.owner_id == actor.user_id)
    if search.overdue_only:
        clauses.append(Task.due_at <= now)
    return clauses


def _order(search: Search) -> list[ColumnElement[Any]]:
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


def _sum(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))


def _view(row: Task, now: datetime) -> View:
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
    )
