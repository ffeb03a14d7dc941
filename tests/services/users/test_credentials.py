"""Nobody treats before six different people have looked at their papers. (R060)

Domain 5.9, R-STF-1.
"""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from data.clinicians import Clinician, CredentialStep
from data.clock import new_id
from data.database import Database
from data.errors import Conflict, DomainError, Forbidden, Invalid, NotFound
from data.institution import Institution
from data.tasks import Task
from services.clinic import Clinic
from services.policy import Actor, Role
from services.settings import Settings
from services.users.clinicians import CredentialState, Details, PaperKind, Profession
from services.users.credential_rules import NEEDED, STEPS
from tests.conftest import HeldClock
from tests.factories import INSTITUTION, an_actor
from tests.kept_files import a_file
from tests.services.users.test_patients import number

HERE = "示范县人民医院(测试)"
LATER = date(2028, 1, 1)
REVIEWERS = {
    "verify": Role.HR,
    "approve": Role.MEDICAL_AFFAIRS,
    "certify": Role.SECURITY_ADMIN,
    "file": Role.QUALITY,
    "activate": Role.DEPARTMENT_HEAD,
}


@dataclass
class Office:
    """A house with its reviewers and one doctor."""

    clinic: Clinic
    doctor: Actor = field(default_factory=lambda: an_actor(Role.DOCTOR))
    department_id: UUID = field(default_factory=new_id)
    reviewers: dict[str, Actor] = field(
        default_factory=lambda: {step: an_actor(role) for step, role in REVIEWERS.items()}
    )

    @property
    def details(self) -> Details:
        return Details(
            profession=Profession.DOCTOR,
            name="林建国",
            identity=number("19800101", 3),
            licence="110110000000001",
            licence_valid_to=LATER,
            title="主治医师",
            practising_since=date(2010, 7, 1),
            main_institution=HERE,
            department_ids=frozenset({self.department_id}),
        )

    async def draft(self, **changes: object) -> UUID:
        """A draft with every paper that is needed."""
        files, details = self.clinic.clinician_files, replace(self.details, **changes)
        clinician_id = await files.keep(self.doctor, details)
        for kind in NEEDED[details.profession]:
            paper = await a_file(self.clinic, self.doctor)
            await files.add_paper(self.doctor, clinician_id, kind, paper)
        return clinician_id

    async def take(self, step: str, clinician_id: UUID, by: Actor | None = None) -> None:
        """Take one step of the review, by whom it belongs to or by somebody else."""
        review, actor = self.clinic.credential_review, by or self.reviewers.get(step, self.doctor)
        more = {
            "verify": (await a_file(self.clinic, actor), "已在国家医师执业注册系统核对"),
            "certify": ("CA-0001", LATER),
            "file": ("备案-2026-0001",),
            "suspend": ("核查执业信息",),
            "resume": ("核查无误",),
            "revoke": ("已经离职了",),
            "give_back": ("材料不清晰",),
        }
        await getattr(review, step)(actor, clinician_id, *more.get(step, ()))

    async def active(self, **changes: object) -> UUID:
        clinician_id = await self.draft(**changes)
        for step in ("submit", *REVIEWERS):
            await self.take(step, clinician_id)
        return clinician_id

    async def state(self, clinician_id: UUID) -> CredentialState:
        async with self.clinic.database.transaction(write=False) as session:
            row = await session.get(Clinician, clinician_id)
            assert row
            return row.state

    async def may_treat(self, on: date = date(2026, 3, 3)) -> None:
        async with self.clinic.transactions.read(self.doctor) as tx:
            directory = self.clinic.clinician_directory
            await directory.may_treat(tx, self.doctor.user_id, self.department_id, on)


async def an_office(clinic: Clinic) -> Office:
    async with clinic.database.transaction(write=True) as session:
        session.add(
            Institution(
                id=INSTITUTION, name=HERE, uscc="121101019999000038", created_at=clinic.clock.now()
            )
        )
    office = Office(clinic)
    head = an_actor(Role.MEDICAL_AFFAIRS)
    office.department_id = await clinic.departments.add(head, "03.04")
    return office


