"""Whose a thing is decides, at every use case and at every address that is told an id. (R042)

The third axis of the authorisation matrix: my own, another's, another site's, another
institution's, a deleted one. What must come out is asked of the policy table; a use case or an
address without an example fails, and says what to add.
"""

import dataclasses
import inspect
import typing
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from nicegui import core
from nicegui.testing.general import nicegui_reset_globals
from pydantic import BaseModel
from sqlalchemy import func, select

import app
from data.audit import AuditEntry, AuditResult
from data.errors import DomainError
from data.messages import Message
from pages.routes import Kind, Routes
from services.clinic import Clinic
from services.permissions import RULES
from services.policy import Action, Actor, Role, permits
from services.rules import OUTSIDERS
from tests.architecture.uses import ADDRESSES, ALWAYS_ONES_OWN, NO_THING, USES, Shows, Use
from tests.architecture.whose import SITE, Case, Whose, sites
from tests.web.browser import Browser
from tests.web.people import signed_in
from tests.web.server import whole_house

NOBODYS = {Role.HOUSE, Role.VISITOR}


def askers(action: Action) -> list[Role]:
    """One role for each rule that the action has, and one without any; who enters where is asked
    of every role in test_matrix.py."""
    chosen: dict[str, Role] = {}
    for role in set(Role) - NOBODYS:
        rule = RULES[action].get(role)
        key = f"{rule.name if rule else ''} {role in OUTSIDERS}"
        chosen[key] = min(role, chosen.get(key, role))
    return sorted(chosen.values())


async def cases(clinic: Clinic, use: Use) -> list[tuple[Case, str]]:
    """Return every cell of one use case, with the token of who asks."""
    found = []
    for role in askers(use.action):
        for whose in Whose:
            person = await signed_in(clinic, role, site_id=SITE)
            found.append((Case(clinic, person.actor, role, whose), person.token))
    return found


async def trace(case: Case, use: Use) -> Any:
    """Return what the use case leaves behind when it does something."""
    async with case.clinic.database.transaction(write=False) as session:
        if use.shows is Shows.ROWS:
            return sorted((await session.execute(select(Message.id, Message.state))).all())
        query = select(func.count(AuditEntry.id)).where(
            AuditEntry.actor_id == case.actor.user_id,
            AuditEntry.action == str(use.action),
            AuditEntry.result == AuditResult.DONE,
        )
        return await session.scalar(query)


async def is_done(case: Case, use: Use, thing_id: UUID) -> bool:
    """Ask for it and tell whether it was done."""
    before = await trace(case, use)
    refusal = answer = None
    try:
        answer = await use.do(case, thing_id)
    except DomainError as error:
        refusal = error
    left = await trace(case, use) != before
    if refusal is not None:
        assert refusal.status in {403, 404, 422}, f"{refusal!r} is no refusal of the policy's"
        assert not left, "what was refused left something behind"
    return bool(answer) if use.shows is Shows.ANSWER else left


@pytest.mark.parametrize("name", USES)
async def test_a_use_case_is_done_to_those_things_the_table_of_permissions_names(clinic, name):
    use, wrong = USES[name], []
    await signed_in(clinic, Role.NURSE)
    await sites(clinic)
    for case, _ in await cases(clinic, use):
        done = await is_done(case, use, await use.thing(case))
        if done != permits(case.actor, use.action, case.subject()):
            wrong.append(f"{case.role} {'did' if done else 'could not do'} it: {case.whose}")
    assert wrong == []


@pytest.mark.parametrize("name", ADDRESSES)
async def test_an_address_answers_for_those_things_the_table_of_permissions_names(clinic, name):
    address, wrong = ADDRESSES[name], []
    use = USES[address.use]
    method, path = name.split()
    await signed_in(clinic, Role.NURSE)
    await sites(clinic)
    async with whole_house(clinic) as house:
        for case, token in await cases(clinic, use):
            thing_id = await use.thing(case)
            filled = (
                path[: path.index("{")] + str(thing_id) + path[path.index("}") + 1 :]
                if "{" in path
                else path
            )
            body = address.body(case, thing_id)
            async with Browser(house.url, token) as browser:
                status = await ask(browser, method, filled, body)
            allowed = permits(case.actor, use.action, case.subject())
            right = {200, 201, 204} if allowed else {403, 404, 422}
            if status not in (address.gone | right if case.deleted else right):
                wrong.append(f"{case.role}: {case.whose} -> {status}")
    assert wrong == []


