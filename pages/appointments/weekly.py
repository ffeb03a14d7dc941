"""The shifts that come every week, and laying out weeks of them. (排班模板)"""

from datetime import date
from uuid import UUID

from data.errors import Conflict
from pages import kit
from pages.appointments.hours_form import HoursForm
from pages.appointments.rota import Rota, span, typed_number, weekday
from pages.appointments.side_list import Ending, SideList
from pages.kit.element import Html
from pages.session import current_actor
from pages.typed import typed_date
from pages.viewer import viewer
from pages.words import day as day_words
from pages.words import t
from services.appointments.patterns import SUNDAY, LaidOut, NewPattern, PatternView
from services.policy import Action


class WeeklyView(SideList[PatternView]):
    """The list of weekly shifts."""

    _monday = date.min

    def follow(self, monday: date, rota: Rota) -> None:
        """Know which week is in front, and who there is."""
        self._monday, self._rota = monday, rota

    def build(self) -> None:
        """Make the elements; `load` fills them."""
        self._may = viewer().can(Action.SHIFT_CHANGE)
        kit.paragraph(t("weekly.why"), "muted")
        if self._may:
            with kit.side_by_side():
                kit.button("primary", t("weekly.lay_out"), self._ask_weeks, icon="calendar")
                kit.button("line", t("weekly.add"), self._ask_new, icon="plus")
        columns = [
            kit.Column("clinician", t("timetable.clinician"), phone="title"),
            kit.Column("weekday", t("timetable.day")),
            kit.Column("time", t("timetable.time")),
            kit.Column("kind", t("timetable.kind")),
            kit.Column("places", t("timetable.places"), end=True),
            kit.Column("valid", t("weekly.valid")),
        ]
        words = kit.TableWords(
            t("timetable.view.weekly"),
            total="weekly.total",
            empty_title=t("weekly.none"),
            empty_text=t("weekly.none_text"),
        )
        ending = Ending(t("weekly.end"), t("weekly.end_text"), t("weekly.ended"))
        self._build_table(columns, words, ending)

    async def _all(self) -> list[PatternView]:
        return await self._clinic.patterns.all(current_actor())

    def _row(self, item: PatternView) -> kit.Row:
        name = self._rota.name(item.clinician_id)
        since = day_words(item.valid_from)
        valid = t("weekly.since", since=since)
        if item.valid_to:
            valid = t("weekly.between", since=since, until=day_words(item.valid_to))
        acts = (kit.Act("end", t("weekly.end"), "quiet"),) if self._may else ()
        return kit.Row(
            str(item.id),
            {
                "clinician": kit.Cell(
                    name, note=self._rota.departments.get(item.department_id, "")
                ),
                "weekday": weekday(item.weekday),
                "time": span(item.hours),
                "kind": self._rota.kinds.get(item.kind, item.kind),
                "places": str(item.hours.places),
                "valid": valid,
            },
            name=f"{name} {weekday(item.weekday)}",
            acts=acts,
        )

    async def _end(self, item_id: UUID) -> None:
        await self._clinic.patterns.end(current_actor(), item_id)

    def _ask_new(self) -> None:
        with self._panel.fill(t("weekly.add")):
            if not self._rota.doctors:
                kit.empty(t("timetable.no_doctors"), t("timetable.no_doctors_text"))
                return
            with Html("div", "form"):
                form = HoursForm(self._rota)
                days = {str(nth): weekday(nth) for nth in range(SUNDAY + 1)}
                on = kit.select(t("timetable.weekday"), days)
                today = self._clinic.clock.now().astimezone(self._zone).date().isoformat()
                since = kit.field(t("weekly.from"), value=today, content="date", required=True)
                until = kit.field(t("weekly.until"), content="date", hint=t("weekly.until_hint"))
                more = {"on": on, "since": since, "until": until}
                kit.button("primary", t("weekly.add"), lambda: self._add(form, more))

    async def _add(self, form: HoursForm, more: dict[str, kit.Field]) -> None:
        if kit.left_out(*form.fields.values(), more["since"]):
            return
        with kit.told({**form.fields, **more}):
            clinician_id, department_id, kind = form.who()
            until = more["until"].text
            new = NewPattern(
                clinician_id,
                department_id,
                kind,
                typed_number(more["on"].text, "on"),
                form.hours(),
                typed_date(more["since"].text, "since"),
                typed_date(until, "until") if until else None,
            )
            await self._clinic.patterns.add(current_actor(), new)
            self._panel.close()
            kit.toast(t("weekly.added"))
            await self.load()

    def _ask_weeks(self) -> None:
        with self._panel.fill(t("weekly.lay_out")):
            kit.paragraph(t("weekly.lay_out_why"))
            with Html("div", "form"):
                since = kit.field(
                    t("weekly.first_week"),
                    value=self._monday.isoformat(),
                    content="date",
                    required=True,
                )
                weeks = kit.field(t("weekly.weeks"), value="1", content="number", required=True)

                async def lay_out() -> None:
                    if kit.left_out(since, weeks):
                        return
                    with kit.told({"since": since, "weeks": weeks}):
                        first = typed_date(since.text, "since")
                        count = typed_number(weeks.text, "weeks")
                        done = await self._clinic.patterns.lay_out(current_actor(), first, count)
                        self._tell(done)
                        await self._reload()

                kit.button("primary", t("weekly.lay_out"), lay_out)

    def _tell(self, done: LaidOut) -> None:
        with self._panel.fill(t("weekly.lay_out")):
            kit.banner("ok", t("weekly.made", count=len(done.made)), t("weekly.made_text"))
            if not done.left_out:
                return
            kit.heading(t("weekly.left_out"), 3)
            with kit.card(flush=True), Html("div", "rows"):
                for day, clinician_id, code in done.left_out:
                    who = t(
                        "weekly.left_out_one",
                        name=self._rota.name(clinician_id),
                        day=f"{day_words(day)} {weekday(day.weekday())}",
                    )
                    kit.line(who, kit.sentence(Conflict(code, what="")), icon="warn", tone="warn")
