"""The API on work: the tasks that wait for whoever asks."""

from uuid import UUID

from pydantic import BaseModel, Field
from starlette.requests import Request

from integrations.api.base import PREFIX, AnErrand, Limit, Offset, Registry, Rows, actor_of
from services.clinic import Clinic
from services.demand import as_it_is
from services.permissions import Action
from services.tasks import Colleague, Counts, Search, View


class Note(BaseModel, extra="forbid"):
    """What came of a task."""

    note: str = Field(min_length=1, max_length=2000)


class Receiver(BaseModel, extra="forbid"):
    """To whom a task is given."""

    to: UUID | None = None
    """One of its candidates; none: back to everybody who plays its role."""


def register(clinic: Clinic, routes: Registry) -> None:
    """Enter these routes."""

    @routes.api("GET", f"{PREFIX}/tasks", action=Action.TASK_READ)
    async def tasks(
        request: Request, offset: Offset = 0, limit: Limit = 50, *, mine: bool = False
    ) -> Rows[View]:
        search = Search(mine_only=mine)
        rows, total = await clinic.tasks.page(actor_of(request), search, offset=offset, limit=limit)
        return Rows(rows, total)

    @routes.api("GET", f"{PREFIX}/tasks/counts", action=Action.TASK_READ)
    async def counts(request: Request) -> Counts:
        return await clinic.tasks.counts(actor_of(request))

    @routes.api("GET", f"{PREFIX}/tasks/{{task_id}}", action=Action.TASK_READ)
    async def task(request: Request, task_id: UUID) -> View:
        return await clinic.tasks.one(actor_of(request), task_id)

    @routes.api("POST", f"{PREFIX}/tasks/{{task_id}}/take", action=Action.TASK_TAKE)
    async def take(task_id: UUID, errand: AnErrand) -> View:
        return await errand.run(
            clinic.once, lambda actor: clinic.tasks.take(actor, task_id), as_it_is
        )

    @routes.api("GET", f"{PREFIX}/tasks/{{task_id}}/candidates", action=Action.TASK_HAND_OVER)
    async def candidates(request: Request, task_id: UUID) -> list[Colleague]:
        return await clinic.tasks.candidates(actor_of(request), task_id)

    @routes.api("POST", f"{PREFIX}/tasks/{{task_id}}/hand-over", action=Action.TASK_HAND_OVER)
    async def hand_over(task_id: UUID, receiver: Receiver, errand: AnErrand) -> View:
        return await errand.run(
            clinic.once,
            lambda actor: clinic.tasks.hand_over(actor, task_id, to=receiver.to),
            as_it_is,
        )

    @routes.api("POST", f"{PREFIX}/tasks/{{task_id}}/close", action=Action.TASK_CLOSE)
    async def close(task_id: UUID, done: Note, errand: AnErrand) -> View:
        return await errand.run(
            clinic.once, lambda actor: clinic.tasks.close(actor, task_id, done.note), as_it_is
        )
