"""The house knows how it is, says what to do, and never shows green for what nobody looked at."""

import ast
import os
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select, update

from data.errors import Forbidden, Invalid, Unavailable
from data.institution import Institution
from data.messages import Message
from data.outbox import Delivery
from data.users import User
from integrations.certificates import Office
from integrations.sandbox.messages import SandboxSms
from services import findings, health_house, health_machine, infrastructure
from services.clinic import Clinic
from services.facts import Noted
from services.findings import Level, worst
from services.health import Readiness
from services.i18n import LANGUAGES, Key, has, say
from services.inbox import Tray
from services.infrastructure import Item
from services.notify import Note
from services.permissions import Action
from services.policy import HOUSE, Role, Subject
from services.ports import Ports
from services.settings import CertificateSettings, Settings
from services.tasks import Search, Wanted
from tests.factories import INSTITUTION, MONDAY, an_actor

ADMIN = Role.SYSTEM_ADMIN


async def found(clinic, check):
    return [each for each in await clinic.health.look(HOUSE) if each.check == check]


async def the(clinic, check):
    [finding] = await found(clinic, check)
    return finding.level, finding.code


async def institution(clinic, **more):
    async with clinic.transactions.open(HOUSE) as tx:
        tx.allow(Action.INSTITUTION_FOUND, Subject("institution"))
        tx.session.add(
            Institution(
                id=INSTITUTION,
                name="示范县人民医院(测试)",
                uscc="121101019999000038",
                created_at=tx.now,
                **more,
            )
        )


async def test_a_new_house_says_what_it_does_not_know_instead_of_showing_green(clinic):
    levels = {each.check: each.level for each in await clinic.health.look(HOUSE)}
    assert levels["database"] is Level.OK
    assert levels["clock"] is Level.UNKNOWN
    assert levels["loop"] is Level.UNKNOWN
    assert levels["integrity"] is Level.UNKNOWN
    assert levels["backup"] is Level.WARN
    assert levels["papers"] is Level.WARN


async def test_the_worst_comes_first_and_every_finding_can_be_said(clinic):
    await institution(clinic, licence_valid_to=date(2026, 1, 1))
    looked = await clinic.health.look(HOUSE)
    assert looked[0].level is worst(looked) is Level.RED
    for each in looked:
        for language in LANGUAGES:
            assert say(language, each.what, **each.values) != each.what
            assert not each.remedy or say(language, each.remedy, **each.values) != each.remedy


