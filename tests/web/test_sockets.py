"""The sockets of pages: only their own, only in form, only while the session lives. (R043)"""

import asyncio
import json
import sys

import pytest
from nicegui import Client
from sqlalchemy import update

from data.users import RoleGrant
from pages.security.sockets import visitor_behind
from services.events import RolesChanged
from services.policy import ANYBODY, Role
from tests.web.browser import Browser, Refused
from tests.web.people import signed_in

SOCKET = "/_nicegui_ws/socket.io/"


@pytest.fixture
async def doctor(clinic):
    return await signed_in(clinic, Role.DOCTOR)


@pytest.fixture
async def nurse(clinic):
    return await signed_in(clinic, Role.NURSE)


async def test_a_click_comes_through_its_own_socket(house, counter, doctor):
    async with Browser(house.url, doctor.token) as browser:
        page = await browser.open("/")
        await page.click("count")
        await page.sees("clicks: 1")
    assert counter.clicks == ["doctor"]


async def test_a_stolen_page_number_opens_no_socket(house, doctor, nurse):
    """The page's number is all that NiceGUI asks for; here it is worth nothing to another."""
    async with (
        Browser(house.url, doctor.token) as browser,
        Browser(house.url, nurse.token) as thief,
        Browser(house.url) as stranger,
    ):
        page = await browser.open("/")
        for other in (thief, stranger):
            theirs = await other.load("/sign-in")
            with pytest.raises(Refused) as refused:
                await theirs.connect(client_id=page.client_id)
            assert refused.value.code == 403


async def test_a_guests_page_belongs_to_that_browser_too(house):
    async with Browser(house.url) as browser, Browser(house.url) as stranger:
        page = await browser.open("/sign-in")
        theirs = await stranger.load("/sign-in")
        with pytest.raises(Refused):
            await theirs.connect(client_id=page.client_id)


async def test_events_for_another_page_change_nothing(house, counter, doctor, nurse):
    """NiceGUI 3.18 would run the victim's click."""
    async with (
        Browser(house.url, doctor.token) as browser,
        Browser(house.url, nurse.token) as thief,
    ):
        victim = await browser.open("/")
        own = await thief.open("/")
        id_, listener_id = victim.listener("click", "count")
        forged = {"id": id_, "client_id": victim.client_id, "listener_id": listener_id, "args": []}
        await own.emit("event", forged)
        await own.emit("handshake", {**victim.query, "document_id": "d", "tab_id": "t"})
        await own.emit("event", forged)
        await own.click("count")
        await own.sees("clicks: 1")
    assert counter.clicks == ["nurse"]


async def test_the_same_persons_other_page_is_foreign_to_a_socket(house, counter, doctor):
    async with Browser(house.url, doctor.token) as browser:
        first, second = await browser.open("/"), await browser.open("/")
        id_, listener_id = first.listener("click", "count")
        message = {"id": id_, "client_id": first.client_id, "listener_id": listener_id, "args": []}
        await second.emit("event", message)
        await second.click("count")
        await second.sees("clicks: 1")
    assert counter.clicks == ["doctor"]


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1"])
async def test_a_socket_from_a_foreign_page_is_refused(house, doctor, origin):
    async with Browser(house.url, doctor.token) as browser:
        page = await browser.load("/")
        with pytest.raises(Refused) as refused:
            await page.connect(headers={"origin": origin})
    assert refused.value.code == 403


async def test_a_stale_page_is_told_so_and_its_browser_loads_anew(house, doctor):
    async with Browser(house.url, doctor.token) as browser:
        page = await browser.load("/")
        Client.instances[page.client_id].delete()
        with pytest.raises(Refused) as refused:
            await page.connect()
    said = json.loads(str(refused.value.code))
    # The browser's script reloads on exactly this sentence.
    assert said == {"message": "Implicit handshake failed", "data": {"code": "page_stale"}}


async def test_a_socket_whose_address_is_malformed_is_refused(house, doctor):
    async with Browser(house.url, doctor.token) as browser:
        page = await browser.load("/")
        for broken in ({"client_id": ""}, {"tab_id": "x" * 65}, {"next_message_id": "-1"}):
            with pytest.raises(Refused) as refused:
                await page.connect(**broken)
            assert refused.value.code == 400


