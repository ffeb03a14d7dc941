"""Sentences, dates, numbers and money in the languages of the house."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from services import i18n

NOW = datetime(2026, 3, 2, 7, 10, tzinfo=UTC)  # 15:10 in Shanghai


@pytest.fixture
def lenient() -> Iterator[None]:
    before = i18n.House.strict
    i18n.settle(strict=False)
    yield
    i18n.settle(strict=before)


@pytest.fixture
def strict() -> Iterator[None]:
    before = i18n.House.strict
    i18n.settle(strict=True)
    yield
    i18n.settle(strict=before)


@pytest.mark.parametrize(
    ("header", "cookie", "language"),
    [
        (None, None, "zh_CN"),
        ("", None, "zh_CN"),
        ("en", None, "en"),
        ("en-GB,en;q=0.9", None, "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", None, "zh_CN"),
        ("zh", None, "zh_CN"),
        ("zh-Hant-HK,en;q=0.5", None, "zh_CN"),
        ("de-DE,en;q=0.3", None, "en"),
        ("de-DE", None, "zh_CN"),
        ("en;q=0, zh;q=0.1", None, "zh_CN"),
        ("en;q=nonsense,*", None, "zh_CN"),
        ("zh-CN", "en", "en"),
        ("en", "klingon", "en"),
    ],
)
def test_the_language_is_what_was_chosen_else_what_the_browser_asks_for(header, cookie, language):
    assert i18n.language_for(header, cookie) == language


def test_a_moment_is_said_as_people_say_it():
    soon = NOW + timedelta(minutes=20)
    assert i18n.moment("en", soon, now=NOW) == "today 15:30, in 20 minutes"
    assert i18n.moment("zh_CN", soon, now=NOW) == "今天 15:30，20分钟后"
    assert i18n.moment("en", NOW - timedelta(days=1), now=NOW) == "yesterday 15:10"
    assert i18n.moment("zh_CN", datetime(2026, 11, 24, 1, tzinfo=UTC), now=NOW) == "11月24日 09:00"
    assert i18n.moment("en", datetime(2025, 11, 24, 1, tzinfo=UTC), now=NOW) == "Nov 24, 2025 09:00"


def test_midnight_belongs_to_the_day_of_the_hospital_not_of_greenwich():
    late = datetime(2026, 3, 2, 16, 30, tzinfo=UTC)  # half past midnight of the 3rd in Shanghai
    assert i18n.moment("en", late, now=NOW).startswith("tomorrow 00:30")


def test_how_long_ago_is_said_in_one_unit():
    assert i18n.ago("zh_CN", NOW - timedelta(minutes=3), now=NOW) == "3分钟前"
    assert i18n.ago("en", NOW + timedelta(hours=2), now=NOW) == "in 2 hours"
    assert i18n.ago("zh_CN", NOW - timedelta(seconds=10), now=NOW) == "刚刚"
    assert i18n.ago("en", NOW + timedelta(minutes=59, seconds=40), now=NOW) == "in 1 hour"
    assert i18n.ago("zh_CN", NOW - timedelta(hours=23, minutes=50), now=NOW) == "1天前"
    assert i18n.ago("zh_CN", NOW + timedelta(days=7), now=NOW) == "7天后"
    assert i18n.ago("en", NOW - timedelta(days=29), now=NOW) == "29 days ago"
    assert i18n.ago("en", NOW - timedelta(days=70), now=NOW) == "2 months ago"
    assert i18n.ago("en", NOW + timedelta(days=800), now=NOW) == "in 2 years"
    assert i18n.duration("en", timedelta(minutes=15)) == "15 minutes"


def test_money_is_integer_fen_and_shown_in_yuan():
    assert i18n.money("zh_CN", 123456) == "¥1,234.56"
    assert i18n.money("en", 1200) == "CN¥12.00"
    assert i18n.money("zh_CN", -5) == "-¥0.05"


def test_numbers_and_days_are_written_as_the_language_writes_them():
    assert i18n.number("en", 1234567) == "1,234,567"
    assert i18n.number("en", Decimal("0.5")) == "0.5"
    assert i18n.percent("zh_CN", 0.973) == "97.3%"
    assert i18n.day("zh_CN", date(2025, 3, 4)) == "2025年3月4日"
    assert i18n.html_language("zh_CN") == "zh-CN"


def test_a_moment_to_the_second_is_the_hospitals_own():
    late = datetime(2026, 3, 2, 16, 30, 7, 900000, tzinfo=UTC)
    assert i18n.exact("zh_CN", late) == "2026年3月3日 00:30:07"
    assert i18n.exact("en", late) == "Mar 3, 2026 00:30:07"


def test_a_datetime_in_a_blank_is_said_in_the_hospitals_zone():
    said = i18n.say("zh_CN", "moment.with_distance", moment=NOW, distance="x")
    assert said == "2026年3月2日 15:10，x"


def test_a_missing_sentence_raises_in_tests(strict):
    with pytest.raises(i18n.UnknownSentence, match=r"no\.such\.sentence"):
        i18n.say("en", "no.such.sentence")


def test_a_missing_sentence_shows_its_key_in_production_and_is_logged(lenient, caplog):
    assert i18n.say("en", "no.such.sentence") == "no.such.sentence"
    assert "no.such.sentence" in caplog.text


def test_a_lacking_value_never_costs_the_person_the_sentence(caplog):
    assert "{version}" in i18n.say("en", "error.key_version_unknown", other=1)
    assert "lacks a value" in caplog.text
