"""How large pages are written: the switch at the door, in the menu, on the account. (长辈版)"""

from nicegui import ui
from nicegui.events import GenericEventArguments

from pages.kit.tell import told
from pages.viewer import viewer_or_none
from pages.words import t
from services.users.account import TEXT_SIZES


class TextSize(ui.element, component="kit/text_size.js"):
    """Four sizes in a row: A, A+, A++, A+++; the page follows at once, without the server.

    A person's choice is kept for them wherever they sign in; before sign-in the browser keeps it.
    """

    def __init__(self, label_key: str = "shell.text_size", *, short: bool = False) -> None:
        """label_key: what it is called. short: one button that turns larger text on and off."""
        super().__init__()
        self._props["label"] = t(label_key)
        self._props["names"] = [t(f"shell.text_size.{size}") for size in TEXT_SIZES]
        self._props["short"] = short
        self.on("choose", self._choose)

    async def _choose(self, event: GenericEventArguments) -> None:
        size = event.args[0] if isinstance(event.args, list) and event.args else event.args
        who = viewer_or_none()
        if who is None or who.write_larger is None or not isinstance(size, int):
            return
        with told():
            await who.write_larger(size)
