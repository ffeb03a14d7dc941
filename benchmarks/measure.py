"""What the benchmarks share: rounds that take turns, medians, a table, and the last line in JSON.

Machines are noisy: two figures are only compared if they were measured in the same round.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

Unit = Callable[[], Awaitable[object]]


@dataclass(slots=True)
class Load:
    """What one side did in one round."""

    per_second: float
    latencies: list[float] = field(repr=False)
    """Seconds, sorted."""

    def percentile(self, percent: float) -> float:
        """Return the latency in ms that `percent` of the units stayed within."""
        place = min(len(self.latencies) - 1, int(len(self.latencies) * percent / 100))
        return self.latencies[place] * 1000


def arguments(about: str | None) -> argparse.Namespace:
    """Read the one option every benchmark has."""
    parser = argparse.ArgumentParser(description=(about or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="end within 45 seconds")
    return parser.parse_args()


async def closed_loop(unit: Unit, clients: int, seconds: float) -> Load:
    """Let so many clients do one unit after the other for so long."""
    latencies: list[float] = []
    began = time.perf_counter()

    async def client() -> None:
        while (start := time.perf_counter()) < began + seconds:
            await unit()
            latencies.append(time.perf_counter() - start)

    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(client())
    return Load(len(latencies) / (time.perf_counter() - began), sorted(latencies))


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of the ratios, each within its round."""
    return round(median(a / b for a, b in zip(ours, theirs, strict=True)), 2)


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under a head, in columns, as Markdown."""
    cells = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    print(*lines, sep="\n")


def conclude(**figures: object) -> None:
    """Print the last line: the figures as one JSON object."""
    print(json.dumps(figures), flush=True)
