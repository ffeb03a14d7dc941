"""What pages say besides asking: cards, banners, states, tags, numbers, steps, and nothing yet."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from pages.kit.element import Html, Icon
from pages.words import ago, local, t

Tone = Literal["", "go", "ok", "warn", "bad", "info"]
BannerTone = Literal["info", "ok", "warn", "bad"]

GLYPHS = {"ok": "ok", "warn": "warn", "bad": "alert", "info": "info"}
"""The shape that says the same as the colour."""


def card(title: str = "", *, flush: bool = False, lift: bool = False) -> Html:
    """Hold what belongs together; `flush` for lists and tables that reach its edges."""
    made = Html("section", "card")
    made.classes("card--flush" if flush else "").classes("card--lift" if lift else "")
    if title:
        with made:
            card_head(title)
        made.attribute("aria-label", title)
    return made


def card_head(title: str) -> Html:
    """Show a card's title; what is built inside it stands at the right of it."""
    with Html("div", "card__head") as head:
        Html("h2", text=title)
    return head


def banner(tone: BannerTone, title: str, text: str = "", *, code: str = "") -> Html:
    """Say something about the whole page; what is built inside it stands at the right of it."""
    made = Html("div", f"banner banner--{tone}", role="alert" if tone == "bad" else "note")
    with made:
        Icon(GLYPHS[tone])
        with Html("div", "banner__main"):
            Html("b", text=title)
            if text:
                Html("span", text=text)
            if code:
                Html("div", "banner__code", text=t("error.code", code=code))
    return made


def state(text: str, tone: Tone = "", *, glyph: str = "") -> Html:
    """Say where something is: a glyph that fills as it moves on, and the word.

    glyph: p0 (not begun), p1, p2, p3, ok, warn, alert, ban; by default the one of the tone.
    """
    made = Html("span", f"state state--{tone}" if tone else "state")
    with made:
        Icon(glyph or GLYPHS.get(tone, "p0"))
        Html("span", text=text)
    return made


def tag(text: str, tone: Tone = "", *, icon: str = "") -> Html:
    """State a fact about somebody or something."""
    made = Html("span", f"tag tag--{tone}" if tone else "tag")
    with made:
        if icon:
            Icon(icon)
        Html("span", text=text)
    return made


def empty(title: str, text: str = "") -> Html:
    """Say what will stand here and, by a button built inside it, the nearest useful act."""
    with Html("div", "empty") as made:
        with Html("svg", "empty__art", aria_hidden="true", viewBox="0 0 120 72"):
            Html("use", href=_sprite("art-twig"))
        Html("h2", text=title)
        if text:
            Html("p", "empty__words", text)
    return made


def _sprite(name: str) -> str:
    from pages.theme import static  # noqa: PLC0415 - the theme is not needed to import the kit

    return f"{static('icons.svg')}#{name}"


def skeleton(lines: int = 3) -> Html:
    """Show the shape of what is on its way."""
    with Html("div", aria_hidden="true") as made:
        for width in (40, 90, 70, 80, 55)[:lines]:
            Html("span", "sk").style(f"width: {width}%")
    return made


def metric(name: str, value: str, *, unit: str = "", foot: str = "", tone: Tone = "") -> Html:
    """Show one number with its unit and what it is measured against; returns its value element."""
    with Html("section", "card metric", aria_label=name):
        with Html("div", "metric__name"):
            Html("span", text=name)
            if tone:
                state(t(f"kit.tone.{tone}"), tone)
        shown = _number(value, unit)
        if foot:
            Html("div", "metric__foot", foot)
    return shown


def tally(name: str, tone: Tone) -> Html:
    """Show how many there are of one state, under its own sign; returns the number's element."""
    with Html("section", "card metric", aria_label=name):
        with Html("div", "metric__name"):
            state(name, tone)
        return _number("-")


def _number(value: str, unit: str = "") -> Html:
    with Html("div", "metric__value"):
        shown = Html("span", text=value)
        if unit:
            Html("small", text=unit)
    return shown


def stepper(label: str, steps: Sequence[str], now: int) -> Html:
    """Show the steps of something and which of them (from 0) is the present one."""
    with Html("ol", "steps", aria_label=label) as made:
        for place, words in enumerate(steps):
            css = "is-done" if place < now else "is-now" if place == now else ""
            current = "step" if place == now else None
            with Html("li", css, aria_current=current):
                Icon("ok" if place < now else "p2" if place == now else "p0")
                Html("span", text=words)
    return made


def when(value: datetime, *, now: datetime) -> Html:
    """Show how far away a moment is; it keeps itself true, and says the exact time on pointing."""
    attributes = {"datetime": value.isoformat(), "data_ago": "", "title": local(value)}
    return Html("time", text=ago(value, now=now), **attributes)


def line(title: str, note: str = "", *, icon: str = "", href: str = "", tone: Tone = "") -> Html:
    """Show one row of a list (in a flush card with class rows), a link with `href`.

    `tone` colours icon and note: both say it in shape and words as well.
    """
    look = f"line line--{tone}" if tone else "line"
    with Html("a" if href else "div", look, href=href or None) as made:
        if icon:
            Icon(icon)
        with Html("span", "line__main"):
            Html("span", "line__title", title)
            if note:
                Html("span", "line__note", note)
        if href:
            Icon("go")
    return made


def facts(pairs: Sequence[tuple[str, str]]) -> Html:
    """List what is known about one thing: name and value."""
    with Html("dl", "facts") as made:
        for name, value in pairs:
            Html("dt", text=name)
            Html("dd", text=value)
    return made


def timeline(items: Sequence[tuple[Tone, str, str]]) -> Html:
    """Show what happened in order: (tone, title, note); go is where it stands now."""
    with Html("ol", "tl") as made:
        for tone, title, note in items:
            with Html("li", f"tl__item tl__item--{tone or 'todo'}"):
                Icon("p2" if tone == "go" else GLYPHS.get(tone, "p0"))
                Html("b", text=title)
                if note:
                    Html("p", "muted small", note)
    return made


def tiles() -> Html:
    """Hold metrics side by side, as many as there is room for."""
    return Html("div", "tiles")


def halves() -> Html:
    """Hold cards side by side where there is room."""
    return Html("div", "halves")


def side_by_side() -> Html:
    """Hold small things in one line that may wrap."""
    return Html("div", "side-by-side")
