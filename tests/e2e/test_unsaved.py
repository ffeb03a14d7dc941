"""What could not be saved while somebody types is said, kept in the page, and tried again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Page, Route, expect

from services.policy import Role
from tests.e2e.chromium import DESKTOP, visit
from tests.e2e.conftest import served
from tests.e2e.test_without import notes
from tests.web.people import signed_in

NOT_SAVED = "还没有保存"


@asynccontextmanager
async def at_the_note(clinic, browser, token: str) -> AsyncIterator[tuple[Page, str]]:
    """Open the form; each refusal that Chromium writes to the console is wanted here."""
    async with served(clinic, notes) as url:
        context = await browser.new_context(**DESKTOP)
        try:
            await context.add_cookies([{"name": "xinglin", "value": token, "url": url}])
            page = await context.new_page()
            wrong: list[str] = []
            page.on("pageerror", lambda error: wrong.append(str(error)))
            await visit(page, f"{url}/notes-of-a-test")
            yield page, url
            assert wrong == []
        finally:
            await context.close()


async def test_what_is_refused_is_said_and_saved_with_the_next_key(clinic, browser):
    """R014: a saved time that stands there while nothing is saved would be a lie."""
    nurse, other = await signed_in(clinic, Role.NURSE), await signed_in(clinic, Role.NURSE)
    async with at_the_note(clinic, browser, nurse.token) as (page, url):
        note, said = page.get_by_label("Note"), page.locator(".kept")
        await note.press_sequentially("one", delay=5)
        await expect(said).to_contain_text("已自动保存", timeout=4_000)
        context, cookie = page.context, {"name": "xinglin", "url": url}
        await context.add_cookies([{**cookie, "value": other.token}])
        await note.press_sequentially(" two", delay=5)
        await expect(said).to_contain_text("另一个人", timeout=4_000)
        await context.add_cookies([{**cookie, "value": "ended"}])
        await note.press_sequentially(" three", delay=5)
        await expect(said).to_contain_text("请先登录", timeout=4_000)
        await context.add_cookies([{**cookie, "value": nurse.token}])
        await note.press_sequentially(" four", delay=5)
        await expect(said).to_contain_text("已自动保存", timeout=4_000)
    assert await clinic.drafts.take(other.actor, "a-note") is None
    kept = await clinic.drafts.take(nurse.actor, "a-note")
    assert kept is not None
    assert kept.values == {"note": "one two three four"}


async def test_a_server_that_does_not_answer_is_said_and_asked_again(clinic, browser):
    nurse = await signed_in(clinic, Role.NURSE)
    async with at_the_note(clinic, browser, nurse.token) as (page, _):
        await page.route("**/drafts/*", lambda route: route.abort())
        await page.get_by_label("Note").press_sequentially("one", delay=5)
        await expect(page.locator(".kept")).to_contain_text(NOT_SAVED, timeout=4_000)
        await page.unroute("**/drafts/*")
        await expect(page.locator(".kept")).to_contain_text("已自动保存", timeout=5_000)


async def test_a_save_on_its_way_is_called_off_when_the_form_is_sent(clinic, browser):
    nurse = await signed_in(clinic, Role.NURSE)
    begun, sent = asyncio.Event(), asyncio.Event()
    failed: list[str] = []

    async def dawdle(route: Route) -> None:
        begun.set()
        await sent.wait()
        await route.continue_()

    async with at_the_note(clinic, browser, nurse.token) as (page, url):
        page.on("requestfailed", lambda request: failed.append(request.url))
        await page.route("**/drafts/*", dawdle)
        await page.get_by_label("Note").press_sequentially("one", delay=5)
        async with asyncio.timeout(5):
            await begun.wait()
        await page.get_by_role("button", name="Send").click()
        async with asyncio.timeout(5):
            while not failed:
                await page.wait_for_timeout(20)
        sent.set()
    assert failed == [f"{url}/drafts/a-note"]
    assert await clinic.drafts.take(nurse.actor, "a-note") is None
