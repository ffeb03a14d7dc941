"""The API on visits: what is free, booking, one's own appointments, check-in. (预约)"""

from datetime import datetime
from uuid import UUID

from fastapi import Response
from pydantic import AwareDatetime, BaseModel, Field
from starlette.requests import Request

from integrations.api.base import PREFIX, AnErrand, Registry, Rows, actor_of
from services.appointments.booking import Booked, Wish
from services.appointments.places import Choice
from services.appointments.visits import Visit
from services.clinic import Clinic
from services.permissions import Action


class Booking(BaseModel, extra="forbid"):
    """Whom, with whom, when and how."""

    patient_id: UUID
    clinician_id: UUID
    starts_at: AwareDatetime
    kind: str = Field(default="video", max_length=20)


class Held(BaseModel):
    """A place that is held until it is paid, or sure already."""

    id: UUID
    state: str
    starts_at: datetime
    ends_at: datetime
    price_fen: int
    hold_until: datetime | None


def register(clinic: Clinic, routes: Registry) -> None:
    """Enter these routes."""

    @routes.api("GET", f"{PREFIX}/places", action=Action.APPOINTMENT_BOOK)
    async def places(request: Request, department_id: UUID | None = None) -> Rows[Choice]:
        actor = actor_of(request)
        found = await clinic.places.choices(actor, actor.home, department_id=department_id)
        return Rows(found, len(found))

    @routes.api("POST", f"{PREFIX}/appointments", action=Action.APPOINTMENT_BOOK)
    async def book(wanted: Booking, errand: AnErrand) -> Held:
        wish = Wish(wanted.patient_id, wanted.clinician_id, wanted.starts_at, wanted.kind)
        return await errand.run(clinic.once, lambda actor: clinic.booking.hold(actor, wish), _held)

    @routes.api("GET", f"{PREFIX}/appointments", action=Action.APPOINTMENT_READ)
    async def coming(request: Request) -> Rows[Visit]:
        found = await clinic.visits.coming(actor_of(request))
        return Rows(found, len(found))

    @routes.api("GET", f"{PREFIX}/appointments/{{appointment_id}}", action=Action.APPOINTMENT_READ)
    async def one(request: Request, appointment_id: UUID) -> Visit:
        return await clinic.visits.one(actor_of(request), appointment_id)

    @routes.api(
        "POST",
        f"{PREFIX}/appointments/{{appointment_id}}/cancel",
        action=Action.APPOINTMENT_CANCEL,
    )
    async def cancel(appointment_id: UUID, errand: AnErrand) -> Response:
        return await errand.run_silently(
            clinic.once, lambda actor: clinic.booking.cancel(actor, appointment_id)
        )

    @routes.api(
        "POST",
        f"{PREFIX}/appointments/{{appointment_id}}/check-in",
        action=Action.APPOINTMENT_CHECK_IN,
    )
    async def check_in(appointment_id: UUID, errand: AnErrand) -> Response:
        return await errand.run_silently(
            clinic.once, lambda actor: clinic.attendance.check_in(actor, appointment_id)
        )


def _held(booked: Booked) -> Held:
    return Held(
        id=booked.id,
        state=str(booked.state),
        starts_at=booked.starts_at,
        ends_at=booked.ends_at,
        price_fen=booked.price_fen,
        hold_until=booked.hold_until,
    )
