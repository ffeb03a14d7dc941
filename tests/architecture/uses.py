"""Every use case and every address that takes an id, each with an example of what it is told.

The tables are complete, or tests/architecture/test_whose.py fails and says what to add.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from data.errors import Invalid
from data.patients import IdentityCheck, IdentityMethod, IdentityOutcome, Patient
from data.users import ReviewOutcome
from integrations.sandbox.identities import SandboxIdentities
from integrations.sandbox.payments import SandboxPayments
from services.billing.till import Till
from services.institution import NewSite
from services.policy import Action, Grant, Role
from services.ports import Ports
from services.tasks import Wanted
from services.users.real_name import RealName
from services.users.registrar import NewStaff, StaffDetails
from tests.architecture import uses_of_visits, whose, whose_bills
from tests.architecture.examples import Shows, Use
from tests.architecture.whose import Case

WHY = "for the matrix"


async def _add(case: Case, site_id: UUID) -> None:
    details = StaffDetails("测试人员", site_id=site_id)
    grants = frozenset({Grant(Role.NURSE, site_id)})
    username = f"n{case.another.hex[-20:]}"
    await case.clinic.staff.add(case.actor, NewStaff(username, details, grants))


async def _raise(case: Case, site_id: UUID) -> None:
    wanted = Wanted("asked", str(case.another), case.institution_id, site_id, role=case.role)
    wanted.values["words"] = WHY
    await case.clinic.tasks.add(case.actor, wanted)


async def _verify(case: Case, patient_id: UUID) -> None:
    """By a register: without one the answer is always that there is none."""
    with_one = RealName(case.clinic.transactions, Ports(identities=SandboxIdentities()))
    with suppress(Invalid):  # a passport is verified at the counter
        await with_one.verify(whose.acting_for(case, patient_id), patient_id)


async def _reach(case: Case, patient_id: UUID) -> None:
    """With their document looked at: without that, nobody's phone is changed."""
    async with case.clinic.database.transaction(write=True) as session:
        row = await session.get(Patient, patient_id)
        if row is not None and row.institution_id is not None:
            seen = IdentityCheck(
                patient_id=patient_id,
                institution_id=row.institution_id,
                method=IdentityMethod.COUNTER,
                outcome=IdentityOutcome.MATCH,
                checked_at=case.clinic.clock.now(),
            )
            session.add(seen)
    await case.clinic.patient_register.reach(case.actor, patient_id, "19900000009", 1)


async def _pay(case: Case, order_id: UUID) -> None:
    """Through a channel: without one the answer is always that there is none."""
    ports = Ports(payments=SandboxPayments(case.clinic.clock))
    till = Till.open(case.clinic.transactions, ports, case.clinic.policy, case.clinic.tasks)
    await till.bills.pay(case.actor, order_id)


async def _sessions_of(case: Case, session_id: UUID) -> list[UUID]:
    found = await case.clinic.sessions.of(case.actor, case.owner_id)
    return [each.id for each in found if each.id == session_id]


