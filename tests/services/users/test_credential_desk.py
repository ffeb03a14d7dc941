"""What reviewers and owners of credentials see, and that nobody overwrites another. (R-STF-1)"""

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import select

from data.audit import AuditEntry
from data.clinicians import Clinician
from data.errors import Conflict, Forbidden, Invalid, NotFound
from services.permissions import CLINICIANS
from services.policy import Role
from services.users.clinicians import CredentialState, PaperKind
from services.users.credential_desk import Sought
from services.users.credential_rules import PROFESSIONS
from tests.factories import INSTITUTION, an_actor
from tests.services.users.test_credentials import REVIEWERS, Office, an_office
from tests.services.users.test_patients import number


@pytest.fixture
async def office(clinic) -> Office:
    return await an_office(clinic)


async def _file(office: Office, clinician_id):
    return (await office.clinic.credential_desk.look(office.doctor, clinician_id)).file


@pytest.mark.parametrize("role", sorted(REVIEWERS.values()))
async def test_every_reviewer_opens_a_paper_and_the_look_is_in_the_trail(office: Office, role):
    """R-STF-1: evidence is looked at by who judges it."""
    paper = (await _file(office, await office.draft())).papers[0]
    reviewer = an_actor(role)
    kept = await office.clinic.credential_desk.paper(reviewer, paper.id)
    assert kept.id == paper.file_id
    async with office.clinic.database.transaction(write=False) as session:
        query = select(AuditEntry).where(AuditEntry.actor_id == reviewer.user_id)
        (entry,) = await session.scalars(query)
    assert (entry.action, entry.purpose) == ("credential:read", str(paper.kind))


async def test_nobody_else_opens_a_paper(office: Office):
    paper = (await _file(office, await office.draft())).papers[0]
    desk = office.clinic.credential_desk
    assert (await desk.paper(office.doctor, paper.id)).id == paper.file_id
    for role in (Role.DOCTOR, Role.NURSE, Role.CASHIER, Role.PATIENT, Role.SYSTEM_ADMIN):
        with pytest.raises(Forbidden):
            await desk.paper(an_actor(role), paper.id)
    await office.clinic.clinician_files.remove_paper(office.doctor, paper.id)
    with pytest.raises((NotFound, Forbidden)):
        await desk.paper(an_actor(Role.HR), paper.id)


async def test_all_that_is_missing_is_told_at_once(office: Office):
    """R-STF-1, R-ORG-2: a checklist, not one surprise after the other."""
    files = office.clinic.clinician_files
    clinician_id = await office.draft(
        licence="123",
        licence_valid_to=None,
        practising_since=date(2025, 1, 1),
        main_institution="别家医院",
        department_ids=frozenset(),
    )
    paper = (await _file(office, clinician_id)).papers[0]
    await files.remove_paper(office.doctor, paper.id)
    look = await office.clinic.credential_desk.look(office.doctor, clinician_id)
    assert [(lack.code, lack.what, lack.count) for lack in look.missing] == [
        ("licence_malformed", "", 0),
        ("licence_over", "", 0),
        ("experience_too_short", "", 3),
        ("paper_missing", "licence", 0),
        ("paper_missing", "multi_site_filing", 0),
        ("credential_without_department", "", 0),
    ]
    assert PaperKind.MULTI_SITE_FILING in look.needed
    with pytest.raises(Invalid, match="licence_malformed"):
        await office.take("submit", clinician_id)


async def test_nothing_is_missing_of_a_complete_file(office: Office):
    clinician_id = await office.active()
    look = await office.clinic.credential_desk.look(office.reviewers["verify"], clinician_id)
    assert look.missing == ()
    assert PaperKind.MULTI_SITE_FILING not in look.needed


async def _many(office: Office, count: int) -> None:
    for nth in range(count):
        office.doctor = an_actor(Role.DOCTOR)
        clinician_id = await office.draft(name=f"医生{nth}", licence=f"1101100000001{nth:02}")
        if nth % 2:
            await office.take("submit", clinician_id)