@pytest.fixture
async def office(clinic) -> Office:
    return await an_office(clinic)


async def test_six_people_make_a_doctor_active_and_each_is_written_down(office: Office):
    clinician_id = await office.active()
    await office.may_treat()
    file = await office.clinic.clinician_files.one(office.doctor, clinician_id)
    assert [step.went_to for step in file.steps] == [step.goes_to for step in STEPS]
    assert len({step.taken_by for step in file.steps}) == 6
    assert all(paper.verified_by == office.reviewers["verify"].user_id for paper in file.papers)


@pytest.mark.parametrize("stops_after", range(6))
async def test_before_the_last_step_nobody_treats(office: Office, stops_after):
    """R-STF-1: missing any => cannot go online."""
    clinician_id = await office.draft()
    for step in ("submit", *REVIEWERS)[:stops_after]:
        await office.take(step, clinician_id)
    with pytest.raises(Conflict, match="clinician_not_active"):
        await office.may_treat()


async def test_no_step_is_left_out(office: Office):
    clinician_id = await office.draft()
    for step in list(REVIEWERS):
        with pytest.raises(Conflict, match="credential_state_wrong"):
            await office.take(step, clinician_id)


async def test_nobody_takes_two_steps_and_nobody_reviews_themselves(office: Office):
    clinician_id = await office.draft()
    both = an_actor(Role.HR, Role.MEDICAL_AFFAIRS)
    await office.take("submit", clinician_id)
    me = replace(
        office.doctor, grants=office.doctor.grants | an_actor(Role.HR).grants, confirmed_at=None
    )
    with pytest.raises(Forbidden):
        await office.take("verify", clinician_id, by=me)
    await office.take("verify", clinician_id, by=both)
    with pytest.raises(Forbidden, match="credential_same_person"):
        await office.take("approve", clinician_id, by=both)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"licence": "11011000000001"}, "licence_malformed"),
        ({"licence": "310110000000001"}, "licence_malformed"),
        ({"licence_valid_to": date(2026, 3, 1)}, "licence_over"),
        ({"licence_valid_to": None}, "licence_over"),
        ({"practising_since": date(2023, 3, 3)}, "experience_too_short"),
        ({"practising_since": None}, "experience_too_short"),
        ({"main_institution": "别家医院"}, "paper_missing"),
        ({"department_ids": frozenset()}, "credential_without_department"),
    ],
)
async def test_what_is_missing_is_said_when_it_is_handed_in(office: Office, changes, code):
    """R-STF-1: licence, validity, three years, consent, multi-site filing; R-ORG-2."""
    clinician_id = await office.draft(**changes)
    with pytest.raises(DomainError, match=code):
        await office.take("submit", clinician_id)


async def test_three_years_are_three_years_to_the_day(office: Office):
    clinician_id = await office.draft(practising_since=date(2023, 3, 2))
    await office.take("submit", clinician_id)


async def test_a_paper_that_is_missing_is_named(office: Office):
    clinician_id = await office.draft()
    file = await office.clinic.clinician_files.one(office.doctor, clinician_id)
    consent = next(each for each in file.papers if each.kind is PaperKind.HOSPITAL_CONSENT)
    await office.clinic.clinician_files.remove_paper(office.doctor, consent.id)
    with pytest.raises(Conflict, match="paper_missing") as refusal:
        await office.take("submit", clinician_id)
    assert refusal.value.details["what"] == "hospital_consent"


