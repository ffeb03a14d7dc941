"""The board in the hall: whom each doctor calls, who is next, who is there. (候诊大屏)"""

from collections.abc import Sequence
from typing import Any

from nicegui import context, ui

from pages import theme
from pages.live import on_event
from pages.routes import Routes
from pages.session import current_actor
from pages.viewer import viewer
from pages.words import t
from services.appointments.waiting_room import Door
from services.clinic import Clinic
from services.policy import Action
from services.visit_events import QueueMoved

BOARD = "/board"
WORDS = ("now", "next", "there", "away", "nobody", "sound", "full", "theme", "leave")


def register(clinic: Clinic, routes: Routes) -> None:
    """Enter `/board`."""

    @routes.page(BOARD, action=Action.BOARD_READ, title="nav.board")
    async def board_page() -> None:
        theme.dress("staff", f"{t('nav.board')} - {t('shell.product')}")
        ui.add_head_html(f'<link rel="stylesheet" href="{theme.static("board.css")}">')
        context.client.layout.classes("frame-board")
        board = HallBoard(viewer().institution or t("shell.product"), clinic.settings.timezone)

        async def load() -> None:
            board.show(await clinic.waiting_room.board(current_actor()))

        await load()
        on_event(clinic.bus, QueueMoved, do=load)


class HallBoard(ui.element, component="hall_board.js"):
    """One column for each doctor, in one element: it hangs there all day."""

    def __init__(self, house: str, zone: str) -> None:
        super().__init__()
        self._props["house"] = house
        self._props["zone"] = zone
        self._props["title"] = t("nav.board")
        self._props["words"] = {name: t(f"board.{name}") for name in WORDS}
        self.show(())

    def show(self, doors: Sequence[Door]) -> None:
        """Show these instead; whoever is newly called is heard and seen."""
        self._props["doors"] = tuple(
            {
                "key": str(door.clinician_id),
                "name": door.name,
                "title": door.title,
                "department": door.department,
                "there": door.is_there,
                "called": door.called,
                "calls": door.calls,
                "next": door.next,
                "waiting": t("board.count", count=door.waiting),
                "say": t("board.say", who=", ".join(door.called), name=door.name),
            }
            for door in sorted(doors, key=lambda each: (each.department, each.name))
        )
        self.update()

    def _displayed_contents(self, *, only_visible: bool) -> list[Any]:
        shown = super()._displayed_contents(only_visible=only_visible)
        doors = self._props["doors"]
        numbers = [number for door in doors for number in (*door["called"], *door["next"])]
        return [*shown, *(door["name"] for door in doors), *numbers]