USES: dict[str, Use] = {
    "account.remove_passkey": Use(
        Action.ACCOUNT_SECURE,
        whose.passkey,
        lambda case, id_: case.clinic.account.remove_passkey(case.actor, id_),
    ),
    "bills.check": Use(
        Action.BILL_READ,
        whose_bills.bill,
        lambda case, id_: case.clinic.bills.check(case.actor, id_),
        Shows.ANSWER,
    ),
    "bills.of_visit": Use(
        Action.BILL_READ,
        whose_bills.billed_visit,
        lambda case, id_: case.clinic.bills.of_visit(case.actor, id_),
        Shows.ANSWER,
    ),
    "bills.one": Use(
        Action.BILL_READ,
        whose_bills.bill,
        lambda case, id_: case.clinic.bills.one(case.actor, id_),
        Shows.ANSWER,
    ),
    "bills.pay": Use(Action.BILL_PAY, whose_bills.bill, _pay),
    "deliveries.replay": Use(
        Action.DELIVERY_REPLAY,
        whose.delivery,
        lambda case, id_: case.clinic.deliveries.replay(case.actor, id_),
    ),
    "emergency.close": Use(
        Action.EMERGENCY_CLOSE,
        whose.broken_glass,
        lambda case, id_: case.clinic.emergency.close(case.actor, id_),
    ),
    "emergency.one": Use(
        Action.EMERGENCY_REVIEW,
        whose.broken_glass,
        lambda case, id_: case.clinic.emergency.one(case.actor, id_),
        Shows.ANSWER,
    ),
    "emergency.review": Use(
        Action.EMERGENCY_REVIEW,
        whose.broken_glass,
        lambda case, id_: case.clinic.emergency.review(
            case.actor, id_, ReviewOutcome.JUSTIFIED, WHY
        ),
    ),
    "institutions.change_site": Use(
        Action.SITE_CHANGE,
        whose.site,
        lambda case, id_: case.clinic.institutions.change_site(
            case.actor, id_, NewSite(str(case.another)), version=1
        ),
    ),
    "institutions.close_site": Use(
        Action.SITE_CHANGE,
        whose.site,
        lambda case, id_: case.clinic.institutions.close_site(case.actor, id_),
    ),
    "notices.mark_read": Use(
        Action.MESSAGE_READ,
        whose.message,
        lambda case, id_: case.clinic.notices.mark_read(case.actor, id_),
        Shows.ROWS,
    ),
    "policy.undo": Use(
        Action.SETTING_CHANGE,
        whose.rule_change,
        lambda case, id_: case.clinic.policy.undo(case.actor, id_, WHY),
    ),
    "patients.change_phone": Use(
        Action.PATIENT_CHANGE,
        whose.patient,
        lambda case, id_: case.clinic.patients.change_phone(
            whose.acting_for(case, id_), id_, "19900000009", 1
        ),
    ),
    "patients.leave": Use(
        Action.PATIENT_CHANGE,
        whose.patient,
        lambda case, id_: case.clinic.patients.leave(whose.acting_for(case, id_), id_, WHY),
    ),
    "patient_register.one": Use(
        Action.PATIENT_FIND,
        whose.patient,
        lambda case, id_: case.clinic.patient_register.one(case.actor, id_),
        Shows.ANSWER,
    ),
    "patient_register.reach": Use(
        Action.PATIENT_ENTER,
        whose.patient,
        _reach,
    ),
    "real_name.verify": Use(
        Action.PATIENT_VERIFY,
        whose.patient,
        _verify,
    ),
    "real_name.verify_at_counter": Use(
        Action.PATIENT_VERIFY_AT_COUNTER,
        whose.patient,
        lambda case, id_: case.clinic.real_name.verify_at_counter(case.actor, id_, matches=True),
    ),
    "refunds.approve": Use(
        Action.REFUND_APPROVE,
        whose_bills.large_refund,
        lambda case, id_: case.clinic.refunds.approve(case.actor, id_),
    ),
    "refunds.repeat": Use(
        Action.REFUND_REPEAT,
        whose_bills.failed_refund,
        lambda case, id_: case.clinic.refunds.repeat(case.actor, id_),
    ),
    "resets.approve": Use(
        Action.STAFF_RESET_APPROVE,
        whose.reset,
        lambda case, id_: case.clinic.resets.approve(case.actor, id_),
    ),
    "resets.refuse": Use(
        Action.STAFF_RESET_APPROVE,
        whose.reset,
        lambda case, id_: case.clinic.resets.refuse(case.actor, id_, WHY),
    ),
    "roster.get": Use(
        Action.STAFF_READ,
        whose.account,
        lambda case, id_: case.clinic.roster.get(case.actor, id_),
        Shows.ANSWER,
    ),
    "roster.unmask": Use(
        Action.STAFF_UNMASK,
        whose.account,
        lambda case, id_: case.clinic.roster.unmask(case.actor, id_, WHY),
    ),
    "roster.usernames": Use(
        Action.STAFF_READ,
        whose.account,
        lambda case, id_: case.clinic.roster.usernames(case.actor, [id_]),
        Shows.ANSWER,
    ),
    "sessions.of": Use(Action.SESSION_LIST, whose.visit, _sessions_of, Shows.ANSWER),
    "sessions.revoke": Use(
        Action.SESSION_REVOKE,
        whose.visit,
        lambda case, id_: case.clinic.sessions.revoke(case.actor, [id_]),
    ),
    "sessions.revoke_all": Use(
        Action.SESSION_REVOKE,
        whose.visitor,
        lambda case, id_: case.clinic.sessions.revoke_all(case.actor, id_),
    ),
    "staff.add": Use(Action.STAFF_ADD, whose.site, _add),
    "staff.change": Use(
        Action.STAFF_CHANGE,
        whose.account,
        lambda case, id_: case.clinic.staff.change(
            case.actor, id_, StaffDetails("测试人员", site_id=case.site_id), version=1
        ),
    ),
    "staff.grant": Use(
        Action.STAFF_GRANT,
        whose.account,
        lambda case, id_: case.clinic.staff.grant(
            case.actor, id_, Grant(Role.PHARMACIST, case.site_id)
        ),
    ),
    "staff.reactivate": Use(
        Action.STAFF_REACTIVATE,
        whose.suspended,
        lambda case, id_: case.clinic.staff.reactivate(case.actor, id_, WHY),
    ),
    "staff.reset": Use(
        Action.STAFF_RESET,
        whose.account,
        lambda case, id_: case.clinic.staff.reset(case.actor, id_, factors=True),
    ),
    "staff.suspend": Use(
        Action.STAFF_SUSPEND,
        whose.account,
        lambda case, id_: case.clinic.staff.suspend(case.actor, id_, WHY),
    ),
    "staff.unlock": Use(
        Action.STAFF_UNLOCK,
        whose.account,
        lambda case, id_: case.clinic.staff.unlock(case.actor, id_),
    ),
    "staff.withdraw": Use(
        Action.STAFF_GRANT,
        whose.nurse,
        lambda case, id_: case.clinic.staff.withdraw(
            case.actor, id_, Grant(Role.NURSE, case.site_id)
        ),
    ),
    "tasks.add": Use(Action.TASK_RAISE, whose.site, _raise),
    "tasks.close": Use(
        Action.TASK_CLOSE,
        whose.task,
        lambda case, id_: case.clinic.tasks.close(case.actor, id_, WHY),
    ),
    "tasks.hand_over": Use(
        Action.TASK_HAND_OVER,
        whose.task,
        lambda case, id_: case.clinic.tasks.hand_over(case.actor, id_),
    ),
    "tasks.candidates": Use(
        Action.TASK_HAND_OVER,
        whose.task,
        lambda case, id_: case.clinic.tasks.candidates(case.actor, id_),
        Shows.ANSWER,
    ),
    "tasks.one": Use(
        Action.TASK_READ,
        whose.task,
        lambda case, id_: case.clinic.tasks.one(case.actor, id_),
        Shows.ANSWER,
    ),
    "tasks.several": Use(
        Action.TASK_READ,
        whose.task,
        lambda case, id_: case.clinic.tasks.several(case.actor, [id_]),
        Shows.ANSWER,
    ),
    "tasks.take": Use(
        Action.TASK_TAKE,
        whose.task,
        lambda case, id_: case.clinic.tasks.take(case.actor, id_),
    ),
    "undelivered.resend": Use(
        Action.MESSAGE_RESEND,
        whose.unsent,
        lambda case, id_: case.clinic.undelivered.resend(case.actor, id_),
    ),
    "uploads.find": Use(
        Action.FILE_READ,
        whose.file,
        lambda case, id_: case.clinic.uploads.find(case.actor, id_),
        Shows.ANSWER,
    ),
}

