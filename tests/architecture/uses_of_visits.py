"""Examples of the use cases around a visit; see uses.py."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select

from data.appointments import AppointmentState, Shift, ShiftState, WaitState
from data.clinicians import CredentialState, DepartmentMember
from data.clock import new_id
from data.queue import TicketState
from data.records import Preparation
from data.workbench import EncounterState, Termination
from services.appointments.booking import Wish
from services.appointments.hours import Hours
from services.appointments.patterns import NewPattern
from services.appointments.shifts import NewShift
from services.appointments.waitlist import Wanted
from services.billing.tariff import NewPrice
from services.policy import Action, Role
from services.records.consents import ConsentKind
from services.records.evidence import NewEvidence
from tests.architecture import uses_of_staff, whose, world, world_of_staff
from tests.architecture.examples import Shows, Use
from tests.architecture.whose import Case, Whose
from tests.factories import an_actor

WHY = "for the matrix"
MORNING = Hours(time(9), time(12), 10)
TO_COME = date(2026, 3, 5)
HERE, SERVED = TicketState.WAITING, TicketState.SERVING


async def _add_shift(case: Case, site_id: UUID) -> None:
    clinician_id, department_id = await world_of_staff.treated_by(case)
    new = NewShift(clinician_id, department_id, "video", TO_COME, MORNING, site_id)
    await case.clinic.shifts.add(case.actor, new)


async def _add_pattern(case: Case, site_id: UUID) -> None:
    clinician_id, department_id = await world_of_staff.treated_by(case)
    new = NewPattern(*(clinician_id, department_id, "video", 1, MORNING, TO_COME), site_id=site_id)
    await case.clinic.patterns.add(case.actor, new)


FREE_WITH = UUID(int=909)
"""A doctor of the asker's own house who has places for everybody, free of charge."""
FREE_AT = datetime.combine(TO_COME, time(9), ZoneInfo("Asia/Shanghai"))


async def somebody_to_book_for(case: Case) -> UUID:
    """A verified patient; and a doctor who has time."""
    clinic = case.clinic
    async with clinic.database.transaction(write=False) as session:
        query = select(DepartmentMember.id).where(DepartmentMember.owner_id == FREE_WITH)
        known = await session.scalar(query)
    if known is None:
        here = Case(clinic, case.actor, case.role, Whose.ANOTHERS, FREE_WITH)
        _, department_id = await world_of_staff.treats(here, FREE_WITH, CredentialState.ACTIVE)
        planner = an_actor(Role.MEDICAL_AFFAIRS, confirmed_at=clinic.clock.now())
        hours = Hours(time(9), time(12), 10, 16)
        new = NewShift(FREE_WITH, department_id, "video", TO_COME, hours)
        await clinic.shifts.publish(planner, [await clinic.shifts.add(planner, new)])
        await clinic.tariffs.set_price(planner, NewPrice("visit.video", 0))
    return await world.patient(case)


async def _hold(case: Case, patient_id: UUID) -> None:
    actor = whose.acting_for(case, patient_id)
    await case.clinic.booking.hold(actor, Wish(patient_id, FREE_WITH, FREE_AT, "video"))


def asked_place(_case: Case, patient_id: UUID) -> object:
    """Return what the API is told."""
    told = {"patient_id": str(patient_id), "clinician_id": str(FREE_WITH)}
    return {**told, "starts_at": FREE_AT.isoformat()}


async def _pass_on(case: Case, shift_id: UUID) -> None:
    """To a colleague of the same department."""
    clinician_id, _ = await world_of_staff.treated_by(case)
    async with case.clinic.database.transaction(write=True) as session:
        shift = await session.get(Shift, shift_id)
        if shift is not None:
            query = select(DepartmentMember).where(DepartmentMember.owner_id == clinician_id)
            member = (await session.scalars(query)).one()
            member.department_id = shift.department_id
    await case.clinic.shifts.pass_on(case.actor, shift_id, clinician_id, WHY)


async def _swap(case: Case, shift_id: UUID) -> None:
    """With a shift in the same department, of one's own house."""
    other_case = Case(case.clinic, case.actor, case.role, Whose.ANOTHERS)
    other_id = await world.shift(ShiftState.PUBLISHED)(other_case)
    async with case.clinic.database.transaction(write=True) as session:
        mine, other = await session.get(Shift, shift_id), await session.get(Shift, other_id)
        assert other
        if mine is not None:
            other.department_id = mine.department_id
            query = select(DepartmentMember).where(DepartmentMember.owner_id == other_case.owner_id)
            (await session.scalars(query)).one().department_id = mine.department_id
    await case.clinic.shifts.swap(case.actor, shift_id, other_id, WHY)


async def _take_leave(case: Case, owner_id: UUID) -> None:
    await case.clinic.patterns.take_leave(case.actor, owner_id, TO_COME, TO_COME, WHY)


async def _join(case: Case, patient_id: UUID) -> None:
    wanted = Wanted(patient_id, new_id(), "video", TO_COME, TO_COME)
    await case.clinic.waitlist.join(whose.acting_for(case, patient_id), wanted)