async def test_nobody_shows_what_another_has_handed_in(office: Office):
    """A file of somebody else's is not there, whoever names it."""
    clinician_id = await office.draft()
    hr = office.reviewers["verify"]
    theirs = await a_file(office.clinic, hr)
    with pytest.raises(NotFound):
        await office.clinic.clinician_files.add_paper(
            office.doctor, clinician_id, PaperKind.TITLE, theirs
        )
    await office.take("submit", clinician_id)
    mine = await a_file(office.clinic, office.doctor)
    with pytest.raises(NotFound):
        await office.clinic.credential_review.verify(hr, clinician_id, mine, "已核对")


async def test_what_is_in_review_cannot_be_changed_and_comes_back_with_a_reason(office: Office):
    clinician_id = await office.draft()
    await office.take("submit", clinician_id)
    with pytest.raises(Conflict, match="credential_in_review"):
        await office.clinic.clinician_files.keep(office.doctor, office.details)
    await office.take("give_back", clinician_id, by=office.reviewers["verify"])
    file = await office.clinic.clinician_files.one(office.doctor, clinician_id)
    assert (file.state, file.reason) == (CredentialState.DRAFT, "材料不清晰")
    await office.clinic.clinician_files.keep(office.doctor, office.details, file.version)


async def test_only_departments_of_the_licence_that_are_offered_and_ones_own(office: Office):
    """R-ORG-2: approved for the institution AND among the doctor's."""
    await office.active()
    departments, head = office.clinic.departments, an_actor(Role.MEDICAL_AFFAIRS)
    other = await departments.add(head, "03.07")
    async with office.clinic.transactions.read(office.doctor) as tx:
        with pytest.raises(Conflict, match="department_not_offered"):
            await office.clinic.clinician_directory.may_treat(
                tx, office.doctor.user_id, other, date(2026, 3, 3)
            )
    (mine,) = [
        each for each in await departments.all(head, INSTITUTION) if each.id == office.department_id
    ]
    await departments.change(head, mine.id, mine.name, mine.version, is_online=False)
    with pytest.raises(Conflict, match="department_not_offered"):
        await office.may_treat()


async def test_a_department_is_one_of_the_national_catalogue_once(office: Office):
    head = an_actor(Role.MEDICAL_AFFAIRS)
    with pytest.raises(Invalid, match="department_code_unknown"):
        await office.clinic.departments.add(head, "99.99")
    with pytest.raises(Conflict, match="department_known"):
        await office.clinic.departments.add(head, "03.04")
    with pytest.raises(Forbidden):
        await office.clinic.departments.add(office.doctor, "03.07")


async def test_a_suspended_doctor_treats_no_more_and_is_shown_out_at_once(office: Office):
    """R-STF-5: rights end at once; sessions within 60 s."""
    told = []
    office.clinic.bus.watch(told.append)
    clinician_id = await office.active()
    await office.take("suspend", clinician_id, by=office.reviewers["verify"])
    with pytest.raises(Conflict, match="clinician_not_active"):
        await office.may_treat()
    assert type(told[-1]).__name__ == "ClinicianSuspended"
    await office.take("resume", clinician_id, by=office.reviewers["approve"])
    await office.may_treat()


async def test_nobody_begins_with_a_certificate_that_has_run_out_meanwhile(office: Office, clock):
    """Domain 5.9: valid when it was bound is not valid when they begin. Red before."""
    clinician_id = await office.draft(licence_valid_to=date(2030, 1, 1))
    for step in ("submit", "verify", "approve", "certify", "file"):
        await office.take(step, clinician_id)
    clock.time = clock.time.replace(year=2028, month=1, day=3)
    with pytest.raises(Conflict, match="licence_over"):
        await office.take("activate", clinician_id)
    assert await office.state(clinician_id) is CredentialState.REGULATOR_FILED


async def test_who_is_revoked_does_not_come_back(office: Office):
    clinician_id = await office.active()
    await office.take("revoke", clinician_id, by=office.reviewers["verify"])
    for step in ("resume", "suspend", "submit", *REVIEWERS):
        with pytest.raises(DomainError):
            await office.take(step, clinician_id, by=None)
    assert await office.state(clinician_id) is CredentialState.REVOKED


