"""Forged and mutated socket messages against the open pages of the whole house. (R043)

5,000 cases in a normal run, 100,000 with --soak, or as XINGLIN_FUZZ_CASES says. A run prints its
seed; XINGLIN_FUZZ_SEED repeats it.
"""

import asyncio
import json
import logging
import os
import random
from typing import Any

import pytest
from nicegui import Client
from sqlalchemy import func, select

from data.audit import AuditEntry
from pages.routes import Kind, may_enter
from services.policy import Role
from tests.web.browser import Browser, NotAPage, Page
from tests.web.people import signed_in
from tests.web.server import whole_house

CASES = 5_000
SOAK_CASES = 100_000
NAMES = ("event", "javascript_response", "ack", "log", "handshake", "connect", "disconnect", "nope")
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 2**31, 2**63, 1e308, "", " ", "null", "[]", "{}", '"'),
    *("__proto__", "constructor", "../../etc/passwd", "' OR 1=1 --", "<script>alert(1)</script>"),
    *("\x00", "\ud7ff", "张三", "a" * 100_000, [], {}, [[[[]]]], {"a": {"b": []}}, [None] * 1000),
)
RAW = (
    *("", "4", "42", "42[]", "42{}", "42[1]", "42[[1]]", '42["event"]', '42["event",1,2,3]', "40"),
    *("41", "43[]", "44", "45", '451-["event",{"_placeholder":true,"num":0}]', "46", "2", "3", "6"),
    *("49999", '42/admin,["event",{}]', "40/admin,", '42"event"', "x", "4x", "42[" * 500),
    '5199999999-["event",{"_placeholder":true,"num":0}]',
)


class Forger:
    """Makes messages, each different; what it knows of other people's pages it uses."""

    def __init__(self, chance: random.Random, own: list[Page], foreign: list[Page]) -> None:
        self.chance, self.own, self.foreign = chance, own, foreign

    def message(self) -> str:
        """Return one Engine.IO packet."""
        if self.chance.random() < 0.05:
            return self.chance.choice(RAW)
        name = self.chance.choice(NAMES) if self.chance.random() < 0.3 else "event"
        return "42" + json.dumps([name, self._body(name)])

    def _body(self, name: str) -> Any:
        if self.chance.random() < 0.03:
            return self.chance.choice(ODD)
        page = self.chance.choice(self.foreign if self.chance.random() < 0.5 else self.own)
        body: dict[str, Any] = {"client_id": page.client_id, "_id": 1}
        if name == "event":
            body |= self._event(page)
        elif name == "javascript_response":
            body |= {"request_id": self._odd(), "result": self._odd()}
        elif name == "ack":
            body |= {"next_message_id": self.chance.randint(-5, 10**9)}
        elif name == "log":
            body |= {"level": self.chance.choice(("error", "fatal", "")), "message": "x" * 50}
        else:
            body |= {key: str(value) for key, value in page.query.items()}
        return self._broken(body)

    def _event(self, page: Page) -> dict[str, Any]:
        heard = [
            (int(id_), event["listener_id"])
            for id_, element in page.elements.items()
            for event in element.get("events", ())
        ]
        id_, listener_id = self.chance.choice(heard) if heard else (1, "none")
        if self.chance.random() < 0.2:
            id_ = self.chance.choice((0, -1, 10**6, id_ + 1))
        if self.chance.random() < 0.2 and heard:
            listener_id = self.chance.choice(heard)[1]
        args = [json.dumps(self._odd()) for _ in range(self.chance.randint(0, 3))]
        return {"id": id_, "listener_id": listener_id, "args": args}

    def _broken(self, body: dict[str, Any]) -> dict[str, Any]:
        """Leave out or spoil a field now and then."""
        if self.chance.random() < 0.25:
            key = self.chance.choice(list(body))
            if self.chance.random() < 0.3:
                del body[key]
            else:
                body[key] = self._odd()
        return body

    def _odd(self) -> Any:
        return self.chance.choice(ODD)


@pytest.fixture
def cases(soak: bool) -> int:
    return int(os.environ.get("XINGLIN_FUZZ_CASES", SOAK_CASES if soak else CASES))


def frozen(pages: list[Page]) -> dict[str, str]:
    """What stands on pages, as the server has it: only their own sockets may change that."""
    return {
        page.client_id: repr(
            [(e.id, e._props, getattr(e, "_text", "")) for e in client.elements.values()]
        )
        for page in pages
        if (client := Client.instances.get(page.client_id))
    }


@pytest.mark.soak
@pytest.mark.timeout(3600)
async def test_forged_messages_break_nothing_and_change_nobody_elses_page(clinic, cases, caplog):
    seed = int(os.environ.get("XINGLIN_FUZZ_SEED", random.randrange(2**32)))
    print(f"fuzz: {cases} cases, seed {seed}")  # noqa: T201 - to repeat a failure
    chance, broken = random.Random(seed), []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: broken.append(told))
    caplog.set_level(logging.WARNING)
    attacker = await signed_in(clinic, Role.DOCTOR)
    victims = [await signed_in(clinic, role) for role in VICTIMS]
    async with whole_house(clinic) as house:
        house.front.sockets._rate = 1e9  # the pace is another test's matter: all shall come in
        browsers = [Browser(house.url, person.token) for person in (attacker, *victims)]
        try:
            pages = [
                await every_page(house, browser, person)
                for browser, person in zip(browsers, (attacker, *victims), strict=True)
            ]
            own, foreign = pages[0], [page for each in pages[1:] for page in each]
            assert len(own) > 3
            assert len(foreign) > 6
            before, trail = frozen(foreign), await acts_of(clinic, victims)
            await attack(chance, browsers[0], house, own, foreign, cases)
            assert frozen(foreign) == before
            assert await acts_of(clinic, victims) == trail
            page = await browsers[0].open("/")  # the server lives, and serves
            assert page.words
        finally:
            for browser in browsers:
                await browser.__aexit__()
    assert not broken, broken[:3]
    loud = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert not loud, [record.getMessage()[:300] for record in loud[:3]]
    assert house.front.sockets.dropped["foreign_page"] > cases / 10


VICTIMS = (Role.SECURITY_ADMIN, Role.SYSTEM_ADMIN, Role.AUDIT_ADMIN)


async def every_page(house, browser: Browser, person) -> list[Page]:
    """Open every page this person may see."""
    opened = []
    for route in house.front.routes:
        if route.kind is not Kind.PAGE or "{" in route.path or route.public:
            continue
        if may_enter(person.actor, route.action):
            try:
                opened.append(await browser.open(route.path))
            except NotAPage as other:
                leads_elsewhere = other.status in {200, 303}
                assert leads_elsewhere, f"{route.path}: {other}"  # noqa: PT017 - or it is a page
    return opened


async def attack(chance, browser: Browser, house, own: list[Page], foreign, cases: int) -> None:
    """Send so many messages over the attacker's sockets; a socket that closed is opened anew."""
    forger = Forger(chance, own, foreign)
    for number in range(cases):
        at = chance.randrange(len(own))
        if own[at].closed.is_set() or own[at].client_id not in Client.instances:
            own[at] = await browser.open("/")
        try:
            await own[at].send_text(forger.message())
        except ConnectionError:
            own[at].closed.set()
        if number % 50 == 0:
            await asyncio.sleep(0)


async def acts_of(clinic, people) -> int:
    """How many acts the trail has in these people's names."""
    ids = [person.actor.user_id for person in people]
    async with clinic.database.transaction(write=False) as session:
        query = select(func.count(AuditEntry.seq)).where(AuditEntry.actor_id.in_(ids))
        return await session.scalar(query) or 0
