"""The gate, over the wire: who comes in, what they may bring, what every answer says. (R043)"""

import re

import pytest
from nicegui import Client
from starlette.datastructures import MutableHeaders

from pages.security.front import Surroundings
from pages.security.headers import dress
from pages.security.limits import Rates
from services.audit import Search
from services.policy import Role
from tests.web.browser import Browser, NotAPage
from tests.web.people import signed_in
from tests.web.server import running


async def test_whoever_is_not_signed_in_is_sent_to_sign_in_and_back(house):
    async with (
        Browser(house.url) as browser,
        browser.http.get("/audit?seq=7", allow_redirects=False) as answer,
    ):
        assert answer.status == 303
        assert answer.headers["location"] == "/sign-in?next=%2Faudit%3Fseq%3D7"


async def test_a_role_without_a_rule_gets_a_page_that_says_so(house, clinic):
    doctor = await signed_in(clinic, Role.DOCTOR)
    async with Browser(house.url, doctor.token) as browser:
        status, text = await browser.get("/audit")
    assert status == 403
    assert "您的角色不能做这件事" in text or "权限" in text
    assert "the audit trail" not in text


async def test_a_refusal_at_the_gate_is_noted_in_the_trail(house, clinic):
    """S-AUD-1: who was turned away, from what."""
    doctor = await signed_in(clinic, Role.DOCTOR)
    auditor = await signed_in(clinic, Role.AUDIT_ADMIN)
    async with Browser(house.url, doctor.token) as browser:
        await browser.get("/audit")
    entries, _ = await clinic.audit.page(auditor.actor, Search(result="denied"))
    assert [(entry.action, entry.subject) for entry in entries] == [("audit:read", "route:/audit")]


async def test_a_role_with_a_rule_sees_the_page(house, clinic):
    auditor = await signed_in(clinic, Role.AUDIT_ADMIN)
    async with Browser(house.url, auditor.token) as browser:
        page = await browser.open("/audit")
        await page.sees("the audit trail")


async def test_what_has_no_entry_is_not_there_even_for_nicegui(house, clinic):
    doctor = await signed_in(clinic, Role.DOCTOR)
    async with Browser(house.url, doctor.token) as browser:
        status, text = await browser.get("/no/such/page")
        assert status == 404
        assert "page_not_found" in text
        status, _ = await browser.post("/refused")
        assert status == 405
    assert not Client.instances  # a flood of wrong addresses builds nothing


async def test_errors_of_a_page_are_a_sentence_and_a_code(house, clinic):
    doctor = await signed_in(clinic, Role.DOCTOR)
    async with Browser(house.url, doctor.token) as browser:
        missing = await browser.get("/things/01900000-0000-7000-8000-000000000009")
        malformed = await browser.get("/things/not-a-number")
        refused = await browser.get("/refused", headers={"accept": "application/json"})
    assert missing[0] == 404
    assert "not_found" in missing[1]
    assert malformed[0] == 404
    assert refused[0] == 422
    assert '"code":"invalid"' in refused[1].replace(" ", "")


async def test_a_defect_shows_a_number_and_keeps_the_rest_to_itself(house, clinic, caplog):
    doctor = await signed_in(clinic, Role.DOCTOR)
    async with Browser(house.url, doctor.token) as browser:
        status, text = await browser.get("/broken")
    assert status == 500
    assert "13800000000" not in text
    reference = re.search(r"unexpected ([0-9a-f]{8})", text)
    assert reference
    assert reference[1] in caplog.text


