"""The real house with 300 tasks in it, served in a process of its own for `benchmarks.pages`.

    python -m benchmarks.hall HOME PORT

Two pages are added to those of the house: a board like a waiting room's, told of a new number each
second; and the list of tasks once more as plain Jinja, the baseline.
"""

import asyncio
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from jinja2 import Environment
from nicegui import Event as Signal
from nicegui import ui
from starlette.requests import Request
from starlette.responses import HTMLResponse

import pages
from app import listening, open_clinic, told_to_stop
from benchmarks.ward import INSTITUTION
from data.clock import SystemClock, new_id
from data.database import Database
from data.institution import Institution
from data.keyring import Keyring
from data.schema import Schema
from data.tasks import Task
from integrations import api
from pages.live import emit_paced
from pages.routes import Routes
from pages.session import actor_of
from pages.shell import frame
from pages.tuning import settle_memory
from services.clinic import Clinic
from services.i18n import say
from services.policy import HOUSE, Action, Role
from services.settings import ServerSettings, Settings
from services.tasks import Priority, Search
from tests.web.people import signed_in

PEOPLE, TASKS = 200, 300
TOKENS = "tokens.json"

LIST = Environment(autoescape=True, trim_blocks=True).from_string("""<!doctype html>
<html lang="zh-CN"><head><title>{{ title }}</title><link rel="stylesheet" href="/static/x.css">
</head><body><nav>{% for item in menu %}<a href="{{ item }}">{{ item }}</a>{% endfor %}</nav>
<main><h1>{{ title }}</h1><p>{{ counts.open }} {{ counts.mine }} {{ counts.overdue }}</p>
<table><tr><th>What</th><th>State</th><th>Due</th><th>Raised</th></tr>
{% for task in tasks %}
<tr><td>{{ words(task) }}</td><td>{{ task.state }}</td><td>{{ task.due_at or "" }}</td>
<td>{{ task.raised_at }}</td><td><button>{{ task.id }}</button></td></tr>
{% endfor %}</table><p>{{ total }}</p></main></body></html>""")


def settings_for(home: Path, port: int = 0) -> Settings:
    """Return the settings: plain HTTP on this machine, and rates for a crowd at one address."""
    return Settings(
        home=home, server=ServerSettings(port=port, tls_port=0, rate_factor=100), log_format="json"
    )


async def furnish(home: Path) -> None:
    """Found a hospital with people and tasks; write down their sessions for the crowd."""
    settings = settings_for(home)
    file, _ = Keyring(settings.key_file).create()
    database = await Database(settings.database, file.keys().key("db")).open()
    await Schema(database).upgrade()
    clinic = Clinic.open(database, SystemClock(), file.keys(), settings)
    async with database.transaction(write=True) as session:
        now, number = clinic.clock.now(), "121101019999000038"
        session.add(Institution(id=INSTITUTION, name="示范医院", uscc=number, created_at=now))
    async with database.transaction(write=True) as session:
        session.add_all(a_task(number, clinic) for number in range(TASKS))
    people = await asyncio.gather(*(signed_in(clinic, Role.NURSE) for _ in range(PEOPLE)))
    (home / TOKENS).write_text(json.dumps([person.token for person in people]))
    await clinic.close()
    await database.close()


def a_task(number: int, clinic: Clinic) -> Task:
    """Return a task like those of a ward."""
    words = f"给{number}床患者回电话"
    return Task(
        institution_id=INSTITUTION,
        kind="asked",
        key=str(new_id()),
        values={"words": words},
        words=words,
        subject="",
        patient_id=None,
        owner_id=None,
        role=Role.NURSE,
        escalates_to=None,
        priority=Priority.NORMAL,
        due_at=None,
        raised_by=HOUSE.user_id,
        raised_at=clinic.clock.now(),
    )


class Board:
    """A number that changes each second, and a button that answers."""

    def __init__(self) -> None:
        self._news: Signal[str] = Signal()

    def register(self, routes: Routes) -> None:
        """Enter `/bench/board`."""

        @routes.page("/bench/board", action=Action.TASK_READ, title="nav.tasks")
        def board() -> None:
            with frame("nav.tasks"):
                number = ui.label("0")
                answer = ui.label("-")
                ui.button("echo", on_click=lambda: answer.set_text(f"echo {new_id()}"))
                self._news.subscribe(number.set_text)

    async def call_out(self) -> None:
        """Tell all pages of a new number each second."""
        number = 0
        while True:
            await asyncio.sleep(1)
            number += 1
            await emit_paced(self._news, f"number {number}")


def register_list(clinic: Clinic, routes: Routes) -> None:
    """Enter `/bench/list`: what `/tasks` shows, by FastAPI and Jinja, behind the same gate."""

    @routes.http("GET", "/bench/list", action=Action.TASK_READ)
    async def listed(request: Request) -> HTMLResponse:
        actor = actor_of(request)
        tasks, total = await clinic.tasks.page(actor, Search(), limit=50)
        shown: dict[str, Any] = {
            "tasks": tasks,
            "total": total,
            "counts": await clinic.tasks.counts(actor),
            "unread": await clinic.notices.unread(actor),
            "menu": ["/", "/tasks", "/notices", "/account"],
            "title": say("zh_CN", "nav.tasks"),
            "words": lambda task: say("zh_CN", task.title, **task.values),
        }
        return HTMLResponse(LIST.render(shown))


async def serve(home: Path, port: int) -> None:
    """Serve as `xinglin serve` does, with the two pages more."""
    settings = settings_for(home, port)
    async with open_clinic(settings) as clinic:
        server = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        front = pages.mount(clinic, server, api.register, register_list)
        board = Board()
        board.register(front.routes)
        settle_memory()
        async with (
            asyncio.TaskGroup() as work,
            listening(server, settings, None, clinic),  # type: ignore[arg-type]
        ):
            work.create_task(front.run())
            work.create_task(clinic.bus.run())
            calling = work.create_task(board.call_out())
            with told_to_stop() as stop:
                await stop.wait()
            calling.cancel()
            front.stop()
            clinic.bus.stop()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
