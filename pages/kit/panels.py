"""Side panels instead of dialogs, and the question before an act that cannot be undone."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from nicegui import context, ui
from nicegui.events import GenericEventArguments

from pages.words import t


class SidePanel(ui.element, component="panel.js"):
    """A panel at the right (on phones: over all). Esc closes it, the focus returns."""

    def __init__(self) -> None:
        super().__init__()
        self._props["open"] = False
        self._props["title"] = ""
        self._props["closeWord"] = t("kit.close")
        self.set_visibility(False)
        self.on("close", self.close, [])

    @contextmanager
    def fill(self, title: str) -> Iterator["SidePanel"]:
        """Build its new content inside `with panel.fill(title):`, then show it."""
        self.clear()
        with self:
            yield self
        self._props["title"] = title
        self._props["open"] = True
        self.set_visibility(True)

    def close(self) -> None:
        """Hide it and forget what stood in it."""
        self._props["open"] = False
        self.set_visibility(False)
        self.clear()

    @property
    def is_open(self) -> bool:
        """Whether it is shown."""
        return bool(self._props["open"])


def side_panel() -> SidePanel:
    """Make the page's panel; one a page is enough."""
    return SidePanel()


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody said to `confirm`."""

    yes: bool
    reason: str = ""

    def __bool__(self) -> bool:
        return self.yes


class Confirm(ui.element, component="confirm.js"):
    """The dialog of `confirm`."""

    def __init__(self, props: dict[str, Any]) -> None:
        super().__init__()
        for name, value in props.items():
            self._props[name] = value
        self.answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.on("done", self._done)

    def _done(self, event: GenericEventArguments) -> None:
        # NiceGUI gives what an element emitted as it is, or in a list of one.
        said = event.args[0] if isinstance(event.args, list) else event.args
        self._settle(Answer(yes=said.get("yes") is True, reason=str(said.get("reason", ""))[:500]))

    def _settle(self, answer: Answer) -> None:
        if not self.answer.done():
            self.answer.set_result(answer)

    def _handle_delete(self) -> None:
        self._settle(Answer(yes=False))  # the page went away: nobody said yes
        super()._handle_delete()


async def confirm(
    title: str, consequence: str, do: str, *, reason: str = "", least: int = 0
) -> Answer:
    """Ask before an act that cannot be undone; falsy means no.

    consequence: what follows, in one sentence. do: the verb on the button. reason: the label of a
    field for why, of at least `least` characters; the service checks that again.
    """
    props = {
        "title": title,
        "consequence": consequence,
        "doWord": do,
        "leaveWord": t("kit.leave_it"),
        "reasonLabel": reason,
        "reasonHint": t("kit.reason_hint", least=least) if least else "",
        "leastReason": least,
    }
    with context.client:
        asked = Confirm(props)
    try:
        return await asked.answer
    finally:
        if not asked.is_deleted:
            asked.delete()
