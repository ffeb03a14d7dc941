"""Every component, in a real browser: seen, read aloud, hit, and used without a mouse."""

import pytest
from playwright.async_api import expect

from tests.e2e.chromium import (
    DESKTOP,
    NARROW,
    PHONE,
    page_of,
    scrolls_sideways,
    too_small,
    violations,
    visit,
)

LOOKS = [
    ("/gallery", DESKTOP, {"theme": "light", "language": "zh_CN"}),
    ("/gallery", DESKTOP, {"theme": "dark", "language": "en"}),
    ("/gallery", PHONE, {"theme": "dark", "language": "zh_CN"}),
    ("/gallery/patient", PHONE, {"theme": "light", "language": "zh_CN"}),
    ("/gallery/patient", PHONE, {"theme": "dark", "language": "en", "elder": "1"}),
    ("/gallery/patient", PHONE, {"theme": "light", "language": "zh_CN", "elder": "3"}),
    ("/gallery/door", DESKTOP, {"theme": "dark", "language": "zh_CN"}),
    ("/gallery/door", PHONE, {"theme": "light", "language": "en", "elder": "1"}),
]


@pytest.mark.parametrize(("path", "device", "tastes"), LOOKS)
async def test_every_look_is_readable_and_every_control_can_be_hit(
    house, browser, path, device, tastes
):
    """WCAG 2.2 AA; 44 px targets, 60 px in the elder edition (适老化)."""
    async with page_of(browser, device, house, **tastes) as page:
        await visit(page, house + path)
        assert await violations(page) == []
        assert await too_small(page, 60 if tastes.get("elder") else 44) == []
        assert not await scrolls_sideways(page)


@pytest.mark.parametrize("path", ["/gallery", "/gallery/patient", "/gallery/door"])
@pytest.mark.parametrize("elder", ["0", "3"])
async def test_nothing_scrolls_sideways_on_the_narrowest_phone(house, browser, path, elder):
    """WCAG 1.4.10: 320 px, also in the largest type."""
    async with page_of(browser, NARROW, house, elder=elder, language="en") as page:
        await visit(page, house + path)
        assert not await scrolls_sideways(page)


async def test_the_chosen_theme_is_there_before_anything_is_drawn(house, browser):
    async with page_of(browser, DESKTOP, house, theme="dark") as page:
        await page.goto(house + "/gallery", wait_until="commit")
        await page.wait_for_selector("body", state="attached")
        assert await page.evaluate("document.documentElement.dataset.theme") == "dark"


async def test_the_theme_switch_is_remembered(house, browser):
    async with page_of(browser, DESKTOP, house, theme="light") as page:
        await visit(page, house + "/gallery")
        await page.get_by_role("button", name="浅色或深色").first.click()
        await page.reload()
        assert await page.evaluate("document.documentElement.dataset.theme") == "dark"


async def test_the_language_switch_changes_every_word(house, browser):
    async with page_of(browser, DESKTOP, house) as page:
        await visit(page, house + "/gallery")
        await page.get_by_role("button", name="English").first.click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Components")
        assert await page.evaluate("document.documentElement.lang") == "en-US"


async def test_the_focus_goes_into_the_panel_and_esc_brings_it_back(house, browser):
    async with page_of(browser, DESKTOP, house) as page:
        await visit(page, house + "/gallery")
        opener = page.get_by_role("button", name="新增人员").first
        await opener.focus()
        await page.keyboard.press("Enter")
        await expect(page.locator(".side").get_by_label("姓名")).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(page.locator(".side")).to_be_hidden()
        await expect(opener).to_be_focused()


async def test_a_form_without_a_name_says_so_at_the_field(house, browser):
    async with page_of(browser, DESKTOP, house) as page:
        await visit(page, house + "/gallery")
        await page.keyboard.press("n")
        panel = page.locator(".side")
        await panel.get_by_role("button", name="保存").click()
        await expect(panel.get_by_role("alert")).to_have_text("请填姓名。")
        await panel.get_by_label("姓名").fill("王测试")
        await panel.get_by_role("button", name="保存").click()
        await expect(page.get_by_text("已新增王测试")).to_be_visible()