def codes():
    """Every finding that the checks can come to, read off their source."""
    for module in (health_house, health_machine, infrastructure):
        tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            name = getattr(call.func, "id", "")
            if name in {"ok", "unknown", "warn", "red"} and isinstance(call.args[0], ast.Constant):
                code = call.args[1].value if len(call.args) > 1 else "ok"
                yield getattr(findings, name)(call.args[0].value, code)
    for check in ("backup", "drill"):
        yield findings.ok(check)
        yield from (findings.red(check, code) for code in ("failed", "missing", "never", "old"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_finding_has_its_sentences_in_each_language(language):
    keys = {key for each in codes() for key in (each.title, each.what, each.remedy) if key}
    keys |= {f"infrastructure.{item}" for item in Item}
    assert len(keys) > 100
    assert [key for key in sorted(keys) if not has(key, language)] == []


async def test_only_administrators_look(clinic):
    with pytest.raises(Forbidden):
        await clinic.health.look(an_actor(Role.DOCTOR))
    assert await clinic.health.look(an_actor(ADMIN))


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


@pytest.mark.parametrize(("check", "fact"), [("backup", Noted.BACKUP), ("drill", Noted.DRILL)])
async def test_a_backup_ages(clinic, clock, check, fact):
    """S-BCK-1."""
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


async def test_an_anchor_that_is_not_written_any_more_shows(clinic, clock):
    """S-AUD-1."""
    assert await the(clinic, "anchor") == (Level.WARN, "never")
    await clinic.audit.verify(HOUSE)
    await clinic.audit.anchor(HOUSE)
    assert (await the(clinic, "anchor"))[0] is Level.OK
    clock.forward(minutes=11)
    assert await the(clinic, "anchor") == (Level.WARN, "late")


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


async def test_a_key_that_others_can_read_is_red(clinic, settings):
    """S-CRY-1."""
    assert await the(clinic, "keys") == (Level.RED, "missing")
    settings.key_file.write_text("not a real key")
    settings.key_file.chmod(0o644)
    assert await the(clinic, "keys") == (Level.RED, "open")
    settings.key_file.chmod(0o600)
    assert (await the(clinic, "keys"))[0] is Level.OK
    if os.geteuid() == 0:
        os.chown(settings.key_file, 12345, 12345)
        assert await the(clinic, "keys") == (Level.RED, "foreign")


async def test_a_certificate_that_ends_shows(clinic, clock, settings):
    assert await the(clinic, "certificate") == (Level.WARN, "missing")
    Office(CertificateSettings(), settings.home, lambda: ("localhost",)).ready(clock.now())
    assert (await the(clinic, "certificate"))[0] is Level.OK
    clock.forward(days=380)
    assert await the(clinic, "certificate") == (Level.WARN, "ending")
    clock.forward(days=30)
    assert await the(clinic, "certificate") == (Level.RED, "expired")


class Measured:
    """A time server's answer, or its silence."""

    def __init__(self, seconds):
        self.seconds = seconds

    async def ahead(self):
        if self.seconds is None:
            raise Unavailable("time_server_silent")
        return self.seconds


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [
        (0.4, (Level.OK, "ok")),
        (-6, (Level.WARN, "off")),
        (-90, (Level.RED, "wrong")),
        (None, (Level.UNKNOWN, "no_answer")),
    ],
)
async def test_a_clock_that_is_wrong_shows(database, clock, keys, settings, seconds, verdict):
    house = Clinic.open(database, clock, keys, settings, Ports(time=Measured(seconds)))
    assert await the(house, "clock") == verdict


async def test_a_slow_loop_and_much_memory_show_once_they_are_measured(clinic):
    clinic.health.lag, clinic.health.memory = lambda: 0.02, lambda: 150
    assert (await the(clinic, "loop"))[0] is Level.OK
    clinic.health.lag, clinic.health.memory = lambda: 0.2, lambda: 2000
    assert await the(clinic, "loop") == (Level.WARN, "slow")
    assert await the(clinic, "memory") == (Level.WARN, "large")


async def test_a_large_log_shows(clinic, settings):
    if clinic.database.path is None:
        assert await the(clinic, "log") == (Level.OK, "none")
        return
    officer = an_actor(ADMIN)
    await clinic.policy.change(officer, "policy.health.log_megabytes", 16, "a small disk")
    assert (await the(clinic, "log"))[0] is Level.OK
    log = settings.home / "elsewhere-wal"
    with log.open("wb") as file:
        file.truncate(17 << 20)
    machine = health_machine.Machine(settings, clinic.policy, clinic.ports, clinic.clock.now, log)
    assert (await health_machine.log(machine)).code == "large"


async def test_a_full_disk_is_red_and_a_failing_check_does_not_stop_the_others(clinic, monkeypatch):
    usage = health_machine.shutil.disk_usage

    def almost_full(path):
        return usage(path)._replace(free=1 << 20)

    monkeypatch.setattr(health_machine.shutil, "disk_usage", almost_full)
    assert await the(clinic, "disk") == (Level.RED, "full")

    def broken(path):
        raise PermissionError("no")

    monkeypatch.setattr(health_machine.shutil, "disk_usage", broken)
    [failed] = await found(clinic, "check")
    assert (failed.level, failed.values["name"]) == (Level.RED, "disk")


async def test_what_is_red_becomes_one_task_a_day_for_the_system_administrator(clinic, clock):
    await institution(clinic, licence_valid_to=date(2026, 1, 1))
    (clinic.settings.key_file).write_text("not a real key")
    clinic.settings.key_file.chmod(0o600)
    for _ in range(3):
        await clinic.health.sample()
    admin = an_actor(ADMIN)
    [task], total = await clinic.tasks.page(admin, Search(kind="health_red"))
    assert total == 1
    assert task.values == {"what": Key("health.papers")}
    assert "Papers of the institution" in say("en", task.title, **task.values)
    clock.forward(days=1)
    await clinic.health.sample()
    assert (await clinic.tasks.page(admin, Search(kind="health_red")))[1] >= 2


async def test_infrastructure_is_declared_with_evidence_and_asked_again_after_a_year(clinic, clock):
    """R-ORG-3."""
    await institution(clinic)
    admin = an_actor(ADMIN)
    looked = await found(clinic, "infrastructure")
    assert {each.code for each in looked} == {"not_declared"}
    assert len(looked) == len(Item)

    await clinic.infrastructure.declare(
        admin, Item.POWER_TWICE, met=True, note="contract 2025-17", evidence_on=date(2026, 2, 1)
    )
    await clinic.infrastructure.declare(
        admin, Item.BANDWIDTH, met=False, note="one line of 4 Mbit/s", evidence_on=date(2026, 2, 1)
    )

    told = {each.values["item"]: each.code for each in await found(clinic, "infrastructure")}
    assert told[Key("infrastructure.power_twice")] == "declared"
    assert told[Key("infrastructure.bandwidth")] == "not_met"
    [power] = [d for d in await clinic.infrastructure.page(admin) if d.item is Item.POWER_TWICE]
    assert (power.note, power.declared_by) == ("contract 2025-17", str(admin.user_id))
    clock.forward(days=400)
    told = {each.values["item"]: each.code for each in await found(clinic, "infrastructure")}
    assert told[Key("infrastructure.power_twice")] == "old"


@pytest.mark.parametrize(
    ("note", "day", "code"),
    [(" ", date(2026, 2, 1), "evidence_needed"), ("x", date(2027, 1, 1), "evidence_in_future")],
)
async def test_a_declaration_without_evidence_is_refused(clinic, note, day, code):
    with pytest.raises(Invalid) as refusal:
        await clinic.infrastructure.declare(
            an_actor(ADMIN), Item.HIS, met=True, note=note, evidence_on=day
        )
    assert refusal.value.code == code


async def test_nobody_else_declares_the_infrastructure(clinic):
    with pytest.raises(Forbidden):
        await clinic.infrastructure.declare(
            an_actor(Role.DOCTOR), Item.HIS, met=True, note="x", evidence_on=date(2026, 2, 1)
        )


async def test_ready_means_that_the_database_answers(clinic):
    assert await clinic.health.ready() == Readiness(ready=True)
    clinic.health.closing = True
    assert await clinic.health.ready() == Readiness(ready=False, code="closing")


def test_what_was_not_measured_is_not_the_worst():
    both = (findings.unknown("clock", "not_measured"), findings.warn("disk", "low"))
    assert worst(both) is Level.WARN
    assert worst(()) is Level.OK