async def test_a_sensitive_page_asks_for_a_fresh_proof(house, clinic):
    doctor = await signed_in(clinic, Role.DOCTOR)
    async with (
        Browser(house.url, doctor.token) as browser,
        browser.http.get("/sensitive", allow_redirects=False) as answer,
    ):
        assert answer.status == 303
        assert answer.headers["location"] == "/confirm?next=%2Fsensitive"


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "", "sec-fetch-site": "cross-site"},
        {"origin": "http://127.0.0.1"},  # another port is another site
    ],
)
async def test_a_post_from_a_foreign_page_is_refused(house, clinic, headers):
    doctor = await signed_in(clinic, Role.DOCTOR)
    async with Browser(house.url, doctor.token) as browser:
        status, text = await browser.post("/echo", data=b"x", headers=headers)
    assert status == 403
    assert "foreign_origin" in text


async def test_a_post_from_our_own_page_is_answered(house, clinic):
    doctor = await signed_in(clinic, Role.DOCTOR)
    async with Browser(house.url, doctor.token) as browser:
        assert await browser.post("/echo", data=b"abc") == (200, '{"bytes":3,"roles":["doctor"]}')


async def test_a_post_that_does_not_say_where_it_comes_from_is_refused(house, clinic):
    doctor = await signed_in(clinic, Role.DOCTOR)
    async with Browser(house.url, doctor.token) as browser, browser.http.post("/echo") as answer:
        assert answer.status == 403


async def test_a_body_too_large_is_refused_by_what_it_declares(house, clinic):
    doctor = await signed_in(clinic, Role.DOCTOR)
    async with Browser(house.url, doctor.token) as browser:
        status, text = await browser.post("/echo", data=b"x" * 1001)
    assert status == 413
    assert "body_too_large" in text


async def test_a_body_too_large_is_refused_while_it_comes_in(house, clinic):
    async def endless():
        for _ in range(50):
            yield b"x" * 100

    doctor = await signed_in(clinic, Role.DOCTOR)
    async with Browser(house.url, doctor.token) as browser:
        status, text = await browser.post("/echo", data=endless())
    assert status == 413
    assert "body_too_large" in text


async def test_a_name_that_is_not_ours_is_not_answered(house):
    """A stranger's page whose name was pointed at us (DNS rebinding) learns nothing."""
    async with Browser(house.url) as browser:
        status, text = await browser.get("/sign-in", headers={"host": "evil.example"})
        assert status == 421
        assert "unknown_host" in text
        status, _ = await browser.get("/sign-in", headers={"host": "localhost:1"})
        assert status == 200


async def test_who_asks_too_often_is_told_when_to_ask_again(clinic, counter):
    rates = Rates(pages_of_an_address="3/minute", requests_of_an_address="100/minute")
    async with (
        running(clinic, counter.register, rates=rates) as house,
        Browser(house.url) as browser,
    ):
        for _ in range(3):
            assert (await browser.get("/sign-in"))[0] == 200
        async with browser.http.get("/sign-in") as answer:
            assert answer.status == 429
            assert 1 <= int(answer.headers["retry-after"]) <= 60


class Asked:
    """The real sessions, with a count of how often they were asked for a token."""

    def __init__(self, sessions):
        self._sessions = sessions
        self.times = 0

    async def actor_of(self, *told, **more):
        self.times += 1
        return await self._sessions.actor_of(*told, **more)


async def test_who_asks_too_often_reaches_no_session_and_no_database(clinic, counter):
    """A flood of invented tokens is turned away by its address, before anybody looks one up."""
    rates = Rates(requests_of_an_address="3/minute")
    async with (
        running(clinic, counter.register, rates=rates) as house,
        Browser(house.url, "invented") as browser,
    ):
        asked = house.front.visitors._sessions = Asked(clinic.sessions)
        paths = ["/", "/audit", "/_nicegui_ws/socket.io/"] * 4
        answers = [(await browser.get(path))[0] for path in paths]
    assert answers[3:] == [429] * 9
    assert asked.times == 3


async def test_sign_in_has_a_stricter_rate_than_pages(clinic, counter):
    def register(routes):
        counter.register(routes)

        @routes.http("POST", "/auth/password", public="the way in")
        async def password() -> dict[str, str]:
            return {}

    rates = Rates(sign_ins_of_an_address="2/minute")
    async with running(clinic, register, rates=rates) as house, Browser(house.url) as browser:
        answers = [(await browser.post("/auth/password"))[0] for _ in range(3)]
        assert answers == [200, 200, 429]
        assert (await browser.get("/sign-in"))[0] == 200


