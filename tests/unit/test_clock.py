"""Ids and time: unique, sorted by birth, and nobody but the clock asks the machine."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, timedelta

from data import clock
from data.clock import SystemClock, new_id, stopwatch

MANY = 20_000


def test_ids_are_unique_and_sorted_by_birth_even_within_a_millisecond():
    ids = [new_id() for _ in range(MANY)]
    assert len(set(ids)) == MANY
    assert ids == sorted(ids)
    assert [str(each) for each in ids] == sorted(str(each) for each in ids)  # as a database sorts


def test_ids_are_version_7_of_rfc_9562_and_tell_when_they_were_born():
    before = time.time_ns() // 1_000_000
    each = new_id()
    after = time.time_ns() // 1_000_000
    assert (each.version, each.variant) == (7, "specified in RFC 4122")
    assert before <= int.from_bytes(each.bytes[:6], "big") <= after + 1


def test_ids_made_by_many_threads_are_unique():
    with ThreadPoolExecutor(8) as threads:
        ids = list(threads.map(lambda _: new_id(), range(MANY)))
    assert len(set(ids)) == MANY


def test_ids_stay_sorted_when_the_clock_is_set_back(monkeypatch):
    births = clock._Births()
    ahead = births.next()
    monkeypatch.setattr(clock.time, "time_ns", lambda: 1)
    assert births.next() == ahead + 1


def test_ids_cannot_be_guessed_from_one_another():
    """62 bits of each come from the operating system's source of chance."""
    tails = {new_id().int & (1 << 62) - 1 for _ in range(1000)}
    assert len(tails) == 1000


def test_time_is_aware_and_in_utc():
    now = SystemClock().now()
    assert now.tzinfo is UTC
    assert abs(now.timestamp() - time.time()) < timedelta(seconds=5).total_seconds()


def test_the_stopwatch_never_goes_back():
    readings = [stopwatch() for _ in range(1000)]
    assert readings == sorted(readings)