async def test_the_list_comes_a_page_at_a_time_with_whose_turn_it_is_first(office: Office):
    await _many(office, 5)
    desk, hr = office.clinic.credential_desk, an_actor(Role.HR)
    first = await desk.page(hr, Sought(limit=3))
    assert first.total == 5
    assert [(each.name, each.is_turn) for each in first.entries] == [
        ("医生1", True),
        ("医生3", True),
        ("医生0", False),
    ]
    rest = await desk.page(hr, Sought(offset=3, limit=3))
    assert [each.name for each in rest.entries] == ["医生2", "医生4"]
    drafts = await desk.page(hr, Sought(state=CredentialState.DRAFT))
    assert (drafts.total, len(drafts.entries)) == (3, 3)


async def test_the_list_is_searched_by_name_and_by_licence(office: Office):
    await _many(office, 3)
    desk, hr = office.clinic.credential_desk, an_actor(Role.HR)
    assert [each.name for each in (await desk.page(hr, Sought(text="生2"))).entries] == ["医生2"]
    found = await desk.page(hr, Sought(text="110110000000101"))
    assert [each.name for each in found.entries] == ["医生1"]
    assert (await desk.page(hr, Sought(text="%"))).total == 0


async def test_the_list_is_the_reviewers_and_of_their_own_house(office: Office):
    await _many(office, 1)
    for role in (Role.DOCTOR, Role.NURSE, Role.PATIENT, Role.SYSTEM_ADMIN):
        with pytest.raises(Forbidden):
            await office.clinic.credential_desk.page(an_actor(role), Sought())
    elsewhere = an_actor(Role.HR, institution_id=an_actor(Role.HR).user_id)
    assert (await office.clinic.credential_desk.page(elsewhere, Sought())).total == 0


async def test_a_form_that_was_changed_meanwhile_is_not_kept(office: Office):
    clinician_id = await office.draft()
    files = office.clinic.clinician_files
    shown = await files.one(office.doctor, clinician_id)
    with pytest.raises(Conflict, match="changed_meanwhile"):
        await files.keep(office.doctor, office.details)  # a page that knew of no file
    await files.keep(office.doctor, replace(office.details, title="副主任医师"), shown.version)
    with pytest.raises(Conflict, match="changed_meanwhile"):
        await files.keep(office.doctor, office.details, shown.version)
    assert (await files.one(office.doctor, clinician_id)).title == "副主任医师"


async def test_the_identity_number_is_asked_for_once(office: Office):
    files = office.clinic.clinician_files
    nothing = replace(office.details, identity=" ")
    with pytest.raises(Invalid, match="identity_malformed"):
        await files.keep(office.doctor, nothing)
    clinician_id = await files.keep(office.doctor, office.details)
    version = (await files.one(office.doctor, clinician_id)).version
    await files.keep(office.doctor, nothing, version)
    async with office.clinic.database.transaction(write=False) as session:
        row = await session.get(Clinician, clinician_id)
    assert row.identity == number("19800101", 3)


async def test_a_department_that_was_changed_meanwhile_is_not_closed(office: Office):
    """R-ORG-2."""
    departments, head = office.clinic.departments, an_actor(Role.MEDICAL_AFFAIRS)
    (mine,) = await departments.all(head, INSTITUTION)
    await departments.change(head, mine.id, "心内科", mine.version, is_online=False)
    with pytest.raises(Conflict, match="changed_meanwhile"):
        await departments.close(head, mine.id, mine.version)
    (mine,) = await departments.all(head, INSTITUTION)
    await departments.close(head, mine.id, mine.version)
    assert await departments.all(head, INSTITUTION) == []


async def test_nobody_has_papers_as_what_their_account_is_not(office: Office):
    """A nurse's account keeps no doctor's file, whoever asks for it. (R-STF-1)"""
    nurse = an_actor(Role.NURSE)
    with pytest.raises(Forbidden, match="profession_not_yours"):
        await office.clinic.clinician_files.keep(nurse, office.details)
    assert await office.clinic.clinician_files.mine(nurse) == []


def test_everybody_who_keeps_papers_has_a_profession():
    assert set(PROFESSIONS) == CLINICIANS
