"""The house knows how it is, says what to do, and never shows green for what nobody looked at."""

import ast
from datetime import date
from pathlib import Path

import pytest

from data.errors import Forbidden
from services import findings, health_house, health_machine, infrastructure
from services.findings import Level, worst
from services.health import Readiness
from services.i18n import LANGUAGES, Key, has, say
from services.infrastructure import Item
from services.policy import HOUSE, Role
from services.tasks import Search
from tests.factories import an_actor
from tests.services.health.looks import ADMIN, institution


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


async def test_what_is_red_is_one_task_until_the_system_administrator_has_closed_it(clinic, clock):
    await institution(clinic, licence_valid_to=date(2026, 1, 1))
    (clinic.settings.key_file).write_text("not a real key")
    clinic.settings.key_file.chmod(0o600)
    for _ in range(3):
        await clinic.health.sample()
    admin = an_actor(ADMIN)
    papers = {"what": Key("health.papers")}
    [task] = await about(clinic, admin, papers)
    assert "Papers of the institution" in say("en", task.title, **task.values)
    clock.forward(days=1)
    await clinic.health.sample()
    assert [each.id for each in await about(clinic, admin, papers)] == [task.id]

    await clinic.tasks.close(admin, task.id, "the new licence is on its way")
    await clinic.health.sample()
    [again] = await about(clinic, admin, papers)
    assert again.id != task.id, "closed and still red: it comes again"


async def about(clinic, admin, values):
    tasks, _ = await clinic.tasks.page(admin, Search(kind="health_red"))
    return [task for task in tasks if task.values == values]


async def test_ready_means_that_the_database_answers(clinic):
    assert await clinic.health.ready() == Readiness(ready=True)
    clinic.health.closing = True
    assert await clinic.health.ready() == Readiness(ready=False, code="closing")


def test_what_was_not_measured_is_not_the_worst():
    both = (findings.unknown("clock", "not_measured"), findings.warn("disk", "low"))
    assert worst(both) is Level.WARN
    assert worst(()) is Level.OK
