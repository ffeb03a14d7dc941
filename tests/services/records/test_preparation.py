"""What a patient gets ready, and what nobody waits without.

R021; domain 5.2.
"""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from data.errors import Conflict, DomainError, Forbidden, Invalid, NotFound
from data.patients import Patient, PatientLink
from data.records import Consent, RedFlags, TriageAnswer
from services.policy import Role
from services.records.consents import ConsentKind, delivered, digest_of
from services.records.evidence import NewEvidence
from services.records.red_flags import groups, red_flags
from tests.factories import an_actor
from tests.kept_files import a_file
from tests.practice import PHONE, Practice

EVERYTHING = ("red_flags", "complaint", "evidence", "consents", "whereabouts", "devices")


@pytest.fixture
async def practice(clinic) -> Practice:
    practice = await Practice(clinic).open()
    await practice.shift()
    return practice


@pytest.fixture
async def visit(practice):
    """A patient, whom they act for, and their appointment of nine o'clock."""
    patient = await practice.patient()
    booked = await practice.book(patient, practice.at(9))
    await practice.happen()
    return patient, next(iter(patient.patient_ids)), booked.id


async def test_a_new_patient_has_everything_to_do_and_then_nothing(practice, visit):
    patient, _, appointment_id = visit
    told = []
    practice.clinic.bus.watch(told.append)
    view = await practice.clinic.preparations.of(patient, appointment_id)
    assert (view.missing, view.call_back) == (EVERYTHING, PHONE)
    await practice.prepare(patient, appointment_id)
    view = await practice.clinic.preparations.settle(patient, appointment_id, taps=2)
    assert (view.missing, view.is_ready, view.taps) == ((), True, 2)
    assert [type(each).__name__ for each in told].count("PreparationReady") == 1


async def test_a_returning_patient_has_evidence_and_standing_consents_on_file(practice, visit):
    """Only what is new each time is asked again: consent to this visit among it. (R-CON-1)"""
    patient, _, appointment_id = visit
    await practice.prepare(patient, appointment_id)
    await practice.until(practice.at(10))
    practice.day += timedelta(days=1)
    await practice.shift()
    again = await practice.book(patient, practice.at(9))
    view = await practice.clinic.preparations.of(patient, again.id)
    assert view.missing == ("red_flags", "complaint", "consents", "whereabouts", "devices")
    assert view.consents == (ConsentKind.TELE_CONSULT,)


async def test_a_sign_of_danger_never_waits_and_is_written_down(practice, visit):
    """R-FU-4: any yes: no queue, 120, recorded."""
    patient, _, appointment_id = visit
    told = []
    practice.clinic.bus.watch(told.append)
    await practice.prepare(patient, appointment_id)
    await practice.clinic.preparations.answer(patient, appointment_id, ["RF04", "RF01"])
    view = await practice.clinic.preparations.of(patient, appointment_id)
    assert (view.red_flags, view.flags) == (RedFlags.FOUND, ("RF01", "RF04"))
    await practice.until(practice.at(8, 45))
    with pytest.raises(Conflict, match="red_flag_found"):
        await practice.clinic.attendance.check_in(patient, appointment_id)
    assert [each.codes for each in told if type(each).__name__ == "RedFlagFound"] == [
        ("RF01", "RF04")
    ]
    async with practice.clinic.database.transaction(write=False) as session:
        assert set(await session.scalars(select(TriageAnswer.code))) == {"RF01", "RF04"}


async def test_who_named_a_sign_takes_it_back_only_with_the_desk(practice, visit):
    patient, _, appointment_id = visit
    await practice.clinic.preparations.answer(patient, appointment_id, ["RF01"])
    with pytest.raises(Conflict, match="red_flag_found"):
        await practice.clinic.preparations.answer(patient, appointment_id, [])
    await practice.clinic.preparations.answer(practice.nurse, appointment_id, [])
    view = await practice.clinic.preparations.of(patient, appointment_id)
    assert view.red_flags is RedFlags.NONE


def test_every_sign_is_asked_for_once_in_both_languages():
    flags = red_flags()
    assert len(flags) == 25
    assert sorted(flag.code for group in groups().values() for flag in group) == sorted(flags)
    assert all(flag.texts["zh_CN"] and flag.texts["en"] for flag in flags.values())
    actions = {"call_120", "emergency_department", "hotline_12356"}
    assert {flag.action for flag in flags.values()} == actions


