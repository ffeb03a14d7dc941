"""The panel of one shift: publish, stop (停诊), pass on (替诊), swap (换班); and of a new one."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from uuid import UUID
from zoneinfo import ZoneInfo

from data.errors import NotFound
from pages import kit
from pages.appointments.hours_form import HoursForm
from pages.appointments.rota import Rota, clock_span, typed_id, weekday
from pages.kit.element import Html
from pages.session import current_actor
from pages.typed import typed_date
from pages.viewer import viewer
from pages.words import day as day_words
from pages.words import t
from services.appointments.shifts import NewShift, ShiftState, ShiftView
from services.clinic import Clinic
from services.policy import Action

LIVING = (ShiftState.DRAFT, ShiftState.PUBLISHED)


class ShiftPanel:
    """What can be seen and done about one shift."""

    def __init__(
        self, clinic: Clinic, panel: kit.SidePanel, reload: Callable[[], Awaitable[None]]
    ) -> None:
        self._clinic = clinic
        self._zone = ZoneInfo(clinic.settings.timezone)
        self._panel = panel
        self._reload = reload

    def ask_new(self, rota: Rota, day: date, clinician_id: UUID | None = None) -> None:
        """Ask for a shift on a day; it is a draft until it is published."""
        with self._panel.fill(t("timetable.add")):
            if not rota.doctors:
                kit.empty(t("timetable.no_doctors"), t("timetable.no_doctors_text"))
                return
            with Html("div", "form"):
                when = kit.field(
                    t("timetable.day"), value=day.isoformat(), content="date", required=True
                )
                form = HoursForm(rota, clinician_id)
                kit.button("primary", t("timetable.add_draft"), lambda: self._add(when, form))

    async def _add(self, when: kit.Field, form: HoursForm) -> None:
        if kit.left_out(when, *form.fields.values()):
            return
        with kit.told({"day": when, **form.fields}):
            clinician_id, department_id, kind = form.who()
            day = typed_date(when.text, "day")
            new = NewShift(clinician_id, department_id, kind, day, form.hours())
            await self._clinic.shifts.add(current_actor(), new)
            await self._after("timetable.added")

    async def show(self, shift_id: UUID, week: Sequence[ShiftView], rota: Rota) -> None:
        """Show one shift of the week in front."""
        shift = next((each for each in week if each.id == shift_id), None)
        if shift is None:
            raise NotFound("not_found", what="Shift", key=str(shift_id))
        can = viewer().can
        with self._panel.fill(self._title(shift)):
            kit.facts(self._facts(shift, rota))
            lives = shift.state in LIVING and shift.starts_at > self._clinic.clock.now()
            if can(Action.SHIFT_CHANGE) and shift.state is ShiftState.DRAFT:
                self._offer_draft(shift, lives=lives)
            if can(Action.SHIFT_CHANGE) and lives:
                self._offer_pass_on(shift, rota)
                self._offer_swap(shift, week)
            if can(Action.SHIFT_SUSPEND) and shift.state is ShiftState.PUBLISHED:
                kit.heading(t("timetable.stop"), 3)
                kit.paragraph(t("timetable.stop_why"), "muted small")
                kit.button("stop", t("timetable.stop"), lambda: self._stop(shift))

    def _title(self, shift: ShiftView) -> str:
        time = clock_span(shift.starts_at, shift.ends_at, self._zone)
        return t("timetable.shift_of", name=shift.clinician, time=time)

    def _facts(self, shift: ShiftView, rota: Rota) -> list[tuple[str, str]]:
        day = f"{day_words(shift.day)} {weekday(shift.day.weekday())}"
        facts = [
            (t("timetable.state"), t(f"timetable.state.{shift.state}")),
            (t("timetable.day"), day),
            (t("timetable.department"), shift.department),
            (t("timetable.kind"), rota.kinds.get(shift.kind, shift.kind)),
            (
                t("timetable.places"),
                t("timetable.taken", taken=shift.taken, places=shift.places),
            ),
            (t("timetable.slot_minutes"), t("timetable.minutes_of", count=shift.slot_minutes)),
        ]
        if shift.reason:
            facts.append((t("timetable.reason"), shift.reason))
        return facts

    def _offer_draft(self, shift: ShiftView, *, lives: bool) -> None:
        with kit.side_by_side():
            if lives:
                kit.button("primary", t("timetable.publish_one"), lambda: self._publish_one(shift))
            kit.button("line", t("timetable.discard"), lambda: self._discard(shift))

    async def _publish_one(self, shift: ShiftView) -> None:
        count = await self._clinic.shifts.publish(current_actor(), [shift.id])
        await self._after("timetable.published", count=count)

    async def _discard(self, shift: ShiftView) -> None:
        await self._clinic.shifts.discard(current_actor(), shift.id)
        await self._after("timetable.discarded")

    def _offer_pass_on(self, shift: ShiftView, rota: Rota) -> None:
        others = {
            key: name
            for key, name in rota.choices(but=shift.clinician_id).items()
            if shift.department_id in rota.doctors[UUID(key)].department_ids
        }
        kit.heading(t("timetable.pass_on"), 3)
        if not others:
            kit.paragraph(t("timetable.nobody_else"), "muted small")
            return
        kit.paragraph(t("timetable.pass_on_why"), "muted small")
        with Html("div", "form"):
            to = kit.select(t("timetable.to"), {"": t("timetable.choose"), **others}, required=True)
            reason = kit.field(t("timetable.reason"), required=True)

            async def give() -> None:
                if kit.left_out(to, reason):
                    return
                with kit.told({"to": to}):
                    heir = typed_id(to.text, "to")
                    await self._clinic.shifts.pass_on(current_actor(), shift.id, heir, reason.text)
                    await self._after("timetable.passed_on")

            kit.button("line", t("timetable.pass_on"), give)

    def _offer_swap(self, shift: ShiftView, week: Sequence[ShiftView]) -> None:
        now = self._clinic.clock.now()
        others = {
            str(each.id): t(
                "timetable.shift_on",
                name=each.clinician,
                day=weekday(each.day.weekday()),
                time=clock_span(each.starts_at, each.ends_at, self._zone),
            )
            for each in week
            if each.clinician_id != shift.clinician_id
            and each.state in LIVING
            and each.starts_at > now
        }
        if not others:
            return
        kit.heading(t("timetable.swap"), 3)
        with Html("div", "form"):
            other = kit.select(
                t("timetable.swap_with"), {"": t("timetable.choose"), **others}, required=True
            )
            reason = kit.field(t("timetable.reason"), required=True)

            async def swap() -> None:
                if kit.left_out(other, reason):
                    return
                with kit.told({"other": other}):
                    await self._clinic.shifts.swap(
                        current_actor(), shift.id, typed_id(other.text, "other"), reason.text
                    )
                    await self._after("timetable.swapped")

            kit.button("line", t("timetable.swap"), swap)

    async def _stop(self, shift: ShiftView) -> None:
        self._clinic.transactions.ask_first(current_actor(), Action.SHIFT_SUSPEND)
        answer = await kit.confirm(
            t("timetable.stop"),
            t("timetable.stop_text", count=shift.taken),
            t("timetable.stop"),
            reason=t("timetable.reason"),
            least=2,
        )
        if answer:
            await self._clinic.shifts.suspend(current_actor(), shift.id, answer.reason)
            await self._after("timetable.stopped")

    async def _after(self, said: str, **values: object) -> None:
        self._panel.close()
        kit.toast(t(said, **values))
        await self._reload()
