"""A real browser on our pages: Debian's Chromium, driven by Playwright, and what it is asked.

async with chromium() as browser, page_of(browser, PHONE, elder="1") as page:
    await visit(page, house.url + "/tasks")
    assert await violations(page) == []
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, Page, async_playwright, expect

from tests.peers import need

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
]
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
    "locale": "zh-CN",
}
NARROW: dict[str, Any] = {**PHONE, "viewport": {"width": 320, "height": 640}}
DESKTOP: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}, "locale": "zh-CN"}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

SMALL = """
least => {
  const far = (style) => style.position === "absolute" && style.content !== "none";
  const found = [];
  for (const each of document.querySelectorAll("button,a,input,select,textarea,summary")) {
    if (!each.offsetParent || each.classList.contains("skip")) continue;
    const hit = each.type === "checkbox" ? each.closest("label") : each; // its words catch too
    const box = hit.getBoundingClientRect();
    const after = getComputedStyle(hit, "::after");
    const more = (a, b) => (far(after) ? -parseFloat(after[a]) - parseFloat(after[b]) || 0 : 0);
    const wide = box.width + more("left", "right"), high = box.height + more("top", "bottom");
    if (wide < least - 0.6 || high < least - 0.6)
      found.push([each.tagName, each.className, each.textContent.trim(), wide, high].join(" "));
  }
  return found;
}
"""


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Start the browser."""
    path = str(need("chromium"))
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def page_of(
    browser: Browser, device: dict[str, Any], url: str = "", token: str = "", **tastes: str
) -> AsyncIterator[Page]:
    """Open a page whose reader has these tastes (theme, language, elder) and this session.

    What the page writes to the console as an error is raised when it closes.
    """
    context = await browser.new_context(**device)
    context.set_default_timeout(15_000)
    jar = [{"name": f"xl_{name}", "value": value, "url": url} for name, value in tastes.items()]
    if token:
        jar.append({"name": "xinglin", "value": token, "url": url})
    await context.add_cookies(jar)
    page = await context.new_page()
    wrong: list[str] = []
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    try:
        yield page
        assert wrong == [], "the browser complained"
    finally:
        await context.close()


async def visit(page: Page, url: str) -> None:
    """Open a page and wait until its handlers answer."""
    await page.goto(url)
    await page.wait_for_function("() => window.did_handshake === true")


async def violations(page: Page) -> list[str]:
    """Return what axe-core finds: WCAG 2.0 to 2.2 A and AA, and best practice."""
    await page.evaluate(need("axe").read_text())
    await expect(page.locator(".q-loading-bar[role=progressbar]")).to_have_count(0)
    return await _axe(page, RULES)


async def is_in_order(page: Page) -> None:
    """Fail for what axe-core finds, and for what does not fit the width."""
    assert await violations(page) == []
    assert not await scrolls_sideways(page)


async def violations_in_the_other_theme(page: Page) -> list[str]:
    """Let the device turn from light to dark or back; return what of the contrast axe-core finds.

    The reader has not chosen a theme: the page goes with the device.
    """
    theme = "document.documentElement.dataset.theme"
    other = "light" if await page.evaluate(theme) == "dark" else "dark"
    await page.emulate_media(color_scheme=other)
    await page.wait_for_function(f"{theme} === '{other}'")
    await page.evaluate("document.getAnimations().forEach((each) => each.cancel())")
    return await _axe(page, {"type": "rule", "values": ["color-contrast"]})


async def _axe(page: Page, rules: Any) -> list[str]:
    found = await page.evaluate("rules => axe.run(document, {runOnly: rules})", rules)
    return [
        f"{each['id']} {node['html'][:160]} {node['failureSummary']}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


async def too_small(page: Page, least: int) -> list[str]:
    """Return the controls that catch less than `least` px in a direction, hit areas included."""
    found: list[str] = await page.evaluate(SMALL, least)
    return found


async def scrolls_sideways(page: Page) -> bool:
    """Tell whether anything makes the page wider than its window."""
    return bool(await page.evaluate("document.documentElement.scrollWidth > innerWidth"))
