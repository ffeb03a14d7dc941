"""Makers of what a visit needs, from the department to the ticket; see whose.py.

One's own is both what one's account has booked and what one treats: a rule asks for the one or
the other.
"""

from datetime import date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import select

from data.appointments import (
    Appointment,
    AppointmentState,
    Channel,
    DayPart,
    Leave,
    Shift,
    ShiftPattern,
    ShiftState,
    Slot,
    SlotState,
    WaitlistEntry,
    WaitState,
)
from data.clinicians import (
    CredentialState,
)
from data.clock import new_id
from data.patients import IdentityDocument, Patient, PatientLink, Relation, Sex
from data.queue import Presence, Ticket, TicketState
from data.records import Consent, ConsentKind, ConsentText, Evidence, Preparation, RedFlags
from data.workbench import Encounter, EncounterState
from services.records.consents import delivered, digest_of
from tests.architecture import whose
from tests.architecture.whose import Case, Maker, Whose
from tests.architecture.world_of_staff import treats

SOON = timedelta(minutes=20)


async def _timed(case: Case, state: ShiftState, starts_at: datetime) -> tuple[Shift, Slot]:
    _, department_id = await treats(case, case.owner_id, CredentialState.ACTIVE)
    shift = Shift(
        id=new_id(),
        clinician_id=case.owner_id,
        department_id=department_id,
        kind="video",
        day=starts_at.date(),
        part=DayPart.AFTERNOON,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=1),
        slot_minutes=10,
        capacity=1,
        quotas={},
        opens_at=starts_at - timedelta(days=7),
        state=state,
        **case.place,
    )
    slot = Slot(
        id=new_id(),
        shift_id=shift.id,
        seq=0,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=10),
        state=SlotState.BOOKED,
        **case.place,
    )
    await case.keep(shift, *([] if state is ShiftState.DRAFT else [slot]))
    return shift, slot


def shift(state: ShiftState) -> Maker:
    """Return a maker of a shift of tomorrow in this state; shifts are never deleted."""

    async def make(case: Case) -> UUID:
        if case.deleted:
            return new_id()
        tomorrow = case.clinic.clock.now() + timedelta(days=1)
        return (await _timed(case, state, tomorrow))[0].id

    return make


async def pattern(case: Case) -> UUID:
    row = ShiftPattern(
        id=new_id(),
        clinician_id=case.owner_id,
        department_id=new_id(),
        kind="video",
        weekday=1,
        part=DayPart.MORNING,
        starts=time(9),
        ends=time(12),
        slot_minutes=10,
        capacity=1,
        quotas={},
        valid_from=date(2026, 1, 1),
        deleted_at=case.clinic.clock.now() if case.deleted else None,
        **case.place,
    )
    await case.keep(row)
    return row.id


async def leave(case: Case) -> UUID:
    now = case.clinic.clock.now()
    row = Leave(
        id=new_id(),
        owner_id=case.owner_id,
        starts_at=now,
        ends_at=now + timedelta(days=1),
        entered_by=new_id(),
        deleted_at=now if case.deleted else None,
        **case.place,
    )
    await case.keep(row)
    return row.id


async def patient(case: Case) -> UUID:
    """Somebody who is verified; see `whose.patient`."""
    patient_id = await whose.patient(case)
    async with case.clinic.database.transaction(write=True) as session:
        row = await session.get(Patient, patient_id)
        if row is not None:
            row.verified_at = case.clinic.clock.now()
    return patient_id


def visit(
    state: AppointmentState = AppointmentState.CONFIRMED,
    ticket: TicketState = TicketState.EXPECTED,
    encounter: EncounterState = EncounterState.REQUESTED,
    *,
    which: str = "appointment",
    ahead: timedelta = SOON,
) -> Maker:
    """Return a maker of an appointment with all that hangs on it; none is ever deleted.

    `which` of its ids is returned: `appointment`, `ticket` or `encounter`.
    """

    async def make(case: Case) -> UUID:
        if case.deleted:
            return new_id()
        now = case.clinic.clock.now()
        time_, slot = await _timed(case, ShiftState.PUBLISHED, now + ahead)
        person = Patient(
            id=new_id(),
            name="测试患者",
            number=new_id().hex[:12].upper(),
            document=IdentityDocument.PASSPORT,
            sex=Sex.FEMALE,
            birth_date=date(1990, 1, 1),
            created_at=now,
            **case.place,
        )
        about = {
            "owner_id": case.owner_id,
            "patient_id": person.id,
            "clinician_id": case.owner_id,
            "department_id": time_.department_id,
            **case.place,
        }
        row = Appointment(
            id=new_id(),
            slot_id=slot.id,
            shift_id=time_.id,
            kind="video",
            starts_at=slot.starts_at,
            ends_at=slot.ends_at,
            channel=Channel.PORTAL,
            state=state,
            price_fen=0,
            price_version=1,
            booked_by=case.owner_id,
            created_at=now,
            confirmed_at=now,
            **about,
        )
        queued = Ticket(
            id=new_id(),
            appointment_id=row.id,
            number="A001",
            slot_at=row.starts_at,
            slot_ends_at=row.ends_at,
            state=ticket,
            checked_in_at=now,
            calls=1,
            **about,
        )
        held = Encounter(
            id=new_id(),
            appointment_id=row.id,
            kind="video",
            state=encounter,
            requested_at=now,
            starts_at=row.starts_at,
            started_at=now,
            accept_by=row.ends_at,
            **about,
        )
        await case.keep(person, row, queued, held)
        if case.whose is Whose.OWN:
            mine = {"owner_id": case.actor.user_id, "patient_id": person.id, **case.place}
            await case.keep(PatientLink(relation=Relation.SPOUSE, since=now, **mine))
            case.clinic.sessions.forget_user(case.actor.user_id)
        await _get_ready(case, row)
        return {"appointment": row.id, "ticket": queued.id, "encounter": held.id}[which]

    return make


