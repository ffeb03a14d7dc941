"""Every page of the registry, as each who may see it: readable by all, whole, and asking nobody."""

import asyncio

import pytest
from playwright.async_api import Page

from tests.e2e.chromium import (
    DESKTOP,
    PHONE,
    scrolls_sideways,
    too_small,
    violations,
    violations_in_the_other_theme,
)
from tests.e2e.hospital import GUEST, LOOKERS, STEPS, Place
from tests.e2e.tour import Tour


def test_every_page_of_the_registry_is_looked_at(found):
    """A new page fails here until somebody of the hospital looks at it."""
    assert found.nobody == ()
    assert len(found.places) > len({place.path for place in found.places}) > 15
    assert {place.who for place in found.places} == {GUEST, *LOOKERS, *STEPS.values()}


@pytest.mark.parametrize("who", [GUEST, *LOOKERS, *STEPS.values()])
async def test_every_page_can_be_read_and_used_by_everybody(found, browser, who):
    """WCAG 2.2 AA and best practice by axe-core: no violation, in either theme; targets of 44 px.

    No host is asked but ours, no script fails, no page breaks its own content policy, and nothing
    scrolls sideways on a phone of 320 px (WCAG 1.4.10).
    """
    theirs = tuple(place for place in found.places if place.who == who)
    desk, phone = (Tour(browser, found, only=theirs) for _ in range(2))
    await asyncio.gather(
        desk.walk(DESKTOP, judged, language="zh_CN"),
        phone.walk({**PHONE, "color_scheme": "dark"}, judged, language="en"),
    )
    assert desk.wrong == []
    assert phone.wrong == []


@pytest.mark.parametrize(
    ("who", "path", "status"), [("", "/nowhere", 404), ("doctor", "/audit", 403)]
)
async def test_a_refusal_can_be_read_by_everybody_too(found, browser, who, path, status):
    context = await browser.new_context(**PHONE)
    try:
        if who:
            cookie = {"name": "xinglin", "value": found.tokens[who], "url": found.url}
            await context.add_cookies([cookie])
        page = await context.new_page()
        answer = await page.goto(found.url + path)
        assert answer
        assert answer.status == status
        assert await violations(page) == []
        assert await too_small(page, 44) == []
    finally:
        await context.close()


async def test_the_judge_can_say_no(found, browser):
    """What is wrong on purpose is found: pale words, a small button, and too wide a line."""
    context = await browser.new_context(**DESKTOP)
    page = await context.new_page()
    await page.goto(found.url + "/sign-in")
    await page.add_style_tag(content="h1 { color: #ccc } .btn { min-height: 0; height: 20px }")
    await page.evaluate("document.querySelector('h1').style.minWidth = '700px'")
    wrong = " ".join(await judged(page, Place("/sign-in", "guest")))
    await context.close()
    for each in ("color-contrast", "BUTTON", "scrolls sideways"):
        assert each in wrong


async def judged(page: Page, _place: Place) -> list[str]:
    """Return what is wrong with the page, as sentences."""
    wrong = [
        *await violations(page),
        *await too_small(page, 44),
        *await violations_in_the_other_theme(page),
    ]
    size = page.viewport_size
    assert size
    await page.set_viewport_size({"width": 320, "height": size["height"]})
    wrong += ["scrolls sideways at 320 px"] if await scrolls_sideways(page) else []
    await page.set_viewport_size(size)
    return wrong
