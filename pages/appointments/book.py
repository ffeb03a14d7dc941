"""Choosing a department, a doctor and a time; confirmed by one button. (预约)"""

from collections import defaultdict
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from nicegui import ui

from data.errors import Conflict, DomainError
from pages import kit
from pages.appointments.waiting_list import JoinForm
from pages.kit.element import Html
from pages.kit.fields import Choice as Chip
from pages.nameplate import Nameplate
from pages.routes import Routes
from pages.session import current_actor
from pages.shell import action_bar, patient_frame
from pages.words import clock, day, language, local, money, t
from services.appointments.booking import Wish
from services.appointments.kinds import Kind
from services.appointments.places import Choice, Time
from services.billing.tariff import Version
from services.clinic import Clinic
from services.inquiries import Colleague
from services.policy import Action
from services.users.patients import Member

BOOK = "/book"
WITH = "/book/{clinician_id}"
FAMILY = "/family"


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/book` and `/book/{clinician_id}`."""
    plate = Nameplate(clinic)

    @routes.page(BOOK, action=Action.TICKET_READ, title="book.title")
    async def book_page(department: UUID | None = None, again: UUID | None = None) -> None:
        if again is not None:
            known = await clinic.visits.one(current_actor(), again)
            ui.navigate.to(f"/book/{known.clinician_id}")
            return
        actor = current_actor()
        if department is None:
            free = await clinic.places.departments(actor, actor.home)
            offered = await clinic.departments.all(actor, actor.home)
            with patient_frame("book.title", back="/", phone=await plate.phone()):
                _departments([(each.id, each.name, free.get(each.id, 0)) for each in offered])
            return
        choices = await clinic.places.choices(actor, actor.home, department_id=department)
        doctors = await clinic.clinician_directory.doctors(actor, actor.home)
        soon = {each.clinician_id for each in choices}
        full = [
            each
            for each in doctors
            if department in each.department_ids and each.user_id not in soon
        ]
        names = {each.id: each.name for each in await clinic.departments.all(actor, actor.home)}
        with patient_frame("book.title", back=BOOK, phone=await plate.phone()):
            _doctors(names.get(department, ""), choices, full, clinic.clock.now())

    @routes.page(WITH, action=Action.TICKET_READ, title="book.title")
    async def doctor_page(clinician_id: UUID) -> None:
        actor = current_actor()
        choices = await clinic.places.choices(actor, actor.home, clinician_id=clinician_id)
        family = [each for each in await clinic.patients.family(actor) if each.is_verified]
        prices = {each.item: each for each in await clinic.tariffs.prices(actor)}
        doctors = await clinic.clinician_directory.doctors(actor, actor.home)
        doctor = next((each for each in doctors if each.user_id == clinician_id), None)
        page = DoctorPage(clinic, choices, family, prices, doctor)
        with patient_frame("book.title", back=BOOK, phone=await plate.phone()):
            page.build(await clinic.kinds.all(actor, actor.home))


def _departments(offered: list[tuple[UUID, str, int]]) -> None:
    """One line a department, those with something free first."""
    if not offered:
        kit.empty(t("book.no_department"), t("book.nothing_text"))
        return
    with kit.card(flush=True), Html("div", "rows"):
        for department_id, name, free in sorted(offered, key=lambda each: not each[2]):
            note = t("book.places_free", count=free) if free else t("book.none_free")
            kit.line(name, note, icon="building", href=f"{BOOK}?department={department_id}")


def _doctors(department: str, choices: list[Choice], full: list[Colleague], now: datetime) -> None:
    """One line a doctor, whoever can be seen soonest first; then those who are booked up."""
    if not choices and not full:
        kit.empty(t("book.nothing"), t("book.nothing_text"))
        return
    kit.heading(department)
    with kit.card(flush=True), Html("div", "rows"):
        for choice in choices:
            soonest = local(choice.times[0].starts_at, now=now)
            note = t("book.soonest", time=soonest)
            title = f"{choice.name} {choice.title}".strip()
            kit.line(title, note, icon="person", href=f"{BOOK}/{choice.clinician_id}")
        for doctor in full:
            title = f"{doctor.name} {doctor.title}".strip()
            kit.line(title, t("waitlist.full"), icon="person", href=f"{BOOK}/{doctor.user_id}")


class DoctorPage:
    """One doctor: which day, what time, for whom."""

    def __init__(
        self,
        clinic: Clinic,
        choices: list[Choice],
        family: list[Member],
        prices: dict[str, Version],
        doctor: Colleague | None,
    ) -> None:
        self._clinic = clinic
        self._choices = choices
        self._family = family
        self._prices = prices
        self._doctor = doctor
        self._zone = ZoneInfo(clinic.settings.timezone)
        self._days: dict[date, list[Time]] = defaultdict(list)
        for choice in choices:
            for each in choice.times:
                self._days[each.starts_at.astimezone(self._zone).date()].append(each)

    def build(self, kinds: list[Kind]) -> None:
        """Show the doctor; offer the first day and its first time."""
        self._kinds = {kind.code: kind for kind in kinds}
        if self._doctor is None:
            kit.empty(t("book.nothing"), t("book.nothing_text"))
            return
        with kit.card(lift=True):
            with kit.side_by_side():
                kit.heading(self._doctor.name)
                kit.tag(self._doctor.title)
            if self._choices:
                kit.paragraph(self._choices[0].department, "muted")
            kit.paragraph(t("book.licence", number=self._doctor.licence), "muted small")
        if not self._family:
            kit.banner("warn", t("book.nobody"), t("book.nobody_text"))
            with action_bar():
                kit.link_button("primary", t("home.family"), FAMILY, block=True, large=True)
            return
        if self._choices:
            self._choose()
        else:
            kit.banner("info", t("waitlist.full_title"), t("waitlist.full_text"))
            self._wait_list()

    def _wait_list(self) -> None:
        """Offer to wait for what becomes free."""
        offered = [each for each in self._kinds.values() if each.is_offered]
        if self._doctor is not None and offered:
            JoinForm(self._clinic, self._doctor.user_id, self._family, offered).build()

    def _choose(self) -> None:
        now = self._clinic.clock.now()
        days = [
            Chip(each.isoformat(), day(each, now=now), count=sum(time.left for time in times))
            for each, times in sorted(self._days.items())
        ]
        kit.heading(t("book.day"), 3)
        self._day = kit.chips(
            t("book.day"), days, value=days[0].value, on_change=lambda _: self._show_times()
        )
        kit.heading(t("book.time"), 3)
        self._time = kit.chips(
            t("book.time"), [], value="", on_change=lambda _: self._show_button()
        )
        if len(self._family) > 1:
            names = {str(each.patient_id): each.name for each in self._family}
            self._patient = kit.select(t("book.for_whom"), names)
        later = Html("div", "stack")

        def ask() -> None:
            later.clear()
            with later:
                self._wait_list()

        with later:
            kit.button("quiet", t("waitlist.ask"), ask)
        with action_bar():
            self._button = kit.button(
                "go", t("book.confirm"), self._confirm, block=True, large=True
            )
        self._show_times()

    def _show_times(self) -> None:
        times = self._days[date.fromisoformat(str(self._day.value))]
        self._time.offer([Chip(each.starts_at.isoformat(), self._said(each)) for each in times])
        self._time.set_value(times[0].starts_at.isoformat())
        self._show_button()

    def _said(self, time: Time) -> str:
        """Return the time; with the way of being seen, where the doctor offers several."""
        if len({each.kind for times in self._days.values() for each in times}) == 1:
            return clock(time.starts_at)
        return f"{clock(time.starts_at)} {self._kinds[time.kind].name(language())}"

    def _chosen(self) -> Time:
        return next(
            each
            for times in self._days.values()
            for each in times
            if each.starts_at.isoformat() == self._time.value
        )

    def _show_button(self) -> None:
        if not self._time.value:
            return
        chosen = self._chosen()
        price = self._prices.get(self._kinds[chosen.kind].price_item)
        on = chosen.starts_at.astimezone(self._zone).date()
        when = f"{day(on, now=self._clinic.clock.now())} {clock(chosen.starts_at)}"
        if price is None or price.fen == 0:
            self._button.set_text(t("book.confirm_free", time=when))
        else:
            self._button.set_text(t("book.confirm_paid", time=when, amount=money(price.fen)))

    def _whom(self) -> UUID:
        if len(self._family) > 1:
            return UUID(str(self._patient.value))
        return self._family[0].patient_id

    async def _confirm(self) -> None:
        chosen, actor = self._chosen(), current_actor()
        wish = Wish(self._whom(), chosen.clinician_id, chosen.starts_at, chosen.kind)
        with kit.told():
            try:
                booked = await self._clinic.booking.hold(actor, wish)
            except Conflict as refusal:
                if refusal.code == "booked_already":  # a second tap: there it is
                    ui.navigate.to(f"/visits/{refusal.details['appointment_id']}")
                    return
                if refusal.code == "slot_taken":
                    await self._again()
                raise
            ui.navigate.to(f"/visits/{booked.id}")

    async def _again(self) -> None:
        """Read what is free anew, for somebody was quicker."""
        actor = current_actor()
        clinician_id = self._choices[0].clinician_id
        try:
            choices = await self._clinic.places.choices(
                actor, actor.home, clinician_id=clinician_id
            )
        except DomainError:
            return
        self._days.clear()
        for choice in choices:
            for each in choice.times:
                self._days[each.starts_at.astimezone(self._zone).date()].append(each)
        if str(self._day.value) not in {each.isoformat() for each in self._days}:
            ui.navigate.to(f"{BOOK}/{clinician_id}")
            return
        self._show_times()
