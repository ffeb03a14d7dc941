"""Kill -9 in the middle of work, over HTTP: what was answered must be there afterwards, once.

32 clients, the encrypted file, retries by idempotency key; what is looked at after each kill, and
how, stands in tests/faults/kills.py. The figures are counts: the baseline is nothing lost.
"""

import asyncio
import tempfile
from statistics import median

from benchmarks.measure import arguments, conclude, table
from tests.faults.kills import Found, kill_often
from tests.faults.server import Orders
from tests.peers import free_port

FULL, QUICK = 50, 8


async def measure(kills: int) -> Found:
    """Kill so often."""
    with tempfile.TemporaryDirectory(prefix="xinglin-bench-") as home:
        return await kill_often(Orders(f"sqlite:///{home}/house.db", home, free_port()), kills)


def report(found: Found) -> None:
    """Print what it cost."""
    table(
        ["kills", "answered", "lost", "doubled", "broken", "undelivered", "delivered twice"],
        [
            [
                *(found.kills, found.answered, found.lost, found.doubled, found.broken),
                *(found.undelivered, found.delivered_twice),
            ]
        ],
    )
    conclude(
        benchmark="faults",
        kills=found.kills,
        answered=found.answered,
        lost=found.lost,
        doubled=found.doubled,
        broken=found.broken,
        undelivered=found.undelivered,
        delivered_twice=found.delivered_twice,
        unexpected=dict(found.unexpected),
        start_p50_s=round(median(found.starts), 2),
    )


def main() -> None:
    """Kill, look, print."""
    report(asyncio.run(measure(QUICK if arguments(__doc__).quick else FULL)))


if __name__ == "__main__":
    main()
