"""What is said to people, in their language: sentences, dates, numbers and money. (国际化)

Catalogues are gettext files kept with Babel, `locale/<language>/LC_MESSAGES/xinglin.po`; a
sentence's key names what it means (`booking.done`), its blanks are written `{name}`.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache, lru_cache, partial
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time, format_timedelta
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal, format_percent

log = logging.getLogger(__name__)

LANGUAGES = ("zh_CN", "en")
"""The languages of the house; the first is spoken where none is asked for."""

LOCALE = Path(__file__).parent / "locale"
NEAR = timedelta(hours=12)
STEPS = (
    ("minute", timedelta(minutes=1), 60),
    ("hour", timedelta(hours=1), 24),
    ("day", timedelta(days=1), 30),
)
"""A unit, its length, and how many of it are too many to say."""
ALWAYS = 1e9  # a threshold no larger unit reaches
"""A moment nearer than this is also said as "in 20 minutes"."""

Sentence = str | tuple[str, ...]
"""A sentence, or its plural forms in the order of the language's rule."""


class Key(str):
    """A value that is itself the key of a sentence, said in the language of the whole."""

    __slots__ = ()


class UnknownSentence(LookupError):
    """A key that no catalogue has: a defect, never something to tell a person."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The sentences of one language."""

    sentences: Mapping[str, Sentence]
    plural: Catalog
    """Kept for its plural rule only."""


@cache
def catalogue(language: str) -> Catalogue:
    """Return the sentences of a language, read once."""
    with (LOCALE / language / "LC_MESSAGES" / "xinglin.po").open("rb") as file:
        read = read_po(file, locale=_locale(language))
    sentences: dict[str, Sentence] = {}
    for message in read:
        if message.id and message.string:
            key = message.id if isinstance(message.id, str) else message.id[0]
            sentences[key] = (
                message.string if isinstance(message.string, str) else tuple(message.string)
            )
    return Catalogue(sentences, read)


@cache
def _locale(language: str) -> Locale:
    """Parsed once: Babel looks through all its locales for a name, each time it is given one."""
    return Locale.parse(language)


def has(key: str, language: str = LANGUAGES[0]) -> bool:
    """Return whether there is a sentence for `key`."""
    return key in catalogue(language).sentences


class House:
    """What is the same for everybody in this process, settled once at its start."""

    zone = ZoneInfo("Asia/Shanghai")
    """Where days begin and end for people."""
    strict = False
    """Whether a missing sentence raises (tests), or shows its key and is logged (production)."""


def settle(*, timezone: str = "", strict: bool = False) -> None:
    """Set the hospital's time zone, and in tests refuse keys without a sentence."""
    House.zone = ZoneInfo(timezone) if timezone else House.zone
    House.strict = strict


def say(language: str, key: str, /, **values: object) -> str:
    """Return the sentence for `key`, its blanks filled.

    A sentence with plural forms is chosen by `count`. Aware datetimes are said in the hospital's
    zone, dates and decimal numbers as the language writes them; all else as it is.
    """
    book = catalogue(language)
    sentence = book.sentences.get(key)
    if sentence is None:
        return _missing(language, key)
    if isinstance(sentence, tuple):
        sentence = sentence[_plural(book, values.get("count", 1))]
    if not values:
        return sentence
    filled = {name: _worded(language, value) for name, value in values.items()}
    try:
        return sentence.format(**filled)
    except (IndexError, KeyError):
        # A refusal's details may lack a blank; the rest of the sentence still helps.
        log.error("sentence %s lacks a value (%s)", key, language)  # noqa: TRY400 - no traceback
        return sentence


def _missing(language: str, key: str) -> str:
    if House.strict:
        raise UnknownSentence(key)
    log.error("no sentence for %s in %s", key, language)
    return key


def _plural(book: Catalogue, count: object) -> int:
    """Chinese has one form, English two; a count that is no number takes the last."""
    forms = book.plural.num_plurals
    if forms == 1:
        return 0
    return 0 if count == 1 else forms - 1


def _worded(language: str, value: object) -> object:
    if isinstance(value, Key):
        return say(language, value)
    if isinstance(value, datetime):
        return moment(language, value)
    if isinstance(value, date):
        return day(language, value)
    if isinstance(value, Decimal):
        return number(language, value)
    return value


def language_for(header: str | None = None, cookie: str | None = None) -> str:
    """Return the language to speak: what was chosen here, else what the browser asks for."""
    if cookie in LANGUAGES:
        return cookie
    # zh-HK and zh-Hant read our simplified Chinese better than our English.
    spoken = {language.partition("_")[0]: language for language in LANGUAGES}
    for tag, weight in _ranges(header or ""):
        primary = tag.partition("-")[0].lower()
        if weight > 0 and primary in spoken:
            return spoken[primary]
    return LANGUAGES[0]


