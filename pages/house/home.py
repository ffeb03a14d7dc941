"""Where staff begin: what waits for them, and the places their roles are for."""

from pages import kit
from pages.house.tasks import address_of, title_of
from pages.live import on_event
from pages.navigation import offered
from pages.routes import Routes
from pages.session import current_actor
from pages.shell import frame
from pages.viewer import viewer
from pages.words import ago, has, listed, t
from services.clinic import Clinic
from services.events import TaskClosed, TaskEscalated, TaskRaised
from services.policy import Action
from services.tasks import Search, View

SHOWN_TASKS = 6


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/`."""

    @routes.page("/", title="nav.home")
    async def home_page() -> None:
        who = viewer()
        page = HomePage(clinic, works=who.can(Action.TASK_READ))
        with frame("nav.home", active="/"):
            with kit.Html("div"):
                kit.heading(t("home.hello", name=who.display_name))
                roles = listed(t(f"role.{role}") for role in who.roles)
                kit.paragraph(t("home.in_roles", roles=roles), "muted")
            with kit.halves():
                page.build()
                places()
        await page.load()
        on_event(clinic.bus, TaskRaised, TaskClosed, TaskEscalated, do=page.load)


def places() -> None:
    """Show where this person can go and what for."""
    with kit.card(t("home.places"), flush=True), kit.Html("div", "rows"):
        who = viewer()
        for item in offered(who.can, demo=who.is_demo):
            if item.path == "/":
                continue
            note = f"home.{item.key}"
            kit.line(t(item.key), t(note) if has(note) else "", icon=item.icon, href=item.path)


class HomePage:
    """The card of what waits."""

    def __init__(self, clinic: Clinic, *, works: bool) -> None:
        self._clinic = clinic
        self._works = works

    def build(self) -> None:
        """Make the card; `load` fills it."""
        with kit.card(flush=True):
            with kit.card_head(t("home.waiting")):
                self._count = kit.tag("", "")
            self._list = kit.Html("div", "rows", role="status")
            with self._list:
                kit.skeleton(3)

    async def load(self) -> None:
        """Bring the card up to date."""
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
        now = self._clinic.clock.now()
        with self._list:
            if not tasks:
                kit.empty(t("tasks.empty"), t("tasks.empty_text"))
            for task in tasks:
                note = t("tasks.overdue") if task.overdue else ""
                if task.due_at and not task.overdue:
                    note = t("home.due", when=ago(task.due_at, now=now))
                kit.line(
                    title_of(task),
                    note,
                    icon="alert" if task.overdue else "tasks",
                    href=address_of(task),
                    tone="bad" if task.overdue else "",
                )
