"""A hospital to play with: there in seconds, made up throughout, never in a real one's place."""

import asyncio
import json
import re
import shutil
import ssl

import httpx
import pytest
from sqlalchemy import select

import app
from data.clock import SystemClock
from data.errors import Conflict
from data.institution import Institution
from data.users import User
from jobs import demo
from services.audit import Search
from services.demo import PASSWORD, code_at
from services.i18n import say
from services.permissions import Action, Role
from services.policy import HOUSE, Actor
from services.rules import STAFF
from services.settings import Settings
from services.tasks import Search as TaskSearch
from services.users.factors import Proof, ProofKind
from services.users.steps import Caller
from tests.jobs.houses import Command, Server

NOW = SystemClock()


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The demo's folder, built once."""
    home = tmp_path_factory.mktemp("demo") / "demo"
    asyncio.run(demo.ready(home, NOW))
    return home


@pytest.fixture
def home(built, tmp_path):
    shutil.copytree(built, tmp_path / "demo")
    return tmp_path / "demo"


@pytest.fixture
async def clinic(home):
    async with app.open_clinic(Settings.load(home)) as opened:
        yield opened


async def actor_of(clinic, username: str) -> Actor:
    async with clinic.database.transaction(write=False) as session:
        user = await session.scalar(select(User).where(User.username == username))
    roles = next(each["roles"] for each in demo.story()["people"] if each["username"] == username)
    grants = frozenset(demo.Grant(Role(role)) for role in roles)
    return Actor(
        user_id=user.id,
        grants=grants,
        institution_id=user.institution_id,
        confirmed_at=clinic.clock.now(),
    )


async def test_there_is_somebody_of_every_role_of_staff(clinic):
    """The three administrators are three people (S-AC-1), and no role stands empty."""
    roles = [role for each in demo.story()["people"] for role in each["roles"]]
    assert set(roles) == {str(role) for role in STAFF}
    holders = [set(each["roles"]) for each in demo.story()["people"]]
    administrators = {"system_admin", "security_admin", "audit_admin"}
    assert all(len(held & administrators) <= 1 for held in holders)


async def test_everybody_in_it_is_made_up(clinic):
    """Domain section 8: reserved phone numbers, a name that says test, rows that say synthetic."""
    async with clinic.database.transaction(write=False) as session:
        people = list(await session.scalars(select(User)))
        institution = await session.scalar(select(Institution))
    assert len(people) == len(demo.story()["people"])
    assert all(person.is_synthetic for person in people)
    assert all(re.fullmatch(r"19900\d{6}", person.phone) for person in people)
    assert institution.is_demo
    assert institution.name == "示范县人民医院(测试)"
    assert institution.uscc == "121101019999000038"


@pytest.mark.parametrize("username", ["xitong", "anquan", "shenji", "yisheng"])
async def test_a_printed_sign_in_opens_the_door(clinic, username):
    step = await clinic.sign_in.begin(username, PASSWORD, Caller("127.0.0.1", "test"))
    done = await clinic.sign_in.prove(
        step.token, Proof(ProofKind.TOTP, code_at(clinic.clock.now()))
    )
    assert done.stage == "open"


async def test_the_pages_have_something_to_show(clinic):
    """Tasks open and overdue, sites, a parked delivery, refusals in the trail."""
    admin, auditor = await actor_of(clinic, "xitong"), await actor_of(clinic, "shenji")
    counts = await clinic.tasks.counts(admin)
    assert counts.open >= 2
    assert (await clinic.tasks.counts(await actor_of(clinic, "anquan"))).overdue == 1
    parked, total = await clinic.deliveries.parked(admin)
    assert [each.event for each in parked] == ["MessageQueued"] * total == ["MessageQueued"]
    entries, found = await clinic.audit.page(auditor, Search(result="denied"))
    assert found == 2
    assert {entry.action for entry in entries} == {str(Action.AUDIT_READ)}
    assert len(await clinic.institutions.sites(admin)) == 2


