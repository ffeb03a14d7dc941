"""In a real browser: no page asks a foreign host for anything, nor breaks its own policy. (R043)"""

from urllib.parse import urlsplit

import pytest
from nicegui import ui
from playwright.async_api import Page, Route, async_playwright
from starlette.responses import HTMLResponse

from pages.routes import Kind, may_enter
from services.policy import Role
from tests.peers import need
from tests.web.people import signed_in
from tests.web.server import running, whole_house

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
ROLES = (
    *(Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN, Role.MEDICAL_AFFAIRS, Role.CASHIER),
    *(Role.DOCTOR, Role.NURSE, Role.PATIENT),
)
MOUNTED = "() => window.did_handshake === true || !document.querySelector('#app')"


class Watch:
    """What a browser asked for and complained of."""

    def __init__(self, own: str) -> None:
        self.own = urlsplit(own).netloc
        self.foreign: list[str] = []
        self.complaints: list[str] = []

    async def pass_on(self, route: Route) -> None:
        url = route.request.url
        if urlsplit(url).scheme in {"http", "https"} and urlsplit(url).netloc != self.own:
            self.foreign.append(url)
            await route.abort()
        else:
            await route.continue_()

    def on(self, page: Page) -> None:
        page.on("console", lambda said: said.type == "error" and self.complaints.append(said.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))


@pytest.fixture
async def chromium():
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=str(need("chromium")), args=[*ARGUMENTS, *QUIET]
        )
        yield browser
        await browser.close()


async def test_no_page_asks_a_foreign_host_or_breaks_its_policy(clinic, chromium):
    seen = set()
    async with whole_house(clinic) as house:
        watch = Watch(house.url)
        for role in (None, *ROLES):
            context = await chromium.new_context(locale="zh-CN", service_workers="block")
            await context.route("**/*", watch.pass_on)
            person = await signed_in(clinic, role) if role else None
            if person:
                cookie = {"name": "xinglin", "value": person.token, "url": house.url}
                await context.add_cookies([cookie])
            page = await context.new_page()
            watch.on(page)
            for route in house.front.routes:
                if route.kind is not Kind.PAGE or "{" in route.path or route.path in seen:
                    continue
                if not route.public and not (person and may_enter(person.actor, route.action)):
                    continue
                answer = await page.goto(house.url + route.path)
                assert answer
                assert answer.ok, f"{route.path} answered {answer.status}"
                await page.wait_for_function(MOUNTED, timeout=15_000)
                seen.add(route.path)
            await context.close()
        pages = {route.path for route in house.front.routes if route.kind is Kind.PAGE}
    assert watch.foreign == []
    assert watch.complaints == []
    assert {path for path in pages if "{" not in path} - seen == set()


async def test_a_script_that_is_added_to_an_open_page_does_not_run(clinic, chromium):
    """The nonce is what lets scripts run; without it one is only text."""
    async with whole_house(clinic) as house:
        page = await chromium.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        await page.goto(house.url + "/sign-in")
        await page.wait_for_function(MOUNTED)
        await page.evaluate(
            "() => { const s = document.createElement('script'); s.textContent = 'window.evil = 1';"
            " document.head.append(s); }"
        )
        assert await page.evaluate("() => window.evil") is None
    assert any("Content Security Policy" in line for line in said)


EVIL = "<script>window.evil = 1</script>"


def careless(routes):
    """Pages that let what somebody wrote into HTML unescaped, in every way there is."""

    @routes.page("/careless", public="shows what a defect of ours could do at worst")
    def page() -> None:
        ui.add_head_html(EVIL)
        ui.add_body_html(EVIL)
        ui.html('<img src="/none" onerror="window.evil = 1">', sanitize=False)
        ui.label(f"</script>{EVIL}")

    @routes.http("GET", "/careless-form", public="the same without NiceGUI")
    async def form() -> HTMLResponse:
        return HTMLResponse(f"<!doctype html><title>x</title><p>{EVIL}</p>")


async def test_a_script_that_came_with_the_content_of_a_page_does_not_run(clinic, chromium):
    """Our own defects included: only scripts of the template have the nonce of their answer."""
    async with running(clinic, careless) as house:
        for path, scripts in (("/careless", 2), ("/careless-form", 1)):
            page = await chromium.new_page()
            answer = await page.goto(house.url + path)
            smuggled = (await answer.text()).count(EVIL.removeprefix("<script"))
            assert smuggled == scripts, "they reach the browser as scripts"
            await page.wait_for_function(MOUNTED, timeout=15_000)
            assert await page.evaluate("() => window.evil") is None
            await page.close()


async def test_a_page_of_an_ended_session_is_led_to_sign_in(clinic, chromium):
    person = await signed_in(clinic, Role.AUDIT_ADMIN)
    async with whole_house(clinic) as house:
        context = await chromium.new_context()
        cookie = {"name": "xinglin", "value": person.token, "url": house.url}
        await context.add_cookies([cookie])
        page = await context.new_page()
        await page.goto(house.url + "/audit")
        await page.wait_for_function(MOUNTED)
        await clinic.sessions.revoke(person.actor, [person.session_id])
        await page.wait_for_url("**/sign-in?why=revoked", timeout=15_000)
        await context.close()
