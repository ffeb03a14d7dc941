"""Tells people what was done, and what could not be done and why."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from nicegui import Client, context, ui

from data.errors import DomainError
from pages.kit.element import Html, Icon
from pages.session import CONFIRM, detour
from pages.words import has, t

UNDO_SECONDS = 10


class ShowsError(Protocol):
    """A field, or anything else that can say what is wrong with it."""

    error: str | None


@contextmanager
def told(
    fields: Mapping[str, ShowsError] | None = None,
    *,
    into: Callable[[str, str], None] | None = None,
) -> Iterator[None]:
    """Tell a refusal to the person in front of the page instead of raising it.

    An error whose details name a `field` among `fields` is shown at that field; other errors are
    given to `into` (sentence, code), or shown as a toast that stays until it is read.

    What is shown inside belongs to the page: the button that was pressed may be gone by then,
    drawn anew because of what it did.

    Who must first show once more who they are is led to where that is done, and back.
    """
    client = context.client
    for field in (fields or {}).values():
        field.error = None
    with client:
        try:
            yield
        except DomainError as refusal:
            if client.is_deleted:
                return
            if refusal.code == "confirm_needed":
                ui.navigate.to(detour(CONFIRM, client.request))
                return
            place = (fields or {}).get(str(refusal.details.get("field")))
            if place is not None:
                place.error = sentence(refusal)
            elif into is not None:
                into(sentence(refusal), refusal.code)
            else:
                toast(sentence(refusal), code=refusal.code)


def sentence(refusal: DomainError) -> str:
    """Return what the person is told of a refusal, in the language of the page."""
    key = f"error.{refusal.code}"
    return t(key if has(key) else "error.unexpected", **refusal.details)


class Toast(ui.element, component="toast.js"):
    """One thing that was said; it goes by itself, or stays until it is closed (seconds=0)."""

    def __init__(self, seconds: int) -> None:
        super().__init__()
        self._props["seconds"] = seconds
        self.on("gone", self.delete, [])


def toast(text: str, *, code: str = "", undo: Callable[[], Any] | None = None) -> Toast:
    """Say what was done, with `undo` for 10 s; with a `code` say what failed, until it is read."""
    from pages.kit.buttons import button, icon_button  # noqa: PLC0415 - buttons tell refusals too

    with shelf(context.client), Toast(0 if code else UNDO_SECONDS) as made:
        Icon("alert" if code else "ok")
        with Html("p", text=text):
            if code:
                Html("small", text=t("error.code", code=code))
        if undo is not None:
            back = undo

            async def take_back() -> None:
                made.delete()
                answer = back()
                if isinstance(answer, Awaitable):
                    await answer

            button("quiet", t("kit.undo"), take_back)
        elif code:
            icon_button("close", t("kit.close"), made.delete)
    return made


def shelf(client: Client) -> ui.element:
    """Return where this page's toasts stand: present before the first, or no reader hears it."""
    state = client.request.state
    found: ui.element | None = getattr(state, "toasts", None)
    if found is None or found.is_deleted:
        with client.layout:
            found = Html("div", "toasts", role="status", aria_live="polite")
        state.toasts = found
    return found
