"""The JSON API, over the wire. (R058, R152)"""

import asyncio
import io

import pytest

from data.clock import new_id
from integrations import api
from services.audit import Search
from services.policy import Role
from tests.web.browser import Browser
from tests.web.people import signed_in
from tests.web.server import running


@pytest.fixture
async def house(clinic, counter):
    async with running(
        clinic, counter.register, lambda routes: api.register(clinic, routes)
    ) as house:
        yield house


async def call(browser, method, path, token="", **options):
    headers = {"authorization": f"Bearer {token}"} if token else {}
    headers |= options.pop("headers", {})
    async with browser.http.request(method, f"/api/v1{path}", headers=headers, **options) as answer:
        body = await answer.json() if answer.content_length != 0 else None
        return answer.status, body


async def test_a_program_asks_with_a_bearer_token_and_no_cookie(house, clinic):
    doctor = await signed_in(clinic, Role.DOCTOR)
    async with Browser(house.url) as browser:
        status, me = await call(browser, "GET", "/me", doctor.token)
        assert status == 200
        assert me["roles"] == ["doctor"]
        status, problem = await call(browser, "GET", "/me")
        assert status == 401
        assert problem["code"] == "sign_in_needed"
        assert set(problem["title"]) == {"zh_CN", "en"}


async def test_a_token_is_taken_in_the_api_only(house, clinic):
    """A header is not sent by a foreign page; a page that took one would need no origin check."""
    doctor = await signed_in(clinic, Role.DOCTOR)
    headers = {"authorization": f"Bearer {doctor.token}"}
    async with Browser(house.url) as browser:
        assert (await browser.get("/", headers=headers))[0] == 303


async def test_a_cookie_alone_does_not_let_a_foreign_page_call_the_api(house, clinic):
    admin = await signed_in(clinic, Role.SYSTEM_ADMIN)
    async with Browser(house.url, admin.token) as browser:
        foreign = {"origin": "http://evil.example"}
        status, problem = await call(
            browser, "POST", "/sites", json={"name": "北院"}, headers=foreign
        )
    assert (status, problem["code"]) == (403, "foreign_origin")


async def test_the_same_policy_holds_as_on_pages(house, clinic):
    doctor = await signed_in(clinic, Role.DOCTOR)
    auditor = await signed_in(clinic, Role.AUDIT_ADMIN)
    async with Browser(house.url) as browser:
        assert (await call(browser, "GET", "/audit", doctor.token))[0] == 403
        status, trail = await call(browser, "GET", "/audit", auditor.token)
    assert status == 200
    assert trail["total"] >= 1


async def test_a_repeated_request_is_answered_alike_and_does_nothing_twice(house, clinic):
    """Another body: 422; a twin that is still running: 409."""
    admin = await signed_in(clinic, Role.SYSTEM_ADMIN)
    async with Browser(house.url) as browser:

        async def open_site(name, key="once"):
            return await call(
                browser,
                "POST",
                "/sites",
                admin.token,
                json={"name": name},
                headers={"idempotency-key": key},
            )

        first, second = await open_site("北院"), await open_site("北院")
        assert first[0] == second[0] == 200
        assert first == second
        assert len(await clinic.institutions.sites(admin.actor)) == 1
        status, problem = await open_site("南院")
        assert (status, problem["code"]) == (422, "idempotency_key_reused")
        both = await asyncio.gather(open_site("东院", "two"), open_site("东院", "two"))
        assert {status for status, _ in both} <= {200, 409}
        assert len(await clinic.institutions.sites(admin.actor)) == 2


async def test_what_was_refused_may_be_tried_again_with_the_same_key(house, clinic):
    admin = await signed_in(clinic, Role.SYSTEM_ADMIN)
    async with Browser(house.url) as browser:
        for _ in range(2):
            status, problem = await call(
                browser,
                "POST",
                "/sites",
                admin.token,
                json={"name": ""},
                headers={"idempotency-key": "k"},
            )
            assert status == 422
            assert problem["code"] != "idempotency_key_reused"


async def test_a_password_that_is_shown_once_is_not_kept_with_the_key(house, clinic):
    security = await signed_in(clinic, Role.SECURITY_ADMIN)
    person = {"username": "li.si", "display_name": "李四", "roles": ["nurse"]}
    async with Browser(house.url) as browser:

        async def add():
            headers = {"idempotency-key": "li"}
            return await call(
                browser, "POST", "/staff", security.token, json=person, headers=headers
            )

        first, second = await add(), await add()
    assert first[0] == second[0] == 200
    assert first[1]["temporary_password"]
    assert second[1] == {**first[1], "temporary_password": ""}


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("POST", "/sites", {"json": {"nonsense": 1}}, 422),
        ("POST", "/sites", {"data": b"{"}, 422),
        ("GET", "/tasks?limit=9999", {}, 422),
        ("GET", "/tasks/not-a-number", {}, 422),
        ("GET", "/nothing", {}, 404),
        ("DELETE", "/sessions/01900000-0000-7000-8000-00000000ffff", {}, 404),
        ("DELETE", "/sites", {}, 405),
        ("POST", "/sites", {"data": io.BytesIO(b"x" * 1_100_000)}, 413),
    ],
)
async def test_malformed_calls_are_told_in_one_form(house, clinic, method, path, options, status):
    admin = await signed_in(clinic, Role.SYSTEM_ADMIN)
    async with Browser(house.url) as browser:
        found, problem = await call(browser, method, path, admin.token, **options)
    assert found == status
    assert problem["status"] == status
    assert problem["code"]


async def test_the_description_names_every_route_of_the_api(house):
    async with Browser(house.url) as browser:
        _, description = await call(browser, "GET", "/openapi.json")
    ours = {route.path for route in house.front.routes if route.path.startswith("/api/")}
    assert set(description["paths"]) == ours
    assert description["openapi"].startswith("3.1")


async def test_health_is_answered_without_a_session(house):
    async with Browser(house.url) as browser:
        assert (await call(browser, "GET", "/health"))[0] == 200


@pytest.mark.parametrize("verb", ["take", "close"])
async def test_a_call_on_a_task_is_entered_by_its_own_action(house, clinic, verb):
    """S-AUD-1: the trail names what somebody was kept from."""
    patient = await signed_in(clinic, Role.PATIENT)
    auditor = await signed_in(clinic, Role.AUDIT_ADMIN)
    async with Browser(house.url) as browser:
        path = f"/tasks/{new_id()}/{verb}"
        status, _ = await call(browser, "POST", path, patient.token, json={"note": "done"})
        assert status == 403
    entries, _ = await clinic.audit.page(auditor.actor, Search(result="denied"))
    assert [entry.action for entry in entries] == [f"task:{verb}"]
