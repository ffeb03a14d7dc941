"""Waiting for a place that becomes free: join, take what is offered, leave. (候补)"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from uuid import UUID
from zoneinfo import ZoneInfo

from nicegui import ui

from pages import kit
from pages.kit.element import Html
from pages.live import on_event
from pages.session import current_actor
from pages.typed import typed_date
from pages.words import clock, day, language, local, t
from services.appointments.booking import Wish
from services.appointments.kinds import Kind
from services.appointments.waitlist import Entry, Wanted
from services.clinic import Clinic
from services.users.patients import Member
from services.visit_events import PlaceOffered

FIRST_SPAN = timedelta(days=14)
"""How many days the form offers at first."""


class JoinForm:
    """For whom, how and on which days somebody would take a place with one doctor."""

    def __init__(
        self,
        clinic: Clinic,
        clinician_id: UUID,
        family: Sequence[Member],
        kinds: Sequence[Kind],
    ) -> None:
        self._clinic = clinic
        self._clinician_id = clinician_id
        self._family = family
        self._kinds = kinds

    def build(self) -> None:
        """Ask as little as there is to choose."""
        today = self._clinic.clock.now().astimezone(ZoneInfo(self._clinic.settings.timezone)).date()
        with kit.card(t("waitlist.title")):
            kit.paragraph(t("waitlist.why"), "muted")
            self._whom: Callable[[], str] = lambda: str(self._family[0].patient_id)
            self._how: Callable[[], str] = lambda: self._kinds[0].code
            if len(self._family) > 1:
                names = {str(each.patient_id): each.name for each in self._family}
                whom = kit.select(t("book.for_whom"), names)
                self._whom = lambda: whom.text
            if len(self._kinds) > 1:
                ways = {each.code: each.name(language()) for each in self._kinds}
                how = kit.select(t("waitlist.kind"), ways)
                self._how = lambda: how.text
            self._since = kit.field(t("waitlist.since"), value=today.isoformat(), content="date")
            last = today + FIRST_SPAN
            self._until = kit.field(t("waitlist.until"), value=last.isoformat(), content="date")
            kit.button("primary", t("waitlist.join"), self._join, block=True)

    async def _join(self) -> None:
        with kit.told(into=lambda words, _: setattr(self._until, "error", words)):
            wanted = Wanted(
                UUID(self._whom()),
                self._clinician_id,
                self._how(),
                typed_date(self._since.text, "since"),
                typed_date(self._until.text, "until"),
            )
            await self._clinic.waitlist.join(current_actor(), wanted)
            ui.navigate.to("/visits")


class WaitingFor:
    """What one waits for; an offered place with the button that takes it."""

    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic

    async def load(self) -> None:
        """Read what is shown."""
        actor = current_actor()
        self._entries = await self._clinic.waitlist.mine(actor)
        if self._entries:
            doctors = await self._clinic.clinician_directory.doctors(actor, actor.home)
            self._doctors = {each.user_id: each.name for each in doctors}
            family = await self._clinic.patients.family(actor)
            self._names = {each.patient_id: each.name for each in family}

    def build(self) -> None:
        """Show it, and show it anew once a place is offered."""
        self._place = Html("div", "stack")
        self._show()
        account = current_actor().user_id
        on_event(
            self._clinic.bus,
            PlaceOffered,
            do=self.refresh,
            when=lambda event: event.account_id == account,
        )

    async def refresh(self) -> None:
        """Bring it up to date where it stands."""
        await self.load()
        self._show()

    def _show(self) -> None:
        self._place.clear()
        with self._place:
            if self._entries:
                kit.heading(t("waitlist.mine"))
            for entry in self._entries:
                self._card(entry)

    def _card(self, entry: Entry) -> None:
        now = self._clinic.clock.now()
        doctor = self._doctors.get(entry.clinician_id, t("waitlist.doctor_gone"))
        with kit.card():
            with kit.side_by_side():
                kit.heading(doctor, 3)
                if entry.offered_at is None:
                    kit.state(t("waitlist.waiting"), "info")
                else:
                    kit.state(t("waitlist.offered"), "go")
            kit.paragraph(self._names.get(entry.patient_id, ""), "muted")
            if entry.offered_at is None or entry.offered_until is None:
                since, until = day(entry.since, now=now), day(entry.until, now=now)
                kit.paragraph(t("waitlist.days", since=since, until=until))
                kit.button("quiet", t("waitlist.leave"), partial(self._leave, entry))
                return
            kit.paragraph(
                t(
                    "waitlist.offer",
                    time=local(entry.offered_at, now=now),
                    until=clock(entry.offered_until),
                )
            )
            kit.button("go", t("waitlist.take"), partial(self._take, entry), block=True, large=True)
            kit.button("quiet", t("waitlist.decline"), partial(self._leave, entry))

    async def _take(self, entry: Entry) -> None:
        with kit.told():
            if entry.offered_at is None:
                return
            wish = Wish(
                entry.patient_id,
                entry.clinician_id,
                entry.offered_at,
                entry.kind,
                offer_id=entry.id,
            )
            booked = await self._clinic.booking.hold(current_actor(), wish)
            ui.navigate.to(f"/visits/{booked.id}")

    async def _leave(self, entry: Entry) -> None:
        answer = await kit.confirm(
            t("waitlist.leave"), t("waitlist.leave_text"), t("waitlist.leave")
        )
        if answer:
            await self._clinic.waitlist.leave(current_actor(), entry.id)
            await self.refresh()
