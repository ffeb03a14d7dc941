"""Who sees patients when: a week at a glance, what comes every week, and who is away. (排班)"""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from nicegui import ui

from pages import kit
from pages.appointments.away import AwayView
from pages.appointments.rota import Rota, clock_span, monday_of, weekday
from pages.appointments.shift_panel import ShiftPanel
from pages.appointments.week_table import Day, Piece, WeekRow, WeekTable
from pages.appointments.weekly import WeeklyView
from pages.kit.element import Html
from pages.live import on_event
from pages.routes import Routes
from pages.session import current_actor
from pages.shell import frame
from pages.theme import static
from pages.viewer import viewer
from pages.words import day as day_words
from pages.words import t
from services.appointments.shifts import ShiftState, ShiftView
from services.clinic import Clinic
from services.policy import Action
from services.visit_events import ShiftPassedOn, ShiftPublished, ShiftSuspended

TIMETABLE = "/timetable"
VIEWS = ("week", "weekly", "away")
LOOKS = {
    ShiftState.DRAFT: ("edit", "draft"),
    ShiftState.PUBLISHED: ("ok", "ok"),
    ShiftState.SUSPENDED: ("ban", "bad"),
}
"""The sign and the tone of a shift's state; others are plain."""


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/timetable`."""

    @routes.page(TIMETABLE, action=Action.SHIFT_READ, title="nav.timetable")
    async def timetable_page(week: str = "") -> None:
        ui.add_head_html(f'<link rel="stylesheet" href="{static("timetable.css")}">')
        today = clinic.clock.now().astimezone(ZoneInfo(clinic.settings.timezone)).date()
        page = TimetablePage(clinic, today, monday_of(week, today))
        with frame("nav.timetable", active=TIMETABLE) as surroundings:
            if viewer().can(Action.SHIFT_CHANGE):
                with surroundings.slot:
                    kit.button("line", t("timetable.add"), page.ask_new, icon="plus")
                surroundings.shortcut("a", "timetable.add", page.ask_new)
            page.build()
        surroundings.shortcut("p", "timetable.previous", lambda: page.turn(-1))
        surroundings.shortcut("n", "timetable.next", lambda: page.turn(1))
        surroundings.shortcut("t", "timetable.this_week", page.turn_back)
        await page.load()
        on_event(clinic.bus, ShiftPublished, ShiftPassedOn, ShiftSuspended, do=page.load_week)


class TimetablePage:
    """The week, and beside it what the week is made of."""

    def __init__(self, clinic: Clinic, today: date, monday: date) -> None:
        self._clinic = clinic
        self._zone = ZoneInfo(clinic.settings.timezone)
        self._today = today
        self._monday = monday
        self._found: list[ShiftView] = []
        self._rota = Rota({}, {}, {})
        self._may = viewer().can(Action.SHIFT_CHANGE)

    def build(self) -> None:
        """Make the elements; `load` fills them."""
        with kit.side_by_side():
            self._segments = kit.segments(
                t("nav.timetable"),
                [kit.Choice(name, t(f"timetable.view.{name}")) for name in VIEWS],
                value="week",
                on_change=self._show_view,
            )
        self._views: dict[str, Any] = {}
        self._panel = kit.side_panel()
        with Html("div", "stack-3") as self._views["week"]:
            self._build_week()
        with Html("div", "stack-3") as self._views["weekly"]:
            self._weekly = WeeklyView(self._clinic, self._panel, self.load_week)
            self._weekly.build()
        with Html("div", "stack-3") as self._views["away"]:
            self._away = AwayView(self._clinic, self._panel, self.load_week)
            self._away.build()
        self._shifts = ShiftPanel(self._clinic, self._panel, self.load_week)
        self._show_view()

    def _build_week(self) -> None:
        with Html("div", "weekbar"):
            self._title = Html("h2", aria_live="polite")
            kit.button("line", t("timetable.previous"), self._step(-1), icon="back")
            kit.button("line", t("timetable.this_week"), self.turn_back)
            kit.button("line", t("timetable.next"), self._step(1), icon="go")
        self._drafts = kit.banner("info", t("timetable.drafts_why"))
        with self._drafts:
            self._publish_button = kit.button("primary", "", self._publish)
        with kit.card(flush=True):
            self._table = WeekTable(may_add=self._may, opened=self._open, add=self._add)
        self._empty = Html("div")
        with self._empty:
            kit.empty(t("timetable.nobody"), t("timetable.nobody_text"))

    def _step(self, weeks: int) -> Callable[[], Awaitable[None]]:
        async def step() -> None:
            await self.turn(weeks)

        return step

    def _show_view(self) -> None:
        for name, view in self._views.items():
            view.set_visibility(name == self._segments.value)

    async def turn(self, weeks: int) -> None:
        """Go so many weeks on, or back."""
        self._monday = monday_of((self._monday + timedelta(weeks=weeks)).isoformat(), self._today)
        await self.load_week()

    async def turn_back(self) -> None:
        """Go to the week it is."""
        self._monday = monday_of("", self._today)
        await self.load_week()

    async def load(self) -> None:
        """Bring all three views up to date."""
        await self.load_week()
        await self._weekly.load()
        await self._away.load()

    async def load_week(self) -> None:
        """Bring the week up to date, where it stands."""
        self._rota = await Rota.of(self._clinic)
        sunday = self._monday + timedelta(days=6)
        found = await self._clinic.shifts.page(current_actor(), self._monday, sunday)
        self._found = [each for each in found if each.state is not ShiftState.CLOSED]
        rows = self._rows()
        self._title.set_text(
            t("timetable.week", first=day_words(self._monday), last=day_words(sunday))
        )
        self._table.show(t("nav.timetable"), self._days(), rows)
        self._empty.set_visibility(not rows)
        drafts = len(self._open_drafts())
        self._drafts.set_visibility(self._may and bool(drafts))
        self._publish_button.set_text(t("timetable.publish", count=drafts))
        self._weekly.follow(self._monday, self._rota)
        self._away.follow(self._rota)

    def _days(self) -> list[Day]:
        days = [self._monday + timedelta(days=nth) for nth in range(7)]
        return [
            Day(weekday(nth), f"{each.month}/{each.day}", each == self._today)
            for nth, each in enumerate(days)
        ]

    def _rows(self) -> list[WeekRow]:
        """Those who have a shift and, for who plans, those who could have one."""
        mine: dict[UUID, list[ShiftView]] = defaultdict(list)
        for shift in self._found:
            mine[shift.clinician_id].append(shift)
        people = (
            {**{key: each.name for key, each in self._rota.doctors.items()}} if self._may else {}
        )
        people |= {key: shifts[0].clinician for key, shifts in mine.items()}
        return [
            WeekRow(str(key), name or self._rota.name(key), self._note(key), self._cells(mine[key]))
            for key, name in sorted(people.items(), key=lambda item: item[1])
        ]

    def _note(self, clinician_id: UUID) -> str:
        known = self._rota.doctors.get(clinician_id)
        return known.title if known else t("timetable.not_active")

    def _cells(self, shifts: list[ShiftView]) -> tuple[tuple[Piece, ...], ...]:
        days = [self._monday + timedelta(days=nth) for nth in range(7)]
        return tuple(tuple(self._piece(each) for each in shifts if each.day == day) for day in days)

    def _piece(self, shift: ShiftView) -> Piece:
        icon, tone = LOOKS.get(shift.state, ("p0", ""))
        time = clock_span(shift.starts_at, shift.ends_at, self._zone)
        said = t(f"timetable.state.{shift.state}")
        if shift.state is ShiftState.PUBLISHED:
            said = t("timetable.taken", taken=shift.taken, places=shift.places)
        elif shift.state is ShiftState.DRAFT:
            said = t("timetable.draft_places", places=shift.places)
        kind = self._rota.kinds.get(shift.kind, shift.kind)
        notes = (shift.department, kind)
        whose = f"{shift.clinician} {weekday(shift.day.weekday())}"
        return Piece(str(shift.id), time, notes, said, icon, tone, whose)

    def _open_drafts(self) -> list[UUID]:
        now = self._clinic.clock.now()
        return [
            each.id
            for each in self._found
            if each.state is ShiftState.DRAFT and each.starts_at > now
        ]

    async def _publish(self) -> None:
        count = await self._clinic.shifts.publish(current_actor(), self._open_drafts())
        kit.toast(t("timetable.published", count=count))
        await self.load_week()

    def _open(self, shift_id: UUID) -> Any:
        self._table.select(str(shift_id))
        return self._shifts.show(shift_id, self._found, self._rota)

    async def _add(self, clinician_id: UUID, nth: int) -> None:
        day = self._monday + timedelta(days=nth)
        self._shifts.ask_new(self._rota, day, clinician_id)

    def ask_new(self) -> None:
        """Ask for a shift in the week in front."""
        self._shifts.ask_new(self._rota, max(self._today, self._monday))
