"""Puts back what somebody had typed, and takes what the browser saves while they type (自动保存).

with kit.form(keep="staff-new"):
    name = kit.field(t("staff.name"), keep="name")
    draft = await kept(clinic.drafts, "staff-new", {"name": name})
...
await draft.done()  # once it has been sent
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from nicegui import context
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from data.errors import DomainError, Forbidden
from pages.kit import banner, button
from pages.kit.element import Html
from pages.routes import Routes
from pages.security.refusals import refusal
from pages.session import actor_of, current_actor
from pages.words import clock, t
from services.clinic import Clinic
from services.drafts import MOST_BYTES, Drafts
from services.i18n import clock as clock_in
from services.i18n import language_for, say
from services.permissions import Action


class Typed(BaseModel):
    """What the browser sends: the form's fields as text, and whom the page was made for."""

    values: dict[str, str] = Field(max_length=100)
    whose: UUID


class Fillable(Protocol):
    """A field of the kit."""

    value: str | None


@dataclass(frozen=True, slots=True)
class DraftOfForm:
    """The draft of one form on one page."""

    drafts: Drafts
    form: str

    async def done(self) -> None:
        """Forget it, on the server and in the browser that may be about to save once more."""
        _ = context.client.run_javascript(f"xl.forget({json.dumps(self.form)})")
        await self.drafts.drop(current_actor(), self.form)


async def kept(drafts: Drafts, form: str, fields: Mapping[str, Fillable]) -> DraftOfForm:
    """Fill `fields` (by their `keep`) with what was typed before, and say so with a way back."""
    actor = current_actor()
    draft = DraftOfForm(drafts, form)
    found = await drafts.take(actor, form)
    before = {name: field.value for name, field in fields.items()}
    note = Html("p", "kept", role="status")
    if found is None or not any(found.values.values()):
        return draft
    for name, value in found.values.items():
        if name in fields:
            fields[name].value = value
    note.set_text(t("draft.saved", time=clock(found.saved_at)))

    async def discard() -> None:
        for name, field in fields.items():
            field.value = before[name]
        note.set_text("")
        told.delete()
        await draft.done()

    with banner("info", t("draft.restored"), t("draft.restored_text")) as told:
        button("line", t("draft.discard"), discard, small=True)
    return draft


def register(clinic: Clinic, routes: Routes) -> None:
    """Take what browsers save: POST /drafts/{form}, by anybody who is signed in."""

    @routes.http("POST", "/drafts/{form}", action=Action.DRAFT_KEEP, body_bytes=2 * MOST_BYTES)
    async def save(form: str, typed: Typed, request: Request) -> Response:
        actor = actor_of(request)
        try:
            if typed.whose != actor.user_id:  # somebody else has signed in with this browser
                raise Forbidden("draft_of_another")
            at = await clinic.drafts.put(actor, form, typed.values)
        except DomainError as error:
            return refusal(request.scope, error)
        language = language_for(
            request.headers.get("accept-language"), request.cookies.get("xl_language")
        )
        return JSONResponse({"said": say(language, "draft.saved", time=clock_in(language, at))})