async def test_keys_are_listed_and_can_be_switched_off(house, browser):
    """WCAG 2.1.4: single keys can be turned off, and never act while somebody types."""
    async with page_of(browser, DESKTOP, house) as page:
        await visit(page, house + "/gallery")
        await page.get_by_role("searchbox").fill("n?")
        await expect(page.locator(".side")).to_be_hidden()
        await expect(page.locator(".help")).to_be_hidden()
        await page.locator("h1").click()
        await page.keyboard.press("?")
        sheet = page.get_by_role("dialog", name="帮助和快捷键")
        await expect(sheet).to_contain_text("新增人员")
        await sheet.get_by_role("switch").uncheck()
        await page.keyboard.press("Escape")
        await page.keyboard.press("n")
        await page.keyboard.press("?")
        await expect(sheet).to_be_visible()
        await expect(page.locator(".side")).to_be_hidden()


async def test_a_table_is_searched_sorted_and_turned_by_the_server(house, browser):
    async with page_of(browser, DESKTOP, house) as page:
        await visit(page, house + "/gallery")
        await expect(page.locator("tbody tr")).to_have_count(8)
        first = page.locator("tbody tr").first
        before = await first.inner_text()
        await page.get_by_role("button", name="下一页").click()
        await expect(page.get_by_text("2 / 16")).to_be_visible()
        assert await first.inner_text() != before
        await page.get_by_role("button", name="姓名", exact=True).click()
        head = page.get_by_role("columnheader", name="姓名")
        await expect(head).to_have_attribute("aria-sort", "descending")
        await page.get_by_role("searchbox").fill("T0007")
        await expect(page.locator("tbody tr")).to_have_count(1)


async def test_a_row_changes_in_place_after_a_yes_with_a_reason(house, browser):
    async with page_of(browser, DESKTOP, house) as page:
        await visit(page, house + "/gallery")
        row = page.locator("tbody tr").nth(2)
        stop = row.get_by_role("button", name="停用")
        await stop.click()
        dialog = page.locator("dialog.confirm")
        await dialog.get_by_role("button", name="停用").click()
        await expect(dialog.get_by_role("alert")).to_contain_text("5")
        await page.keyboard.press("Escape")
        await expect(dialog).to_have_count(0)
        await expect(stop).to_be_focused()
        await stop.click()
        await dialog.get_by_label("为什么停用").fill("离职了，交接完")
        await dialog.get_by_role("button", name="停用").click()
        await expect(row).to_contain_text("已停用")
        await expect(page.locator("tbody tr")).to_have_count(8)


async def test_a_masked_value_is_shown_whole_only_when_asked(house, browser):
    async with page_of(browser, DESKTOP, house) as page:
        await visit(page, house + "/gallery")
        await expect(page.get_by_text("13800000001")).to_have_count(0)
        await page.get_by_role("button", name="查看完整内容").first.click()
        await expect(page.get_by_text("13800000001")).to_have_count(1)


async def test_a_refusal_stays_until_it_is_read(house, browser):
    async with page_of(browser, DESKTOP, house) as page:
        await visit(page, house + "/gallery")
        await page.get_by_role("button", name="会被拒绝").click()
        told = page.locator(".toast", has_text="错误号 changed_meanwhile")
        await expect(told).to_be_visible()
        await told.get_by_role("button", name="关闭").click()
        await expect(told).to_have_count(0)


async def test_the_menu_opens_on_a_phone_and_esc_closes_it(house, browser):
    async with page_of(browser, PHONE, house) as page:
        await visit(page, house + "/gallery")
        menu = page.get_by_role("button", name="菜单", exact=True)
        await expect(page.get_by_role("link", name="审计")).to_be_hidden()
        await menu.click()
        await expect(page.get_by_role("link", name="审计")).to_be_visible()
        assert await violations(page) == []
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("link", name="审计")).to_be_hidden()
        await expect(menu).to_be_focused()


async def test_a_script_in_a_name_stays_a_name(house, browser):
    """S-INJ: also where a Vue template draws it."""
    async with page_of(browser, DESKTOP, house) as page:
        await visit(page, house + "/gallery")
        await page.keyboard.press("n")
        evil = "<img src=x onerror=alert(1)>{{ 7 * 7 }}"
        await page.locator(".side").get_by_label("姓名").fill(evil)
        await page.locator(".side").get_by_role("button", name="保存").click()
        await expect(page.get_by_text(f"已新增{evil}")).to_be_visible()
