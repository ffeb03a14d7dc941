"""What happens to bills, for the test that tells everybody everything twice."""

from datetime import timedelta
from uuid import UUID

from data.clock import new_id
from services.clinic import Clinic
from services.events import Event
from services.policy import HOUSE, Actor, Role
from services.visit_events import AppointmentCancelled, AppointmentExpired, AppointmentHeld
from tests.factories import INSTITUTION, an_actor


async def announced(clinic: Clinic, event: Event) -> None:
    async with clinic.transactions.open(HOUSE) as tx:
        tx.go_unnoted("a test")
        tx.announce(event)
    await clinic.bus.deliver()


async def a_place_is_kept(
    clinic: Clinic, payer: Actor | None = None, **more: object
) -> tuple[UUID, Actor]:
    """Keep a place for somebody who has to pay 20 yuan for it; return the appointment."""
    payer = payer or an_actor(Role.PATIENT, patient_ids=frozenset({new_id()}))
    now = clinic.clock.now()
    told = {
        "appointment_id": new_id(),
        "patient_id": next(iter(payer.patient_ids), new_id()),
        "account_id": payer.user_id,
        "kind": "video",
        "price_item": "visit.video",
        "price_fen": 2000,
        "price_version": 1,
        "starts_at": now + timedelta(days=1),
        "hold_until": now + timedelta(minutes=15),
        "institution_id": INSTITUTION,
        "site_id": None,
    }
    event = AppointmentHeld(**{**told, **more})
    await announced(clinic, event)
    return event.appointment_id, payer


async def its_payment_is_asked_for(clinic: Clinic) -> tuple[UUID, Actor, str]:
    visit, payer = await a_place_is_kept(clinic)
    bill = await clinic.bills.of_visit(payer, visit)
    assert bill
    request = await clinic.bills.pay(payer, bill.order_id)
    return visit, payer, request.url.rpartition("/")[2]


async def a_bill_is_not_paid_in_time(clinic: Clinic) -> None:
    await its_payment_is_asked_for(clinic)
    clinic.clock.forward(minutes=15)


async def a_kept_place_is_let_go(clinic: Clinic) -> None:
    visit, _, _ = await its_payment_is_asked_for(clinic)
    await announced(clinic, AppointmentExpired(appointment_id=visit))


async def a_paid_visit_is_called_off(clinic: Clinic) -> None:
    visit, payer, number = await its_payment_is_asked_for(clinic)
    await clinic.simulator.pay(payer, number)
    told = {"clinician_id": new_id(), "by": "patient", "refund": True}
    place = {"institution_id": INSTITUTION, "site_id": None}
    [patient_id] = payer.patient_ids
    await announced(
        clinic,
        AppointmentCancelled(
            appointment_id=visit, patient_id=patient_id, account_id=payer.user_id, **told, **place
        ),
    )


async def nobody_knows_whether_a_bill_was_paid(clinic: Clinic) -> None:
    _, _, number = await its_payment_is_asked_for(clinic)
    await clinic.settlement.doubt(number)


SCENARIOS = (
    a_bill_is_not_paid_in_time,
    a_kept_place_is_let_go,
    a_paid_visit_is_called_off,
    nobody_knows_whether_a_bill_was_paid,
)
