"""Runs every benchmark and writes docs/evidence.md: `make bench`, or `python -m benchmarks`."""

import json
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import sqlalchemy
from sqlcipher3 import dbapi2 as sqlcipher

from benchmarks.measure import arguments

ROOT = Path(__file__).parent.parent
EVIDENCE = ROOT / "docs" / "evidence.md"
NAMES = ("units", "faults", "pages", "booking")
GOALS: dict[str, dict[str, tuple[str, float | int]]] = {
    "units": {"ratio_to_plain_pool": (">=", 3), "ratio_to_postgresql": (">=", 1)}
    | {"p95_ratio": ("<=", 0.25)},
    "faults": dict.fromkeys(("lost", "doubled", "broken", "undelivered"), ("<=", 0)),
    "pages": {"list_cpu_ms": ("<=", 30), "ratio_to_jinja": ("<=", 5), "click_p95_ms": ("<=", 150)}
    | {"dropped": ("<=", 0), "start_s": ("<=", 3), "rss_mb": ("<=", 180)},
    "booking": {"ratio_to_plain_pool": (">=", 1.5), "p95_ratio": ("<=", 1), "oversold": ("<=", 0)}
    | {"refused": ("<=", 0)},
}
"""Ratios to a baseline in the same run are gates; milliseconds and megabytes are to be reported."""

HEAD = """# Evidence

Written by `make bench`; do not edit. Each figure comes from the run described here, on a machine
that may have had other work to do: trust the ratios, whose sides were measured in turns within one
run, more than milliseconds and units per second.
"""


def run(name: str, *, quick: bool) -> tuple[str, dict[str, object], str]:
    """Run one benchmark; return its command, its figures and all it printed."""
    command = ["python", "-m", f"benchmarks.{name}", *(["--quick"] if quick else [])]
    done = subprocess.run(
        [sys.executable, *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    print(done.stdout, flush=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    printed, _, last = done.stdout.strip().rpartition("\n")
    figures: dict[str, object] = json.loads(last)
    return " ".join(command), figures, printed


def chapter(name: str, command: str, figures: dict[str, object], printed: str) -> str:
    """Return a benchmark's part of the document."""
    about = (import_module(f"benchmarks.{name}").__doc__ or "").strip()
    headline, _, text = about.partition("\n")
    judged = [
        f"| {key} | {figures.get(key)} | {sign} {goal} | {met(figures.get(key), sign, goal)} |"
        for key, (sign, goal) in GOALS[name].items()
    ]
    parts = [
        f"## {name}: {headline}",
        f"```text\n{text.strip()}\n```",
        f"`{command}`",
        printed,
        "\n".join(["| figure | measured | goal | met |", "|---|---|---|---|", *judged]),
        f"```json\n{json.dumps(figures)}\n```",
    ]
    return "\n\n".join(parts)


def met(value: object, sign: str, goal: float) -> str:
    """Say whether a figure reaches its goal."""
    if not isinstance(value, int | float):
        return "not measured"
    return "yes" if (value >= goal if sign == ">=" else value <= goal) else "no"


def machine() -> str:
    """Describe where this ran, by what it is and not by its name."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    facts = {
        "Date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "Machine": f"{os.cpu_count()} cores ({model}), {memory:.0f} GB, {platform.system()}",
        "Load before": f"{os.getloadavg()[0]:.1f} (1 minute)",
        "Software": f"Python {platform.python_version()}, SQLAlchemy {sqlalchemy.__version__}, "
        f"SQLite {sqlcipher.sqlite_version} in SQLCipher",
    }
    return "\n".join(f"- {name}: {fact}" for name, fact in facts.items())


def main() -> None:
    """Run them all, one after the other, and write the document."""
    quick = arguments(__doc__).quick
    parts = [HEAD + "\n" + machine()]
    parts += [chapter(name, *run(name, quick=quick)) for name in NAMES]
    EVIDENCE.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    print(f"Written: {EVIDENCE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
