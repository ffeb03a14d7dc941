"""The week as one element: clinicians down, days across, shifts in between."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from nicegui import ui
from nicegui.events import GenericEventArguments

from pages.kit.tell import told
from pages.words import t


@dataclass(frozen=True, slots=True)
class Day:
    """A column."""

    text: str
    note: str
    today: bool


@dataclass(frozen=True, slots=True)
class Piece:
    """A shift as a button; `whose` says row and column to who does not see them."""

    key: str
    time: str
    notes: tuple[str, ...]
    said: str
    icon: str
    tone: str
    whose: str


@dataclass(frozen=True, slots=True)
class WeekRow:
    """A clinician's week: the shifts of each day."""

    key: str
    name: str
    note: str
    cells: tuple[tuple[Piece, ...], ...]


class WeekTable(ui.element, component="week_table.js"):
    """Shows a week; a press on a shift or an empty place is answered."""

    def __init__(
        self, *, may_add: bool, opened: Callable[[UUID], Any], add: Callable[[UUID, int], Any]
    ) -> None:
        """`opened` is given a shift; `add` a clinician and the day's number, Monday being 0."""
        super().__init__()
        self._opened, self._asked = opened, add
        self._props["may"] = may_add
        self._props["words"] = {
            "clinician": t("timetable.clinician"),
            "add": t("timetable.add"),
        }
        self._keys: set[str] = set()
        self._people: set[str] = set()
        self.show("", (), ())
        self.on("open", self._open)
        self.on("add", self._add)

    def show(self, caption: str, days: Sequence[Day], rows: Sequence[WeekRow]) -> None:
        """Show these days and rows instead."""
        self._people = {row.key for row in rows}
        self._keys = {piece.key for row in rows for cell in row.cells for piece in cell}
        with self._props.suspend_updates():
            self._props["caption"] = caption
            self._props["days"] = tuple(asdict(day) for day in days)
            self._props["rows"] = tuple(asdict(row) for row in rows)
        self.update()

    def select(self, key: str) -> None:
        """Mark the shift that the side panel is about."""
        self._props["selected"] = key

    async def _open(self, event: GenericEventArguments) -> None:
        key = event.args[0] if isinstance(event.args, list) and event.args else event.args
        if isinstance(key, str) and key in self._keys:
            with told():
                await self._opened(UUID(key))

    async def _add(self, event: GenericEventArguments) -> None:
        sent = event.args[0] if isinstance(event.args, list) and event.args else event.args
        if not isinstance(sent, dict) or not self._props["may"]:
            return
        key, day = sent.get("key"), sent.get("day")
        if key in self._people and isinstance(day, int) and day in range(7):
            with told():
                await self._asked(UUID(str(key)), day)

    def _displayed_contents(self, *, only_visible: bool) -> list[Any]:
        shown = super()._displayed_contents(only_visible=only_visible)
        days = [day["text"] for day in self._props["days"]]
        rows = [row["name"] for row in self._props["rows"]]
        cells = [cell for row in self._props["rows"] for cell in row["cells"]]
        pieces = [piece for cell in cells for piece in cell]
        said = [words for p in pieces for words in (p["time"], *p["notes"], p["said"])]
        return [*shown, *days, *rows, *said]
