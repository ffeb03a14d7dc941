"""The API on the house itself: health, institution, sites, settings, trail, outbox."""

from typing import Any
from uuid import UUID

from fastapi import Response
from pydantic import BaseModel, Field
from starlette.requests import Request

from integrations.api.base import PREFIX, AnErrand, Limit, Offset, Registry, Rows, actor_of
from services import audit
from services.clinic import Clinic
from services.deliveries import Flow, Parked
from services.demand import as_it_is
from services.health import Readiness
from services.institution import House, NewSite, Place
from services.permissions import Action
from services.policy_settings import Change
from services.undelivered import Unsent


class Why(BaseModel, extra="forbid"):
    """The reason for setting a rule back."""

    reason: str = Field(min_length=1, max_length=500)


class NewValue(BaseModel, extra="forbid"):
    """Another value of a setting."""

    value: Any
    reason: str = Field(min_length=1, max_length=500)


class Made(BaseModel):
    """What was made."""

    id: UUID

    @classmethod
    def of(cls, made: UUID) -> "Made":
        return cls(id=made)


class SettingNow(BaseModel):
    """One setting as it is now."""

    key: str
    value: Any
    default: Any
    may_change: bool


def register(clinic: Clinic, routes: Registry) -> None:
    """Enter these routes."""
    _register_house(clinic, routes)
    _register_settings(clinic, routes)
    _register_records(clinic, routes)


def _register_house(clinic: Clinic, routes: Registry) -> None:
    @routes.api("GET", f"{PREFIX}/health", public="a load balancer asks without a session")
    async def health(response: Response) -> Readiness:
        found = await clinic.health.ready()
        response.status_code = 200 if found.ready else 503
        return found

    @routes.api("GET", f"{PREFIX}/institution", action=Action.INSTITUTION_READ)
    async def institution(request: Request) -> House:
        return await clinic.institutions.read(actor_of(request))

    @routes.api("GET", f"{PREFIX}/sites", action=Action.SITE_READ)
    async def sites(request: Request) -> Rows[Place]:
        found = await clinic.institutions.sites(actor_of(request))
        return Rows(found, len(found))

    @routes.api("POST", f"{PREFIX}/sites", action=Action.SITE_CHANGE)
    async def open_site(new: NewSite, errand: AnErrand) -> Made:
        return await errand.run(
            clinic.once, lambda actor: clinic.institutions.add_site(actor, new), Made.of
        )


def _register_settings(clinic: Clinic, routes: Registry) -> None:
    @routes.api("GET", f"{PREFIX}/settings", action=Action.SETTING_READ)
    async def settings(request: Request) -> Rows[SettingNow]:
        found = await clinic.policy.page(actor_of(request))
        rows = [
            SettingNow(
                key=each.item.key,
                value=each.value,
                default=each.default,
                may_change=each.may_change,
            )
            for each in found
        ]
        return Rows(rows, len(rows))

    @routes.api("PUT", f"{PREFIX}/settings/{{key}}", action=Action.SETTING_READ)
    async def change(key: str, new: NewValue, errand: AnErrand) -> Made:
        return await errand.run(
            clinic.once,
            lambda actor: clinic.policy.change(actor, key, new.value, new.reason),
            Made.of,
        )

    @routes.api("GET", f"{PREFIX}/settings/changes", action=Action.SETTING_READ)
    async def history(request: Request, offset: Offset = 0, limit: Limit = 50) -> Rows[Change]:
        rows, total = await clinic.policy.history(actor_of(request), offset=offset, limit=limit)
        return Rows(rows, total)

    @routes.api("POST", f"{PREFIX}/settings/changes/{{change_id}}/undo", action=Action.SETTING_READ)
    async def undo(change_id: UUID, why: Why, errand: AnErrand) -> Made:
        return await errand.run(
            clinic.once, lambda actor: clinic.policy.undo(actor, change_id, why.reason), Made.of
        )


def _register_records(clinic: Clinic, routes: Registry) -> None:
    @routes.api("GET", f"{PREFIX}/audit", action=Action.AUDIT_READ)
    async def trail(
        request: Request, subject: str = "", offset: Offset = 0, limit: Limit = 50
    ) -> Rows[audit.Entry]:
        search = audit.Search(subject=subject[:200])
        rows, total = await clinic.audit.page(actor_of(request), search, offset=offset, limit=limit)
        return Rows(rows, total)

    @routes.api("POST", f"{PREFIX}/audit/verify", action=Action.AUDIT_VERIFY)
    async def verify(errand: AnErrand) -> audit.Verdict:
        return await errand.run(clinic.once, clinic.audit.verify, as_it_is)

    @routes.api("GET", f"{PREFIX}/deliveries", action=Action.DELIVERY_READ)
    async def deliveries(request: Request, offset: Offset = 0, limit: Limit = 50) -> Rows[Parked]:
        rows, total = await clinic.deliveries.parked(actor_of(request), offset=offset, limit=limit)
        return Rows(rows, total)

    @routes.api("GET", f"{PREFIX}/deliveries/flow", action=Action.DELIVERY_READ)
    async def flow(request: Request) -> Flow:
        return await clinic.deliveries.flow(actor_of(request))

    @routes.api("GET", f"{PREFIX}/messages/unsent", action=Action.MESSAGE_OVERSEE)
    async def unsent(request: Request, offset: Offset = 0, limit: Limit = 50) -> Rows[Unsent]:
        rows, total = await clinic.undelivered.page(actor_of(request), offset=offset, limit=limit)
        return Rows(rows, total)

    @routes.api("POST", f"{PREFIX}/messages/{{message_id}}/resend", action=Action.MESSAGE_RESEND)
    async def resend(message_id: UUID, errand: AnErrand) -> Response:
        return await errand.run_silently(
            clinic.once, lambda actor: clinic.undelivered.resend(actor, message_id)
        )

    @routes.api(
        "POST", f"{PREFIX}/deliveries/{{delivery_id}}/replay", action=Action.DELIVERY_REPLAY
    )
    async def replay(delivery_id: UUID, errand: AnErrand) -> Response:
        return await errand.run_silently(
            clinic.once, lambda actor: clinic.deliveries.replay(actor, delivery_id)
        )
