"""Files over the wire: sent by the component's route, given back by id and range. (R042, S-WEB)"""

import asyncio

import pytest

from pages import uploads
from pages.uploads import FileUpload, wanted
from services.overload import Level
from services.policy import Role
from tests.services.test_uploads import a_bomb, a_photo
from tests.web.browser import Browser
from tests.web.people import signed_in
from tests.web.server import running

JSON = {"accept": "application/json"}


@pytest.fixture
async def got():
    return []


@pytest.fixture
async def house(clinic, counter, got):
    def register(routes):
        counter.register(routes)
        uploads.register(clinic, routes)

        @routes.page("/attach")
        def attach() -> None:
            FileUpload("添加照片", got.append, clinic=clinic)

    async with running(clinic, register) as house:
        yield house
    clinic.uploads.close()


@pytest.fixture
async def patient(clinic):
    return await signed_in(clinic, Role.PATIENT)


async def test_a_photo_goes_in_and_comes_back_harmless(house, patient):
    async with Browser(house.url, patient.token) as browser:
        headers = {"origin": house.url, **JSON}
        async with browser.http.post("/files", data=a_photo(), headers=headers) as answer:
            assert answer.status == 201
            place = answer.headers["location"]
        async with browser.http.get(place) as answer:
            body = await answer.read()
            assert answer.status == 200
            assert body.startswith(b"\xff\xd8")
            assert answer.headers["content-type"] == "image/jpeg"
            assert answer.headers["content-disposition"].startswith(
                'attachment; filename="xinglin-'
            )
            assert answer.headers["content-security-policy"].startswith("sandbox;")
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["cache-control"] == "private, no-store"
        async with browser.http.get(place, headers={"range": "bytes=2-5"}) as answer:
            assert answer.status == 206
            assert answer.headers["content-range"] == f"bytes 2-5/{len(body)}"
            assert await answer.read() == body[2:6]
        async with browser.http.get(place, headers={"range": f"bytes={len(body)}-"}) as answer:
            assert answer.status == 416
            assert answer.headers["content-range"] == f"bytes */{len(body)}"


async def test_a_foreign_file_is_not_given_and_a_guest_is_sent_to_sign_in(house, clinic, patient):
    other = await signed_in(clinic, Role.PATIENT)
    async with (
        Browser(house.url, patient.token) as browser,
        Browser(house.url, other.token) as stranger,
        Browser(house.url) as guest,
    ):
        _, text = await browser.post("/files", data=a_photo(), headers=JSON)
        file_id = text.partition('"id":"')[2][:36]
        assert (await stranger.get(f"/files/{file_id}"))[0] == 403
        assert (await guest.get(f"/files/{file_id}"))[0] == 303
        assert (await guest.post("/files", data=a_photo(), headers=JSON))[0] == 401


async def test_what_is_refused_comes_back_as_a_sentence_in_both_languages(house, patient):
    async with Browser(house.url, patient.token) as browser:
        status, text = await browser.post("/files", data=a_bomb(), headers=JSON)
        assert status == 422
        assert "picture_too_large" in text
        assert "四千万像素" in text
        assert "40 million" in text
        headers = {**JSON, "content-length": "900000000"}
        async with browser.http.post(
            "/files", headers={**headers, "origin": house.url}, data=b"x"
        ) as answer:
            assert answer.status == 413


async def test_the_component_hears_only_of_files_that_came_with_its_ticket(house, patient, got):
    async with Browser(house.url, patient.token) as browser:
        page = await browser.open("/attach")
        [upload] = [each for each in page.elements.values() if "ticket" in each.get("props", {})]
        path = f"/files?ticket={upload['props']['ticket']}"
        status, text = await browser.post(path, data=a_photo(), headers=JSON)
        assert status == 201
        file_id = text.partition('"id":"')[2][:36]
        await page.fire("received", "添加照片", {"id": "01900000-0000-7000-8000-000000000001"})
        await page.fire("received", "添加照片", {"id": file_id, "size": 1})
        await page.fire(
            "received", "添加照片", {"id": file_id, "size": 1}
        )  # told twice, heard once
        await page.fire("received", "添加照片", ["odd"])
        await page.until(lambda: True)
        async with browser.http.get("/attach"):
            pass
    assert [str(each.id) for each in got] == [file_id]


async def test_a_ticket_is_good_for_its_own_session_only(house, clinic, patient):
    other = await signed_in(clinic, Role.PATIENT)
    number, _ = clinic.uploads.tickets.ask(str(patient.session_id), None)
    async with Browser(house.url, other.token) as browser:
        path = f"/files?ticket={number}"
        status, text = await browser.post(path, data=a_photo(), headers=JSON)
    assert status == 410
    assert "page_stale" in text


async def test_uploads_are_given_up_when_the_house_is_full(house, clinic, patient):
    clinic.overload.level = Level.FULL
    async with Browser(house.url, patient.token) as browser:
        status, text = await browser.post("/files", data=a_photo(), headers=JSON)
    assert status == 503
    assert "busy" in text


@pytest.mark.parametrize(
    ("header", "part"),
    [
        (None, None),
        ("bytes=0-", (0, 100)),
        ("bytes=10-19", (10, 20)),
        ("bytes=90-500", (90, 100)),
        ("bytes=-30", (70, 100)),
        ("bytes=-500", (0, 100)),
        ("bytes=0-1,5-6", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        ("items=0-1", None),
    ],
)
def test_a_range_is_read_as_the_standard_says(header, part):
    """RFC 9110, 14.2."""
    assert wanted(header, 100) == part


async def test_a_sender_who_falls_silent_is_answered_and_keeps_no_session_awake(
    house, clinic, patient, monkeypatch
):
    """R032: what is not moving is no work; the session idles like any other."""
    monkeypatch.setattr("services.uploads.SILENCE_SECONDS", 0.05)

    async def a_beginning():
        yield a_photo()[:300]
        await asyncio.Event().wait()

    async with Browser(house.url, patient.token) as browser, asyncio.timeout(10):
        status, text = await browser.post("/files", data=a_beginning(), headers=JSON)
        assert status == 422
        assert "upload_stalled" in text
        assert not clinic.sessions._busy(patient.session_id, patient.actor.user_id)
        assert (await browser.post("/files", data=a_photo(), headers=JSON))[0] == 201
