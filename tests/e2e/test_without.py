"""Without a network, without a modern browser, without having pressed save."""

import asyncio

from playwright.async_api import expect

from pages import kit
from pages.drafts import kept
from pages.shell import frame
from services.policy import Role
from tests.e2e.chromium import DESKTOP, PHONE, page_of, violations, visit
from tests.e2e.conftest import served
from tests.web.people import signed_in


def notes(clinic, routes):
    """A page with one form whose draft is kept."""

    @routes.page("/notes-of-a-test")
    async def page():
        with frame("nav.tasks"), kit.form(keep="a-note"):
            note = kit.text_area("Note", keep="note")
            secret = kit.field("Secret", content="password", keep="secret")
            draft = await kept(clinic.drafts, "a-note", {"note": note, "secret": secret})
            kit.button("primary", "Send", draft.done)


async def test_what_was_typed_survives_a_reload_and_a_restart(clinic, browser):
    """Saved within 3 seconds; the password is not."""
    nurse = await signed_in(clinic, Role.NURSE)
    async with served(clinic, notes) as url, page_of(browser, DESKTOP, url, nurse.token) as page:
        await visit(page, f"{url}/notes-of-a-test")
        await page.get_by_label("Note").press_sequentially("Blood pressure 150/95", delay=5)
        await page.get_by_label("Secret", exact=True).fill("never kept")
        await expect(page.locator(".kept")).to_contain_text("已自动保存", timeout=3_000)
        await visit(page, f"{url}/notes-of-a-test")
        await expect(page.get_by_label("Note")).to_have_value("Blood pressure 150/95")
        await expect(page.get_by_text("已放回您上次没写完的内容")).to_be_visible()
    kept_now = await clinic.drafts.take(nurse.actor, "a-note")
    assert kept_now is not None
    assert kept_now.values == {"note": "Blood pressure 150/95"}

    async with served(clinic, notes) as url, page_of(browser, DESKTOP, url, nurse.token) as page:
        await visit(page, f"{url}/notes-of-a-test")
        await expect(page.get_by_label("Note")).to_have_value("Blood pressure 150/95")
        await page.get_by_role("button", name="Send").click()
        await page.wait_for_timeout(300)
        await visit(page, f"{url}/notes-of-a-test")
        await expect(page.get_by_label("Note")).to_have_value("")


async def test_a_draft_can_be_discarded(clinic, browser):
    nurse = await signed_in(clinic, Role.NURSE)
    await clinic.drafts.put(nurse.actor, "a-note", {"note": "old"})
    async with served(clinic, notes) as url, page_of(browser, DESKTOP, url, nurse.token) as page:
        await visit(page, f"{url}/notes-of-a-test")
        await page.get_by_role("button", name="丢掉重写").click()
        await expect(page.get_by_label("Note")).to_have_value("")
    assert await clinic.drafts.take(nurse.actor, "a-note") is None


async def test_leaving_the_page_saves_what_was_just_typed(clinic, browser):
    nurse = await signed_in(clinic, Role.NURSE)
    async with served(clinic, notes) as url, page_of(browser, DESKTOP, url, nurse.token) as page:
        await visit(page, f"{url}/notes-of-a-test")
        await page.get_by_label("Note").fill("half a sent")
        await page.goto(f"{url}/old.html")
        async with asyncio.timeout(3):
            while await clinic.drafts.take(nurse.actor, "a-note") is None:
                await asyncio.sleep(0.02)
        await visit(page, f"{url}/notes-of-a-test")
        await expect(page.get_by_label("Note")).to_have_value("half a sent")


async def test_a_browser_below_the_floor_is_told_what_to_do(house, browser):
    async with page_of(browser, PHONE, house) as page:
        await page.add_init_script("delete window.CSSLayerBlockRule")
        await page.goto(f"{house}/gallery/door", wait_until="commit")
        await page.wait_for_url(f"{house}/old.html")
        await expect(page.get_by_role("heading", level=1)).to_contain_text("浏览器太旧")
        await expect(page.get_by_text("Your browser:")).to_be_visible()
        assert await violations(page) == []


async def test_without_a_network_a_page_says_so_and_no_page_is_kept(house, browser):
    """R014: the service worker keeps files, never people's pages."""
    async with page_of(browser, PHONE, house) as page:
        await visit(page, f"{house}/gallery/door")
        await page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        await page.wait_for_function("() => navigator.serviceWorker.controller !== null")
        await visit(page, f"{house}/gallery/door")
        kept_files = await page.evaluate(
            """async () => {
                const names = await caches.keys();
                const shelves = await Promise.all(names.map((name) => caches.open(name)));
                const kept = await Promise.all(shelves.map((shelf) => shelf.keys()));
                return kept.flat().map((each) => new URL(each.url).pathname);
            }"""
        )
        assert "/offline.html" in kept_files
        allowed = ("/_nicegui/", "/static/", "/offline.html")
        assert [each for each in kept_files if not each.startswith(allowed)] == []
        # Playwright does not cut a worker's network: the worker is asked with a dead address.
        await page.context.route("**/*", lambda route: route.abort())
        await page.context.set_offline(True)
        await page.goto(f"{house}/gallery/patient", wait_until="domcontentloaded")
        await expect(page.get_by_role("heading", level=1)).to_have_text("现在没有网络")
        assert await violations(page) == []
