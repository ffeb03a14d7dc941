"""The signs of danger that are asked for before anybody waits. (红旗症状, R-FU-4)"""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RedFlag:
    """One sign, and where it sends the patient."""

    code: str
    group: str
    texts: dict[str, str]
    """Language -> what the patient reads."""
    action: str
    """`call_120`, `emergency_department` or `hotline_12356`."""


@cache
def red_flags() -> dict[str, RedFlag]:
    """Return the signs by code, in the order to ask."""
    file = Path(__file__).with_name("redflags.csv")
    with file.open(encoding="utf-8", newline="") as lines:
        return {
            line["code"]: RedFlag(
                line["code"],
                line["group"],
                {"zh_CN": line["zh_CN"], "en": line["en"]},
                line["action"],
            )
            for line in csv.DictReader(lines)
        }


def groups() -> dict[str, list[RedFlag]]:
    """Return the signs by group: a patient reads one group at a time."""
    found: dict[str, list[RedFlag]] = {}
    for flag in red_flags().values():
        found.setdefault(flag.group, []).append(flag)
    return found