async def test_without_websocket_the_other_way_is_bound_to_the_session_too(house, doctor, nurse):
    """Engine.IO's polling names its connection by number alone; here that is not enough."""
    async with (
        Browser(house.url, doctor.token) as browser,
        Browser(house.url, nurse.token) as thief,
    ):
        page = await browser.load("/")
        asked = {key: str(value).lower() for key, value in page.query.items()}
        asked |= {"EIO": "4", "transport": "polling"}
        path = SOCKET
        status, text = await browser.get(path, params=asked)
        assert status == 200
        connection = json.loads(text[1:])["sid"]
        own = await thief.load("/")
        theirs = asked | {"client_id": own.client_id, "sid": connection}
        assert (await thief.post(path, params=theirs, data="40"))[0] == 403
        assert (await browser.post(path, params=asked | {"sid": connection}, data="40"))[0] == 200


async def test_an_upload_to_anothers_page_is_refused(house, doctor, nurse):
    async with (
        Browser(house.url, doctor.token) as browser,
        Browser(house.url, nurse.token) as thief,
    ):
        page = await browser.open("/")
        path = f"/_nicegui/client/{page.client_id}/upload/7"
        assert (await thief.post(path, data=b"x"))[0] == 403
        assert (await thief.post("/_nicegui/client/gone/upload/7", data=b"x"))[0] == 410


async def test_signing_out_closes_every_page_of_that_session_only(house, clinic, doctor, nurse):
    """S-AUTH-2: at once, and at the latest within a minute."""
    async with (
        Browser(house.url, doctor.token) as browser,
        Browser(house.url, nurse.token) as other,
    ):
        pages = [await browser.open("/"), await browser.open("/")]
        bystander = await other.open("/")
        await clinic.sessions.revoke(doctor.actor, [doctor.session_id], "signed_out")
        for page in pages:
            await page.until(lambda page=page: page.led_to != "", "way out")
            assert page.led_to == "/sign-in?why=signed_out"
            await page.until(page.closed.is_set, "closed socket")
        await bystander.click("count")
        await bystander.sees("clicks: 1")
        status, _ = await browser.get("/")
        assert status == 303


async def test_clicks_after_the_end_of_a_session_do_nothing(house, clinic, counter, doctor):
    """Even by a browser that ignores where it is led to."""
    async with Browser(house.url, doctor.token) as browser:
        page = await browser.open("/")
        await clinic.sessions.revoke(doctor.actor, [doctor.session_id])
        await page.click("count")
        await page.until(page.closed.is_set, "closed socket")
    assert counter.clicks == []


async def test_an_idle_session_is_closed_by_the_next_sweep(house, clinic, clock, doctor):
    async with Browser(house.url, doctor.token) as browser:
        page = await browser.open("/")
        clock.forward(minutes=14)
        await house.front.sockets.sweep()
        assert page.led_to == ""
        clock.forward(minutes=2)
        await house.front.sockets.sweep()
        await page.until(lambda: page.led_to != "", "way out")
    assert page.led_to == "/sign-in?why=expired"


async def test_a_page_left_alone_idles_out_however_its_socket_is_carried(
    house, clinic, clock, doctor
):
    """S-AUTH-2: without WebSocket the browser asks on by itself; nobody is there all the same."""
    async with Browser(house.url, doctor.token) as browser:
        page = await browser.load("/")
        asked = {key: str(value).lower() for key, value in page.query.items()}
        asked |= {"EIO": "4", "transport": "polling"}
        _, text = await browser.get(SOCKET, params=asked)
        asked["sid"] = json.loads(text[1:])["sid"]
        assert (await browser.post(SOCKET, params=asked, data="40"))[0] == 200
        for _ in range(3):
            clock.forward(minutes=6)
            await browser.get(SOCKET, params={**asked, "sid": ""})  # a reconnection, say
            await browser.post(SOCKET, params=asked, data="3")  # the answer to a ping
        assert await clinic.sessions.actor_in(doctor.session_id, seen=False) is None
        assert (await browser.get("/"))[0] == 303


async def test_a_click_is_a_sign_of_life(house, clinic, clock, doctor):
    async with Browser(house.url, doctor.token) as browser:
        page = await browser.open("/")
        for count in (1, 2):
            clock.forward(minutes=14)
            await page.click("count")
            await page.sees(f"clicks: {count}")


