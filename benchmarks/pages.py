"""Pages: what a list costs, how fast a click is answered in a full house, and how soon we are up.

The list of 50 tasks is measured against the same list by FastAPI and Jinja behind the same gate, in
CPU of the serving process, in turns. Then 200 pages are open at once, each told of a new number
each second and clicked every five, by clients in another process (benchmarks/crowd.py).
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

import aiohttp

from benchmarks.hall import PEOPLE, TOKENS, furnish
from benchmarks.measure import arguments, conclude, ratio, table
from tests.peers import free_port

TICKS = os.sysconf("SC_CLK_TCK")
ROOT = Path(__file__).parent.parent
FULL = (9, 40, 60.0)  # rounds, requests a round, seconds of clicking
QUICK = (5, 8, 8.0)


class Served:
    """A serving process, looked at from outside."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process = process
        self.url = f"http://localhost:{port}"

    @property
    def cpu(self) -> float:
        """Seconds of CPU it has used."""
        content = Path(f"/proc/{self._process.pid}/stat").read_text()
        parts = content.rpartition(") ")[2].split()
        return (int(parts[11]) + int(parts[12])) / TICKS

    @property
    def megabytes(self) -> float:
        """What it holds in memory."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024


@asynccontextmanager
async def served(home: Path) -> AsyncIterator[tuple[Served, float]]:
    """Start it; yield it once it answers, and how many seconds that took."""
    port, began = free_port(), time.perf_counter()
    command = (sys.executable, "-m", "benchmarks.hall", str(home), str(port))
    with (home / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=log, stderr=log)
    hall = Served(process, port)
    try:
        await answers(hall.url, process, home / "log")
        yield hall, time.perf_counter() - began
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def answers(url: str, process: asyncio.subprocess.Process, log: Path) -> None:
    """Wait until the house answers anything at all."""
    async with aiohttp.ClientSession() as http, asyncio.timeout(60):
        while True:
            assert process.returncode is None, log.read_text()[-3000:]
            try:
                async with http.get(f"{url}/sign-in") as answer:
                    assert answer.status == 200, answer.status
                    return
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.01)


async def cost(hall: Served, token: str, path: str, requests: int) -> float:
    """Return the CPU in ms that the process spends on one request, one after the other."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(hall.url, cookie_jar=jar) as http:
        http.cookie_jar.update_cookies({"xinglin": token})
        before = hall.cpu
        for _ in range(requests):
            async with http.get(path, headers={"accept": "text/html"}) as answer:
                text = await answer.text()
                assert answer.status == 200, (answer.status, text[:300])
    assert text.count("回电话") >= 50, "the list is not there"
    return (hall.cpu - before) / requests * 1000


async def crowd(hall: Served, home: Path, seconds: float) -> dict[str, float]:
    """Let the crowd in and return what it saw."""
    command = (sys.executable, "-m", "benchmarks.crowd", hall.url, str(home / TOKENS))
    process = await asyncio.create_subprocess_exec(
        *command, str(PEOPLE), str(seconds), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    seen: dict[str, float] = json.loads(said.splitlines()[-1])
    return seen


async def measure(rounds: int, requests: int, seconds: float) -> None:
    """Measure everything and print it."""
    with tempfile.TemporaryDirectory(prefix="xinglin-bench-") as folder:
        home = Path(folder)
        await furnish(home)
        token = json.loads((home / TOKENS).read_text())[0]
        async with served(home) as (hall, start):
            alone = hall.megabytes
            ours, jinja = [], []
            await cost(hall, token, "/tasks", 5)
            await cost(hall, token, "/bench/list", 5)
            for _ in range(rounds):
                ours.append(await cost(hall, token, "/tasks", requests))
                jinja.append(await cost(hall, token, "/bench/list", requests * 3))
        async with served(home) as (hall, again):
            seen = await crowd(hall, home, seconds)
            full = hall.megabytes
    report(ours, jinja, (min(start, again), alone, full), seen)


def report(
    ours: list[float],
    jinja: list[float],
    whole: tuple[float, float, float],
    seen: dict[str, float],
) -> None:
    """Print what was measured."""
    start, alone, full = whole
    table(
        ["what", "measured", "goal"],
        [
            [
                "list of 50 rows, CPU ms",
                f"{median(ours):.1f} ({min(ours):.1f}-{max(ours):.1f})",
                30,
            ],
            ["the same by Jinja, CPU ms", f"{median(jinja):.1f}", ""],
            ["list / Jinja", ratio(ours, jinja), "5"],
            ["pages open", int(seen["pages"]), 200],
            [
                "click answered, p50 / p95 ms",
                f"{seen['click_p50_ms']} / {seen['click_p95_ms']}",
                150,
            ],
            ["pages dropped", int(seen["dropped"]), 0],
            ["start, seconds", f"{start:.1f}", 3],
            ["memory alone / full, MB", f"{alone:.0f} / {full:.0f}", "180 / -"],
        ],
    )
    conclude(
        benchmark="pages",
        list_cpu_ms=round(median(ours), 1),
        ratio_to_jinja=ratio(ours, jinja),
        click_p50_ms=seen["click_p50_ms"],
        click_p95_ms=seen["click_p95_ms"],
        clicks=seen["clicks"],
        pages=seen["pages"],
        dropped=seen["dropped"],
        numbers_heard_min=seen["numbers_heard_min"],
        start_s=round(start, 2),
        rss_mb=round(alone),
        rss_full_mb=round(full),
        rounds=len(ours),
    )


def main() -> None:
    """Measure and print."""
    asyncio.run(measure(*(QUICK if arguments(__doc__).quick else FULL)))


if __name__ == "__main__":
    main()