async def _get_ready(case: Case, row: Appointment) -> None:
    """Everything that check-in asks for."""
    now, mine = case.clinic.clock.now(), {"owner_id": case.owner_id, "patient_id": row.patient_id}
    evidence = Evidence(
        id=new_id(),
        made_at_institution="测试医院",
        made_on=now.date(),
        diagnosis="高血压",
        his_visit="V1",
        added_at=now,
        **mine,
        **case.place,
    )
    prepared = Preparation(
        appointment_id=row.id,
        red_flags=RedFlags.NONE,
        complaint="头晕三天",
        evidence_id=evidence.id,
        where_now="家里",
        call_back="19900000001",
        devices="ok",
        started_at=now,
        **mine,
        **case.place,
    )
    await case.keep(evidence, prepared)
    for kind in (ConsentKind.TELE_CONSULT, ConsentKind.SENSITIVE_DATA):
        await _agree(case, kind, row.patient_id, row.id)


async def _agree(
    case: Case, kind: ConsentKind, patient_id: UUID, appointment_id: UUID | None
) -> UUID:
    now, words = case.clinic.clock.now(), delivered()[kind]
    text = await _text_of(case, kind)
    if text is None:
        text = ConsentText(
            id=new_id(),
            institution_id=case.institution_id,
            kind=kind,
            version=1,
            bodies=dict(words.bodies),
            digest=digest_of(words.bodies),
            effective_from=now,
            entered_by=new_id(),
        )
        await case.keep(text)
    given = Consent(
        id=new_id(),
        owner_id=case.owner_id,
        patient_id=patient_id,
        kind=kind,
        text_id=text.id,
        text_digest=text.digest,
        appointment_id=appointment_id if kind is ConsentKind.TELE_CONSULT else None,
        given_at=now,
        **case.place,
    )
    await case.keep(given)
    return given.id


async def _text_of(case: Case, kind: ConsentKind) -> ConsentText | None:
    async with case.clinic.database.transaction(write=False) as session:
        query = select(ConsentText).where(
            ConsentText.institution_id == case.institution_id, ConsentText.kind == kind
        )
        return await session.scalar(query)


async def consent(case: Case) -> UUID:
    """A consent that stands; none is ever deleted."""
    if case.deleted:
        return new_id()
    return await _agree(case, ConsentKind.RECORDING, await whose.patient(case), None)


async def evidence(case: Case) -> UUID:
    now = case.clinic.clock.now()
    row = Evidence(
        id=new_id(),
        owner_id=case.owner_id,
        patient_id=await whose.patient(case),
        made_at_institution="测试医院",
        made_on=now.date(),
        diagnosis="高血压",
        his_visit="V1",
        added_at=now,
        deleted_at=now if case.deleted else None,
        **case.place,
    )
    await case.keep(row)
    return row.id


def waiting(state: WaitState) -> Maker:
    """Return a maker of a place on a wait-list; none is ever deleted."""

    async def make(case: Case) -> UUID:
        if case.deleted:
            return new_id()
        now = case.clinic.clock.now()
        _, slot = await _timed(case, ShiftState.PUBLISHED, now + timedelta(days=1))
        row = WaitlistEntry(
            id=new_id(),
            owner_id=case.owner_id,
            patient_id=new_id(),
            clinician_id=case.another,
            kind="video",
            since_day=now.date(),
            until_day=now.date(),
            state=state,
            slot_id=slot.id,
            created_at=now,
            **case.place,
        )
        await case.keep(row)
        return row.id

    return make


async def present(case: Case) -> None:
    """Let the doctor of the case be at work."""
    now = case.clinic.clock.now()
    await case.keep(Presence(owner_id=case.owner_id, since=now, last_beat_at=now, **case.place))
