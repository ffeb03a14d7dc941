"""Forms and long lists as people use them: how wide, in which order, and what a date means."""

import pytest
from playwright.async_api import expect

from tests.e2e.chromium import DESKTOP, PHONE, page_of, visit

PAPERS = "/institution"


async def sized(page, selector):
    return await page.locator(selector).first.bounding_box()


@pytest.mark.parametrize(("path", "who"), [(PAPERS, "system_admin"), ("/emergency", "doctor")])
async def test_a_form_fills_its_card_and_its_button_is_wide_on_a_phone_only(
    found, browser, path, who
):
    for device, wide in ((DESKTOP, False), (PHONE, True)):
        async with page_of(browser, device, found.url, found.tokens[who]) as page:
            await visit(page, found.url + path)
            card, form = await sized(page, ".card"), await sized(page, ".card > .form")
            field, button = await sized(page, ".form .input"), await sized(page, ".form > .btn")
            assert form["width"] >= card["width"] - 40  # its padding and its edges
            assert field["width"] == form["width"]
            assert (button["width"] == form["width"]) is wide


@pytest.mark.parametrize(("language", "said"), [("zh_CN", "2027年4月6日"), ("en", "April 6, 2027")])
async def test_a_date_is_said_in_words_whatever_the_browser_writes(found, browser, language, said):
    token = found.tokens["system_admin"]
    async with page_of(browser, DESKTOP, found.url, token, language=language) as page:
        await visit(page, found.url + PAPERS)
        field = page.locator(".field", has=page.locator("input[type=date]")).last
        await field.locator("input").fill("2027-04-06")
        await expect(field.locator(".field__msg")).to_have_text(said)
        await field.locator("input").fill("")
        await expect(field.locator(".field__msg")).to_have_count(0)


async def test_rules_stand_under_headings_and_can_be_narrowed_to_ones_own(found, browser):
    async with page_of(browser, DESKTOP, found.url, found.tokens["system_admin"]) as page:
        await visit(page, found.url + "/settings")
        rows, heads = (
            page.locator("tbody tr:has(td):visible"),
            page.locator(".table__group:visible"),
        )
        await rows.first.wait_for()
        said = await heads.all_inner_texts()
        assert len(said) == len(set(said)) > 2
        assert "policy." not in await page.locator(".table:visible").inner_text()
        await expect(page.locator(".pager__page:visible")).to_have_text("1 / 3")

        await page.get_by_role("button", name="下一页").first.click()
        await expect(page.locator(".pager__page:visible")).to_have_text("2 / 3")
        await page.get_by_role("button", name="我能改的").click()
        await expect(page.locator(".pager__page:visible")).to_have_count(0)
        mine = await rows.count()
        assert 5 < mine < 50
        assert await rows.get_by_text("您可以改").count() == mine

        await page.get_by_role("button", name="备份最长间隔").click()
        panel = page.locator(".side")
        await expect(panel).to_contain_text("policy.backup.max_age_hours")
        number = panel.get_by_label("新的值")
        await expect(number).to_have_accessible_description("小时 从 2 到 168")


async def test_on_a_phone_the_bar_gives_its_button_a_row_and_the_badge_its_own_width(
    found, browser
):
    async with page_of(browser, PHONE, found.url, found.tokens["security_admin"]) as page:
        await visit(page, found.url + "/staff")
        slot, button = await sized(page, ".bar__slot"), await sized(page, ".bar__slot .btn")
        bar = await sized(page, ".bar")
        assert button["width"] >= slot["width"] - 24
        assert button["y"] - slot["y"] >= 8
        assert bar["y"] + bar["height"] - button["y"] - button["height"] <= 16
        await page.locator("[data-opens-rail]").click()
        rail, badge = await sized(page, ".rail"), await sized(page, ".badge--rail")
        assert badge["width"] < rail["width"] / 2
