"""Booking for somebody who is on the phone or at the counter. (代约)"""

from collections.abc import Awaitable, Callable

from pages import kit
from pages.session import current_actor
from pages.words import language, local, money, t
from services.appointments.booking import AppointmentState, Channel, Wish
from services.appointments.places import Choice, Time
from services.clinic import Clinic
from services.users.patient_register import Registered

MOST = 60
"""Times of one doctor in the list: more than fits on the phone."""


class BookFor:
    """A doctor, a time, what was said on the phone, one button."""

    def __init__(
        self, clinic: Clinic, person: Registered, after: Callable[[str], Awaitable[None]]
    ) -> None:
        self._clinic = clinic
        self._person = person
        self._after = after

    async def build(self) -> None:
        """Offer what the counter may give out: its own places, and those of the portal."""
        actor = current_actor()
        self._choices: dict[str, Choice] = {}
        self._times: dict[str, dict[str, Time]] = {}
        for channel in (Channel.WINDOW, Channel.PORTAL):
            for choice in await self._clinic.places.choices(actor, actor.home, channel=channel):
                key = f"{choice.clinician_id} {choice.department_id}"
                self._choices.setdefault(key, choice)
                for time in choice.times:
                    name = f"{time.starts_at.isoformat()} {time.kind}"
                    self._times.setdefault(key, {})[name] = time
        if not self._choices:
            kit.paragraph(t("book.nothing"), "muted")
            return
        self._kinds = {each.code: each for each in await self._clinic.kinds.all(actor, actor.home)}
        self._prices = {each.item: each.fen for each in await self._clinic.tariffs.prices(actor)}
        doctors = {
            key: f"{each.department} {each.name} {each.title}".strip()
            for key, each in self._choices.items()
        }
        self._doctor = kit.select(
            t("register.doctor"), doctors, on_change=lambda _: self._offer_times()
        )
        self._time = kit.select(t("book.time"), {})
        self._words = kit.field(t("register.words"), hint=t("register.words_hint"), length=200)
        if not self._person.is_written_to:
            kit.paragraph(t("register.by_sms_why"), "muted small")
        kit.button("go", t("register.book"), self._book)
        self._offer_times()

    def _offer_times(self) -> None:
        times = sorted(self._times[self._doctor.text].items())[:MOST]
        options = [{"value": key, "label": self._said(time)} for key, time in times]
        self._time.props["options"] = options
        self._time.set_value(options[0]["value"])

    def _said(self, time: Time) -> str:
        kind = self._kinds[time.kind]
        fen = self._prices.get(kind.price_item, 0)
        price = money(fen) if fen else t("register.free")
        when = local(time.starts_at, now=self._clinic.clock.now())
        return f"{when} {kind.name(language())} {price}"

    async def _book(self) -> None:
        time = self._times[self._doctor.text][self._time.text]
        wish = Wish(
            self._person.patient_id,
            time.clinician_id,
            time.starts_at,
            time.kind,
            words=self._words.text,
        )
        booked = await self._clinic.booking.hold(current_actor(), wish)
        held = booked.state is AppointmentState.CREATED
        await self._after("register.held" if held else "register.booked")
