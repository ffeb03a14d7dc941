"""Plain HTML with our classes: what the other components are made of."""

from typing import Any, Self

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement


class Html(TextElement):
    """An element of HTML with our classes and attributes, holding a text or other elements.

    The text is always a text: nothing in it is read as HTML.
    """

    def __init__(self, tag: str, classes: str = "", text: str = "", **attributes: Any) -> None:
        """Make it; `aria_label="..."` becomes `aria-label`, `for_` becomes `for`."""
        super().__init__(tag=tag, text=text)
        if classes:
            self.classes(classes)
        for name, value in attributes.items():
            if value is not None:
                self._props[name.rstrip("_").replace("_", "-")] = value

    def attribute(self, name: str, value: Any) -> Self:
        """Set an attribute, or take it away with None."""
        self._props.set_optional(name, value)
        return self


class Icon(ui.element, component="icon.js"):
    """An icon of pages/static/icons.svg; the word beside it says the same."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._props["name"] = name

    def turn_into(self, name: str) -> None:
        """Show another icon in its place."""
        self._props["name"] = name


def icon(name: str) -> Icon:
    """Show an icon by its name in the sprite."""
    return Icon(name)


def heading(text: str, level: int = 2) -> Html:
    """Show a heading; a page has one of level 1, which its frame shows."""
    return Html(f"h{level}", text=text)


def paragraph(text: str, classes: str = "") -> Html:
    """Show a paragraph."""
    return Html("p", classes, text)