async def test_nothing_online_without_an_earlier_diagnosis(practice, visit):
    """R-FU-1: evidence of a diagnosis that was made in person, with something that shows it."""
    patient, patient_id, _ = visit
    evidences = practice.clinic.evidences
    for new, code in (
        (NewEvidence("某医院", date(2026, 1, 1), "高血压"), "evidence_proof_needed"),
        (NewEvidence("", date(2026, 1, 1), "高血压", his_visit="1"), "evidence_words_needed"),
        (NewEvidence("某医院", date(2026, 3, 3), "高血压", his_visit="1"), "evidence_day_wrong"),
        (NewEvidence("某医院", date(1926, 1, 1), "高血压", his_visit="1"), "evidence_day_wrong"),
    ):
        with pytest.raises(Invalid, match=code):
            await evidences.add(patient, patient_id, new)


async def test_old_evidence_is_marked_and_not_taken_over_unasked(practice, visit):
    """R-FU-2: 180 days by default; the doctor decides."""
    patient, patient_id, appointment_id = visit
    today = date(2026, 3, 2)
    old = NewEvidence("某医院", today - timedelta(days=181), "高血压", his_visit="1")
    await practice.clinic.evidences.add(patient, patient_id, old)
    assert [each.is_old for each in await practice.clinic.evidences.of(patient, patient_id)] == [
        True
    ]
    assert (await practice.clinic.preparations.of(patient, appointment_id)).evidence_id is None
    young = replace(old, day=today - timedelta(days=180))
    added = await practice.clinic.evidences.add(patient, patient_id, young)
    assert (await practice.clinic.preparations.of(patient, appointment_id)).evidence_id == added


async def test_somebody_elses_evidence_shows_nothing(practice, visit):
    patient, _, appointment_id = visit
    other = await practice.patient()
    (other_id,) = other.patient_ids
    new = NewEvidence("某医院", date(2026, 1, 1), "高血压", his_visit="1")
    theirs = await practice.clinic.evidences.add(other, other_id, new)
    with pytest.raises(NotFound):
        await practice.clinic.preparations.use_evidence(patient, appointment_id, theirs)
    with pytest.raises(Forbidden):
        await practice.clinic.evidences.of(other, next(iter(patient.patient_ids)))


@pytest.mark.parametrize(
    ("do", "code"),
    [
        (lambda p, who, id_: p.describe(who, id_, "痛"), "complaint_length"),
        (lambda p, who, id_: p.describe(who, id_, "痛" * 101), "complaint_length"),
        (lambda p, who, id_: p.locate(who, id_, "家", PHONE), "where_needed"),
        (lambda p, who, id_: p.locate(who, id_, "家里", "12345"), "phone_malformed"),
        (lambda p, who, id_: p.locate(who, id_, "家里", "not a phone"), "phone_malformed"),
        (lambda p, who, id_: p.test_devices(who, id_, "perhaps"), "device_outcome_wrong"),
        (lambda p, who, id_: p.answer(who, id_, ["RF99"]), "red_flag_unknown"),
    ],
)
async def test_what_cannot_be_is_refused_by_name(practice, visit, do, code):
    patient, _, appointment_id = visit
    with pytest.raises(DomainError, match=code):
        await do(practice.clinic.preparations, patient, appointment_id)


async def test_a_new_wording_is_agreed_to_anew(practice, visit):
    """R-CON-1: versioned text; a new version asks again, and what was signed keeps its words."""
    patient, patient_id, appointment_id = visit
    await practice.prepare(patient, appointment_id)
    head, bodies = an_actor(Role.MEDICAL_AFFAIRS), {"zh_CN": "新的说明", "en": "New words"}
    assert await practice.clinic.consents.word(head, ConsentKind.SENSITIVE_DATA, bodies) == 2
    view = await practice.clinic.preparations.of(patient, appointment_id)
    assert view.consents == (ConsentKind.SENSITIVE_DATA,)
    stale = {ConsentKind.SENSITIVE_DATA: 1}
    with pytest.raises(Conflict, match="consent_text_changed"):
        await practice.clinic.consents.give(patient, patient_id, stale)
    await practice.clinic.consents.give(patient, patient_id, {ConsentKind.SENSITIVE_DATA: 2})
    async with practice.clinic.database.transaction(write=False) as session:
        query = select(Consent.text_digest).where(Consent.kind == ConsentKind.SENSITIVE_DATA)
        kept = set(await session.scalars(query))
    assert kept == {digest_of(delivered()[ConsentKind.SENSITIVE_DATA].bodies), digest_of(bodies)}


