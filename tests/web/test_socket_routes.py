"""Sockets of our own are entered like every address: by an action, or saying why not. (R043)"""

import aiohttp
import pytest
from starlette.websockets import WebSocket

from services.audit import Search
from services.policy import Action, Role
from tests.web.browser import Browser
from tests.web.people import signed_in
from tests.web.server import running


@pytest.fixture
async def house(clinic, counter):
    def register(routes):
        counter.register(routes)

        @routes.socket("/heartbeats", action=Action.AUDIT_READ)
        async def heartbeats(socket: WebSocket) -> None:
            await socket.accept()
            await socket.send_text("beat")
            await socket.close()

    async with running(clinic, register) as house:
        yield house


async def asked(browser, path="/heartbeats", origin=""):
    """The first word of a socket, or the status of the refusal."""
    headers = {"origin": origin or browser.url}
    try:
        async with browser.http.ws_connect(path, headers=headers) as socket:
            return await socket.receive_str()
    except aiohttp.WSServerHandshakeError as refusal:
        return refusal.status


async def test_a_socket_opens_for_a_role_with_a_rule_and_for_nobody_else(house, clinic):
    doctor = await signed_in(clinic, Role.DOCTOR)
    auditor = await signed_in(clinic, Role.AUDIT_ADMIN)
    async with Browser(house.url) as guest:
        assert await asked(guest) == 401
    async with Browser(house.url, doctor.token) as browser:
        assert await asked(browser) == 403
    async with Browser(house.url, auditor.token) as browser:
        assert await asked(browser) == "beat"
        assert await asked(browser, origin="http://evil.example") == 403
    entries, _ = await clinic.audit.page(auditor.actor, Search(result="denied"))
    assert {entry.subject for entry in entries} == {"route:/heartbeats"}


async def test_what_is_no_socket_is_not_opened_as_one(house, clinic):
    auditor = await signed_in(clinic, Role.AUDIT_ADMIN)
    async with Browser(house.url, auditor.token) as browser:
        assert await asked(browser, "/audit") == 405
        assert await asked(browser, "/_nicegui/") == 405
        assert await asked(browser, "/nothing") == 404
        assert (await browser.get("/heartbeats"))[0] == 405