USES |= uses_of_visits.USES

NO_THING: dict[str, str] = {
    "audit.page": "the id narrows a list that `visible` has filtered",
    "roster.page": "the id narrows a list that `visible` has filtered",
    "notify.send": "only the house itself writes to people",
    "uploads.receive": "whom a file is about is said by the page that asks for it, by a ticket",
    "emergency.open": "whose record it is must not matter in an emergency; it is reviewed",
    **uses_of_visits.NO_THING,
}
"""Use cases that are told an id which decides nothing, each with why."""


@dataclass(frozen=True, slots=True)
class Address:
    """One address: the use case behind it, and what it is sent."""

    use: str
    body: Callable[[Case, UUID], object] = lambda *_: None
    gone: frozenset[int] = frozenset({403, 404, 422})
    """What it answers about a thing that is deleted."""


def _person(case: Case, site_id: UUID) -> object:
    username = f"n{case.another.hex[-20:]}"
    person = {"username": username, "display_name": "测试人员", "roles": ["nurse"]}
    return {**person, "site_id": str(site_id)}


ADDRESSES: dict[str, Address] = {
    "DELETE /api/v1/sessions/{session_id}": Address(
        "sessions.revoke",
        gone=frozenset({204}),  # ending what has ended changes nothing
    ),
    "GET /api/v1/emergency/reviews/{access_id}": Address("emergency.one"),
    "GET /api/v1/staff/{user_id}": Address("roster.get"),
    "GET /api/v1/tasks/{task_id}": Address("tasks.one"),
    "GET /api/v1/tasks/{task_id}/candidates": Address("tasks.candidates"),
    "GET /api/v1/appointments/{appointment_id}": Address("visits.one"),
    "POST /api/v1/appointments": Address("booking.hold", uses_of_visits.asked_place),
    "POST /api/v1/appointments/{appointment_id}/cancel": Address("booking.cancel"),
    "POST /api/v1/appointments/{appointment_id}/check-in": Address("attendance.check_in"),
    "GET /pay/{order_id}": Address("bills.pay"),
    "GET /prepare/{appointment_id}": Address("waiting_room.turn"),
    "GET /visits/{appointment_id}": Address("waiting_room.turn"),
    "GET /visits/{appointment_id}/calendar.ics": Address("visits.one"),
    "GET /credentials/papers/{paper_id}": Address("credential_desk.paper"),
    "GET /files/{file_id}": Address("uploads.find"),
    "POST /api/v1/deliveries/{delivery_id}/replay": Address("deliveries.replay"),
    "POST /api/v1/messages/{message_id}/resend": Address("undelivered.resend"),
    "POST /api/v1/emergency/{access_id}/end": Address("emergency.close"),
    "POST /api/v1/emergency/reviews/{access_id}": Address(
        "emergency.review", lambda *_: {"outcome": "justified", "note": WHY}
    ),
    "POST /api/v1/settings/changes/{change_id}/undo": Address(
        "policy.undo", lambda *_: {"reason": WHY}
    ),
    "POST /api/v1/staff": Address("staff.add", _person),
    "POST /api/v1/staff/{user_id}/reactivate": Address(
        "staff.reactivate", lambda *_: {"reason": WHY}
    ),
    "POST /api/v1/staff/{user_id}/suspend": Address("staff.suspend", lambda *_: {"reason": WHY}),
    "POST /api/v1/tasks/{task_id}/close": Address("tasks.close", lambda *_: {"note": WHY}),
    "POST /api/v1/tasks/{task_id}/hand-over": Address("tasks.hand_over", lambda *_: {}),
    "POST /api/v1/tasks/{task_id}/take": Address("tasks.take"),
}

ALWAYS_ONES_OWN: dict[str, str] = {
    "GET /api/v1/places": "what is free is public: the id narrows it",
    "GET /book": "a department or an appointment of before: only what is free comes of it",
    "GET /book/{clinician_id}": "what a doctor has free is public, and booked for one's own",
    "GET /audit/download/{first}/{last}": "two days: of the trail of the asker's own institution",
    "GET /go/{token}": "a secret that was sent to one person; whoever has it is let in as them",
    "POST /api/v1/emergency": "whose record it is must not matter in an emergency",
    "POST /drafts/{form}": "the name of a form: whoever asks has a draft of their own under it",
    "PUT /api/v1/settings/{key}": "the name of a rule: it is that of the asker's own institution",
}
"""Addresses whose blank names nothing that could be another's, each with why."""
