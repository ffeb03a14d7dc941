"""Bad input: a forged client_id, a foreign Origin, an oversized body, a stale page. (R043)

Each is one sentence in both languages and a code, and changes nothing.
"""

import json

import pytest

from services.i18n import LANGUAGES
from services.policy import Role
from tests.web.browser import SOCKET, Browser
from tests.web.people import signed_in

JSON = {"accept": "application/json"}
INVENTED = "01900000-0000-4000-8000-000000000001"


@pytest.fixture
async def doctor(clinic):
    return await signed_in(clinic, Role.DOCTOR)


@pytest.fixture
async def nurse(clinic):
    return await signed_in(clinic, Role.NURSE)


async def told(answer, status: int, code: str) -> None:
    """See that an answer is one sentence in each language, and a code."""
    assert answer.status == status
    problem = json.loads(await answer.text())
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["title"].keys() == set(LANGUAGES)
    sentences = list(problem["title"].values())
    assert all(sentence.strip() and "{" not in sentence for sentence in sentences)
    assert sentences[0] != sentences[1]


async def asked_of(page, client_id: str) -> dict[str, str]:
    query = {key: str(value).lower() for key, value in page.query.items()}
    return query | {"client_id": client_id, "EIO": "4", "transport": "polling"}


async def test_the_number_of_anothers_page_is_refused(house, counter, doctor, nurse):
    async with (
        Browser(house.url, doctor.token) as browser,
        Browser(house.url, nurse.token) as thief,
    ):
        page = await browser.open("/")
        asked = await asked_of(await thief.load("/"), page.client_id)
        headers = {**JSON, "origin": house.url}
        async with thief.http.get(SOCKET, params=asked, headers=headers) as answer:
            await told(answer, 403, "foreign_page")
        path = f"/_nicegui/client/{page.client_id}/upload/1"
        async with thief.http.post(path, data=b"x", headers=headers) as answer:
            await told(answer, 403, "foreign_page")
        assert counter.clicks == []
        await page.click("count")
        await page.sees("clicks: 1")


async def test_an_invented_page_is_none(house, doctor):
    async with Browser(house.url, doctor.token) as browser:
        headers = {**JSON, "origin": house.url}
        path = f"/_nicegui/client/{INVENTED}/upload/1"
        async with browser.http.post(path, data=b"x", headers=headers) as answer:
            await told(answer, 410, "page_stale")


async def test_a_foreign_page_asks_in_vain(house, doctor):
    headers = {**JSON, "origin": "https://evil.example"}
    async with (
        Browser(house.url, doctor.token) as browser,
        browser.http.post("/echo", data=b"x", headers=headers) as answer,
    ):
        await told(answer, 403, "foreign_origin")


async def test_a_body_that_is_too_large_is_not_taken(house, doctor):
    headers = {**JSON, "origin": house.url}
    async with (
        Browser(house.url, doctor.token) as browser,
        browser.http.post("/echo", data=b"x" * 1001, headers=headers) as answer,
    ):
        await told(answer, 413, "body_too_large")
