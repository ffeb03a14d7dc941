"""Whatever the API changes, it changes once for a key, and says the same again. (R033, R152)

The routes come from the description of the API: one that is new and has no case here fails.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from data.clock import new_id
from data.messages import Channel, Message, MessageState
from data.outbox import Delivery
from data.tables import metadata
from integrations import api
from services.clinic import Clinic
from services.events import SettingChanged
from services.policy import HOUSE, Role
from services.tasks import Wanted
from services.users.emergency import Verdict
from tests.factories import INSTITUTION, MONDAY
from tests.practice import ZONE, Practice
from tests.web.browser import Browser
from tests.web.people import SignedIn, signed_in
from tests.web.server import running

REASON = "unconscious, no relative present"
WRITING = frozenset({"post", "put", "patch", "delete"})


@dataclass(frozen=True, slots=True)
class Call:
    """A call that will be granted."""

    who: SignedIn
    body: Any = None
    path: dict[str, str] | None = None


Case = Callable[[Clinic], Awaitable[Call]]
CASES: dict[str, Case] = {}


def case(route: str) -> Callable[[Case], Case]:
    def enter(prepare: Case) -> Case:
        CASES[route] = prepare
        return prepare

    return enter


@case("post /sites")
async def a_site_is_opened(clinic):
    return Call(await signed_in(clinic, Role.SYSTEM_ADMIN), {"name": "北院"})


async def a_visit(clinic, minutes: int):
    """Somebody who is registered, and their appointment in so many minutes."""
    person = await signed_in(clinic, Role.PATIENT)
    start = clinic.clock.now() + timedelta(minutes=minutes)
    practice = await Practice(clinic, day=start.astimezone(ZONE).date()).open()
    hour = start.astimezone(ZONE).hour
    await practice.shift(hour, hour + 1)
    await practice.patient(account=person.actor.user_id)
    clinic.sessions.forget_user(person.actor.user_id)
    actor = await clinic.sessions.actor_of(person.token)
    return person, practice, actor, practice.at(hour)


@case("post /appointments")
async def a_place_is_booked(clinic):
    person, practice, actor, starts_at = await a_visit(clinic, 120)
    (patient_id,) = actor.patient_ids
    told = {"patient_id": str(patient_id), "clinician_id": str(practice.doctor.user_id)}
    return Call(person, {**told, "starts_at": starts_at.isoformat()})


@case("post /appointments/{appointment_id}/cancel")
async def a_place_is_given_back(clinic):
    person, practice, actor, starts_at = await a_visit(clinic, 120)
    booked = await practice.book(actor, starts_at)
    await practice.happen()
    return Call(person, None, {"appointment_id": str(booked.id)})


@case("post /appointments/{appointment_id}/check-in")
async def somebody_checks_in(clinic):
    clinic.clock.time -= timedelta(minutes=10)
    person, practice, actor, starts_at = await a_visit(clinic, 10)
    booked = await practice.book(actor, starts_at)
    await practice.happen()
    await practice.prepare(actor, booked.id)
    return Call(person, None, {"appointment_id": str(booked.id)})


@case("put /settings/{key}")
async def a_setting_is_changed(clinic):
    admin = await signed_in(clinic, Role.SYSTEM_ADMIN)
    body = {"value": 7, "reason": "the provider is slow"}
    return Call(admin, body, {"key": "policy.notify.max_tries"})


@case("post /settings/changes/{change_id}/undo")
async def a_change_is_undone(clinic):
    admin = await signed_in(clinic, Role.SYSTEM_ADMIN)
    made = await clinic.policy.change(admin.actor, "policy.notify.max_tries", 7, "slow provider")
    return Call(admin, {"reason": "it was quick"}, {"change_id": str(made)})


@case("post /audit/verify")
async def the_trail_is_verified(clinic):
    await clinic.audit.verify(HOUSE)
    return Call(await signed_in(clinic, Role.AUDIT_ADMIN))


@case("post /messages/{message_id}/resend")
async def a_message_is_sent_again(clinic):
    admin = await signed_in(clinic, Role.SYSTEM_ADMIN)
    message = Message(
        institution_id=INSTITUTION,
        key="unsent",
        template="test",
        channel=Channel.SMS,
        address="19900000001",
        state=MessageState.FAILED,
        queued_at=MONDAY,
    )
    async with clinic.database.transaction(write=True) as session:
        session.add(message)
    return Call(admin, None, {"message_id": str(message.id)})


@case("post /deliveries/{delivery_id}/replay")
async def a_delivery_is_replayed(clinic):
    admin = await signed_in(clinic, Role.SYSTEM_ADMIN)
    async with clinic.transactions.open(HOUSE) as tx:
        tx.go_unnoted("a test")
        tx.announce(SettingChanged(key="x"))
    async with clinic.database.transaction(write=True) as session:
        parked = {"parked_at": clinic.clock.now(), "due_at": None}
        await session.execute(update(Delivery).values(parked))
        delivery = await session.scalar(select(Delivery.id))
    return Call(admin, None, {"delivery_id": str(delivery)})


@case("delete /sessions/{session_id}")
async def a_session_is_ended(clinic):
    guard = await signed_in(clinic, Role.SECURITY_ADMIN)
    nurse = await signed_in(clinic, Role.NURSE)
    return Call(guard, None, {"session_id": str(nurse.session_id)})


@case("post /staff")
async def somebody_is_hired(clinic):
    person = {"username": "li.si", "display_name": "李四", "roles": ["nurse"]}
    return Call(await signed_in(clinic, Role.SECURITY_ADMIN), person)


@case("post /staff/{user_id}/suspend")
async def somebody_is_suspended(clinic):
    nurse = await signed_in(clinic, Role.NURSE)
    guard = await signed_in(clinic, Role.SECURITY_ADMIN)
    return Call(guard, {"reason": "on leave"}, {"user_id": str(nurse.actor.user_id)})


@case("post /staff/{user_id}/reactivate")
async def somebody_is_let_in_again(clinic):
    call = await somebody_is_suspended(clinic)
    nurse = UUID((call.path or {})["user_id"])
    await clinic.staff.suspend(call.who.actor, nurse, "on leave")
    return replace(call, body={"reason": "back again"})


@case("post /tasks/{task_id}/take")
async def a_task_is_taken(clinic):
    nurse = await signed_in(clinic, Role.NURSE)
    wanted = Wanted("asked", "a", INSTITUTION, role=Role.NURSE, values={"words": "Call back"})
    return Call(nurse, None, {"task_id": str(await clinic.tasks.add(HOUSE, wanted))})


@case("post /tasks/{task_id}/hand-over")
async def a_task_is_handed_over(clinic):
    colleague = await signed_in(clinic, Role.NURSE)
    return replace(await a_task_is_taken(clinic), body={"to": str(colleague.actor.user_id)})


@case("post /tasks/{task_id}/close")
async def a_task_is_closed(clinic):
    return replace(await a_task_is_taken(clinic), body={"note": "called back"})


@case("post /emergency")
async def a_glass_is_broken(clinic):
    doctor = await signed_in(clinic, Role.DOCTOR)
    return Call(doctor, {"patient_id": str(new_id()), "reason": REASON})


@case("post /emergency/{access_id}/end")
async def an_emergency_is_over(clinic):
    doctor = await signed_in(clinic, Role.DOCTOR)
    access = await clinic.emergency.open(doctor.actor, new_id(), REASON)
    return Call(doctor, None, {"access_id": str(access.id)})


@case("post /emergency/reviews/{access_id}")
async def an_emergency_is_judged(clinic):
    over = await an_emergency_is_over(clinic)
    await clinic.bus.deliver()
    said = {"outcome": str(Verdict.JUSTIFIED), "note": "it was one"}
    return Call(await signed_in(clinic, Role.AUDIT_ADMIN), said, over.path)


@pytest.fixture
async def house(clinic):
    async with running(clinic, lambda routes: api.register(clinic, routes)) as house:
        yield house


async def described(house) -> dict[str, Any]:
    """Return every operation of the API that changes something, by method and path."""
    paths = api.describe(house.server)["paths"]
    return {
        f"{method} {path.removeprefix('/api/v1')}": operation
        for path, operations in paths.items()
        for method, operation in operations.items()
        if method in WRITING
    }


async def send(browser, route, call, key="key", **more):
    method, path = route.split(" ")
    headers = {"authorization": f"Bearer {call.who.token}", "idempotency-key": key}
    url = f"/api/v1{path.format(**call.path or {})}"
    body = more.get("body", call.body)
    options = {} if body is None else {"json": body}
    async with browser.http.request(method, url, headers=headers, **options) as answer:
        return answer.status, await answer.json() if answer.status != 204 else None


async def everything(clinic):
    async with clinic.database.transaction(write=False) as session:
        return {
            table.name: sorted(str(row) for row in await session.execute(select(table)))
            for table in metadata.tables.values()
        }


@pytest.mark.sqlite
async def test_each_call_that_changes_something_takes_a_key_and_has_a_case_here(house):
    writing = await described(house)
    assert set(writing) == set(CASES)
    without = {
        route
        for route, operation in writing.items()
        if "Idempotency-Key" not in {each["name"] for each in operation.get("parameters", ())}
    }
    assert without == set()


@pytest.mark.sqlite
@pytest.mark.parametrize("route", CASES)
async def test_a_repetition_is_answered_alike_and_changes_nothing(house, clinic, route):
    """R152: the answer of the first, and not one row more, nor one less, nor another."""
    call = await CASES[route](clinic)
    async with Browser(house.url) as browser:
        before = await everything(clinic)
        first = await send(browser, route, call)
        assert first[0] in {200, 204}, first
        after = await everything(clinic)
        assert after != before
        second = await send(browser, route, call)
        assert await everything(clinic) == after
        if route == "post /staff":  # told once, and kept nowhere
            assert first[1].pop("temporary_password")
            assert second[1].pop("temporary_password") == ""
        assert second == first
        assert len(after["answered"]) == 1


@pytest.mark.sqlite
@pytest.mark.parametrize("route", CASES)
async def test_a_key_that_came_with_something_else_is_refused(house, clinic, route):
    """Decision 20: another content, or nothing where there was something, is 422."""
    call = await CASES[route](clinic)
    async with Browser(house.url) as browser:
        await send(browser, route, call)
        after = await everything(clinic)
        other = {**call.body, next(iter(call.body)): other_than(call.body)} if call.body else {}
        status, problem = await send(browser, route, call, body=other)
        assert (status, problem["code"]) == (422, "idempotency_key_reused")
        assert await everything(clinic) == after


def other_than(body):
    """Return another value for the first field, of the same kind."""
    value = next(iter(body.values()))
    if isinstance(value, int):
        return value + 1
    if value in set(Verdict):
        return str(next(each for each in Verdict if each != value))
    return str(new_id()) if len(value) == len(str(INSTITUTION)) else f"{value}2"


@pytest.mark.sqlite
@pytest.mark.parametrize("key", ["", "k" * 201])
async def test_a_key_that_is_none_or_too_long_is_refused(house, clinic, key):
    call = await a_site_is_opened(clinic)
    async with Browser(house.url) as browser:
        status, _ = await send(browser, "post /sites", call, key=key)
    assert status == 422
    async with clinic.database.transaction(write=False) as session:
        table = metadata.tables["site"]
        assert await session.scalar(select(func.count()).select_from(table)) == 0
