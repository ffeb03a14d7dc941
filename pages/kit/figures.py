"""Numbers to begin the day with, each a link to where it is dealt with."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nicegui import ui

from pages.kit.blocks import GLYPHS, Tone
from pages.words import t


@dataclass(frozen=True, slots=True)
class Figure:
    """One number, and what it means."""

    name: str
    value: str
    href: str
    foot: str = ""
    tone: Tone = ""
    """Said by a shape and a word beside its name; none where nothing is judged."""


class Figures(ui.element, component="figures.js"):
    """A row of them; empty until they are known."""

    def __init__(self, label: str) -> None:
        super().__init__()
        self._props["label"] = label
        self._props["items"] = ()

    def show(self, figures: Sequence[Figure]) -> None:
        """Show these instead, in place."""
        self._props["items"] = tuple(
            {
                **asdict(each),
                "icon": GLYPHS.get(each.tone, ""),
                "said": t(f"kit.figure.{each.tone}") if each.tone else "",
            }
            for each in figures
        )

    def _displayed_contents(self, *, only_visible: bool) -> list[Any]:
        shown = super()._displayed_contents(only_visible=only_visible)
        return [*shown, *(text for each in self._props["items"] for text in each.values())]