def _ranges(header: str) -> list[tuple[str, float]]:
    """Read an Accept-Language header (RFC 9110, 12.5.4), most wanted first."""
    ranges: list[tuple[str, float]] = []
    for part in header.split(",")[:20]:
        tag, _, parameter = part.strip().partition(";")
        try:
            weight = float(parameter.strip().removeprefix("q=") or 1)
        except ValueError:
            weight = 0.0
        if tag and tag != "*":
            ranges.append((tag.strip(), weight))
    return sorted(ranges, key=lambda pair: -pair[1])


def html_language(language: str) -> str:
    """Return the tag for `<html lang>` (BCP 47)."""
    return "zh-CN" if language == "zh_CN" else language


def day(
    language: str, value: date, *, now: datetime | None = None, zone: ZoneInfo | None = None
) -> str:
    """Return a day as people say it: 今天, tomorrow, 11月24日, Nov 24, 2025."""
    if isinstance(value, datetime):
        value = value.astimezone(zone or House.zone).date()
    if now is not None:
        today = now.astimezone(zone or House.zone).date()
        word = {-1: "yesterday", 0: "today", 1: "tomorrow"}.get((value - today).days)
        if word:
            return say(language, f"day.{word}")
        if value.year == today.year:
            return format_date(value, _DAY_OF_YEAR[language], locale=_locale(language))
    return format_date(value, "long" if language == "zh_CN" else "medium", locale=_locale(language))


_DAY_OF_YEAR = {"zh_CN": "M月d日", "en": "MMM d"}


def clock(language: str, value: datetime, *, zone: ZoneInfo | None = None) -> str:
    """Return the time of day, 15:30: hospitals run on 24 hours in both languages."""
    return format_time(value, "HH:mm", tzinfo=zone or House.zone, locale=_locale(language))


def moment(
    language: str, value: datetime, *, now: datetime | None = None, zone: ZoneInfo | None = None
) -> str:
    """Return a moment as people say it: "今天 15:30", with `now` also "，20分钟后"."""
    if now is None:
        return _in_full(language, value.replace(second=0, microsecond=0), zone or House.zone)
    said = _day_and_time(
        language, day(language, value, now=now, zone=zone), clock(language, value, zone=zone)
    )
    if abs(value - now) > NEAR or value < now:
        return said
    return say(
        language, "moment.with_distance", moment=said, distance=ago(language, value, now=now)
    )


def exact(language: str, value: datetime, *, zone: ZoneInfo | None = None) -> str:
    """Return a moment to the second, 2025年11月24日 15:30:07: for lists of who did what when."""
    there = value.astimezone(zone or House.zone)
    return _day_and_time(language, _day_in_full(language, there.date()), f"{there:%H:%M:%S}")


@lru_cache(maxsize=512)
def _day_in_full(language: str, value: date) -> str:
    """A list of moments says the same few days over and over."""
    return day(language, value)


@lru_cache(maxsize=4096)
def _in_full(language: str, minute: datetime, zone: ZoneInfo) -> str:
    """A list says the same minutes over and over, each time it is opened."""
    return _day_and_time(
        language, day(language, minute, zone=zone), clock(language, minute, zone=zone)
    )


def _day_and_time(language: str, day_said: str, time_said: str) -> str:
    return say(language, "moment.day_and_time", day=day_said, time=time_said)


def ago(language: str, value: datetime, *, now: datetime) -> str:
    """Return how far away a moment is: "3分钟前", "in 20 minutes", "刚刚".

    In minutes, hours, days up to thirty, then months and years; never in weeks. The pages'
    `theme.js` keeps it true by the same rule.
    """
    far = value - now
    if abs(far) < timedelta(seconds=45):
        return say(language, "moment.now")
    said: Callable[..., str] = partial(
        format_timedelta, far, add_direction=True, locale=_locale(language)
    )
    for unit, length, most in STEPS:
        if round(abs(far) / length) < most:
            return said(granularity=unit, threshold=ALWAYS)
    return said(granularity="month", threshold=1.0)


def duration(language: str, length: timedelta) -> str:
    """Return a length of time in its largest unit: "15分钟", "3 hours"."""
    return format_timedelta(length, granularity="second", threshold=1.0, locale=_locale(language))


def number(language: str, value: float | Decimal) -> str:
    """Return a number with the language's separators."""
    return format_decimal(value, locale=_locale(language))


def percent(language: str, share: float) -> str:
    """Return a share (0 to 1) as a percentage with one decimal at most."""
    return format_percent(share, "#,##0.#%", locale=_locale(language))


def money(language: str, fen: int) -> str:
    """Return an amount of integer fen (1/100 yuan) as the language writes it: ¥12.00, CN¥12.00."""
    return format_currency(Decimal(fen) / 100, "CNY", locale=_locale(language))
