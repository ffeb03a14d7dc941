"""The order of a line and how long it takes: pure. (候诊, domain 5.3)"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Protocol, TypeVar
from uuid import UUID

FEWEST = 3
"""Visits of a clinician's own from which their times are foretold."""
LEAST_LEFT = 0.2
"""Share of a usual visit that one which has run over is taken to last still."""


class Waiting(Protocol):
    """What the order of a line depends on."""

    id: UUID
    priority: int
    slot_at: datetime
    checked_in_at: datetime | None
    behind: int


T = TypeVar("T", bound=Waiting)


def in_order(tickets: Iterable[T]) -> list[T]:
    """Return who goes when: by priority, slot, check-in; who came back late behind so many."""
    everybody = sorted(tickets, key=_turn)
    line = [ticket for ticket in everybody if ticket.behind == 0]
    late = [ticket for ticket in everybody if ticket.behind > 0]
    for ticket in sorted(late, key=lambda each: each.behind):
        line.insert(min(ticket.behind, len(line)), ticket)
    return line


def move_up(line: Sequence[Waiting], gone: UUID) -> None:
    """Let those who came back late behind `gone` wait for one less."""
    behind = False
    for ticket in line:
        if behind and ticket.behind > 0:
            ticket.behind -= 1
        behind = behind or ticket.id == gone


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a clinician's visits take."""

    usual: timedelta
    measured: int
    """How many visits of their own it comes from; 0: from the house's default."""
    serving_since: datetime | None = None
    """When the visit in the room began."""

    def wait(self, ahead: int, now: datetime) -> timedelta:
        """Return how long somebody waits with so many ahead, not counting who is in the room."""
        return ahead * self.usual + self._rest(now)

    def _rest(self, now: datetime) -> timedelta:
        if self.serving_since is None:
            return timedelta(0)
        return max(self.usual - (now - self.serving_since), LEAST_LEFT * self.usual)


def usual_time(seconds: Sequence[int], default: timedelta) -> timedelta:
    """Return the median of the latest visits; the house's default while they are too few."""
    return timedelta(seconds=median(seconds)) if len(seconds) >= FEWEST else default


def _turn(ticket: Waiting) -> tuple[int, datetime, datetime, UUID]:
    return ticket.priority, ticket.slot_at, ticket.checked_in_at or ticket.slot_at, ticket.id
