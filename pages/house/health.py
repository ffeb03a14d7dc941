"""Whether the house is well: each check with what is so and what to do, the worst first."""

from collections.abc import Sequence

from pages import kit
from pages.house.infrastructure import InfrastructureList
from pages.kit.element import Html
from pages.navigation import NAV
from pages.routes import Routes, may_enter
from pages.session import current_actor
from pages.shell import frame
from pages.words import local, t
from services.authority import PAGE as AUTHORITY
from services.clinic import Clinic
from services.findings import Finding, Level
from services.policy import Action, Actor

TONES: dict[Level, kit.Tone] = {
    Level.OK: "ok",
    Level.UNKNOWN: "info",
    Level.WARN: "warn",
    Level.RED: "bad",
}
PLACES = {
    "administrators": "/staff",
    "deliveries": "/deliveries",
    "messages": "/deliveries",
    "papers": "/institution",
    "second_factor": "/settings",
    "tasks": "/tasks",
    "trail": "/audit",
}
"""Where something is done about a finding that is not well."""
VIEWS = ("findings", "infrastructure_list")


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
        surroundings.shortcut("i", "health.infrastructure_list", lambda: page.show(VIEWS[1]))
        await page.load()


class HealthPage:
    """The counts, the list of findings, and what the house declares of its infrastructure."""

    def __init__(self, clinic: Clinic) -> None:
        self._clinic = clinic
        self._infrastructure = InfrastructureList(clinic)

    def build(self) -> None:
        """Make the elements; `load` fills them."""
        with kit.tiles():
            self._counts = {
                level: kit.tally(t(f"health.level.{level}"), TONES[level])
                for level in (Level.RED, Level.WARN, Level.UNKNOWN, Level.OK)
            }
        with kit.side_by_side():
            self._view = kit.segments(
                t("health.view"),
                [kit.Choice(name, t(f"health.{name}")) for name in VIEWS],
                value=VIEWS[0],
                on_change=self._turn,
            )
            self._looked = kit.paragraph("", "muted small")
        with kit.card(flush=True) as self._findings:
            self._list = Html("div", "rows", role="status")
        self._infrastructure.build()
        self._turn()

    def show(self, view: str) -> None:
        """Turn to the findings or to the infrastructure."""
        self._view.value = view

    def _turn(self) -> None:
        findings = self._view.value == VIEWS[0]
        self._findings.set_visibility(findings)
        self._infrastructure.card.set_visibility(not findings)

    async def load(self) -> None:
        """Make every check now."""
        found = await self._clinic.health.look(current_actor())
        for level, shown in self._counts.items():
            shown.set_text(str(sum(each.level is level for each in found)))
        self._looked.set_text(t("health.looked", at=local(self._clinic.clock.now())))
        self._list.clear()
        may = current_actor()
        with self._list:
            for alike in _together(found):
                _line(alike, _place(may, alike[0]))
        await self._infrastructure.load()


def _together(found: Sequence[Finding]) -> list[list[Finding]]:
    """Put what is wrong in one way with several things into one line, where the first stood."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in found:
        groups.setdefault((finding.check, finding.code), []).append(finding)
    return list(groups.values())


def _place(actor: Actor, finding: Finding) -> tuple[str, str]:
    """Return where something is done about it, and its name; nothing for who may not go there."""
    path = AUTHORITY if finding.check == "certificate" else PLACES.get(finding.check, "")
    if path == AUTHORITY:
        return path, "health.trust_devices"
    place = next((item for item in NAV if item.path == path), None)
    if place is None or finding.level is Level.OK or not may_enter(actor, place.action):
        return "", ""
    return path, place.key


def _line(alike: Sequence[Finding], place: tuple[str, str]) -> None:
    finding, *others = alike
    path, name = place
    with Html("div", "line"):
        with Html("div", "line__main"):
            with kit.side_by_side():
                kit.state(t(f"health.level.{finding.level}"), TONES[finding.level])
                Html("span", "line__title", t(finding.title))
                if others:
                    Html("span", "muted small", t("health.several", count=len(alike)))
            for each in alike:
                Html("span", "line__note", t(each.what, **each.values))
            remedies = [t(each.remedy, **each.values) for each in alike if each.remedy]
            for remedy in dict.fromkeys(remedies):
                Html("span", "line__note strong", remedy)
        if path:
            kit.link_button("line", t(name), path, small=True)
