"""Signing in and out over the wire, by plain forms. (S-AUTH-1, S-AUTH-2)"""

from datetime import timedelta

import pyotp
import pytest

from data.clock import new_id
from data.users import Password, RoleGrant, TotpSecret, User
from pages.security import doors
from services.policy import HOUSE, Role
from tests.factories import INSTITUTION
from tests.web.browser import Browser
from tests.web.people import signed_in
from tests.web.server import running

PASSWORD = "correct horse battery staple 9"


@pytest.fixture
async def house(clinic, counter):
    def register(routes):
        counter.register(routes)
        doors.register(clinic, routes)

    async with running(clinic, register) as house:
        yield house


@pytest.fixture
async def staff(clinic):
    """Somebody whose password an administrator has set: all steps of the first day are ahead."""
    user_id, now = new_id(), clinic.clock.now()
    kept = await clinic.sign_in._hasher.hash(PASSWORD)
    async with clinic.database.transaction(write=True) as session:
        session.add(
            User(
                id=user_id,
                owner_id=user_id,
                username="wang",
                display_name="王医生",
                institution_id=INSTITUTION,
                created_at=now,
                woken_at=now,
            )
        )
        await session.flush()
        session.add(Password(user_id=user_id, hash=kept, at=now))
        session.add(
            RoleGrant(user_id=user_id, role=str(Role.DOCTOR), granted_by=HOUSE.user_id, at=now)
        )
    return user_id


async def post(browser, path, **fields):
    headers = {"origin": browser.url}
    async with browser.http.post(
        path, data=fields, headers=headers, allow_redirects=False
    ) as answer:
        return answer.status, answer.headers.get("location", ""), answer.cookies


async def test_the_first_day_leads_step_by_step_to_the_page_one_wanted(house, clinic, staff):
    async with Browser(house.url) as browser:
        status, to, cookies = await post(
            browser, "/auth/password", username="wang", password=PASSWORD, next="/audit?seq=1"
        )
        assert (status, to) == (303, "/sign-in/enrol?next=%2Faudit%3Fseq%3D1")
        first = cookies["xinglin"]
        assert first["httponly"]
        assert first["samesite"] == "strict"
        assert int(first["max-age"]) <= 600

        secret = await clinic.enrolment.start_totp(first.value)
        code = pyotp.TOTP(secret.secret).at(clinic.clock.now())
        status, to, cookies = await post(
            browser, "/auth/enrol/totp", code=code, next="/audit?seq=1"
        )
        assert (status, to.partition("?")[0]) == (303, "/sign-in/recovery-codes")
        await clinic.enrolment.new_codes(cookies["xinglin"].value)

        status, to, cookies = await post(browser, "/auth/recovery-codes", next="/audit?seq=1")
        assert (status, to) == (303, "/audit?seq=1")
        assert int(cookies["xinglin"]["max-age"]) == 12 * 3600
        assert cookies["xinglin"].value != first.value  # no token survives a step
        page = await browser.open("/")
        await page.sees("doctor")


async def test_a_wrong_password_leads_back_with_a_code_and_no_cookie(house, staff):
    async with Browser(house.url) as browser:
        status, to, cookies = await post(
            browser, "/auth/password", username="wang", password="no", next="/audit"
        )
        assert (status, to) == (303, "/sign-in?error=sign_in_failed&next=%2Faudit")
        assert "xinglin" not in cookies


async def test_a_script_that_signs_in_gets_json(house, staff):
    async with Browser(house.url) as browser:
        asks = {"accept": "application/json"}
        body = {"username": "wang", "password": PASSWORD}
        answer = await browser.post("/auth/password", json=body, headers=asks)
        assert answer == (200, '{"next":"/sign-in/enrol"}')
        wrong = {**body, "password": "no"}
        status, text = await browser.post("/auth/password", json=wrong, headers=asks)
        assert status == 401
        assert "sign_in_failed" in text


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
async def test_sign_in_leads_nobody_out_of_the_house(house, staff, wanted):
    async with Browser(house.url) as browser:
        _, to, _ = await post(
            browser, "/auth/password", username="wang", password="no", next=wanted
        )
    assert to == "/sign-in?error=sign_in_failed"


