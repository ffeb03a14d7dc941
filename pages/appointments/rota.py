"""What every part of the timetable needs to know of the house: doctors, departments, kinds."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from data.errors import Invalid
from pages.session import current_actor
from pages.words import language, t
from services.appointments.hours import Hours
from services.clinic import Clinic
from services.inquiries import Colleague

EARLIEST, LATEST = date(2020, 1, 1), date(2099, 12, 31)
"""What the timetable can be turned to."""
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Rota:
    """The doctors who may treat now, the departments and the ways of being seen."""

    doctors: dict[UUID, Colleague]
    departments: dict[UUID, str]
    kinds: dict[str, str]

    @classmethod
    async def of(cls, clinic: Clinic) -> "Rota":
        """Read it anew."""
        actor = current_actor()
        doctors = await clinic.clinician_directory.doctors(actor, actor.home)
        departments = await clinic.departments.all(actor, actor.home)
        kinds = await clinic.kinds.all(actor, actor.home)
        return cls(
            {each.user_id: each for each in doctors},
            {each.id: each.name for each in departments},
            {each.code: each.name(language()) for each in kinds if each.is_offered},
        )

    def name(self, clinician_id: UUID) -> str:
        """Return what a doctor is called, also one who treats no longer."""
        known = self.doctors.get(clinician_id)
        return known.name if known else t("timetable.not_active")

    def choices(self, but: UUID | None = None) -> dict[str, str]:
        """Return the doctors to choose from."""
        return {
            str(key): t("timetable.doctor", name=each.name, title=each.title)
            for key, each in self.doctors.items()
            if key != but
        }

    def departments_of(self, clinician_id: UUID | None) -> dict[str, str]:
        """Return the departments that a doctor belongs to."""
        known = self.doctors.get(clinician_id) if clinician_id else None
        mine = known.department_ids if known else frozenset()
        return {str(key): name for key, name in self.departments.items() if key in mine}


def weekday(day: int) -> str:
    """Return the name of a day, Monday being 0."""
    return t(f"timetable.day.{WEEKDAYS[day]}")


def span(hours: Hours) -> str:
    """Return from when until when, 09:00-12:00."""
    return f"{hours.starts:%H:%M}-{hours.ends:%H:%M}"


def clock_span(starts_at: datetime, ends_at: datetime, zone: ZoneInfo) -> str:
    """Return two moments of one day by the hospital's clock."""
    return f"{starts_at.astimezone(zone):%H:%M}-{ends_at.astimezone(zone):%H:%M}"


def typed_time(text: str, field: str) -> time:
    """Return a time of day as browsers write it, or raise `Invalid` at this field."""
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise Invalid("time_malformed", field=field) from None


def typed_number(text: str, field: str) -> int:
    """Return a whole number, or raise `Invalid` at this field."""
    if not text.isascii() or not text.isdecimal() or len(text) > 4:  # noqa: PLR2004 - as typed
        raise Invalid("number_malformed", field=field)
    return int(text)


def typed_id(text: str, field: str) -> UUID:
    """Return what was chosen from a list, or raise `Invalid` at this field."""
    try:
        return UUID(text)
    except ValueError:
        raise Invalid("choose_one", field=field) from None


def monday_of(text: str, today: date) -> date:
    """Return the Monday of the week that an address names, or of this week."""
    try:
        day = date.fromisoformat(text) if text else today
    except ValueError:
        day = today
    if not EARLIEST <= day <= LATEST:
        day = today
    return day - timedelta(days=day.weekday())
