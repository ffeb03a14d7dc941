"""People with open pages, in a process of their own, so that their work is not counted as ours.

    python -m benchmarks.crowd URL TOKENS PAGES SECONDS

Each has one page open and clicks about every five seconds. Prints one JSON object: how long an
answer took, how many pages were dropped, and how many of the numbers called out have arrived.
"""

import asyncio
import json
import random
import sys
import time
from pathlib import Path

from tests.web.browser import Browser, Page

AT_ONCE = 10  # pages being opened
EVERY = 5.0  # seconds between two clicks of one person
PATIENCE = 10.0


class Crowd:
    """The people, and what they have seen."""

    def __init__(self, url: str, seconds: float) -> None:
        self._url = url
        self._seconds = seconds
        self._doors = asyncio.Semaphore(AT_ONCE)
        self._inside = 0
        self._all_inside = asyncio.Event()
        self._chance = random.Random(3)
        self.answers: list[float] = []
        self.dropped = 0
        self.heard: list[int] = []

    async def visit(self, tokens: list[str]) -> None:
        """Open a page each, wait until all are in, and then click away."""
        async with asyncio.TaskGroup() as people:
            for token in tokens:
                people.create_task(self._person(token, len(tokens)))

    async def _person(self, token: str, expected: int) -> None:
        async with Browser(self._url, token) as browser:
            async with self._doors:
                page = await browser.open("/bench/board")
            self._inside += 1
            if self._inside == expected:
                self._all_inside.set()
            await self._all_inside.wait()
            await asyncio.sleep(2)  # what comes of the opening is over
            before = number_on(page)
            await self._click_away(page)
            self.heard.append(number_on(page) - before)
            self.dropped += page.closed.is_set()

    async def _click_away(self, page: Page) -> None:
        end = time.perf_counter() + self._seconds
        await asyncio.sleep(self._chance.uniform(0, EVERY))
        while time.perf_counter() < end and not page.closed.is_set():
            before, began = echo_on(page), time.perf_counter()
            await page.click("echo")
            try:
                async with asyncio.timeout(PATIENCE):
                    await page.until(lambda before=before: echo_on(page) != before)
            except (AssertionError, TimeoutError):
                self.answers.append(PATIENCE)
                continue
            self.answers.append(time.perf_counter() - began)
            await asyncio.sleep(self._chance.uniform(EVERY - 1, EVERY + 1))
        await asyncio.sleep(max(0.0, end - time.perf_counter()))


def texts(page: Page) -> list[str]:
    """Return what the labels of a page say."""
    return [str(element.get("text") or "") for element in page.elements.values()]


def echo_on(page: Page) -> str:
    """Return the last answer to a click."""
    return next((each for each in texts(page) if each.startswith("echo ") and len(each) > 9), "")


def number_on(page: Page) -> int:
    """Return the number that was called out last."""
    said = next((each for each in texts(page) if each.startswith("number ")), "number 0")
    return int(said.removeprefix("number "))


async def main(url: str, tokens: Path, pages: int, seconds: float) -> None:
    """Visit and print."""
    crowd = Crowd(url, seconds)
    await crowd.visit(json.loads(tokens.read_text())[:pages])
    answers = sorted(crowd.answers)
    print(
        json.dumps(
            {
                "pages": pages,
                "clicks": len(answers),
                "click_p50_ms": round(answers[len(answers) // 2] * 1000, 1),
                "click_p95_ms": round(answers[int(len(answers) * 0.95)] * 1000, 1),
                "dropped": crowd.dropped,
                "numbers_heard_min": min(crowd.heard),
                "seconds": seconds,
            }
        )
    )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))
