"""The fields that say when a shift is and how it is divided, for one shift and for every week."""

from uuid import UUID

from pages import kit
from pages.appointments.rota import Rota, typed_id, typed_number, typed_time
from pages.kit.element import Html
from pages.words import t
from services.appointments.hours import Hours


class HoursForm:
    """Who, in which department, how, from when until when, in how many places."""

    def __init__(self, rota: Rota, clinician_id: UUID | None = None) -> None:
        """Build the fields, with a doctor chosen already if one is given."""
        self._rota = rota
        people = rota.choices()
        first = str(clinician_id) if str(clinician_id) in people else next(iter(people), "")
        self.clinician = kit.select(
            t("timetable.clinician"), people, value=first, required=True, on_change=self._offer
        )
        self._place = Html("div")
        self._offer()
        self.kind = kit.select(t("timetable.kind"), rota.kinds, required=True)
        with Html("div", "form__row"):
            self.starts = kit.field(t("timetable.starts"), value="09:00", content="time")
            self.ends = kit.field(t("timetable.ends"), value="12:00", content="time")
        with Html("div", "form__row"):
            self.slot = kit.field(
                t("timetable.slot_minutes"),
                value="10",
                content="number",
                unit=t("timetable.minutes"),
            )
            self.capacity = kit.field(t("timetable.capacity"), value="1", content="number")

    def _offer(self) -> None:
        mine = self._rota.departments_of(self.clinician_id)
        self._place.clear()
        with self._place:
            self.department = kit.select(t("timetable.department"), mine, required=True)

    @property
    def clinician_id(self) -> UUID | None:
        """The doctor who is chosen now."""
        text = self.clinician.text if hasattr(self, "clinician") else ""
        return UUID(text) if text else None

    @property
    def fields(self) -> dict[str, kit.Field]:
        """The fields by the names that refusals give them."""
        return {
            "clinician": self.clinician,
            "department": self.department,
            "kind": self.kind,
            "starts": self.starts,
            "ends": self.ends,
            "slot": self.slot,
            "capacity": self.capacity,
        }

    def who(self) -> tuple[UUID, UUID, str]:
        """Return the doctor, the department and the kind, or raise `Invalid` at the field."""
        return (
            typed_id(self.clinician.text, "clinician"),
            typed_id(self.department.text, "department"),
            self.kind.text,
        )

    def hours(self) -> Hours:
        """Return the hours, or raise `Invalid` at the field."""
        return Hours(
            typed_time(self.starts.text, "starts"),
            typed_time(self.ends.text, "ends"),
            typed_number(self.slot.text, "slot"),
            typed_number(self.capacity.text, "capacity"),
        )