async def test_every_answer_is_dressed(house, clinic):
    doctor = await signed_in(clinic, Role.DOCTOR)
    async with Browser(house.url, doctor.token) as browser:
        for path, status in (("/", 200), ("/audit", 403), ("/nothing", 404), ("/refused", 422)):
            async with browser.http.get(path) as answer:
                assert answer.status == status
                assert answer.headers["x-content-type-options"] == "nosniff"
                assert answer.headers["cache-control"] == "no-store"
                assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
                assert "server" not in answer.headers
                assert "strict-transport-security" not in answer.headers


@pytest.mark.parametrize("source", ["acme", "lan", "files"])
def test_https_for_good_is_asked_for_this_name_alone(settings, source):
    """S-CRY-1: only with a certificate the world knows; the hospital's other hosts are not ours."""
    settings.certificate.source = source
    answer = MutableHeaders()
    dress(answer, nonce="n", hsts=Surroundings.of(settings).hsts)
    lasting = "max-age=31536000" if source == "acme" else None
    assert answer.get("strict-transport-security") == lasting


async def test_each_script_of_a_page_has_the_nonce_of_this_answer_only(house, clinic):
    doctor = await signed_in(clinic, Role.DOCTOR)
    nonces = set()
    async with Browser(house.url, doctor.token) as browser:
        for _ in range(2):
            async with browser.http.get("/") as answer:
                text = await answer.text()
                policy = answer.headers["content-security-policy"]
            [nonce] = re.findall(r"'nonce-([^']+)'", policy)
            scripts = re.findall(r"<script[^>]*>", text)
            assert len(scripts) > 5
            assert all(f'nonce="{nonce}"' in script for script in scripts)
            assert "'unsafe-inline'" not in policy.partition("style-src")[0]
            nonces.add(nonce)
    assert len(nonces) == 2


async def test_versioned_files_are_kept_for_good_and_pages_never(house):
    async with Browser(house.url) as browser:
        page = await browser.load("/sign-in")
        script = re.search(r'src="(/_nicegui/[^"]+nicegui\.js)"', page.text)
        assert script
        async with browser.http.get(script[1]) as answer:
            assert answer.status == 200
            assert "immutable" in answer.headers["cache-control"]


async def test_long_answers_are_packed_and_their_scripts_marked_all_the_same(house):
    async with (
        Browser(house.url) as browser,
        browser.http.get("/sign-in", headers={"accept-encoding": "gzip"}) as answer,
    ):
        assert answer.headers["content-encoding"] == "gzip"
        assert '<script nonce="' in await answer.text()


async def test_a_page_that_is_not_a_page_says_so_to_the_light_browser(house):
    async with Browser(house.url) as browser:
        with pytest.raises(NotAPage) as caught:
            await browser.open("/nothing")
    assert caught.value.status == 404


@pytest.mark.parametrize(
    ("path", "headers", "refusal"),
    [
        ("/no/such/page", {}, 404),
        ("/sign-in", {"host": "evil.example"}, 421),
        ("/files{n}", {}, 404),
        ("/echo", {}, 405),
        ("/sign-in", {"content-length": "99999999"}, 413),
    ],
)
async def test_what_is_refused_at_once_is_counted_too(clinic, counter, path, headers, refusal):
    """Who tries addresses, names and methods meets the same limit as everybody."""
    rates = Rates(requests_of_an_address="3/minute")
    async with (
        running(clinic, counter.register, rates=rates) as house,
        Browser(house.url) as browser,
    ):
        answers = [
            (await browser.get(path.format(n=number), headers=headers))[0] for number in range(5)
        ]
    assert answers == [refusal] * 3 + [429] * 2
