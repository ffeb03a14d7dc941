"""Watches whether the clock goes on as time does. (时钟跳变)

What is forgotten by the clock is forgotten for good: a clock that somebody set a year ahead by
mistake must not cost drafts, sessions and accounts before anybody has looked.
"""

import logging
from collections.abc import Callable

from data.clock import Clock, time_since_boot

log = logging.getLogger(__name__)

JUMP_SECONDS = 3600.0
"""A larger step than any time server takes a running machine through unasked."""
DAY_SECONDS = 86_400.0
"""How long somebody has to put it right."""


class Steadiness:
    """The comparison of the clock with a count of seconds that nobody can set."""

    def __init__(self, clock: Clock, count: Callable[[], float] = time_since_boot) -> None:
        self._clock = clock
        self._count = count
        self._difference = self._measured()
        self._jumped_at: float | None = None
        self._last = 0.0

    def look(self) -> float:
        """Return by how many seconds the clock jumped within a day (back: negative); 0 if not."""
        difference, now = self._measured(), self._count()
        step = difference - self._difference
        self._difference = difference
        if abs(step) >= JUMP_SECONDS:
            log.warning("the clock jumped by %.0f s", step)
            self._jumped_at, self._last = now, step
        elif self._jumped_at is not None and now - self._jumped_at >= DAY_SECONDS:
            self._jumped_at, self._last = None, 0.0
        return self._last

    def _measured(self) -> float:
        return self._clock.now().timestamp() - self._count()
