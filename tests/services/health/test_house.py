"""Deliveries, tasks, backups, trail, papers, and what is pretended: what is not well shows."""

from datetime import date

import pytest
from sqlalchemy import select, update

from data.messages import Message
from data.outbox import Delivery
from data.users import User
from integrations.providers import build
from integrations.sandbox.messages import SandboxSms
from services.clinic import Clinic
from services.facts import Noted
from services.findings import Level
from services.inbox import Tray
from services.notify import Note
from services.policy import HOUSE, Role
from services.ports import Ports
from services.settings import Settings
from services.tasks import Wanted
from tests.factories import INSTITUTION, MONDAY, an_actor
from tests.peers import memory_folder
from tests.services.health.looks import found, institution, the


@pytest.mark.parametrize(
    ("ends", "level", "code"),
    [
        (None, Level.WARN, "missing"),
        (date(2026, 3, 1), Level.RED, "expired"),
        (date(2026, 3, 2), Level.WARN, "ending"),
        (date(2026, 5, 1), Level.WARN, "ending"),
        (date(2026, 5, 2), Level.OK, "ok"),
    ],
)
async def test_papers_are_good_until_their_last_day(clinic, ends, level, code):
    """R-ORG-1: sixty days before the end somebody is told."""
    await institution(clinic, licence_valid_to=ends, grading_valid_to=date(2030, 1, 1))
    licence, grading = sorted(
        await found(clinic, "papers"), key=lambda each: each.values["document"], reverse=True
    )
    assert (licence.level, licence.code) == (level, code)
    assert grading.level is Level.OK


def backing_up_to(clinic, clock, keys, target, **more):
    """Open the same house with another target for its copies."""
    backup = clinic.settings.backup.model_copy(update={"target": str(target)})
    settings = clinic.settings.model_copy(update={"backup": backup, **more})
    return Clinic.open(clinic.database, clock, keys, settings)


@pytest.mark.parametrize("target", ["", "{home}/copies/of-ours"])
async def test_copies_on_the_hospitals_own_disk_are_no_comfort(clinic, clock, keys, target):
    """S-BCK-1: with the disk its copies would be gone, however new they are."""
    clinic = backing_up_to(clinic, clock, keys, target.format(home=clinic.settings.home))
    await clinic.facts.note(Noted.BACKUP, ok=True)
    assert await the(clinic, "backup") == (Level.WARN, "same_disk")


async def test_copies_elsewhere_and_those_of_a_demo_are_in_order(clinic, clock, keys):
    await clinic.facts.note(Noted.BACKUP, ok=True)
    elsewhere = ["sftp://backup@other.example/xinglin"]
    memory = memory_folder()
    if memory and memory.stat().st_dev != clinic.settings.home.stat().st_dev:
        elsewhere.append(str(memory / "xinglin-is-not-here"))
    for target in elsewhere:
        moved = backing_up_to(clinic, clock, keys, target)
        assert await the(moved, "backup") == (Level.OK, "ok")
    demo = backing_up_to(clinic, clock, keys, "", demo=True)
    assert await the(demo, "backup") == (Level.OK, "ok")


@pytest.mark.parametrize(("check", "fact"), [("backup", Noted.BACKUP), ("drill", Noted.DRILL)])
async def test_a_backup_ages(clinic, clock, keys, check, fact):
    """S-BCK-1."""
    clinic = backing_up_to(clinic, clock, keys, "sftp://backup@other.example/xinglin")
    await clinic.facts.note(fact, ok=True)
    assert await the(clinic, check) == (Level.OK, "ok")
    clock.forward(days=2, hours=1)
    assert (await the(clinic, check))[0] is Level.WARN
    clock.forward(days=5)
    assert (await the(clinic, check))[0] is Level.RED
    await clinic.facts.note(Noted.BACKUP_FAILED, code="disk_full")
    await clinic.facts.note(Noted.DRILL, ok=False)
    assert await the(clinic, check) == (Level.RED, "failed")


async def test_a_broken_trail_is_red(clinic):
    """S-AUD-1."""
    assert await the(clinic, "trail") == (Level.WARN, "not_verified")
    await clinic.facts.note(Noted.VERIFIED, ok=True)
    assert (await the(clinic, "trail"))[0] is Level.OK
    await clinic.facts.note(Noted.VERIFIED, ok=False)
    assert await the(clinic, "trail") == (Level.RED, "broken")


async def test_a_drill_reads_every_page_too(clinic):
    await clinic.facts.note(Noted.DRILL, ok=True)
    assert (await the(clinic, "integrity"))[0] is Level.OK


