"""How large pages are written (长辈版, 字号): measured, kept, breaking no page. (R151)"""

import asyncio

import pytest
from playwright.async_api import expect

from services.policy import Role
from tests.e2e.chromium import DESKTOP, PHONE, page_of, visit
from tests.web.people import signed_in

SMALLEST = """
() => document.getAnimations().forEach((each) => each.finish()) ||
  Math.min(...[...document.querySelectorAll("body *")]
  .filter((each) => each.offsetParent && !each.closest(".sizes") &&
    [...each.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()))
  .map((each) => parseFloat(getComputedStyle(each).fontSize)))
"""
"""The smallest letters on the page; those on the switch of sizes stay as they are."""

BODY = "() => parseFloat(getComputedStyle(document.body).fontSize)"

WIDER = """
() => [document.documentElement, ...document.querySelectorAll("main, .card, .side, .tools, header")]
  .filter((each) => each.offsetParent !== null || each === document.documentElement)
  .filter((each) => each.scrollWidth > each.clientWidth)
  .map((each) => `${each.tagName}.${each.className} ${each.scrollWidth} > ${each.clientWidth}`)
"""


@pytest.mark.parametrize(
    ("sign", "body", "least"), [("A", 16, 13), ("A+", 22, 18), ("A++", 26, 22), ("A+++", 32, 30)]
)
async def test_text_at_the_door_grows_to_32_pixels_and_stays_so(found, browser, sign, body, least):
    """适老化: text from 18 px, adjustable to 30 and more, also the smallest of it."""
    async with page_of(browser, PHONE, found.url) as page:
        await visit(page, found.url + "/sign-in")
        await page.locator(".sizes").get_by_text(sign, exact=True).click()
        for _ in range(2):  # the second time after a reload
            await expect(page.locator(".sizes [aria-pressed=true]")).to_have_text(sign)
            assert await page.evaluate(BODY) == body
            assert await page.evaluate(SMALLEST) >= least
            await page.reload()
            await page.wait_for_function("() => window.did_handshake === true")


@pytest.mark.parametrize(("path", "who"), [("/sign-in", "guest"), ("/", "system_admin"),
                                           ("/account", "system_admin")])  # fmt: skip
@pytest.mark.parametrize("language", ["zh_CN", "en"])
async def test_the_largest_text_fits_on_a_phone(found, browser, path, who, language):
    tastes = {"elder": "3", "language": language}
    async with page_of(browser, PHONE, found.url, found.tokens[who], **tastes) as page:
        await visit(page, found.url + path)
        assert await page.evaluate(BODY) == (32 if who == "guest" else 20)
        assert await page.evaluate(WIDER) == []


@pytest.mark.parametrize(
    ("path", "who"), [("/staff", "security_admin"), ("/tasks", "system_admin")]
)
async def test_dense_tables_hold_the_largest_text_also_beside_a_panel(found, browser, path, who):
    tastes = {"elder": "3", "language": "en"}
    async with page_of(browser, DESKTOP, found.url, found.tokens[who], **tastes) as page:
        await visit(page, found.url + path)
        await page.locator(".table__open").first.wait_for()
        assert await page.evaluate(WIDER) == []
        await page.locator(".table__open").first.click()
        await page.locator(".side:visible").wait_for()
        assert await page.evaluate(WIDER) == []
        table, panel = [await page.locator(each).bounding_box() for each in (".table", ".side")]
        assert table["x"] + table["width"] <= panel["x"]


async def test_a_person_finds_their_size_again_on_another_device(house, clinic, browser):
    nurse = await signed_in(clinic, Role.NURSE)
    async with page_of(browser, DESKTOP, house, nurse.token) as page:
        await visit(page, house + "/account")
        await page.locator(".menu summary").click()
        await page.locator(".menu__list").get_by_text("A++", exact=True).click()
        assert await page.evaluate(BODY) == 18
        on_page = page.locator(".card .sizes [aria-pressed=true]")
        await expect(on_page).to_have_text("A++")  # both switches say the same
        await kept(clinic, nurse, 2)
    async with page_of(browser, PHONE, house, nurse.token, elder="1") as page:
        await visit(page, house + "/account")
        assert await page.evaluate(BODY) == 18
        await page.locator(".card .sizes").get_by_text("A", exact=True).click()
        await kept(clinic, nurse, 0)
        await visit(page, house + "/")
        assert await page.evaluate(BODY) == 14


async def kept(clinic, who, size):
    """Wait until the server knows what was clicked."""
    async with asyncio.timeout(10):
        while (await clinic.account.nameplate(who.actor)).text_size != size:
            pass
