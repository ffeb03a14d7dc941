"""Shows a piece of a page on its own, for tests of the parts that pages are made of."""

from collections.abc import Callable
from typing import Any

from nicegui import ui


def shown(build: Callable[[], Any]) -> None:
    """Show what `build` builds at /."""
    ui.page("/")(build)