async def test_shipping_that_stopped_is_red(clinic, clock):
    assert (await the(clinic, "shipped"))[0] is Level.UNKNOWN
    await clinic.facts.note(Noted.SHIPPED, ok=True)
    assert (await the(clinic, "shipped"))[0] is Level.OK
    clock.forward(minutes=16)
    assert await the(clinic, "shipped") == (Level.RED, "late")


async def test_integrity_is_looked_at_every_week(clinic, clock):
    await clinic.facts.note(Noted.INTEGRITY, ok=True)
    assert (await the(clinic, "integrity"))[0] is Level.OK
    clock.forward(days=9)
    assert await the(clinic, "integrity") == (Level.WARN, "old")
    await clinic.facts.note(Noted.INTEGRITY, ok=False)
    assert await the(clinic, "integrity") == (Level.RED, "damaged")


async def test_deliveries_that_pile_up_show(clinic, clock):
    await clinic.tasks.add(
        HOUSE, Wanted("asked", "a", INSTITUTION, owner_id=INSTITUTION, values={"words": "x"})
    )
    assert (await the(clinic, "deliveries"))[0] is Level.OK
    clock.forward(seconds=90)
    assert await the(clinic, "deliveries") == (Level.WARN, "late")
    clock.forward(seconds=900)
    assert await the(clinic, "deliveries") == (Level.RED, "stuck")
    async with clinic.database.transaction(write=True) as session:
        await session.execute(update(Delivery).values(due_at=None, parked_at=clock.now()))
    assert await the(clinic, "deliveries") == (Level.WARN, "parked")


async def test_old_tasks_show(clinic, clock):
    await clinic.tasks.add(
        HOUSE, Wanted("asked", "a", INSTITUTION, role=Role.NURSE, values={"words": "x"})
    )
    clock.forward(days=8)
    assert await the(clinic, "tasks") == (Level.WARN, "old")


async def test_messages_that_nobody_sends_show(clinic, clock):
    await clinic.notify.send(
        HOUSE, Note("test", "k", INSTITUTION, address="19900000001", channels=frozenset({"sms"}))
    )
    async with clinic.database.transaction(write=False) as session:
        assert await session.scalar(select(Message))
    clock.forward(hours=7)
    assert await the(clinic, "messages") == (Level.WARN, "stuck")


async def test_a_sandbox_outside_a_demo_is_red(database, clock, keys, tmp_path):
    ports = Ports(sms=SandboxSms(Tray(database, clock)))
    real = Clinic.open(database, clock, keys, Settings(home=tmp_path), ports)
    assert await the(real, "pretence") == (Level.RED, "sandbox")
    demo = Clinic.open(database, clock, keys, Settings(home=tmp_path, demo=True), ports)
    assert await the(demo, "pretence") == (Level.OK, "demo")


async def test_what_was_never_run_against_the_real_service_says_so(database, clock, keys, tmp_path):
    """On the health page and by `xinglin doctor`, not only in the documents."""
    sms = {"url": "https://sms.example.invalid/send", "key": "a", "secret": "s" * 32}
    wanted = {"providers": {"sms": "http", "mailer": "none"}, "sms": sms}
    settings = Settings(
        home=tmp_path, certificate={"source": "acme", "names": ["x.invalid"]}, **wanted
    )
    real = Clinic.open(database, clock, keys, settings, build(settings, database, clock))
    told = [each for each in await real.health.look(HOUSE) if each.check == "untried"]
    assert [(each.level, each.code) for each in told] == [
        (Level.UNKNOWN, "sms"),
        (Level.UNKNOWN, "certificates"),
    ]


async def test_a_demo_account_that_can_sign_in_to_a_real_hospital_is_red(clinic):
    async with clinic.database.transaction(write=True) as session:
        session.add(
            User(
                owner_id=INSTITUTION,
                institution_id=INSTITUTION,
                username="demo",
                display_name="Demo",
                is_synthetic=True,
                created_at=MONDAY,
                woken_at=MONDAY,
            )
        )
    assert await the(clinic, "pretence") == (Level.RED, "accounts")


async def test_a_demo_institution_in_a_real_hospital_is_red(clinic):
    await institution(clinic, is_demo=True)
    assert await the(clinic, "pretence") == (Level.RED, "institution")


async def test_staff_without_a_second_factor_are_red(clinic):
    """S-AUTH-3."""
    officer = an_actor(Role.SECURITY_ADMIN)
    await clinic.policy.change(officer, "policy.auth.staff_mfa_required", False, "phones are lost")
    assert await the(clinic, "second_factor") == (Level.RED, "off")
