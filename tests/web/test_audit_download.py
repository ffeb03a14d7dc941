"""The audit trail of some days over the wire, by who may have it; the file proves itself. (R016)"""

import asyncio
import json
from datetime import date, timedelta
from itertools import pairwise

import pytest
from starlette.requests import ClientDisconnect

from data.audit import FIRST, sealed
from data.clock import new_id
from data.errors import DomainError
from pages.house import audit_download
from services.audit import Search
from services.institution import NewSite
from services.overload import Level
from services.policy import HOUSE, Role
from tests.factories import MONDAY
from tests.web.browser import Browser
from tests.web.people import signed_in
from tests.web.server import running

DAY = MONDAY.date()
JSON = {"accept": "application/json"}


@pytest.fixture
async def house(clinic, counter):
    def register(routes):
        counter.register(routes)
        audit_download.register_files(clinic, routes)

    async with running(clinic, register) as house:
        yield house


def address(first=DAY, last=DAY):
    return f"{audit_download.PATH}/{first}/{last}"


def outgoing(clinic):
    return list((clinic.settings.home / "outgoing").glob("**/*"))


async def all_gone(clinic):
    async with asyncio.timeout(5):
        while outgoing(clinic):
            await asyncio.sleep(0.01)


def wrong_lines(body, keys):
    """Return what an inspector finds with the keys and the file alone: lines that do not hold."""
    entries = [json.loads(line) for line in body.decode().split("\n") if line]
    wrong = [
        entry["seq"] for entry in entries if sealed(entry, entry["before"], keys) != entry["mac"]
    ]
    return wrong + [
        after["seq"]
        for entry, after in pairwise(entries)
        if after["before"] != entry["mac"] or after["seq"] != entry["seq"] + 1
    ]


@pytest.mark.sqlite
async def test_the_days_asked_for_come_as_a_file_that_proves_itself(house, clinic, clock):
    """S-AUD-1: everything in it, also looks and what others did; a changed byte is found."""
    auditor = await signed_in(clinic, Role.AUDIT_ADMIN)
    await clinic.audit.verify(HOUSE)
    clock.forward(days=1)
    for _ in range(3):
        await clinic.audit.page(auditor.actor, Search())
    clock.forward(days=1)
    auditor = await signed_in(clinic, Role.AUDIT_ADMIN)
    await clinic.audit.verify(HOUSE)
    async with Browser(house.url, auditor.token) as browser:
        day = DAY + timedelta(days=1)
        async with browser.http.get(address(day, day)) as answer:
            body = await answer.read()
            assert answer.status == 200
            assert answer.headers["cache-control"] == "private, no-store"
            assert answer.headers["content-type"].startswith("application/x-ndjson")
            assert answer.headers["content-disposition"] == (
                f'attachment; filename="audit-{day}-{day}.jsonl"'
            )
        async with browser.http.get(address(DAY, day + timedelta(days=1))) as answer:
            whole = await answer.read()

    lines = [json.loads(line) for line in body.decode().splitlines()]
    assert [line["action"] for line in lines] == ["audit:read"] * 3
    assert lines[0]["before"] != FIRST, "it goes on from the day before"
    assert json.loads(whole.decode().splitlines()[0])["before"] == FIRST
    assert wrong_lines(body, clinic.keys) == wrong_lines(whole, clinic.keys) == []
    for place in range(0, len(body), 7):
        changed = bytearray(body)
        changed[place] ^= 1
        try:
            assert wrong_lines(bytes(changed), clinic.keys) != [], body[place - 40 : place + 2]
        except (ValueError, KeyError, DomainError):
            continue  # not even JSON with these names any more
    without = b"".join(body.splitlines(keepends=True)[::2])
    assert wrong_lines(without, clinic.keys) != []
    await all_gone(clinic)


@pytest.mark.sqlite
async def test_a_download_stands_in_the_trail_with_its_days(house, clinic):
    auditor = await signed_in(clinic, Role.AUDIT_ADMIN)
    await clinic.audit.verify(HOUSE)
    async with Browser(house.url, auditor.token) as browser:
        assert (await browser.get(address()))[0] == 200
    [entry], total = await clinic.audit.page(auditor.actor, Search(action="audit:export"))
    assert total == 1
    assert entry.actor_id == auditor.actor.user_id
    assert entry.purpose == f"{DAY} to {DAY}"


@pytest.mark.sqlite
@pytest.mark.parametrize("role", sorted(set(Role) - {Role.AUDIT_ADMIN, Role.HOUSE, Role.VISITOR}))
async def test_nobody_else_is_given_it_and_the_refusal_is_noted(house, clinic, role):
    """S-AC-1: not even the other two administrators."""
    person = await signed_in(clinic, role)
    async with Browser(house.url, person.token) as browser:
        assert (await browser.get(address()))[0] == 403
    auditor = await signed_in(clinic, Role.AUDIT_ADMIN)
    refused, _ = await clinic.audit.page(auditor.actor, Search(result="denied"))
    assert [(e.actor_id, e.action) for e in refused] == [(person.actor.user_id, "audit:export")]
    assert outgoing(clinic) == []


@pytest.mark.sqlite
async def test_a_guest_is_sent_to_sign_in(house, clinic):
    async with Browser(house.url) as guest:
        assert (await guest.get(address()))[0] == 303