async def test_an_open_page_acts_with_the_rights_of_now(house, clinic, counter, doctor):
    """Roles that were taken away after the page was built are gone at the next click."""
    async with Browser(house.url, doctor.token) as browser:
        page = await browser.open("/")
        async with clinic.database.transaction(write=True) as session:
            ours = RoleGrant.user_id == doctor.actor.user_id
            await session.execute(update(RoleGrant).where(ours).values(role=str(Role.NURSE)))
        clinic.sessions.forget_user(doctor.actor.user_id)
        clinic.bus.tell(RolesChanged(user_id=doctor.actor.user_id))
        await page.click("count")
        await page.sees("clicks: 1")
    assert counter.clicks == ["nurse"]


async def test_events_are_taken_in_the_order_in_which_they_came(house, clinic, doctor):
    async with Browser(house.url, doctor.token) as browser:
        page = await browser.open("/")
        clinic.sessions.forget_user(doctor.actor.user_id)  # so that the first one has to ask
        for count in range(5):
            await page.type("name", f"version {count}")
        await page.click("count")
        await page.sees("clicks: 1")
        client = Client.instances[page.client_id]
        values = [e.value for e in client.elements.values() if type(e).__name__ == "Input"]
    assert values == ["version 4"]


async def test_too_many_events_at_once_are_dropped_and_the_rest_goes_on(house, counter, doctor):
    house.front.sockets._rate = 1.0  # five at once, then one a second
    async with Browser(house.url, doctor.token) as browser:
        page = await browser.open("/")
        for _ in range(50):
            await page.click("count")
        await page.sees("clicks: 5")
        await asyncio.sleep(0)
    assert house.front.sockets.dropped["pace"] >= 44


async def test_a_browsers_complaint_is_counted_and_kept_out_of_the_logs(house, doctor, caplog):
    async with Browser(house.url, doctor.token) as browser:
        page = await browser.open("/")
        message = {"client_id": page.client_id, "level": "error", "message": "张三 13800000000"}
        await page.emit("log", message)
        await page.click("count")
        await page.sees("clicks: 1")
    assert house.front.sockets.dropped["complaint"] == 1
    assert "13800000000" not in caplog.text


async def test_a_click_that_breaks_tells_its_reader_a_number(house, doctor, caplog):
    async with Browser(house.url, doctor.token) as browser:
        page = await browser.open("/")
        await page.click("break")
        await page.sees("unexpected")
        reference = page.words.partition("unexpected ")[2][:8]
        assert "13800000000" not in page.words
        assert f"defect {reference}" in caplog.text
        await page.click("count")
        await page.sees("clicks: 1")


async def test_a_failed_look_at_open_pages_does_not_stop_the_server(house, monkeypatch, caplog):
    looks = []

    async def fail_once():
        looks.append(1)
        if len(looks) == 1:
            raise ConnectionError
        house.front.sockets.stop()

    module = sys.modules[type(house.front.sockets).__module__]
    monkeypatch.setattr(module, "SWEEP_SECONDS", 0.01)
    monkeypatch.setattr(house.front.sockets, "sweep", fail_once)

    await house.front.sockets.run()

    assert len(looks) == 2


async def test_what_still_runs_for_an_ended_session_acts_for_nobody(house, clinic, doctor):
    """S-AUTH-2: a handler or a live update that outlives its session has no rights left."""
    async with Browser(house.url, doctor.token) as browser:
        page = await browser.open("/")
        visitor = visitor_behind(Client.instances[page.client_id])
        assert visitor
        assert visitor.actor.roles == {Role.DOCTOR}
        await clinic.sessions.sign_out(doctor.actor)
        assert visitor.ended
        assert visitor.actor is ANYBODY


async def test_a_session_that_idled_away_leaves_no_rights_behind(house, clock, doctor):
    async with Browser(house.url, doctor.token) as browser:
        page = await browser.open("/")
        visitor = visitor_behind(Client.instances[page.client_id])
        assert visitor
        clock.forward(minutes=20)
        await house.front.sockets.sweep()
        assert (visitor.ended, visitor.actor) == ("expired", ANYBODY)