async def _give(case: Case, patient_id: UUID) -> None:
    actor = whose.acting_for(case, patient_id)
    await case.clinic.consents.give(actor, patient_id, {ConsentKind.RECORDING: 1})


async def _show(case: Case, patient_id: UUID) -> None:
    new = NewEvidence("测试医院", date(2026, 1, 1), "高血压", his_visit="V1")
    await case.clinic.evidences.add(whose.acting_for(case, patient_id), patient_id, new)


async def _look(case: Case, patient_id: UUID) -> object:
    actor = whose.acting_for(case, patient_id)
    await case.clinic.evidences.of(actor, patient_id)
    return "an answer"


async def _banned(case: Case, patient_id: UUID) -> object:
    await case.clinic.visits.banned_until(whose.acting_for(case, patient_id), patient_id)
    return "an answer"


async def _given(case: Case, patient_id: UUID) -> object:
    await case.clinic.consents.given(whose.acting_for(case, patient_id), patient_id)
    return "an answer"


async def _use(case: Case, appointment_id: UUID) -> None:
    async with case.clinic.database.transaction(write=False) as session:
        query = select(Preparation.evidence_id).where(Preparation.appointment_id == appointment_id)
        known = await session.scalar(query) or new_id()
    await case.clinic.preparations.use_evidence(case.actor, appointment_id, known)


def _confirmed(case: Case) -> Case:
    """The doctor has just shown who they are."""
    return replace(case, actor=replace(case.actor, confirmed_at=case.clinic.clock.now()))


CAME = world.visit(AppointmentState.CHECKED_IN, HERE)
CALLED = world.visit(AppointmentState.CHECKED_IN, TicketState.CALLED)
RUNS = world.visit(
    AppointmentState.IN_CONSULT, SERVED, EncounterState.IN_PROGRESS, which="encounter"
)

