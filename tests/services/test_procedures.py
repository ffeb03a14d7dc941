"""The book of procedures is the program itself, in both languages, with a list for everybody."""

import pytest

from data.errors import Forbidden
from services.clinic import Clinic
from services.events import TaskRaised
from services.i18n import LANGUAGES, has
from services.policy import Role
from services.procedures import DUTIES, ROUTINES, fingerprint, first_sentence, found, table
from tests.factories import an_actor


async def test_every_step_is_a_function_that_says_what_it_does(clinic):
    """R092."""
    steps = [step for each in clinic.procedures.table for step in each.steps]
    assert steps
    for step in steps:
        assert callable(found(step.handler))
        assert len(first_sentence(step.doc)) > 10, step.handler


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_book_is_whole_in_each_language(clinic, language):
    """R097: what staff read, they read in their language."""
    keys = {each.key for each in clinic.procedures.table}
    keys |= {step.key for each in clinic.procedures.table for step in each.steps}
    keys |= {duty.key for duty in DUTIES}
    assert [key for key in sorted(keys) if not has(key, language)] == []


async def test_each_role_has_its_own_list(clinic):
    """R097: a checklist a role."""
    lists = {}
    for role in (Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN, Role.DOCTOR):
        found_list = await clinic.procedures.checklist(an_actor(role))
        lists[role] = {duty.key for each in found_list for duty in each.duties}
        for each in found_list:
            assert all(role in duty.roles for duty in each.duties)
    assert "duty.health" in lists[Role.SYSTEM_ADMIN] - lists[Role.AUDIT_ADMIN]
    assert "duty.trail" in lists[Role.AUDIT_ADMIN] - lists[Role.SYSTEM_ADMIN]
    assert "duty.locked" in lists[Role.SECURITY_ADMIN] - lists[Role.DOCTOR]
    assert lists[Role.DOCTOR] == {"duty.tasks", "duty.take_task"}


async def test_a_list_shows_what_the_house_does_meanwhile(clinic):
    checklist = await clinic.procedures.checklist(an_actor(Role.SYSTEM_ADMIN))
    [failed] = [each for each in checklist if each.when == "MessageFailed"]
    assert [step.handler for step in failed.steps] == ["services.notify.Notify.report"]


def test_every_duty_names_an_event_that_there_is():
    events = {each.when for each in table({})}
    assert {duty.when for duty in DUTIES} <= events
    assert events >= set(ROUTINES)


async def test_the_version_changes_with_the_content_and_only_then(clinic, database):
    """R097: versioned."""
    same = Clinic.open(database, clinic.clock, clinic.keys, clinic.settings)
    assert same.procedures.version == clinic.procedures.version
    same.bus.on(TaskRaised, same.tasks.escalate)
    assert fingerprint(table(same.bus.handlers)) != clinic.procedures.version


async def test_patients_do_not_read_the_book(clinic):
    with pytest.raises(Forbidden):
        await clinic.procedures.page(an_actor(Role.PATIENT))
