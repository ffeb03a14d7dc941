"""Where patients begin: one thing to do next, and the way to all the others."""

from pages import kit
from pages.kit.element import Html
from pages.session import current_actor
from pages.shell import patient_frame
from pages.users.family import ADD, FAMILY
from pages.words import t
from services.clinic import Clinic
from services.users.patients import Relation


async def patient_home(clinic: Clinic, *, phone: str) -> None:
    """Build the page: who has not said who they are does that first."""
    members = await clinic.patients.family(current_actor())
    own = next((each for each in members if each.relation is Relation.SELF), None)
    with patient_frame("nav.home", phone=phone):
        if own is None:
            with kit.card(t("home.register_self"), lift=True):
                kit.paragraph(t("home.register_self_text"), "muted")
                kit.link_button("primary", t("home.register_self"), ADD, block=True, large=True)
        else:
            kit.heading(t("home.patient_hello", name=own.name))
        with kit.card(flush=True), Html("div", "rows"):
            kit.line(t("home.family"), t("home.family_note"), icon="people", href=FAMILY)
            kit.line(t("prices.title"), t("home.prices_note"), icon="yuan", href="/prices")
            kit.line(t("shell.account"), icon="person", href="/account")
