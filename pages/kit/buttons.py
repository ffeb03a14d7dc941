"""Buttons: what a person can do here, named by a verb."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from nicegui.elements.mixins.disableable_element import DisableableElement

from pages.kit.tell import told

Kind = Literal["go", "primary", "line", "soft", "quiet", "stop"]
Press = Callable[[], Any]
"""What a button does; what it returns is awaited if it can be, and else passed over."""

BUSY_AFTER = 0.25
"""Seconds before a button shows that it still works: quicker answers need no sign."""


class Button(DisableableElement, component="button.js"):
    """A button that runs one thing at a time and tells a refusal instead of raising it."""

    def __init__(self, label: str, kind: Kind, on_click: Press | None, **props: Any) -> None:
        super().__init__()
        self.classes(f"btn--{kind}")
        self._props["label"] = label
        for name, value in props.items():
            if value:
                self._props[name] = value
        self._do = on_click
        self._running = False
        if on_click is not None:
            self.on("click", self.press, [])

    async def press(self) -> None:
        """Do what the button does; a second press meanwhile is passed over."""
        if self._running or self._do is None:
            return
        self._running = True
        sign = asyncio.get_running_loop().call_later(BUSY_AFTER, self._show_busy)
        try:
            with told():
                answer = self._do()
                if isinstance(answer, Awaitable):
                    await answer
        finally:
            self._running = False
            sign.cancel()
            self._show_idle()

    def set_text(self, text: str) -> None:
        """Change the words on it."""
        self._props["label"] = text

    def _show_busy(self) -> None:
        if not self.is_deleted:
            self._props["busy"] = True

    def _show_idle(self) -> None:
        if not self.is_deleted and self._props.get("busy"):
            self._props["busy"] = False

    def _handle_enabled_change(self, enabled: bool) -> None:  # noqa: FBT001
        self._props["disable"] = not enabled


def button(
    kind: Kind,
    label: str,
    on_click: Press | None = None,
    *,
    icon: str = "",
    kbd: str = "",
    **options: bool,
) -> Button:
    """Show a button.

    kind: go (moves a visit on; one a screen), primary, line, soft, quiet, stop (harms).
    options: small, large, block (whole width), submit (sends the form around it).
    """
    props = {"icon": icon, "kbd": kbd, "type": "submit" if options.get("submit") else "button"}
    made = Button(label, kind, on_click, **props)
    made.classes(_sizes(options))
    return made


def icon_button(icon: str, label: str, on_click: Press | None = None, **options: bool) -> Button:
    """Show a button without words; screen readers and the tooltip still say `label`."""
    if not label:
        raise ValueError("a button without words needs a label for screen readers")
    made = Button(label, "quiet", on_click, icon=icon, bare=True)
    made.classes("btn--icon").classes(_sizes(options))
    return made


def link_button(kind: Kind, label: str, href: str, *, icon: str = "", **options: bool) -> Button:
    """Show a link that looks like a button: it leads to another page."""
    if not href.startswith("/") or href.startswith("//"):
        raise ValueError("links of ours lead to our own pages")
    made = Button(label, kind, None, icon=icon, href=href)
    made.classes(_sizes(options))
    return made


def _sizes(options: dict[str, bool]) -> str:
    names = {"small": "btn--sm", "large": "btn--lg", "block": "btn--block"}
    return " ".join(css for name, css in names.items() if options.get(name))
