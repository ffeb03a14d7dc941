"""An afternoon at the hospital: the timetable is published, the desk helps."""

import pytest
from playwright.async_api import Page, expect

from services.policy import Role
from tests.e2e import outpatients
from tests.e2e.chromium import DESKTOP, PHONE, page_of, scrolls_sideways, violations, visit
from tests.factories import INSTITUTION
from tests.practice import Practice
from tests.web.people import signed_in


async def is_in_order(page: Page) -> None:
    assert await violations(page) == []
    assert not await scrolls_sideways(page)


async def test_the_drafts_of_a_week_are_published_from_the_keyboard(house, browser, clinic):
    planner = await signed_in(clinic, Role.MEDICAL_AFFAIRS)
    await outpatients.begin(clinic, INSTITUTION)
    async with page_of(browser, DESKTOP, house, planner.token, language="zh_CN") as page:
        await visit(page, f"{house}/timetable")
        await is_in_order(page)
        await expect(page.locator(".shift--draft")).to_have_count(3)
        await page.get_by_role("button", name="发布本周 3 个草稿").press("Enter")
        await expect(page.locator(".shift--draft")).to_have_count(0)
        first = page.locator("tbody tr").first.locator("button")
        await first.first.focus()
        await page.keyboard.press("ArrowRight")
        await expect(first.nth(1)).to_be_focused()
        await page.keyboard.press("Enter")
        await page.locator(".side .btn--stop").click()
        await page.locator("dialog.confirm textarea, dialog.confirm input").fill("医生发热")
        await page.locator("dialog.confirm .btn--stop").click()
        await expect(page.locator(".shift--bad")).to_have_count(2)


async def test_who_only_looks_is_offered_nothing_to_change(house, browser, clinic):
    nurse = await signed_in(clinic, Role.NURSE)
    await outpatients.begin(clinic, INSTITUTION)
    async with page_of(browser, PHONE, house, nurse.token, language="en") as page:
        await visit(page, f"{house}/timetable")
        await expect(page.locator(".shift").first).to_be_visible()
        await is_in_order(page)
        assert await page.locator(".week__add, .bar__slot .btn--line").count() == 0
        await page.locator(".shift").first.click()
        await expect(page.locator(".side .facts")).to_be_visible()
        assert await page.locator(".side__body .btn").count() == 0


@pytest.mark.parametrize("device", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_the_desk_checks_in_who_goes_first_and_hears_what_is_missing(
    house, browser, clinic, device
):
    nurse = await signed_in(clinic, Role.NURSE)
    afternoon = await outpatients.begin(clinic, INSTITUTION)
    async with page_of(browser, device, house, nurse.token, language="zh_CN") as page:
        await visit(page, f"{house}/queue")
        await expect(page.locator("tbody tr")).to_have_count(8)
        await is_in_order(page)
        row = page.locator("tbody tr").filter(has_text="欧*明")
        await row.get_by_role("button", name="代签到").click()
        await expect(page.get_by_text("还有就诊准备没有完成")).to_be_visible()
        await Practice(clinic).prepare(*afternoon.people[6])
        await row.locator(".table__open").click()
        await page.locator(".side select").select_option(label="孕产妇")
        await page.locator(".side .btn--primary").click()
        await expect(page.get_by_text("已签到，进入候诊。")).to_be_visible()
        await clinic.bus.deliver()
        await expect(row).to_contain_text("优先")
        await expect(row).to_contain_text("候诊")
