"""Somebody is on the phone: found or registered, looked at, booked and cancelled for. (R059)"""

import pytest
from playwright.async_api import Page, expect
from sqlalchemy import select

from data.appointments import Appointment, AppointmentState
from services.policy import Role
from services.users.identity import check_digit
from tests.e2e import outpatients
from tests.e2e.chromium import DESKTOP, PHONE, is_in_order, page_of, visit
from tests.factories import INSTITUTION
from tests.web.people import signed_in

FIRST = "11010119480101002"
NUMBER = FIRST + check_digit(FIRST)


async def look_for(page: Page, words: str) -> None:
    field = page.locator(".page input, main input").first
    await field.fill(words)
    await field.press("Enter")


@pytest.mark.parametrize("device", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("language", ["zh_CN", "en"])
async def test_the_desk_registers_looks_books_and_cancels(house, browser, clinic, device, language):
    nurse = await signed_in(clinic, Role.NURSE)
    await outpatients.begin(clinic, INSTITUTION)
    async with page_of(browser, device, house, nurse.token, language=language) as page:
        await visit(page, f"{house}/patients")
        await is_in_order(page)
        await page.locator(".bar__slot .btn").click()
        inputs = page.locator(".side input")
        await inputs.nth(0).fill("李桂英")
        await inputs.nth(1).fill(NUMBER[:17] + ("1" if NUMBER[17] != "1" else "2"))
        await page.locator(".side input[type=tel]").fill("19900000077")
        await page.locator(".side .btn--primary").click()
        await expect(page.locator(".side [role=alert]:visible")).to_be_visible()
        await inputs.nth(1).fill(NUMBER)
        await page.locator(".side .btn--primary").click()
        await expect(page.locator(".side .facts")).to_contain_text("199****0077")
        assert await page.locator(".side select").count() == 0, "not booked for the unknown"
        await page.locator(".side .btn--primary").click()
        await expect(page.locator(".side .btn--go")).to_be_visible()
        await is_in_order(page)
        await page.locator(".side .btn--go").click()
        await expect(page.locator(".side .btn--stop")).to_have_count(1)
        await is_in_order(page)
        async with clinic.database.transaction(write=False) as session:
            query = select(Appointment).where(Appointment.booked_by == nurse.actor.user_id)
            [row] = list(await session.scalars(query))
        assert row.state is AppointmentState.CONFIRMED
        assert row.is_by_proxy
        await page.locator(".side .btn--stop").click()
        await page.locator("dialog.confirm .btn--stop").click()
        await expect(page.locator(".side .btn--stop")).to_have_count(0)
        async with clinic.database.transaction(write=False) as session:
            again = await session.get_one(Appointment, row.id)
        assert again.state is AppointmentState.CANCELLED


async def test_somebody_is_found_by_enter_and_nobody_by_a_part(house, browser, clinic):
    nurse = await signed_in(clinic, Role.NURSE)
    await outpatients.begin(clinic, INSTITUTION)
    async with page_of(browser, DESKTOP, house, nurse.token, language="zh_CN") as page:
        await visit(page, f"{house}/patients")
        await look_for(page, "李秀英")
        await expect(page.locator("tbody tr")).to_have_count(1)
        await look_for(page, "李秀")
        await expect(page.get_by_text("没有找到")).to_be_visible()
        await look_for(page, "")
        await expect(page.get_by_text("请输入手机号、证件号码或姓名。")).to_be_visible()
