"""Takes a picture of every page into ./screenshots: both themes, both languages, desktop and phone.

    python -m tests.e2e.shots [WORD ...]
    python -m tests.e2e.shots readme

WORDs choose among the looks ("dark", "phone", "zh_CN") and the pages ("/audit"); all must fit.
"readme" takes the few that the two READMEs show instead, into ./docs/images.
What the browser complained of is printed, and makes the command fail.
"""

import asyncio
import sys
from base64 import b64decode
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, Route

from data.errors import Unavailable
from pages import waiting
from services import i18n
from tests.e2e.chromium import DESKTOP, PHONE, chromium
from tests.e2e.hospital import GUEST, NOW, Found, Place, hospital
from tests.e2e.scenes import DEEDS
from tests.e2e.tour import Judge, Tour
from tests.peers import ROOT

FOLDER = ROOT / "screenshots"
DEVICES = {"desktop": DESKTOP, "phone": PHONE}
THEMES = ("light", "dark")

WAITING = "/the-waiting-page"
PLAIN = {
    "offline": ("/offline.html", GUEST),
    "old-browser": ("/old.html", GUEST),
    "not-allowed": ("/audit", "doctor"),
    "not-found": ("/nowhere", "doctor"),
    "waiting": (WAITING, GUEST),
}
"""The small pages: by name, where they are, and who is there."""

IMAGES = ROOT / "docs" / "images"
QUALITY = 82
"""Of WebP, in percent: the words stay sharp, and a picture stays below 100 kB."""


@dataclass(frozen=True, slots=True)
class Portrait:
    """A picture that the READMEs show: what of, who looks, and on what."""

    name: str
    place: Place
    device: str = "desktop"
    theme: str = "light"


PORTRAITS = (
    Portrait("sign-in", Place("/sign-in", GUEST)),
    Portrait("home", Place("/", "system_admin")),
    Portrait("tasks", Place("/tasks", "system_admin")),
    Portrait("health", Place("/health", "system_admin")),
    Portrait("audit-dark", Place("/audit", "audit_admin"), theme="dark"),
    Portrait("phone", Place("/", "system_admin"), device="phone"),
)


async def take(found: Found, words: list[str]) -> list[str]:
    """Take the pictures that all of `words` fit; return what was wrong on the way."""
    pages = tuple(word for word in words if word.startswith("/"))
    tastes = [word for word in words if not word.startswith("/")]
    wrong: list[str] = []
    deeds = (Place(path, who, name) for name, (path, who, _) in DEEDS.items())
    with_deeds = replace(found, places=(*found.places, *deeds))
    async with chromium() as browser:
        for device, theme, language in product(DEVICES, THEMES, i18n.LANGUAGES):
            if not set(tastes) <= {device, theme, language}:
                continue
            tour = Tour(browser, with_deeds, only=pages, now=NOW)
            folder = FOLDER / f"{device}-{theme}-{language}"
            folder.mkdir(parents=True, exist_ok=True)
            await tour.walk(DEVICES[device], _camera(folder), theme=theme, language=language)
            wrong += tour.wrong
            if not pages:
                looks = {**DEVICES[device], "color_scheme": theme}
                await _take_plain(browser, found, folder, looks, language)
            print(folder.relative_to(ROOT))  # noqa: T201 - a command
    return wrong


async def _take_plain(
    browser: Browser, found: Found, folder: Path, looks: dict[str, Any], language: str
) -> None:
    """Take the small pages that have no script and no theme but the device's."""
    for name, (path, who) in PLAIN.items():
        jar = {"xl_language": language}
        jar |= {"xinglin": found.tokens[who]} if found.tokens[who] else {}
        context = await browser.new_context(**looks, service_workers="block")
        await context.add_cookies(
            [{"name": each, "value": jar[each], "url": found.url} for each in jar]
        )
        page = await context.new_page()
        await page.route(f"**{WAITING}", partial(_wait, language))
        await page.goto(found.url + path)
        await page.screenshot(path=folder / f"plain-{name}.png", full_page=True)
        await context.close()


async def _wait(language: str, route: Route) -> None:
    """Answer as the house does while it is full, which this one never is."""
    headers = [(b"accept", b"text/html")]
    asked = {"type": "http", "method": "GET", "path": WAITING, "headers": headers}
    scope = {**asked, "state": {"language": language}}
    answer = waiting.page(scope, Unavailable("busy", retry_after=15))
    await route.fulfill(status=200, content_type="text/html", body=bytes(answer.body))


def _camera(folder: Path) -> Judge:
    async def shoot(page: Page, place: Place) -> list[str]:
        path = place.path.strip("/").replace("/", "-") or f"home-{place.who}"
        name = f"scene-{place.scene}" if place.scene else path
        await page.screenshot(path=folder / f"{name}.png", full_page=True)
        return []

    return shoot


async def portray(found: Found) -> list[str]:
    """Take the pictures of the READMEs, in each language; return what was wrong on the way."""
    wrong = [
        f"nobody looks at {each.place}" for each in PORTRAITS if each.place not in found.places
    ]
    async with chromium() as browser:
        for portrait, language in product(PORTRAITS, i18n.LANGUAGES):
            path = IMAGES / language / f"{portrait.name}.webp"
            path.parent.mkdir(parents=True, exist_ok=True)
            tour = Tour(browser, found, only=(portrait.place,), now=NOW)
            device = DEVICES[portrait.device]
            await tour.walk(device, _webp(path), theme=portrait.theme, language=language)
            wrong += tour.wrong
            print(path.relative_to(ROOT))  # noqa: T201 - a command
    return wrong


def _webp(path: Path) -> Judge:
    """Take what the window shows, as WebP, which Playwright has no word for."""

    async def shoot(page: Page, _place: Place) -> list[str]:
        browser = await page.context.new_cdp_session(page)
        wanted = {"format": "webp", "quality": QUALITY}
        taken: dict[str, Any] = await browser.send("Page.captureScreenshot", wanted)
        path.write_bytes(b64decode(taken["data"]))
        return []

    return shoot


async def main() -> int:
    """Serve, look, and say where the pictures are."""
    words = sys.argv[1:]
    with hospital() as found:
        wrong = await (portray(found) if words == ["readme"] else take(found, words))
    for each in wrong:
        print(each)  # noqa: T201
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
