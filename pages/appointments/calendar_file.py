"""An appointment as a file that every calendar reads (RFC 5545). (加到日历)

Calendars are copied to whoever keeps them: the file says where and when, and nothing of the doctor,
the department or the patient.
"""

from datetime import datetime, timedelta
from uuid import UUID

from icalendar import Alarm, Calendar, Event
from icalendar.enums import STATUS
from starlette.requests import Request
from starlette.responses import Response

from pages.nameplate import Nameplate
from pages.routes import Routes
from pages.session import actor_of
from pages.words import COOKIE
from services.appointments.booking import AppointmentState
from services.appointments.visits import Visit
from services.clinic import Clinic
from services.i18n import language_for, say
from services.policy import Action

PATH = "/visits/{appointment_id}/calendar.ics"
PRODUCT = "-//Xinglin//Appointments//ZH"
REMINDS = timedelta(minutes=-30)
STATES = dict.fromkeys(AppointmentState, STATUS.CONFIRMED) | {
    AppointmentState.CREATED: STATUS.TENTATIVE,
    AppointmentState.EXPIRED: STATUS.CANCELLED,
    AppointmentState.CANCELLED: STATUS.CANCELLED,
    AppointmentState.CANCELLED_BY_HOSPITAL: STATUS.CANCELLED,
}


def register_files(clinic: Clinic, routes: Routes) -> None:
    """Enter `/visits/{appointment_id}/calendar.ics`."""
    plate = Nameplate(clinic)

    @routes.http("GET", PATH, action=Action.APPOINTMENT_READ)
    async def calendar(request: Request, appointment_id: UUID) -> Response:
        visit = await clinic.visits.one(actor_of(request), appointment_id)
        language = language_for(request.headers.get("accept-language"), request.cookies.get(COOKIE))
        summary = say(language, "calendar.summary", hospital=await plate.name())
        url = str(request.url.replace(path=f"/visits/{visit.id}", query=""))
        text = as_calendar(visit, summary, url, clinic.clock.now())
        headers = {
            "cache-control": "private, no-store",
            "content-disposition": 'attachment; filename="appointment.ics"',
        }
        return Response(text, media_type="text/calendar; charset=utf-8", headers=headers)


def as_calendar(visit: Visit, summary: str, url: str, now: datetime) -> bytes:
    """Return the file: read again after a change, the entry of the same visit follows it."""
    alarm = Alarm.new(description=summary)
    alarm.add("action", "DISPLAY")
    alarm.TRIGGER = REMINDS
    entry = Event.new(
        uid=visit.id,
        stamp=now,
        start=visit.starts_at,
        end=visit.ends_at,
        summary=summary,
        url=url,
        sequence=visit.version,
        status=STATES[visit.state],
    )
    entry.add_component(alarm)
    file: bytes = Calendar.new(prodid=PRODUCT, subcomponents=[entry]).to_ical()
    return file
