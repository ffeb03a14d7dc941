"""Everything that waits for a person: raised once, taken, handed over, closed with a note. (待办)

Alarms and work lists of every module are tasks; none invents its own. A task that is not closed
by its time goes on to the role that answers for it, once.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from data.errors import Conflict, Forbidden, Invalid, NotFound
from data.tasks import Priority, Task, TaskState
from services.blanks import packed
from services.events import StaffSuspended, TaskClosed, TaskEscalated, TaskOverdue, TaskRaised
from services.i18n import LANGUAGES, say
from services.policy import HOUSE, Action, Actor, Role, Subject
from services.task_list import (
    OPEN_STATES,
    Counts,
    Search,
    Sort,
    View,
    clauses_of,
    concerns,
    counted,
    order_of,
    theirs,
    view_of,
)
from services.transaction import Transaction, Transactions

__all__ = [
    "Colleague",
    "Colleagues",
    "Counts",
    "Priority",
    "Search",
    "Sort",
    "TaskState",
    "Tasks",
    "View",
    "Wanted",
]

LONGEST_NOTE = 2000


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
    barred_id: UUID | None = None
    """Whom it is about, and who therefore never does it: nobody judges themselves."""


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody who works here, as others see them."""

    id: UUID
    name: str


class Colleagues(Protocol):
    """Who works here: kept by the module that has the accounts."""

    async def colleagues(
        self,
        session: AsyncSession,
        roles: Collection[str],
        institution_id: UUID,
        site_id: UUID | None = None,
    ) -> list[tuple[UUID, str]]:
        """Return the active members of staff who play one of these roles there, by name.

        No roles: everybody who works there.
        """
        ...

    async def works(
        self,
        session: AsyncSession,
        user_id: UUID,
        role: str | None,
        institution_id: UUID,
        site_id: UUID | None = None,
    ) -> bool:
        """Whether a member of staff is active here, and plays the role at that site if given."""
        ...