async def test_a_picture_shown_is_ones_own(practice, visit):
    """Whoever names another's file finds nothing; what the family has added stays."""
    patient, patient_id, appointment_id = visit
    mine, theirs = [await a_file(practice.clinic, who) for who in (patient, practice.nurse)]
    prepared, shown = (
        practice.clinic.preparations,
        NewEvidence("某医院", date(2026, 1, 1), "高血压"),
    )
    with pytest.raises(NotFound):
        await prepared.describe(patient, appointment_id, "头晕三天", photos=[mine, theirs])
    with pytest.raises(NotFound):
        await practice.clinic.evidences.add(patient, patient_id, replace(shown, file_id=theirs))
    await prepared.describe(patient, appointment_id, "头晕三天", photos=[mine])
    await prepared.describe(practice.nurse, appointment_id, "头晕四天", photos=[mine])
    await practice.clinic.evidences.add(patient, patient_id, replace(shown, file_id=mine))


async def test_what_is_given_is_taken_back_as_easily_and_nothing_needs_a_face(practice, visit):
    """R-CON-2: withdrawn as easily as given; recording, face, third parties are never required."""
    patient, patient_id, appointment_id = visit
    await practice.prepare(patient, appointment_id)
    view = await practice.clinic.preparations.of(patient, appointment_id)
    assert view.is_ready  # without recording, face, third parties, research
    consents = practice.clinic.consents
    sensitive = next(
        each
        for each in await consents.given(patient, patient_id)
        if each.kind is ConsentKind.SENSITIVE_DATA
    )
    told = []
    practice.clinic.bus.watch(told.append)
    await consents.withdraw(patient, sensitive.id)
    await consents.withdraw(patient, sensitive.id)
    assert [type(each).__name__ for each in told] == ["ConsentWithdrawn"]
    view = await practice.clinic.preparations.of(patient, appointment_id)
    assert view.missing == ("consents",)


async def test_a_childs_guardian_agrees_and_no_more_once_they_are_none(practice):
    """R-PAT-3: the guardian's own consent; a guardian removed meanwhile has no voice."""
    clinic, guardian = practice.clinic, await practice.patient("王小明")
    (child,) = guardian.patient_ids
    async with clinic.database.transaction(write=True) as session:
        link = (
            await session.scalars(select(PatientLink).where(PatientLink.patient_id == child))
        ).one()
        link.relation, link.is_guardian = "20", True
        row = await session.get(Patient, child)
        row.birth_date = date(2016, 1, 1)
    booked = await practice.book(guardian, practice.at(9))
    view = await clinic.preparations.of(guardian, booked.id)
    assert view.consents == (
        ConsentKind.TELE_CONSULT,
        ConsentKind.SENSITIVE_DATA,
        ConsentKind.GUARDIAN,
    )
    kinds = dict.fromkeys(view.consents, 1)
    await clinic.consents.give(guardian, child, kinds, booked.id)
    assert (await clinic.preparations.of(guardian, booked.id)).consents == ()
    async with clinic.database.transaction(write=True) as session:
        link = (
            await session.scalars(select(PatientLink).where(PatientLink.patient_id == child))
        ).one()
        link.is_guardian = False
    assert len((await clinic.preparations.of(guardian, booked.id)).consents) == 3
    with pytest.raises(Conflict, match="guardian_consent_needed"):
        await clinic.consents.give(guardian, child, kinds, booked.id)


async def test_nothing_is_got_ready_for_a_visit_that_is_over(practice, visit):
    patient, _, appointment_id = visit
    await practice.clinic.booking.cancel(patient, appointment_id)
    with pytest.raises(Conflict, match="appointment_over"):
        await practice.clinic.preparations.describe(patient, appointment_id, "头晕三天")
