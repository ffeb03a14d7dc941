"""What a look at the house finds: a level, what is so, and what to do about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    UNKNOWN = "unknown"
    """Nobody measured it: said openly, instead of a green light."""
    WARN = "warn"
    RED = "red"


ORDER = tuple(Level)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    check: str
    level: Level
    code: str
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def what(self) -> str:
        """The key of the sentence that says what is so."""
        return f"health.{self.check}.{self.code}"

    @property
    def remedy(self) -> str:
        """The key of the sentence that says what to do; there is none where nothing is to do."""
        return "" if self.level is Level.OK else f"health.{self.check}.{self.code}.do"

    @property
    def title(self) -> str:
        """The key of the name of what was looked at."""
        return f"health.{self.check}"


def ok(check: str, code: str = "ok", **values: Any) -> Finding:
    return Finding(check, Level.OK, code, values)


def unknown(check: str, code: str, **values: Any) -> Finding:
    return Finding(check, Level.UNKNOWN, code, values)


def warn(check: str, code: str, **values: Any) -> Finding:
    return Finding(check, Level.WARN, code, values)


def red(check: str, code: str, **values: Any) -> Finding:
    return Finding(check, Level.RED, code, values)


def worst(findings: tuple[Finding, ...]) -> Level:
    """Return the level of the worst finding; what was not measured does not count as bad."""
    return max((each.level for each in findings), key=ORDER.index, default=Level.OK)