class Tasks:
    """Who hands out the work and sees that it is done."""

    def __init__(self, transactions: Transactions, colleagues: Colleagues) -> None:
        self._transactions = transactions
        self._colleagues = colleagues
        self._places: dict[str, str] = {}

    def ends_at(self, kind: str, path: str) -> None:
        """Let nothing but `settle` end tasks of this kind; people do what ends them at `path`.

        `{id}` in it is filled with the thing that the task is about.
        """
        self._places[kind] = path

    async def raise_(self, tx: Transaction, wanted: Wanted) -> UUID:
        """Raise a task as part of what `tx` does; return its id, also if it was raised before.

        The right to do so is the right to the act it belongs to.
        """
        nobody = wanted.role is None and wanted.owner_id is None
        if nobody or wanted.owner_id == wanted.barred_id is not None:
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
            return tx.answer(self._view(task, tx.now))

    async def candidates(self, actor: Actor, task_id: UUID) -> list[Colleague]:
        """Return to whom this task could be handed over, by name."""
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.TASK_HAND_OVER, _place(actor))
            task = await tx.session.scalar(select(Task).where(Task.id == task_id, *theirs(actor)))
            if task is None:
                raise NotFound("not_found", what="Task", key=str(task_id))
            people = await self._colleagues.colleagues(
                tx.session, _roles_of(task), task.institution_id, task.site_id
            )
            nobody = {task.owner_id, task.barred_id}
            return [Colleague(id_, name) for id_, name in people if id_ not in nobody]

    async def hand_over(self, actor: Actor, task_id: UUID, *, to: UUID | None = None) -> View:
        """Give it to a person who plays its role here; to None: back to whoever plays it.

        Raise `Invalid("task_person_wrong")` for anybody else: it would wait where nobody looks.
        """
        async with self._transactions.open(actor) as tx:
            task = await self._open_task(tx, Action.TASK_HAND_OVER, task_id)
            _refuse_barred(task, to, Action.TASK_HAND_OVER)
            if to is not None:
                await self._refuse_stranger(tx, task, to)
            elif not _roles_of(task):
                raise Invalid("task_for_nobody")
            task.owner_id, task.state = to, TaskState.OPEN
            tx.announce(
                TaskRaised(
                    task_id=task.id,
                    kind=task.kind,
                    owner_id=to,
                    owner_role=task.role,
                    institution_id=task.institution_id,
                )
            )
            return tx.answer(self._view(task, tx.now))

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
            if task.kind in self._places:
                raise _refused("task_ends_elsewhere", Action.TASK_CLOSE, task)
            _close(tx, task, state, words)
            return tx.answer(self._view(task, tx.now))

    async def settle(self, tx: Transaction, institution_id: UUID, key: str, note: str) -> bool:
        """Close a task whose cause is gone, as part of what `tx` does; return whether one was."""
        query = select(Task).where(
            Task.institution_id == institution_id, Task.key == key, Task.state.in_(OPEN_STATES)
        )
        task = await tx.session.scalar(query.with_for_update())
        if task is None:
            return False
        _refuse_barred(task, tx.actor.user_id, Action.TASK_CLOSE)
        _close(tx, task, TaskState.DONE, note)
        return True

    async def open_keys(self, tx: Transaction, institution_id: UUID, kind: str) -> set[str]:
        """Return the keys of the tasks of one kind that nobody has closed yet."""
        query = select(Task.key).where(
            Task.institution_id == institution_id, Task.kind == kind, Task.state.in_(OPEN_STATES)
        )
        return set(await tx.session.scalars(query))

    async def page(
        self, actor: Actor, search: Search, *, offset: int = 0, limit: int = 50
    ) -> tuple[list[View], int]:
        """Return one page of what the actor may work on, and how much there is."""
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.TASK_READ, _place(actor))
            where = [*theirs(actor), *clauses_of(search, actor, tx.now)]
            total = await tx.session.scalar(select(func.count(Task.id)).where(*where))
            query = select(Task).where(*where).order_by(*order_of(search))
            rows = await tx.session.scalars(query.offset(offset).limit(min(limit, 200)))
            return [self._view(row, tx.now) for row in rows], total or 0

    async def one(self, actor: Actor, task_id: UUID) -> View:
        """Return one task; raise `NotFound` if it is none of the actor's."""
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.TASK_READ, _place(actor))
            row = await tx.session.scalar(select(Task).where(Task.id == task_id, *theirs(actor)))
            if row is None:
                raise NotFound("not_found", what="Task", key=str(task_id))
            return self._view(row, tx.now)

    async def several(self, actor: Actor, task_ids: Collection[UUID]) -> dict[UUID, View]:
        """Return those of these tasks that are the actor's, by their ids."""
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.TASK_READ, _place(actor))
            query = select(Task).where(Task.id.in_(task_ids), *theirs(actor))
            return {row.id: self._view(row, tx.now) for row in await tx.session.scalars(query)}

    async def counts(self, actor: Actor, *, role: Role | None = None) -> Counts:
        """Count what is open for the actor, or for them as one of their roles."""
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.TASK_READ, _place(actor))
            query = select(
                func.count(Task.id),
                counted(Task.owner_id == actor.user_id),
                counted(Task.due_at <= tx.now),
                counted(Task.priority == Priority.URGENT),
            ).where(*theirs(actor), *clauses_of(Search(role=role), actor, tx.now))
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
        if not concerns(tx.actor, task):
            raise _refused("forbidden", action, task)
        if not task.is_open:
            raise Conflict("task_closed")
        return task

    async def _refuse_stranger(self, tx: Transaction, task: Task, person: UUID) -> None:
        roles: Collection[str | None] = _roles_of(task) or (None,)
        for role in roles:
            if await self._colleagues.works(
                tx.session, person, role, task.institution_id, task.site_id
            ):
                return
        raise Invalid("task_person_wrong")

    def _view(self, row: Task, now: datetime) -> View:
        return view_of(row, now, self._places.get(row.kind, ""))


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
        barred_id=wanted.barred_id,
        due_at=wanted.due_at,
        raised_by=tx.actor.user_id,
        raised_at=tx.now,
    )


def _close(tx: Transaction, task: Task, state: TaskState, note: str) -> None:
    task.state, task.note = state, note
    task.closed_by, task.closed_at = tx.actor.user_id, tx.now
    tx.forget(_timer(task.id))
    tx.announce(TaskClosed(task_id=task.id, kind=task.kind))


def _roles_of(task: Task) -> set[str]:
    """Return the roles that may do it: its own, and after its time that which answers for it."""
    late = {task.escalates_to} if task.escalated_at else set()
    return {role for role in {task.role, *late} if role}


def _refuse_barred(task: Task, person: UUID | None, action: Action) -> None:
    if person is not None and person == task.barred_id:
        raise _refused("task_about_them", action, task)


def _refused(code: str, action: Action, task: Task) -> Forbidden:
    return Forbidden(code, action=str(action), subject=str(Subject.of(task)))


def _timer(task_id: UUID) -> str:
    return f"task:{task_id}"


def _place(actor: Actor) -> Subject:
    return Subject("task", institution_id=actor.institution_id)
