"""The words of a page, in the language of the person in front of it."""

from collections.abc import Iterable
from datetime import date, datetime

from nicegui import context

from services import i18n

COOKIE = "xl_language"
COMMAS = {"zh_CN": "、", "en": ", "}


def language() -> str:
    """Return the language of the page that is being built or whose handler is running.

    A ContextVar would be lost in handlers: they run outside the request that built the page. The
    page's client remembers that request.
    """
    state = context.client.request.state
    chosen: str | None = getattr(state, "language", None)
    if chosen is None:
        request = context.client.request
        chosen = i18n.language_for(
            request.headers.get("accept-language"), request.cookies.get(COOKIE)
        )
        state.language = chosen
    return chosen


def t(key: str, /, **values: object) -> str:
    """Return the sentence for `key`, its blanks filled with `values`."""
    return i18n.say(language(), key, **values)


def has(key: str) -> bool:
    """Return whether there is a sentence for `key`."""
    return i18n.has(key, language())


def local(value: datetime, *, now: datetime | None = None) -> str:
    """Return a moment in the hospital's zone; with `now` as in "今天 15:30，20分钟后"."""
    return i18n.moment(language(), value, now=now)


def exact(value: datetime) -> str:
    """Return a moment in the hospital's zone to the second: 2025年11月24日 15:30:07."""
    return i18n.exact(language(), value)


def clock(value: datetime) -> str:
    """Return the time of day in the hospital's zone, 15:30."""
    return i18n.clock(language(), value)


def day(value: date, *, now: datetime | None = None) -> str:
    """Return a day: 今天 (with `now`), 11月24日."""
    return i18n.day(language(), value, now=now)


def ago(value: datetime, *, now: datetime) -> str:
    """Return how far away a moment is: "3分钟前", "in 20 minutes"."""
    return i18n.ago(language(), value, now=now)


def listed(words: Iterable[str]) -> str:
    """Return several words in one line, with the language's comma between them."""
    return COMMAS[language()].join(words)


def number(value: float) -> str:
    """Return a number with the language's separators."""
    return i18n.number(language(), value)


def percent(share: float) -> str:
    """Return a share (0 to 1) as a percentage."""
    return i18n.percent(language(), share)


def money(fen: int) -> str:
    """Return an amount of integer fen as people write it: ¥12.00."""
    return i18n.money(language(), fen)
