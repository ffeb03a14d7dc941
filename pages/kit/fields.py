"""Fields: what a person is asked for. Label above, error below, nothing floating."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from nicegui import ui
from nicegui.elements.mixins.value_element import ValueElement
from nicegui.events import GenericEventArguments, Handler, ValueChangeEventArguments

from pages.kit.element import Html
from pages.session import current_actor
from pages.words import t

OnChange = Handler[ValueChangeEventArguments[Any]]
Content = Literal["text", "password", "email", "tel", "number", "date", "time", "search", "url"]


class Field(ui.input, component="field.js"):
    """A labelled field; `error` shows a sentence below it, `value` is what was typed."""

    def __init__(self, label: str, value: str, on_change: OnChange | None, **props: Any) -> None:
        super().__init__(label, value=value, on_change=on_change)
        self.tag = str(self.component and self.component.tag)
        for name, given in props.items():
            if given not in (None, "", False):
                self._props[name] = given
        if props.get("required"):
            self._props["requiredWord"] = t("kit.required")

    def _event_args_to_value(self, e: GenericEventArguments) -> str:
        return e.args if isinstance(e.args, str) else str(self.value or "")

    @property
    def text(self) -> str:
        """What was typed, without blanks around it."""
        return str(self.value or "").strip()

    @property
    def is_required(self) -> bool:
        return bool(self._props.get("required"))

    @property
    def is_choice(self) -> bool:
        return self._props.get("kind") == "choice"

    def focus(self) -> None:
        """Put the cursor into it."""
        _ = self.run_method("focusInput")


def field(
    label: str,
    *,
    value: str = "",
    content: Content = "text",
    hint: str = "",
    on_change: OnChange | None = None,
    **options: Any,
) -> Field:
    """Ask for a line of text.

    options: name (in a posted form), complete (autocomplete), mode (inputmode), length (most
    characters), required, placeholder, autofocus, lonely (label for screen readers only), keep
    (the name of its draft), unit (of a number: it stands beside).
    """
    props = {"type": content, "hint": hint, **options}
    if content == "password":
        props |= {"showWord": t("kit.show_password"), "hideWord": t("kit.hide_password")}
    return Field(label, value, on_change, **props)


def left_out(*fields: Field) -> bool:
    """Say at every required field that is empty that it is, and go to the first of them.

    Return whether there was one: who fills in a form hears of all at once, from the top.
    """
    empty = [each for each in fields if each.is_required and not each.text]
    for each in fields:
        each.error = None
    for each in empty:
        key = "kit.choose_it" if each.is_choice else "kit.fill_it_in"
        each.error = t(key, field=each.label)
    if empty:
        empty[0].focus()
    return bool(empty)


def text_area(
    label: str,
    *,
    value: str = "",
    lines: int = 3,
    hint: str = "",
    on_change: OnChange | None = None,
    **options: Any,
) -> Field:
    """Ask for several lines of text; options as for `field`."""
    return Field(label, value, on_change, kind="lines", lines=lines, hint=hint, **options)


def select(
    label: str,
    choices: Mapping[str, str],
    *,
    value: str = "",
    hint: str = "",
    on_change: OnChange | None = None,
    **options: Any,
) -> Field:
    """Ask for one of `choices` (value to words): the browser's own list, good on any phone."""
    given = [{"value": key, "label": words} for key, words in choices.items()]
    chosen = value or next(iter(choices), "")
    return Field(label, chosen, on_change, kind="choice", options=given, hint=hint, **options)


def code_box(
    label: str,
    *,
    length: int = 6,
    hint: str = "",
    on_full: Callable[[], Any] | None = None,
    **options: Any,
) -> Field:
    """Ask for a one-time code: one box, so that it can be pasted and phones can fill it in."""
    props = {"kind": "code", "complete": "one-time-code", "mode": "numeric"}
    made = Field(label, "", None, **props, length=length, hint=hint, **options)
    if on_full is not None:
        made.on("full", on_full, [])
    return made


class Checkbox(ui.checkbox, component="checkbox.js"):
    """A native check box with its words; `toggle` draws it as a switch."""

    def __init__(
        self, label: str, *, value: bool, on_change: OnChange | None, **props: Any
    ) -> None:
        super().__init__("", value=value, on_change=on_change)
        self.tag = str(self.component and self.component.tag)
        self._props["label"] = label
        for name, given in props.items():
            if given:
                self._props[name] = given

    def _event_args_to_value(self, e: GenericEventArguments) -> bool:
        return e.args is True


def checkbox(
    label: str,
    *,
    value: bool = False,
    toggle: bool = False,
    note: str = "",
    name: str = "",
    on_change: OnChange | None = None,
) -> Checkbox:
    """Ask yes or no; as a switch (`toggle`) where the answer acts at once."""
    return Checkbox(label, value=value, on_change=on_change, toggle=toggle, note=note, name=name)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a row of choices, with how many things it stands for."""

    value: str
    label: str
    icon: str = ""
    count: int | None = None

    def as_props(self) -> dict[str, Any]:
        return {"value": self.value, "label": self.label, "icon": self.icon, "count": self.count}


class Choices(ValueElement[str], component="chips.js"):
    """Choices in one line, one of which is on."""

    VALUE_PROP = "value"
    LOOPBACK = False

    def __init__(self, label: str, choices: list[Choice], value: str, shape: str) -> None:
        super().__init__(value=value)
        self._props["label"] = label
        self._props["shape"] = shape
        self.offer(choices)

    def _event_args_to_value(self, e: GenericEventArguments) -> str:
        offered = [option["value"] for option in self._props["options"]]
        return e.args if e.args in offered else str(self.value)

    def offer(self, choices: list[Choice]) -> None:
        """Show these choices (or their new counts) instead."""
        self._props["options"] = [choice.as_props() for choice in choices]

    def _displayed_contents(self, *, only_visible: bool) -> list[Any]:
        shown = super()._displayed_contents(only_visible=only_visible)
        return [*shown, *(option["label"] for option in self._props["options"])]


def chips(
    label: str, choices: list[Choice], *, value: str, on_change: OnChange | None = None
) -> Choices:
    """Filter by one of several; `label` names the group for screen readers."""
    made = Choices(label, choices, value, "chip")
    return made.on_value_change(on_change) if on_change else made


def segments(
    label: str, choices: list[Choice], *, value: str, on_change: OnChange | None = None
) -> Choices:
    """Switch between a few views of the same thing."""
    made = Choices(label, choices, value, "seg")
    return made.on_value_change(on_change) if on_change else made


def form(action: str = "", *, keep: str = "") -> Html:
    """Hold fields together; with `action` it is posted as a real form (password managers work).

    keep: the key under which what is typed is kept as a draft, see pages/drafts.py.
    """
    posted = {"action": action, "method": "post"} if action else {}
    made = Html("form" if action else "div", "form", **posted)
    if keep:
        made.attribute("data-draft", keep)
        made.attribute("data-draft-of", str(current_actor().user_id))
        made.attribute("data-unsaved", t("draft.not_saved"))
    return made


def hidden(name: str, value: str) -> Html:
    """Send a value along with a posted form."""
    return Html("input", type="hidden", name=name, value=value)
