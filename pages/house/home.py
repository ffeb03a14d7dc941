"""Where staff begin: a few figures, what waits for them, and what their roles do every day."""

from pages import kit
from pages.house.figures import figures_of
from pages.house.tasks import address_of, pressing, title_of
from pages.live import on_event
from pages.nameplate import Nameplate
from pages.navigation import offered
from pages.routes import Routes
from pages.session import current_actor
from pages.shell import frame
from pages.users.patient_home import patient_home
from pages.viewer import viewer
from pages.words import ago, has, language, listed, t
from services.clinic import Clinic
from services.events import (
    AccountLocked,
    DeliveryParked,
    EmergencyAccessOpened,
    EmergencyAccessReviewed,
    MessageFailed,
    ResetAsked,
    ResetSettled,
    StaffSuspended,
)
from services.policy import Action
from services.procedures import Procedure
from services.rules import OUTSIDERS
from services.tasks import Counts, Search, View

SHOWN_TASKS = 6
ROUTINES = ("daily", "weekly")


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/`."""
    plate = Nameplate(clinic)

    @routes.page("/", title="nav.home")
    async def home_page() -> None:
        who = viewer()
        if current_actor().roles <= OUTSIDERS:
            await patient_home(clinic, phone=await plate.phone())
            return
        page = HomePage(clinic, works=who.can(Action.TASK_READ))
        trained = who.can(Action.PROCEDURE_READ)
        duties = await clinic.procedures.checklist(current_actor()) if trained else ()
        with frame("nav.home", active="/") as surroundings:
            with kit.Html("div"):
                kit.heading(t("home.hello", name=who.display_name))
                roles = listed(t(f"role.{role}") for role in who.roles)
                kit.paragraph(t("home.in_roles", roles=roles), "muted")
            page.build(duties)
        await page.load(who.work, who.notices)
        surroundings.also(page.load)
        on_event(clinic.bus, *COUNTED, do=page.count)


COUNTED = (
    *(AccountLocked, StaffSuspended, DeliveryParked, MessageFailed),
    *(EmergencyAccessOpened, EmergencyAccessReviewed, ResetAsked, ResetSettled),
)
"""What changes a figure beside the tasks and the messages."""


def checklist(duties: tuple[Procedure, ...]) -> None:
    """Show what one's roles do every day and every week, as the procedures say."""
    routines = [each for each in duties if each.when in ROUTINES]
    if not routines:
        return
    with kit.card(flush=True):
        with kit.card_head(t("home.checklist")):
            kit.link_button("quiet", t("home.procedures"), "/procedures")
        with kit.Html("div", "rows"):
            for routine in routines:
                for duty in routine.duties:
                    kit.line(t(duty.key), routine.said(language()), icon="clock", href=duty.place)


def places() -> None:
    """Show where this person can go and what for: on a phone, where the rail is out of sight."""
    with kit.card(t("home.places"), flush=True).classes("only-narrow"), kit.Html("div", "rows"):
        who = viewer()
        for item in offered(who.can, demo=who.is_demo):
            if item.path == "/":
                continue
            note = f"home.{item.key}"
            kit.line(t(item.key), t(note) if has(note) else "", icon=item.icon, href=item.path)


class HomePage:
    """The figures, and the card of what waits."""

    def __init__(self, clinic: Clinic, *, works: bool) -> None:
        self._clinic = clinic
        self._works = works
        self._waits: tuple[Counts, int] = viewer().work, viewer().notices

    def build(self, duties: tuple[Procedure, ...]) -> None:
        """Make the elements; `load` fills them."""
        self._figures = kit.Figures(t("home.figures"))
        with kit.halves():
            with kit.card(flush=True):
                with kit.card_head(t("home.waiting")):
                    self._count = kit.tag("", "")
                self._list = kit.Html("div", "rows", role="status")
                with self._list:
                    kit.skeleton(3)
            checklist(duties)
        places()

    async def count(self) -> None:
        """Bring the figures up to date."""
        self._figures.show(await figures_of(self._clinic, *self._waits))

    async def load(self, counts: Counts, unread: int) -> None:
        """Bring all of it up to date."""
        self._waits = counts, unread
        await self.count()
        tasks: list[View] = []
        total = 0
        if self._works:
            tasks, total = await self._clinic.tasks.page(
                current_actor(), Search(), limit=SHOWN_TASKS
            )
        self._count.set_visibility(total > 0)
        self._count.clear()
        with self._count:
            kit.Html("span", text=t("tasks.total", count=total))
        self._list.clear()
        with self._list:
            if not tasks:
                kit.empty(t("tasks.empty"), t("tasks.empty_text"))
            for task in tasks:
                self._line(task)

    def _line(self, task: View) -> None:
        note = t("tasks.overdue") if task.overdue else ""
        if task.due_at and not task.overdue:
            note = t("home.due", when=ago(task.due_at, now=self._clinic.clock.now()))
        kit.line(
            title_of(task),
            " · ".join(part for part in (pressing(task), note) if part),
            icon="alert" if task.overdue else "tasks",
            href=address_of(task),
            tone="bad" if task.overdue else "",
        )
