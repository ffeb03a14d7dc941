"""A walk through every page of the hospital, in a browser that notes what is wrong on the way."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, Page, Route

from tests.e2e.hospital import Found, Place
from tests.e2e.scenes import DEEDS, SCENES

READY = "() => window.did_handshake === true"
AT_REST = """
document.getAnimations().forEach((each) =>
  each.effect.getComputedTiming().endTime === Infinity ? each.cancel() : each.finish())
"""
Judge = Callable[[Page, Place], Awaitable[list[str]]]


class Tour:
    """A walk through every page, with what was wrong on the way."""

    def __init__(
        self,
        browser: Browser,
        found: Found,
        *,
        only: tuple[str | Place, ...] = (),
        now: datetime | None = None,
    ) -> None:
        """Walk through all places or `only` those named, and at `now` for the browser, if given."""
        self._browser = browser
        self._found = found
        self._places = [
            each for each in found.places if not only or each in only or each.path in only
        ]
        self._now = now
        self._own = urlsplit(found.url).netloc
        self.wrong: list[str] = []
        self._where = ""

    async def walk(self, device: dict[str, Any], judge: Judge, **tastes: str) -> None:
        """Open every page once, as who may see it, and note what `judge` finds there."""
        people = dict.fromkeys(place.who for place in self._places)
        for who in people:
            async with self._as(who, device, tastes) as page:
                for place in self._places:
                    if place.who == who:
                        await self._look(page, place, judge)

    async def _look(self, page: Page, place: Place, judge: Judge) -> None:
        self._where = str(place)
        answer = await page.goto(self._found.url + place.path)
        path = urlsplit(place.path).path
        if answer is None or not answer.ok or urlsplit(page.url).path != path:
            self._note(f"answered {answer and answer.status} at {page.url}")
            return
        await page.wait_for_function(READY)
        if place.scene:
            *_, play = SCENES.get(place.scene) or DEEDS[place.scene]
            await play(page)
            await page.evaluate(AT_REST)
        for each in await judge(page, place):
            self._note(each)

    @asynccontextmanager
    async def _as(
        self, who: str, device: dict[str, Any], tastes: dict[str, str]
    ) -> AsyncIterator[Page]:
        context = await self._browser.new_context(**device, service_workers="block")
        context.set_default_timeout(20_000)
        jar = {f"xl_{name}": value for name, value in tastes.items()}
        jar |= {"xinglin": self._found.tokens[who]} if self._found.tokens[who] else {}
        await context.add_cookies(
            [{"name": name, "value": jar[name], "url": self._found.url} for name in jar]
        )
        await context.route(self._is_foreign, self._stop)
        page = await context.new_page()
        if self._now is not None:
            await page.clock.set_fixed_time(self._now)
        page.on("console", lambda said: self._note(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self._note(str(error)))
        try:
            yield page
        finally:
            await context.close()

    def _is_foreign(self, url: str) -> bool:
        parts = urlsplit(url)
        return parts.scheme not in {"data", "blob"} and parts.netloc != self._own

    async def _stop(self, route: Route) -> None:
        self._note(f"asked {route.request.url}")
        await route.abort()

    def _note(self, what: str) -> None:
        self.wrong.append(f"{self._where}: {what}")
