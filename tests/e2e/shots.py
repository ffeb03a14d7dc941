"""Takes a picture of every page into ./screenshots: both themes, both languages, desktop and phone.

    python -m tests.e2e.shots [WORD ...]

WORDs choose among the looks ("dark", "phone", "zh_CN") and the pages ("/audit"); all must fit.
What the browser complained of is printed, and makes the command fail.
"""

import asyncio
import sys
from itertools import product
from pathlib import Path

from playwright.async_api import Page

from services import i18n
from tests.e2e.chromium import DESKTOP, PHONE, chromium
from tests.e2e.hospital import NOW, Found, Place, hospital
from tests.e2e.tour import Tour
from tests.peers import ROOT

FOLDER = ROOT / "screenshots"
DEVICES = {"desktop": DESKTOP, "phone": PHONE}
THEMES = ("light", "dark")


async def take(found: Found, words: list[str]) -> list[str]:
    """Take the pictures that all of `words` fit; return what was wrong on the way."""
    pages = tuple(word for word in words if word.startswith("/"))
    tastes = [word for word in words if not word.startswith("/")]
    wrong: list[str] = []
    async with chromium() as browser:
        for device, theme, language in product(DEVICES, THEMES, i18n.LANGUAGES):
            if not set(tastes) <= {device, theme, language}:
                continue
            tour = Tour(browser, found, only=pages, now=NOW)
            folder = FOLDER / f"{device}-{theme}-{language}"
            folder.mkdir(parents=True, exist_ok=True)
            await tour.walk(DEVICES[device], _camera(folder), theme=theme, language=language)
            wrong += tour.wrong
            print(folder.relative_to(ROOT))  # noqa: T201 - a command
    return wrong


def _camera(folder: Path):
    async def shoot(page: Page, place: Place) -> list[str]:
        name = place.path.strip("/").replace("/", "-") or f"home-{place.who}"
        await page.screenshot(path=folder / f"{name}.png", full_page=True)
        return []

    return shoot


async def main() -> int:
    """Serve, look, and say where the pictures are."""
    with hospital() as found:
        wrong = await take(found, sys.argv[1:])
    for each in wrong:
        print(each)  # noqa: T201
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
