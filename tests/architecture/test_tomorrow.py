"""A module that nobody has thought of yet joins the house without a change to any other.

R152, R153: what a new way of care brings is a page, an address, a handler and an adapter; each
enters itself, and is behind the same gate, policy, outbox and trail from its first line.
"""

from fastapi import FastAPI
from nicegui import ui
from nicegui.testing.general import nicegui_reset_globals
from starlette.requests import Request

import pages
from integrations import api
from pages.session import actor_of
from services.events import TaskClosed
from services.policy import Action, Role
from services.tasks import Wanted
from tests.factories import INSTITUTION
from tests.web.browser import Browser
from tests.web.people import signed_in
from tests.web.server import listening


class HomeVisits:
    """A way of care of tomorrow: somebody drives to a patient when a task is closed."""

    def __init__(self, clinic) -> None:
        self.clinic = clinic
        self.ordered: list[str] = []

    async def order_car(self, event: TaskClosed) -> None:
        self.ordered.append(event.kind)

    def register(self, clinic, routes) -> None:
        @routes.page("/home-visits", action=Action.TASK_READ, title="nav.tasks")
        def page() -> None:
            ui.label("home visits")

        @routes.api("GET", "/api/v1/home-visits", action=Action.TASK_READ)
        async def visits(request: Request) -> dict[str, int]:
            counts = await clinic.tasks.counts(actor_of(request))
            return {"open": counts.open}


async def test_a_module_of_tomorrow_joins_by_registering_itself(clinic):
    module = HomeVisits(clinic)
    clinic.bus.on(TaskClosed, module.order_car)
    with nicegui_reset_globals():
        server = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        pages.mount(clinic, server, api.register, module.register)
        nurse = await signed_in(clinic, Role.NURSE)
        patient = await signed_in(clinic, Role.PATIENT)
        async with listening(server) as url:
            async with Browser(url, nurse.token) as browser:
                assert "home visits" in (await browser.load("/home-visits")).words
                status, text = await browser.get("/api/v1/home-visits")
                assert (status, text) == (200, '{"open":0}')
            async with Browser(url, patient.token) as browser:
                assert (await browser.get("/home-visits"))[0] == 403
                assert (await browser.get("/api/v1/home-visits"))[0] == 403
            async with Browser(url) as browser:
                assert (await browser.get("/api/v1/home-visits"))[0] == 401


async def test_a_handler_of_tomorrow_hears_what_the_house_does(clinic, clock):
    module = HomeVisits(clinic)
    clinic.bus.on(TaskClosed, module.order_car)
    nurse = await signed_in(clinic, Role.NURSE)
    wanted = Wanted("asked", "1", INSTITUTION, role=Role.NURSE, values={"words": "请上门"})
    task_id = await clinic.tasks.add(nurse.actor, wanted)
    await clinic.tasks.close(nurse.actor, task_id, "going there")
    assert module.ordered == [], "it hears of it from the outbox, after the commit"
    clock.forward(minutes=1)
    await clinic.bus.deliver()
    assert module.ordered == ["asked"]
