"""Whether the house is well: each check with what is so and what to do, the worst first."""

from pages import kit
from pages.kit.element import Html
from pages.routes import Routes
from pages.session import current_actor
from pages.shell import frame
from pages.words import local, t
from services.clinic import Clinic
from services.findings import Finding, Level
from services.policy import Action

TONES: dict[Level, kit.Tone] = {
    Level.OK: "ok",
    Level.UNKNOWN: "info",
    Level.WARN: "warn",
    Level.RED: "bad",
}


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/health`."""

    @routes.page("/health", action=Action.HEALTH_READ, title="nav.health")
    async def health_page() -> None:
        page = HealthPage(clinic)
        with frame("nav.health", active="/health") as surroundings:
            with surroundings.slot:
                kit.button("line", t("health.again"), page.load)
            page.build()
        surroundings.shortcut("r", "health.again", page.load)
        await page.load()


class HealthPage:
    """The counts and the list of findings."""

    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic

    def build(self) -> None:
        """Make the elements; `load` fills them."""
        with kit.tiles():
            self._counts = {
                level: kit.metric(t(f"health.level.{level}"), "-")
                for level in (Level.RED, Level.WARN, Level.UNKNOWN, Level.OK)
            }
        self._looked = kit.paragraph("", "muted small")
        with kit.card(flush=True):
            self._list = Html("div", "rows", role="status")

    async def load(self) -> None:
        """Make every check now."""
        found = await self._clinic.health.look(current_actor())
        for level, shown in self._counts.items():
            shown.set_text(str(sum(each.level is level for each in found)))
        self._looked.set_text(t("health.looked", at=local(self._clinic.clock.now())))
        self._list.clear()
        with self._list:
            for finding in found:
                _line(finding)


def _line(finding: Finding) -> None:
    with Html("div", "line"), Html("div", "line__main"):
        with kit.side_by_side():
            kit.state(t(f"health.level.{finding.level}"), TONES[finding.level])
            Html("span", "line__title", t(finding.title))
        Html("span", "line__note", t(finding.what, **finding.values))
        if finding.remedy:
            Html("span", "line__note strong", t(finding.remedy, **finding.values))