async def test_the_system_administrator_finds_messages_as_others_do(clinic):
    """From a colleague, and from the house itself: a licence ends; the letter is in the inbox."""
    admin = await actor_of(clinic, "xitong")
    await clinic.bus.deliver()
    await clinic.bus.deliver()
    notices, _ = await clinic.notices.page(admin)
    assert {each.template for each in notices} == {"task_for_you", "licence_expires"}
    letters, _ = await clinic.inbox.page(admin)
    assert "xitong@demo.invalid" in {each.address for each in letters}


async def test_what_people_were_asked_is_read_in_ones_own_language(clinic):
    """Every title: from the catalogue, and the same words are found by a search."""
    for each in demo.story()["people"]:
        tasks, _ = await clinic.tasks.page(await actor_of(clinic, each["username"]), TaskSearch())
        for task in tasks:
            said = say("en", task.title, **task.values)
            assert not re.search("[\u4e00-\u9fff]", said), said
    admin = await actor_of(clinic, "xitong")
    for text in ("接口清单", "list of interfaces"):
        [found], _ = await clinic.tasks.page(admin, TaskSearch(text=text))
        assert found.values == {"words": "demo.asked.interfaces"}


async def test_its_trail_is_whole_and_in_the_order_of_time(clinic):
    verdict = await clinic.audit.verify(HOUSE)
    assert verdict.whole
    assert verdict.entries > 60
    auditor, times, total = await actor_of(clinic, "shenji"), [], 1
    while len(times) < total:
        page, total = await clinic.audit.page(auditor, Search(), offset=len(times), limit=200)
        times += [entry.at for entry in page]
    assert times == sorted(times, reverse=True)
    assert (times[0] - times[-1]).days >= 13


async def test_a_second_start_goes_on_with_it(home):
    before = (home / "xinglin.db").read_bytes()
    assert not await demo.ready(home, NOW)
    assert (home / "xinglin.db").read_bytes() == before


@pytest.mark.parametrize("why", ["asked", "old", "changed", "interrupted"])
async def test_it_is_built_anew_when_it_has_to_be(home, why):
    mark = json.loads((home / "demo.json").read_text())
    changes = {
        "asked": {},
        "old": {"at": "2026-01-01T00:00:00+00:00"},
        "changed": {"made_of": "another program"},
        "interrupted": {"whole": False},
    }
    (home / "demo.json").write_text(json.dumps({**mark, **changes[why]}))
    key = (home / "master.key").read_bytes()

    assert await demo.ready(home, NOW, anew=why == "asked")

    assert (home / "master.key").read_bytes() != key


async def test_a_real_hospital_is_never_touched(founded, tmp_path):
    shutil.copytree(founded, tmp_path / "real")
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "real").iterdir()}
    for anew in (False, True):
        with pytest.raises(Conflict) as refusal:
            await demo.ready(tmp_path / "real", NOW, anew=anew)
        assert refusal.value.code == "demo_home_is_real"
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "real").iterdir()} == before


def test_the_command_refuses_a_real_hospital_in_a_sentence(xinglin):
    (xinglin.home / "demo.json").unlink()
    done = xinglin("demo", "--build-only")
    assert (done.code, "[demo_home_is_real]" in done.err) == (3, True)


def test_the_demo_prints_doors_people_and_a_code_and_serves(tmp_path, capsys):
    """R040: one command; http on this machine and https for phones, with a QR code."""
    with Server(tmp_path / "demo", "demo") as server:
        trusted = ssl.create_default_context(cafile=tmp_path / "demo" / "authority.pem")
        answer = httpx.get(f"https://localhost:{server.tls_port}/sign-in", verify=trusted)
        assert answer.status_code == 200
        assert httpx.get(f"http://localhost:{server.port}/sign-in").status_code == 200
        said = server.stop().out
    assert f"http://localhost:{server.port}" in said
    assert re.search(rf"https://\S+:{server.tls_port}", said)
    assert "█" in said
    assert all(each["username"] in said for each in demo.story()["people"])
    refused = [line.split()[0] for line in said.splitlines() if "(Suspended)" in line]
    assert refused == [each["who"] for each in demo.story()["suspended"]]
    assert PASSWORD in said
    assert re.search(r"One-time code right now: \d{6}", said)
    assert "made up" in said


def test_the_code_is_printed_on_demand(tmp_path, capsys):
    assert re.fullmatch(r"\d{6}\n", Command(tmp_path, capsys)("demo", "--code").out)
