"""A few tiny pages that show what a real one would: a counter, a secret, an uneasy builder."""

from uuid import UUID

from fastapi import Request
from nicegui import ui
from starlette.responses import JSONResponse

from data.errors import Invalid, NotFound, Unauthenticated
from pages.routes import Routes
from pages.session import actor_of, current_actor, is_signed_in
from services.policy import Action


class Counter:
    """What a click changes, so that a test can see whether one came through."""

    def __init__(self) -> None:
        self.clicks: list[str] = []

    def register(self, routes: Routes) -> None:
        @routes.page("/", title="home.title")
        def home() -> None:
            said = ui.label("0")
            ui.label(",".join(sorted(current_actor().roles)))
            ui.input("name")

            def click() -> None:
                self.clicks.append(",".join(sorted(current_actor().roles)))
                said.set_text(f"clicks: {len(self.clicks)}")

            async def break_down() -> None:
                raise RuntimeError("patient 13800000000 is at fault")

            ui.button("count", on_click=click)
            ui.button("break", on_click=break_down)

        @routes.page("/sign-in", public="whoever is not signed in has to begin somewhere")
        def sign_in(why: str = "") -> None:
            ui.label(f"sign in {why} {is_signed_in()}")
            ui.button("go", on_click=lambda: self.clicks.append("guest"))

        _register_answers(routes)
        _register_refusals(routes)


def _register_answers(routes: Routes) -> None:
    @routes.page("/audit", action=Action.AUDIT_READ)
    async def audit() -> None:
        ui.label("the audit trail")

    @routes.http("POST", "/echo", body_bytes=1000)
    async def echo(request: Request) -> JSONResponse:
        body = await request.body()
        roles = sorted(actor_of(request).roles)
        return JSONResponse({"bytes": len(body), "roles": roles})


def _register_refusals(routes: Routes) -> None:
    @routes.page("/things/{thing_id}")
    def thing(thing_id: UUID) -> None:
        raise NotFound("not_found", what="thing", key=str(thing_id))

    @routes.page("/sensitive")
    def sensitive() -> None:
        raise Unauthenticated("confirm_needed")

    @routes.page("/broken")
    def broken() -> None:
        raise RuntimeError("patient 13800000000 is at fault")

    @routes.http("GET", "/refused")
    async def refused() -> None:
        raise Invalid("invalid")