async def ask(browser: Browser, method: str, path: str, body: object) -> int:
    headers = {"origin": browser.url, "accept": "application/json"}
    options = {"headers": headers, "allow_redirects": False}
    async with browser.http.request(method, path, json=body, **options) as answer:
        await answer.read()
        return answer.status


# Is every one of them there?


def mentions_an_id(kind: Any) -> bool:
    """Tell whether a value of this type holds an id somewhere."""
    if inspect.isclass(kind) and issubclass(kind, BaseModel):
        return any(mentions_an_id(each.annotation) for each in kind.model_fields.values())
    if dataclasses.is_dataclass(kind):
        return any(mentions_an_id(each) for each in typing.get_type_hints(kind).values())
    return kind is UUID or any(mentions_an_id(each) for each in typing.get_args(kind))


def use_cases(house: type) -> Iterator[str]:
    """Yield every method of a service that somebody tells an id."""
    for part, service in typing.get_type_hints(house).items():
        for name, method in inspect.getmembers(service, inspect.isfunction):
            if name.startswith("_") or "actor" not in inspect.signature(method).parameters:
                continue
            told = typing.get_type_hints(method)
            told.pop("return", None)
            if any(mentions_an_id(kind) for kind in told.values() if kind is not Actor):
                yield f"{part}.{name}"


def told_beside_the_path(dependant: Dependant) -> list[Any]:
    """Return what an endpoint, and whatever it depends on, is told by query, header and body."""
    fields = [*dependant.query_params, *dependant.header_params, *dependant.body_params]
    for inner in dependant.dependencies:
        fields += told_beside_the_path(inner)
    return fields


def addresses(routes: Routes, *servers: FastAPI) -> Iterator[str]:
    """Yield every address with a blank in it, or which is told an id beside it."""
    for route in routes:
        if "{" in route.path and route.kind is not Kind.INTERNAL:
            yield from (f"{method} {route.path}" for method in route.methods)
    for server in servers:
        for route in server.routes:
            if isinstance(route, APIRoute) and "{" not in route.path:
                fields = told_beside_the_path(route.dependant)
                if any(mentions_an_id(field.field_info.annotation) for field in fields):
                    yield from (f"{method} {route.path}" for method in route.methods)


def without(found: set[str], examples: dict[str, Any], reasons: dict[str, str]) -> list[str]:
    """Return what lacks an example, and what is an example of nothing, as sentences."""
    known = {*examples, *reasons}
    return [
        *(
            f"{name} is told an id: add an example to tests/architecture/uses.py, with its action "
            f"and a maker of such a thing, or say there why the id decides nothing"
            for name in sorted(found - known)
        ),
        *(
            f"{name} is not there: take it out of tests/architecture/uses.py"
            for name in sorted(known - found)
        ),
    ]


def test_every_use_case_that_is_told_an_id_has_its_example():
    assert without(set(use_cases(Clinic)), USES, NO_THING) == []
    assert all(len(why.split()) > 4 for why in NO_THING.values())


def test_every_address_that_is_told_an_id_has_its_example(clinic):
    with nicegui_reset_globals():
        server, front = app.build(clinic)
        found = set(addresses(front.routes, server, core.app))
    assert without(found, ADDRESSES, ALWAYS_ONES_OWN) == []
    assert all(len(why.split()) > 4 for why in ALWAYS_ONES_OWN.values())


def test_a_new_use_case_or_address_without_an_example_is_found(clinic):
    class Shelf:
        async def take(self, actor: Actor, book_id: UUID) -> None: ...
        async def look(self, actor: Actor) -> None: ...

    class House:
        shelf: Shelf

    assert list(use_cases(House)) == ["shelf.take"]
    with nicegui_reset_globals():
        server, front = app.build(clinic)
        known = set(addresses(front.routes, server))

        async def lend(book_id: UUID | None = None) -> None: ...

        server.router.routes.insert(0, APIRoute("/lend", lend, methods=["POST"]))
        assert set(addresses(front.routes, server)) - known == {"POST /lend"}
    [sentence] = without({"POST /lend"}, {}, {})
    assert sentence.startswith("POST /lend is told an id: add an example")
