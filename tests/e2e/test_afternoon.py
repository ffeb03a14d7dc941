"""An afternoon at the hospital: the timetable is published, the desk helps, the hall hears."""

from dataclasses import replace

import pytest
from playwright.async_api import expect

from services.policy import Role
from tests.e2e import outpatients
from tests.e2e.chromium import DESKTOP, PHONE, is_in_order, page_of, visit
from tests.factories import INSTITUTION
from tests.practice import Practice
from tests.web.people import signed_in


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


async def test_the_hall_sees_who_is_called_without_a_reload(house, browser, clinic):
    nurse = await signed_in(clinic, Role.NURSE)
    afternoon = await outpatients.begin(clinic, INSTITUTION)
    now = clinic.clock.now()
    present, away = (replace(each, confirmed_at=now) for each in afternoon.doctors[:2])
    async with page_of(browser, DESKTOP, house, nurse.token, language="zh_CN") as page:
        await visit(page, f"{house}/board")
        await is_in_order(page)
        doors = page.locator(".door")
        await expect(doors).to_have_count(2)
        assert await page.locator(".door.is-lit, .rail").count() == 0
        await clinic.queue.call_next(away)
        mine = doors.filter(has_text="周敏")
        await expect(mine.locator(".door__called")).to_contain_text("刘*")
        await expect(mine).to_have_class("door is-lit is-away")
        called = await clinic.waiting_room.worklist(present)
        await clinic.queue.call_again(present, called[0].ticket_id)
        await expect(doors.filter(has_text="林建国")).to_have_class("door is-lit")
        await expect(page.get_by_role("status").first).to_contain_text("林建国")


async def test_a_board_that_is_to_stand_still_does_not_flash(house, browser, clinic):
    nurse = await signed_in(clinic, Role.NURSE)
    afternoon = await outpatients.begin(clinic, INSTITUTION)
    away = replace(afternoon.doctors[1], confirmed_at=clinic.clock.now())
    calm = {**DESKTOP, "reduced_motion": "reduce"}
    async with page_of(browser, calm, house, nurse.token, language="zh_CN") as page:
        await visit(page, f"{house}/board")
        await clinic.queue.call_next(away)
        mine = page.locator(".door").filter(has_text="周敏")
        await expect(mine.locator(".door__called")).to_contain_text("刘*")
        assert await page.locator(".is-lit").count() == 0