async def test_papers_that_end_are_warned_of_and_then_end_the_right(office: Office, clock):
    """60, 30, 7 days before; suspended the day after the last. (domain 5.9, expiry job)"""
    ends = date(2026, 5, 31)
    clinician_id = await office.active(licence_valid_to=ends)

    async def watched(days_before: int) -> tuple[int, set[str]]:
        day = ends - timedelta(days=days_before)
        clock.time = clock.time.replace(year=day.year, month=day.month, day=day.day)
        suspended = await office.clinic.credential_review.watch()
        async with office.clinic.database.transaction(write=False) as session:
            keys = set(await session.scalars(select(Task.key)))
        return suspended, {key.rpartition(":")[2] for key in keys}

    assert await watched(61) == (0, set())
    assert await watched(60) == (0, {"60"})
    assert await watched(59) == (0, {"60"})
    assert await watched(30) == (0, {"60", "30"})
    assert await watched(7) == (0, {"60", "30", "7"})
    assert await watched(0) == (0, {"60", "30", "7"})
    await office.may_treat(on=ends)
    assert await watched(-1) == (1, {"60", "30", "7", "0"})
    assert await office.state(clinician_id) is CredentialState.SUSPENDED
    assert await watched(-2) == (0, {"60", "30", "7", "0"})


async def test_everybody_may_see_who_treats_and_by_which_licence(office: Office):
    """R-STF-3: name, title, department, licence; nobody who may not treat."""
    visitor = an_actor(Role.VISITOR)
    assert await office.clinic.clinician_directory.doctors(visitor, INSTITUTION) == []
    await office.active()
    (doctor,) = await office.clinic.clinician_directory.doctors(visitor, INSTITUTION)
    assert (doctor.name, doctor.title, doctor.licence) == (
        "林建国",
        "主治医师",
        "110110000000001",
    )
    assert doctor.department_ids == {office.department_id}


MOVES = ("submit", *REVIEWERS, "suspend", "resume", "revoke", "give_back", "revise")


@given(st.lists(st.tuples(st.sampled_from(MOVES), st.integers(0, 6)), max_size=25))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@pytest.mark.sqlite
def test_no_path_makes_a_clinician_active_but_six_steps_by_six_people(
    keys, tmp_path_factory, moves
):
    """Whatever is tried, by whom, in whatever order: ACTIVE means the six steps are there."""
    asyncio.run(_try(tmp_path_factory.mktemp("office"), keys, moves))


async def _try(home, keys, moves) -> None:
    configured = Settings(home=home)
    database = await Database(configured.database, keys.key("db")).open()
    await database.create_tables()
    try:
        office = await an_office(Clinic.open(database, HeldClock(), keys, configured))
        people = [office.doctor, *office.reviewers.values(), an_actor(*REVIEWERS.values())]
        clinician_id = await office.draft()
        for move, nth in moves:
            try:
                await office.take(move, clinician_id, by=people[nth])
            except DomainError:
                continue
            await _require_six(office, clinician_id)
        for step in ("submit", *REVIEWERS):  # and the right way stays open, if it is not over
            if await office.state(clinician_id) is CredentialState.DRAFT and step != "submit":
                break
            try:
                await office.take(step, clinician_id)
            except DomainError:
                continue
            await _require_six(office, clinician_id)
    finally:
        await database.close()


async def _require_six(office: Office, clinician_id: UUID) -> None:
    if await office.state(clinician_id) is not CredentialState.ACTIVE:
        return
    async with office.clinic.database.transaction(write=False) as session:
        query = select(CredentialStep).order_by(CredentialStep.id)
        steps = list(await session.scalars(query))
    handed_in = max(n for n, step in enumerate(steps) if step.went_to == "submitted")
    round_ = steps[handed_in : handed_in + 6]
    assert [step.went_to for step in round_] == [step.goes_to for step in STEPS]
    assert len({step.taken_by for step in round_}) == 6
