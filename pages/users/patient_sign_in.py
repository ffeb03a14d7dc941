"""The way in for patients: a phone number and the code that was sent to it, on one page."""

import asyncio
from datetime import timedelta

from nicegui import context

from pages import kit
from pages.kit.element import Html
from pages.nameplate import Nameplate
from pages.routes import Routes
from pages.security.doors import PATIENT_DOOR
from pages.security.origins import local_path, sender_of
from pages.session import PATIENT_SIGN_IN, SIGN_IN
from pages.shell import public_frame
from pages.users.sign_in import say_error
from pages.words import language, t
from services.clinic import Clinic
from services.policy import ANYBODY
from services.users.steps import Caller

LOOKS, LOOK_SECONDS = 15, 0.2
FRESH = timedelta(seconds=30)
WHY_PUBLIC = "the way in for patients; it shows nothing but the hospital's name"


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/welcome`."""
    plate = Nameplate(clinic)

    @routes.page(PATIENT_SIGN_IN, public=WHY_PUBLIC, title="welcome.title")
    async def welcome_page(next: str = "/", error: str = "", why: str = "") -> None:  # noqa: A002
        name = await plate.name()
        with public_frame("welcome.title", institution=name, demo=clinic.settings.demo):
            say_error(error, why)
            await PatientDoorPage(clinic).build(local_path(next), again=bool(error))
            kit.link_button("quiet", t("welcome.prices"), "/prices", icon="yuan", block=True)
            kit.link_button("quiet", t("doctors.title"), "/doctors", icon="person", block=True)
            kit.link_button("quiet", t("welcome.staff"), SIGN_IN, icon="people", block=True)


class PatientDoorPage:
    """The form: a number, a code, one button."""

    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic

    async def build(self, then: str, *, again: bool) -> None:
        """Make the form; after a wrong code the number is still there."""
        kit.paragraph(t("welcome.how"), "muted")
        with kit.form(PATIENT_DOOR) as form:
            form.attribute("data-remembers", "phone")
            kit.hidden("next", then)
            kit.hidden("language", language())
            self._phone = kit.field(
                t("welcome.phone"),
                name="phone",
                content="tel",
                mode="numeric",
                complete="tel-national",
                required=True,
                autofocus=not again,
            )
            self._send = kit.button("line", t("welcome.send"), self._ask, block=True, icon="phone")
            self._sent = Html("p", "muted small", role="status")
            kit.code_box(t("welcome.code"), name="code", required=True)
            kit.button("primary", t("welcome.go"), submit=True, block=True, large=True)
        if self._clinic.settings.demo:
            with kit.card(t("welcome.demo")):
                self._caught = kit.paragraph(t("welcome.demo_note"), "muted")

    async def _ask(self) -> None:
        request = context.client.request
        caller = Caller(sender_of(request.scope), request.headers.get("user-agent", ""))
        self._phone.error = None
        with kit.told(into=lambda words, _: setattr(self._phone, "error", words)):
            await self._clinic.patient_door.ask(self._phone.text, caller, language())
            self._sent.set_text(t("welcome.sent"))
            if self._clinic.settings.demo:
                await self._show_caught(self._phone.text)

    async def _show_caught(self, phone: str) -> None:
        """In a demo no message leaves the house: it is read here, by whoever plays the patient."""
        for _ in range(LOOKS):
            await asyncio.sleep(LOOK_SECONDS)
            caught, _ = await self._clinic.inbox.page(ANYBODY, limit=5)
            mine = next((each for each in caught if each.address == "".join(phone.split())), None)
            if mine is not None and mine.at >= self._clinic.clock.now() - FRESH:
                self._caught.set_text(mine.text)
                return