async def test_a_form_of_a_step_that_is_over_begins_anew(house):
    async with Browser(house.url) as browser:
        _, to, _ = await post(browser, "/auth/second-factor", kind="totp", value="123456")
    assert to == "/sign-in?error=sign_in_stale"


@pytest.mark.parametrize("body", [b"[1, 2]", b"{", b'"x"', b"[" * 5000])
async def test_an_odd_body_is_refused_in_one_sentence(house, body):
    async with Browser(house.url) as browser:
        headers = {"content-type": "application/json", "accept": "application/json"}
        status, text = await browser.post("/auth/password", data=body, headers=headers)
    assert status == 422
    assert '"code":"invalid"' in text.replace(" ", "")


async def test_signing_out_forgets_the_cookie_and_ends_the_session(house, clinic):
    doctor = await signed_in(clinic, Role.DOCTOR)
    async with Browser(house.url, doctor.token) as browser:
        status, to, cookies = await post(browser, "/auth/sign-out")
        assert (status, to) == (303, "/sign-in?why=signed_out")
        assert cookies["xinglin"]["max-age"] == "0"
    assert await clinic.sessions.actor_of(doctor.token) is None


async def test_the_poll_of_an_open_page_is_no_sign_of_life(house, clinic, clock):
    doctor = await signed_in(clinic, Role.DOCTOR)
    async with Browser(house.url, doctor.token) as browser:
        for _ in range(4):
            assert (await browser.get("/auth/alive"))[0] == 204
            clock.forward(minutes=5)
        assert (await browser.get("/auth/alive"))[0] == 401


async def test_confirming_gives_a_new_token_and_keeps_open_pages(house, clinic, clock):
    doctor = await signed_in(clinic, Role.DOCTOR)
    secret = pyotp.random_base32()
    async with clinic.database.transaction(write=True) as session:
        session.add(
            TotpSecret(
                user_id=doctor.actor.user_id,
                secret=secret,
                created_at=clock.now() - timedelta(days=1),
                confirmed_at=clock.now() - timedelta(days=1),
            )
        )
    async with Browser(house.url, doctor.token) as browser:
        page = await browser.open("/")
        code = pyotp.TOTP(secret).at(clock.now())
        status, to, cookies = await post(
            browser, "/auth/confirm", kind="totp", value=code, next="/audit"
        )
        assert (status, to) == (303, "/audit")
        assert cookies["xinglin"].value != doctor.token
        await page.click("count")
        await page.sees("clicks: 1")
    assert await clinic.sessions.actor_of(doctor.token) is None


async def test_without_encryption_nobody_signs_in_over_the_network(house, staff):
    async with Browser(house.url) as browser:
        origin = {"host": "192.168.1.5", "origin": "http://192.168.1.5"}
        body = {"username": "wang", "password": PASSWORD}
        headers = {**origin, "accept": "application/json"}
        status, text = await browser.post("/auth/password", json=body, headers=headers)
    assert status == 403
    assert "https_needed" in text


async def test_who_signs_in_over_somebody_elses_session_ends_it(house, clinic, staff):
    """R016: on a ward's computer, the pages that were left open act for nobody any more."""
    before = await signed_in(clinic, Role.NURSE)
    async with Browser(house.url, before.token) as browser:
        left_open = await browser.open("/")
        await post(browser, "/auth/password", username="li", password="no")
        assert await clinic.sessions.actor_of(before.token)  # a wrong password ends nothing
        _, to, _ = await post(browser, "/auth/password", username="wang", password=PASSWORD)
        assert to == "/sign-in/enrol"
        assert await clinic.sessions.actor_of(before.token) is None
        await left_open.until(lambda: left_open.led_to == "/sign-in?why=replaced", "way out")
