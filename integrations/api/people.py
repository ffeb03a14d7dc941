"""The API on people: who I am, my sessions, the staff."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response
from pydantic import BaseModel, Field
from starlette.requests import Request

from integrations.api.base import PREFIX, AnErrand, Limit, Offset, Registry, Rows, actor_of
from services.clinic import Clinic
from services.demand import as_it_is
from services.permissions import Action
from services.policy import Grant, Role
from services.users.registrar import Added, NewStaff, StaffDetails
from services.users.roster import Dossier, Member, StaffSearch
from services.users.sessions import Visit


class Me(BaseModel):
    """Whoever asks."""

    user_id: UUID
    username: str
    display_name: str
    language: str
    roles: list[str]


class Person(BaseModel, extra="forbid"):
    """A member of staff to be."""

    username: str = Field(max_length=32)
    display_name: str = Field(min_length=1, max_length=60)
    staff_number: str = Field("", max_length=40)
    phone: str = Field("", max_length=20)
    email: str = Field("", max_length=200)
    language: str = "zh_CN"
    site_id: UUID | None = None
    roles: list[Role] = Field(min_length=1, max_length=10)

    def new(self) -> NewStaff:
        """Return it as the service takes it; roles hold at the site, if one is named."""
        details = self.model_dump(exclude={"username", "roles"})
        grants = frozenset(Grant(role, self.site_id) for role in self.roles)
        return NewStaff(self.username, StaffDetails(**details), grants)


class Reason(BaseModel, extra="forbid"):
    """Why something is done to somebody."""

    reason: str = Field(min_length=1, max_length=500)


def register(clinic: Clinic, routes: Registry) -> None:
    """Enter these routes."""
    _register_me(clinic, routes)
    _register_staff(clinic, routes)
    _register_access(clinic, routes)


def _register_me(clinic: Clinic, routes: Registry) -> None:
    @routes.api("GET", f"{PREFIX}/me", action=Action.ACCOUNT_READ)
    async def me(request: Request) -> Me:
        actor = actor_of(request)
        profile = await clinic.account.profile(actor)
        return Me(
            user_id=profile.user_id,
            username=profile.username,
            display_name=profile.display_name,
            language=profile.language,
            roles=sorted(actor.roles),
        )

    @routes.api("GET", f"{PREFIX}/me/sessions", action=Action.SESSION_LIST)
    async def sessions(request: Request) -> Rows[Visit]:
        found = await clinic.sessions.mine(actor_of(request))
        return Rows(found, len(found))

    @routes.api("DELETE", f"{PREFIX}/sessions/{{session_id}}", action=Action.SESSION_REVOKE)
    async def revoke(session_id: UUID, errand: AnErrand) -> Response:
        return await errand.run_silently(
            clinic.once, lambda actor: clinic.sessions.revoke(actor, [session_id])
        )


def _register_staff(clinic: Clinic, routes: Registry) -> None:
    @routes.api("GET", f"{PREFIX}/staff", action=Action.STAFF_READ)
    async def staff(
        request: Request,
        text: Annotated[str, Query(max_length=100)] = "",
        offset: Offset = 0,
        limit: Limit = 50,
    ) -> Rows[Member]:
        search = StaffSearch(text=text, offset=offset, limit=limit)
        page = await clinic.roster.page(actor_of(request), search)
        return Rows(list(page.members), page.total)

    @routes.api("GET", f"{PREFIX}/staff/{{user_id}}", action=Action.STAFF_READ)
    async def member(request: Request, user_id: UUID) -> Dossier:
        return await clinic.roster.get(actor_of(request), user_id)

    @routes.api("POST", f"{PREFIX}/staff", action=Action.STAFF_ADD)
    async def add(person: Person, errand: AnErrand) -> Added:
        return await errand.run(
            clinic.once,
            lambda actor: clinic.staff.add(actor, person.new()),
            as_it_is,
            secret=frozenset({"temporary_password"}),
        )


def _register_access(clinic: Clinic, routes: Registry) -> None:
    @routes.api("POST", f"{PREFIX}/staff/{{user_id}}/suspend", action=Action.STAFF_SUSPEND)
    async def suspend(user_id: UUID, why: Reason, errand: AnErrand) -> Response:
        return await errand.run_silently(
            clinic.once, lambda actor: clinic.staff.suspend(actor, user_id, why.reason)
        )

    @routes.api("POST", f"{PREFIX}/staff/{{user_id}}/reactivate", action=Action.STAFF_REACTIVATE)
    async def reactivate(user_id: UUID, why: Reason, errand: AnErrand) -> Response:
        return await errand.run_silently(
            clinic.once, lambda actor: clinic.staff.reactivate(actor, user_id, why.reason)
        )