@pytest.mark.sqlite
async def test_an_auditor_of_one_site_is_not_given_the_trail_of_the_house(house, clinic):
    admin = await signed_in(clinic, Role.SYSTEM_ADMIN)
    here = await clinic.institutions.add_site(admin.actor, NewSite("北院"))
    auditor = await signed_in(clinic, Role.AUDIT_ADMIN, site_id=here)
    async with Browser(house.url, auditor.token) as browser:
        assert (await browser.get(address()))[0] == 403
    await all_gone(clinic)


@pytest.mark.sqlite
async def test_whoever_proved_long_ago_who_they_are_is_asked_again(house, clinic, clock):
    """S-AUTH: a sensitive act needs a proof that is a few minutes old at most."""
    auditor = await signed_in(clinic, Role.AUDIT_ADMIN)
    await clinic.audit.verify(HOUSE)
    clock.forward(minutes=6)
    async with Browser(house.url, auditor.token) as browser:
        async with browser.http.get(address(), allow_redirects=False) as answer:
            assert answer.status == 303
            assert answer.headers["location"].startswith("/confirm?next=%2Faudit%2Fdownload")
        async with browser.http.get(address(), headers=JSON) as answer:
            assert (answer.status, (await answer.json())["code"]) == (401, "confirm_needed")
    assert outgoing(clinic) == []


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("first", "last", "code"),
    [
        (DAY, DAY - timedelta(days=1), "audit_days_wrong"),
        (DAY - timedelta(days=92), DAY, "audit_days_wrong"),
        (date.max, date.max, "audit_days_wrong"),  # red before: a fault of the server's
        (date.min, date.min, "audit_days_wrong"),
        (DAY - timedelta(days=2), DAY - timedelta(days=1), "audit_days_empty"),
        ("yesterday", DAY, "invalid"),
    ],
)
async def test_days_that_make_no_sense_are_refused_and_leave_nothing(
    house, clinic, first, last, code
):
    auditor = await signed_in(clinic, Role.AUDIT_ADMIN)
    await clinic.audit.verify(HOUSE)
    async with (
        Browser(house.url, auditor.token) as browser,
        browser.http.get(address(first, last), headers=JSON) as answer,
    ):
        assert (answer.status, (await answer.json())["code"]) == (422, code)
    assert outgoing(clinic) == []


@pytest.mark.sqlite
async def test_the_trail_that_two_institutions_share_is_given_to_neither(house, clinic):
    """A chain cannot be verified with links left out, and what is another's is not ours to show."""
    auditor = await signed_in(clinic, Role.AUDIT_ADMIN)
    other = await signed_in(clinic, Role.AUDIT_ADMIN, institution_id=new_id())
    await clinic.audit.page(auditor.actor, Search())
    await clinic.audit.page(other.actor, Search())
    async with (
        Browser(house.url, auditor.token) as browser,
        browser.http.get(address(), headers=JSON) as answer,
    ):
        assert (answer.status, (await answer.json())["code"]) == (409, "audit_of_others")
    assert outgoing(clinic) == []


@pytest.mark.sqlite
async def test_two_at_once_do_not_write_into_one_file(house, clinic):
    """The names are the same and the files are not."""
    auditor = await signed_in(clinic, Role.AUDIT_ADMIN)
    await clinic.audit.verify(HOUSE)
    made = await asyncio.gather(
        *(clinic.audit_downloads.make(auditor.actor, DAY, DAY) for _ in range(2))
    )
    for path in made:
        assert wrong_lines(path.read_bytes(), clinic.keys) == []
        assert path.stat().st_mode & 0o077 == path.parent.stat().st_mode & 0o077 == 0
    await clinic.audit_downloads.remove(made[0])
    assert [path for path in outgoing(clinic) if path.is_file()] == [made[1]]
    await clinic.audit_downloads.tidy()
    assert outgoing(clinic) == [], "what a crash has left is wiped at the next start"


@pytest.mark.sqlite
async def test_a_file_goes_too_when_whoever_asked_goes_away(house, clinic, monkeypatch):
    auditor = await signed_in(clinic, Role.AUDIT_ADMIN)
    for _ in range(300):
        await clinic.audit.verify(HOUSE)
    monkeypatch.setattr("services.audit_downloads.PIECE", 100)
    async with Browser(house.url, auditor.token) as browser:
        answer = await browser.http.get(address())
        await answer.content.readexactly(100)
        answer.close()
    await all_gone(clinic)


@pytest.mark.sqlite
async def test_a_file_goes_too_when_it_cannot_be_sent(clinic):
    auditor = await signed_in(clinic, Role.AUDIT_ADMIN)
    await clinic.audit.verify(HOUSE)
    made = await clinic.audit_downloads.make(auditor.actor, DAY, DAY)

    async def send(message):
        raise OSError("the line is cut")

    scope = {"type": "http", "asgi": {"spec_version": "2.4"}}
    with pytest.raises(ClientDisconnect):
        await audit_download.Download(clinic.audit_downloads, made)(scope, None, send)
    assert outgoing(clinic) == []


@pytest.mark.sqlite
async def test_under_load_it_is_said_to_try_later(house, clinic):
    auditor = await signed_in(clinic, Role.AUDIT_ADMIN)
    clinic.overload.level = Level.BUSY
    async with Browser(house.url, auditor.token) as browser:
        assert (await browser.get(address()))[0] == 503
    assert outgoing(clinic) == []
