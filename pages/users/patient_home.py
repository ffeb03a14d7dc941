"""Where patients begin: one thing to do next, and the way to all the others."""

from data.errors import NotFound
from pages import kit
from pages.kit.element import Html
from pages.session import current_actor
from pages.shell import action_bar, patient_frame
from pages.users.family import ADD, FAMILY
from pages.words import local, t
from services.appointments.booking import AppointmentState
from services.appointments.queue import TicketState
from services.appointments.visits import Visit
from services.clinic import Clinic
from services.users.patients import Relation

BOOK, VISITS = "/book", "/visits"


async def patient_home(clinic: Clinic, *, phone: str) -> None:
    """Build the page: who has not said who they are does that first."""
    actor = current_actor()
    members = await clinic.patients.family(actor)
    own = next((each for each in members if each.relation is Relation.SELF), None)
    coming = await clinic.visits.coming(actor) if members else []
    past, _ = await clinic.visits.past(actor, limit=5) if members else ([], 0)
    verified = any(each.is_verified for each in members)
    words, href = await _next_step(clinic, coming)
    with patient_frame("nav.home", phone=phone):
        if own is None:
            with kit.card(t("home.register_self"), lift=True):
                kit.paragraph(t("home.register_self_text"), "muted")
                kit.link_button("primary", t("home.register_self"), ADD, block=True, large=True)
        else:
            kit.heading(t("home.patient_hello", name=own.name))
        if members and not verified:
            kit.banner("warn", t("book.nobody"), t("book.nobody_text"))
        for visit in coming[:3]:
            _card(clinic, visit)
        _ways(past, has_members=bool(members))
        if verified:
            with action_bar():
                kit.link_button("go", words, href, block=True, large=True)


async def _next_step(clinic: Clinic, coming: list[Visit]) -> tuple[str, str]:
    """Return the one thing to do next, in words, and where."""
    if not coming:
        return t("book.title"), BOOK
    visit = coming[0]
    page = f"{VISITS}/{visit.id}"
    if visit.state is AppointmentState.CREATED:
        return t("home.go_pay"), page
    if visit.state is AppointmentState.CONFIRMED:
        return await _before(clinic, visit)
    return await _while_waiting(clinic, visit)


async def _before(clinic: Clinic, visit: Visit) -> tuple[str, str]:
    page = f"{VISITS}/{visit.id}"
    prepared = await clinic.preparations.of(current_actor(), visit.id)
    if not prepared.is_ready:
        return t("visits.prepare"), f"/prepare/{visit.id}"
    if clinic.clock.now() >= visit.check_in_from:
        return t("visits.check_in"), page
    return t("home.go_visit"), page


async def _while_waiting(clinic: Clinic, visit: Visit) -> tuple[str, str]:
    page = f"{VISITS}/{visit.id}"
    try:
        turn = await clinic.waiting_room.turn(current_actor(), visit.id)
    except NotFound:
        return t("home.go_visit"), page
    if turn.state in (TicketState.CALLED, TicketState.SERVING):
        return t("waiting.enter"), page
    return t("home.go_wait"), page


def _card(clinic: Clinic, visit: Visit) -> None:
    now = clinic.clock.now()
    with kit.card(lift=True):
        kit.state(t(f"appointment.{visit.state}"), "go")
        Html("p", "price", local(visit.starts_at, now=now))
        kit.paragraph(f"{visit.clinician} {visit.title}, {visit.department}")
        kit.paragraph(t("home.for_patient", name=visit.patient), "muted")


def _ways(past: list[Visit], *, has_members: bool) -> None:
    seen = next((each for each in past if each.state is AppointmentState.COMPLETED), None)
    with kit.card(flush=True), Html("div", "rows"):
        if seen is not None:
            title = t("home.again", name=seen.clinician)
            kit.line(title, seen.department, icon="again", href=f"{BOOK}/{seen.clinician_id}")
        if has_members:
            kit.line(t("book.title"), t("home.book_note"), icon="plus", href=BOOK)
            kit.line(t("visits.title"), t("home.visits_note"), icon="calendar", href=VISITS)
        kit.line(t("home.family"), t("home.family_note"), icon="people", href=FAMILY)
        kit.line(t("prices.title"), t("home.prices_note"), icon="yuan", href="/prices")
        kit.line(t("shell.account"), icon="person", href="/account")
