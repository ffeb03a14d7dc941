"""The API on broken glass: opening a record in an emergency, ending it, judging it. (紧急访问)"""

from uuid import UUID

from fastapi import Response
from pydantic import BaseModel, Field
from starlette.requests import Request

from integrations.api.base import PREFIX, AnErrand, Limit, Offset, Registry, Rows, actor_of
from services.clinic import Clinic
from services.permissions import Action
from services.users.emergency import LONGEST_REASON, Access, Look, Verdict


class Opening(BaseModel, extra="forbid"):
    """Whose record is to be opened, and why this is an emergency."""

    patient_id: UUID
    reason: str = Field(min_length=1, max_length=LONGEST_REASON)


class Judgement(BaseModel, extra="forbid"):
    """Whether it was right, and what shows it."""

    outcome: Verdict
    note: str = Field(min_length=1, max_length=LONGEST_REASON)


class Opened(BaseModel):
    """What was opened; it ends by itself at `until`."""

    access: Access


class Case(BaseModel):
    """One that waits for a verdict or has one, with what was looked at meanwhile."""

    access: Access
    looks: list[Look]
    total: int
    """How many looks there are; `offset` and `limit` choose among them."""


def register(clinic: Clinic, routes: Registry) -> None:
    """Enter these routes."""
    _register_breaking(clinic, routes)
    _register_judging(clinic, routes)


def _register_breaking(clinic: Clinic, routes: Registry) -> None:
    @routes.api("GET", f"{PREFIX}/emergency", action=Action.EMERGENCY_OPEN)
    async def mine(request: Request) -> Rows[Access]:
        found = await clinic.emergency.mine(actor_of(request))
        return Rows(found, len(found))

    @routes.api("POST", f"{PREFIX}/emergency", action=Action.EMERGENCY_OPEN)
    async def break_glass(wanted: Opening, errand: AnErrand) -> Opened:
        return await errand.run(
            clinic.once,
            lambda actor: clinic.emergency.open(actor, wanted.patient_id, wanted.reason),
            lambda access: Opened(access=access),
        )

    @routes.api("POST", f"{PREFIX}/emergency/{{access_id}}/end", action=Action.EMERGENCY_CLOSE)
    async def end(access_id: UUID, errand: AnErrand) -> Response:
        return await errand.run_silently(
            clinic.once, lambda actor: clinic.emergency.close(actor, access_id)
        )


def _register_judging(clinic: Clinic, routes: Registry) -> None:
    @routes.api("GET", f"{PREFIX}/emergency/reviews", action=Action.EMERGENCY_REVIEW)
    async def reviews(
        request: Request, offset: Offset = 0, limit: Limit = 50, *, judged: bool = False
    ) -> Rows[Access]:
        actor = actor_of(request)
        rows, total = await clinic.emergency.page(
            actor, reviewed=judged, offset=offset, limit=limit
        )
        return Rows(rows, total)

    @routes.api("GET", f"{PREFIX}/emergency/reviews/{{access_id}}", action=Action.EMERGENCY_REVIEW)
    async def review(
        request: Request, access_id: UUID, offset: Offset = 0, limit: Limit = 100
    ) -> Case:
        access, looks, total = await clinic.emergency.one(
            actor_of(request), access_id, offset=offset, limit=limit
        )
        return Case(access=access, looks=looks, total=total)

    @routes.api("POST", f"{PREFIX}/emergency/reviews/{{access_id}}", action=Action.EMERGENCY_REVIEW)
    async def judge(access_id: UUID, said: Judgement, errand: AnErrand) -> Response:
        return await errand.run_silently(
            clinic.once,
            lambda actor: clinic.emergency.review(actor, access_id, said.outcome, said.note),
        )
