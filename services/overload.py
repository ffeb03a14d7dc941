"""Under load gives up what can wait, in an order everybody can read; work in hand comes last.

(R032-R034, 过载保护). docs/overload.md is printed from `GIVEN_UP`.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from pathlib import Path

from data.clock import stopwatch
from data.errors import Unavailable

log = logging.getLogger(__name__)

SAMPLE_SECONDS = 0.25
CALM_SAMPLES = 20
"""So many calm samples in a row (5 s) before a level is left: no flapping."""
BUSY_SAMPLES = 2
"""So many loaded ones in a row before it is entered: one slow page is no load."""


class Level(IntEnum):
    """How much is on our hands."""

    NORMAL = 0
    BUSY = 1
    """Slower than people should notice: extras are given up."""
    FULL = 2
    """No more people can be served well: who is inside goes on, who comes waits."""


class Part(StrEnum):
    """What the house does, as far as it can be given up."""

    REPORT = "report"
    LIVE_REFRESH = "live_refresh"
    UPLOAD = "upload"
    NEWCOMER = "newcomer"
    PAGE = "page"
    WORK = "work"


@dataclass(frozen=True, slots=True)
class Sacrifice:
    """One line of the order: what is given up, from when on, and what people see."""

    part: Part
    at: Level | None
    """None: never."""
    seen: str


GIVEN_UP: tuple[Sacrifice, ...] = (
    Sacrifice(
        Part.REPORT,
        Level.BUSY,
        "`xinglin export`, `xinglin audit export` and downloads of the trail say to try later",
    ),
    Sacrifice(Part.LIVE_REFRESH, Level.BUSY, "open pages bring themselves up to date less often"),
    Sacrifice(
        Part.UPLOAD, Level.FULL, "a file waits in the open page, which sends it again by itself"
    ),
    Sacrifice(Part.NEWCOMER, Level.FULL, "who is not signed in waits on a page that asks again"),
    Sacrifice(Part.PAGE, Level.FULL, "a further page of a session that has several open waits"),
    Sacrifice(Part.WORK, None, "clicks and first pages of signed-in people always get through"),
)
"""First given up first."""

REFRESH_PAUSE = 3.0
"""Seconds between two updates of an open page while the house is busy."""

PAGES_KEPT_AT_FULL = 3
"""So many open pages a session may have while the house is full, and still open one more."""


@dataclass(frozen=True, slots=True)
class Marks:
    """Where a level begins, once so many looks in a row have seen it, and below which it ends."""

    lag_busy: float = 0.10
    """Seconds by which the loop answered late at one look; a level takes several in a row."""
    lag_full: float = 0.40
    pages_busy: int = 500
    pages_full: int = 700
    """Open pages; one core carries about 700 (measured)."""
    unconnected_full: int = 300
    """Pages handed out whose browser has not connected yet: a flood of bare GETs shows here."""
    waiting_busy: int = 200
    waiting_full: int = 1000
    """Units of work in line for the database."""
    memory_busy: int = 900
    memory_full: int = 1400
    """Resident megabytes."""


@dataclass(frozen=True, slots=True)
class Load:
    """One look at how much there is to do."""

    lag: float = 0.0
    pages: int = 0
    unconnected: int = 0
    waiting: int = 0
    memory: int = 0


class Gauges:
    """Where the numbers come from; whoever has one sets it. All of them are cheap to ask."""

    def __init__(self) -> None:
        self.pages: Callable[[], int] = lambda: 0
        self.unconnected: Callable[[], int] = lambda: 0
        self.waiting: Callable[[], int] = lambda: 0
        self.memory: Callable[[], int] = resident_megabytes


class Overload:
    """Knows how loaded the house is, and what it does not do for now."""

    def __init__(self, marks: Marks | None = None) -> None:
        self.marks = marks or Marks()
        self.gauges = Gauges()
        self.level = Level.NORMAL
        self.load = Load()
        self.building = 0
        """Pages that were admitted and are not built yet: no gauge sees them so far."""
        self.turned_away = 0
        """Requests refused for load since the start (a metric)."""
        self._seen = dict.fromkeys(Level, 0)
        """How many looks in a row, up to the last one, have seen at least this much."""
        self._calm: list[Level] = []
        """What the looks in a row have seen that saw less than the level we are at."""
        self._rest = asyncio.Event()

    async def run(self) -> None:
        """Look at the load for as long as the process lives."""
        while not self._rest.is_set():
            asked = stopwatch()
            await asyncio.sleep(SAMPLE_SECONDS)
            self.note(self._look(max(0.0, stopwatch() - asked - SAMPLE_SECONDS)))

    def stop(self) -> None:
        """Let `run` come to its end."""
        self._rest.set()

    def _look(self, lag: float) -> Load:
        gauges = self.gauges
        return Load(
            lag=lag,
            pages=gauges.pages(),
            unconnected=gauges.unconnected(),
            waiting=gauges.waiting(),
            memory=gauges.memory(),
        )

    def note(self, load: Load) -> None:
        """Take in one look; the level follows when several in a row saw that much, or less.

        A load that swings between two levels is at least the lower one all the time.
        """
        self.load = load
        seen = self._level_of(load)
        for level in Level:
            self._seen[level] = self._seen[level] + 1 if seen >= level else 0
        self._calm = [*self._calm, seen] if seen < self.level else []
        lasting = max(level for level in Level if self._lasts(level))
        if lasting > self.level:
            self._go_to(lasting)
        elif len(self._calm) >= CALM_SAMPLES:
            self._go_to(max(self._calm))

    def _lasts(self, level: Level) -> bool:
        return level is Level.NORMAL or self._seen[level] >= BUSY_SAMPLES

    def _go_to(self, level: Level) -> None:
        log.warning("load is now %s, was %s (%s)", level.name, self.level.name, self.load)
        self.level = level
        self._calm = []

    def _level_of(self, load: Load) -> Level:
        marks = self.marks
        if (
            load.lag > marks.lag_full
            or load.pages >= marks.pages_full
            or load.unconnected >= marks.unconnected_full
            or load.waiting >= marks.waiting_full
            or load.memory >= marks.memory_full
        ):
            return Level.FULL
        if (
            load.lag > marks.lag_busy
            or load.pages >= marks.pages_busy
            or load.waiting >= marks.waiting_busy
            or load.memory >= marks.memory_busy
        ):
            return Level.BUSY
        return Level.NORMAL

    def gives_up(self, part: Part) -> bool:
        """Tell whether this is among the things not done for now."""
        line = next(line for line in GIVEN_UP if line.part is part)
        return line.at is not None and self.level >= line.at

    def admit(self, part: Part) -> None:
        """Go on only if this is done at the present load; raise `Unavailable("busy")` if not."""
        if self.gives_up(part):
            self.turned_away += 1
            raise Unavailable("busy", retry_after=self.retry_after)

    def admit_page(self, *, signed_in: bool, open_pages: int) -> None:
        """Go on only if one more page may be built for this visitor.

        The hard limits hold at once, between two looks too: a flood of requests must find them
        shut before the level has followed.
        """
        part = Part.PAGE if signed_in else Part.NEWCOMER
        if signed_in and open_pages < PAGES_KEPT_AT_FULL:
            if self.gauges.pages() + self.building < self.marks.pages_full * 2:
                return
        elif not self._is_shut() and not self.gives_up(part):
            return
        self.turned_away += 1
        raise Unavailable("busy", retry_after=self.retry_after)

    def _is_shut(self) -> bool:
        full = self.gauges.pages() + self.building >= self.marks.pages_full
        unconnected = self.gauges.unconnected() + self.building
        return full or unconnected >= self.marks.unconnected_full

    @contextmanager
    def one_page(self) -> Iterator[None]:
        """Count a page while it is built."""
        self.building += 1
        try:
            yield
        finally:
            self.building -= 1

    @property
    def retry_after(self) -> int:
        """After how many seconds it is worth trying again."""
        return 15 if self.level is Level.FULL else 5

    def refresh_pause(self) -> float:
        """Return how many seconds an open page waits between two updates of itself."""
        return REFRESH_PAUSE if self.gives_up(Part.LIVE_REFRESH) else 0.0


def resident_megabytes() -> int:
    """Return how much memory this process holds; 0 where the system does not say (not Linux)."""
    try:
        resident = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return resident * 4096 // 1_000_000


def table() -> str:
    """Return the order as a table, for docs/overload.md."""
    lines = ["| what is given up | from | what people see |", "|---|---|---|"]
    for line in GIVEN_UP:
        since = "never" if line.at is None else line.at.name
        lines.append(f"| `{line.part}` | {since} | {line.seen} |")
    return "\n".join(lines) + "\n"