USES: dict[str, Use] = {
    **uses_of_staff.USES,
    "attendance.check_in": Use(
        Action.APPOINTMENT_CHECK_IN,
        world.visit(),
        lambda case, id_: case.clinic.attendance.check_in(case.actor, id_),
    ),
    "booking.cancel": Use(
        Action.APPOINTMENT_CANCEL,
        world.visit(ahead=timedelta(hours=2)),
        lambda case, id_: case.clinic.booking.cancel(case.actor, id_),
    ),
    "booking.cancel_for_hospital": Use(
        Action.APPOINTMENT_CANCEL_FOR_HOSPITAL,
        world.visit(),
        lambda case, id_: case.clinic.booking.cancel_for_hospital(case.actor, id_, WHY),
    ),
    "booking.hold": Use(Action.APPOINTMENT_BOOK, somebody_to_book_for, _hold),
    "consents.give": Use(Action.CONSENT_GIVE, world.patient, _give),
    "consents.given": Use(Action.CONSENT_GIVE, world.patient, _given, Shows.ANSWER),
    "consents.withdraw": Use(
        Action.CONSENT_WITHDRAW,
        world.consent,
        lambda case, id_: case.clinic.consents.withdraw(case.actor, id_),
    ),
    "encounters.end": Use(
        Action.ENCOUNTER_END,
        RUNS,
        lambda case, id_: case.clinic.encounters.end(case.actor, id_),
    ),
    "encounters.of": Use(
        Action.ENCOUNTER_READ,
        world.visit(),
        lambda case, id_: case.clinic.encounters.of(case.actor, id_),
        Shows.ANSWER,
    ),
    "encounters.terminate": Use(
        Action.ENCOUNTER_END,
        RUNS,
        lambda case, id_: case.clinic.encounters.terminate(
            case.actor, id_, Termination.NEED_EXAM, "请到门诊"
        ),
    ),
    "evidences.add": Use(Action.EVIDENCE_KEEP, world.patient, _show),
    "evidences.of": Use(Action.EVIDENCE_KEEP, world.patient, _look, Shows.ANSWER),
    "evidences.remove": Use(
        Action.EVIDENCE_KEEP,
        world.evidence,
        lambda case, id_: case.clinic.evidences.remove(whose.acting_for(case, case.another), id_),
    ),
    "patterns.add": Use(Action.SHIFT_CHANGE, whose.site, _add_pattern),
    "patterns.end": Use(
        Action.SHIFT_CHANGE,
        world.pattern,
        lambda case, id_: case.clinic.patterns.end(case.actor, id_),
    ),
    "patterns.end_leave": Use(
        Action.LEAVE_ENTER,
        world.leave,
        lambda case, id_: case.clinic.patterns.end_leave(case.actor, id_),
    ),
    "patterns.take_leave": Use(Action.LEAVE_ENTER, world_of_staff.colleague, _take_leave),
    "preparations.answer": Use(
        Action.PREPARATION_KEEP,
        world.visit(),
        lambda case, id_: case.clinic.preparations.answer(case.actor, id_, ["RF01"]),
    ),
    "preparations.describe": Use(
        Action.PREPARATION_KEEP,
        world.visit(),
        lambda case, id_: case.clinic.preparations.describe(case.actor, id_, "头晕三天"),
    ),
    "preparations.locate": Use(
        Action.PREPARATION_KEEP,
        world.visit(),
        lambda case, id_: case.clinic.preparations.locate(case.actor, id_, "家里", "19900000001"),
    ),
    "preparations.of": Use(
        Action.PREPARATION_READ,
        world.visit(),
        lambda case, id_: case.clinic.preparations.of(case.actor, id_),
        Shows.ANSWER,
    ),
    "preparations.settle": Use(
        Action.PREPARATION_KEEP,
        world.visit(),
        lambda case, id_: case.clinic.preparations.settle(case.actor, id_, 1),
    ),
    "preparations.test_devices": Use(
        Action.PREPARATION_KEEP,
        world.visit(),
        lambda case, id_: case.clinic.preparations.test_devices(case.actor, id_, "ok"),
    ),
    "preparations.use_evidence": Use(Action.PREPARATION_KEEP, world.visit(), _use),
    "queue.call_again": Use(
        Action.TICKET_CALL,
        world.visit(AppointmentState.CHECKED_IN, TicketState.CALLED, which="ticket"),
        lambda case, id_: case.clinic.queue.call_again(_confirmed(case).actor, id_),
    ),
    "queue.come_back": Use(
        Action.TICKET_RETURN,
        world.visit(AppointmentState.CHECKED_IN, TicketState.MISSED),
        lambda case, id_: case.clinic.queue.come_back(case.actor, id_),
    ),
    "queue.enter": Use(
        Action.TICKET_ENTER,
        CALLED,
        lambda case, id_: case.clinic.queue.enter(case.actor, id_),
    ),
    "queue.leave": Use(
        Action.TICKET_LEAVE,
        CAME,
        lambda case, id_: case.clinic.queue.leave(case.actor, id_),
    ),
    "queue.skip": Use(
        Action.TICKET_CALL,
        world.visit(AppointmentState.CHECKED_IN, HERE, which="ticket"),
        lambda case, id_: case.clinic.queue.skip(case.actor, id_, WHY),
    ),
    "queue.step_away": Use(
        Action.TICKET_LEAVE,
        CAME,
        lambda case, id_: case.clinic.queue.step_away(case.actor, id_, away=True),
    ),
    "shifts.add": Use(Action.SHIFT_CHANGE, whose.site, _add_shift),
    "shifts.discard": Use(
        Action.SHIFT_CHANGE,
        world.shift(ShiftState.DRAFT),
        lambda case, id_: case.clinic.shifts.discard(case.actor, id_),
    ),
    "shifts.pass_on": Use(Action.SHIFT_CHANGE, world.shift(ShiftState.PUBLISHED), _pass_on),
    "shifts.publish": Use(
        Action.SHIFT_CHANGE,
        world.shift(ShiftState.DRAFT),
        lambda case, id_: case.clinic.shifts.publish(case.actor, [id_]),
    ),
    "shifts.suspend": Use(
        Action.SHIFT_SUSPEND,
        world.shift(ShiftState.PUBLISHED),
        lambda case, id_: case.clinic.shifts.suspend(case.actor, id_, WHY),
    ),
    "shifts.swap": Use(Action.SHIFT_CHANGE, world.shift(ShiftState.PUBLISHED), _swap),
    "visits.banned_until": Use(
        Action.APPOINTMENT_BOOK,
        world.patient,
        _banned,
        Shows.ANSWER,
    ),
    "visits.one": Use(
        Action.APPOINTMENT_READ,
        world.visit(),
        lambda case, id_: case.clinic.visits.one(case.actor, id_),
        Shows.ANSWER,
    ),
    "waiting_room.turn": Use(
        Action.TICKET_READ,
        world.visit(),
        lambda case, id_: case.clinic.waiting_room.turn(case.actor, id_),
        Shows.ANSWER,
    ),
    "waitlist.join": Use(Action.WAITLIST_JOIN, world.patient, _join),
    "waitlist.leave": Use(
        Action.WAITLIST_JOIN,
        world.waiting(WaitState.WAITING),
        lambda case, id_: case.clinic.waitlist.leave(case.actor, id_),
    ),
}

PUBLIC = "what an institution offers is public: anybody may read it"
NO_THING: dict[str, str] = {
    "clinician_directory.doctors": PUBLIC,
    "clinician_files.keep": "one's own file; departments elsewhere are not found",
    "consents.words": PUBLIC,
    "departments.all": PUBLIC,
    "encounters.fail": "only the house itself knows that both sides were gone",
    "kinds.all": PUBLIC,
    "places.choices": PUBLIC,
    "places.departments": PUBLIC,
    "shifts.page": "the id narrows a list that `visible` has filtered",
    "waiting_room.worklist": "the id narrows a list that `visible` has filtered",
    "visits.coming": "the id narrows a list that `visible` has filtered",
}
