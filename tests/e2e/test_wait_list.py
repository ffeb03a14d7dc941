"""A doctor is booked up: one waits, is told, and takes what becomes free. (R060, domain 5.1)"""

from datetime import timedelta

import pytest
from playwright.async_api import expect

from data.appointments import AppointmentState
from services.clinic import Clinic
from tests.e2e import outpatients
from tests.e2e.chromium import DESKTOP, PHONE, is_in_order, page_of, visit
from tests.practice import Practice
from tests.web.people import SignedIn

WORDS = {
    "zh_CN": {
        "full": "暂无号源，可候补",
        "join": "有号时通知我",
        "waiting": "候补中",
        "take": "预约这个时间",
        "sure": "预约成功",
        "leave": "退出候补",
        "ask": "没有合适的时间？候补",
    },
    "en": {
        "full": "Booked up: join the wait-list",
        "join": "Tell me when a place is free",
        "waiting": "Waiting",
        "take": "Book this time",
        "sure": "Appointment is sure",
        "leave": "Leave the wait-list",
        "ask": "No time that suits? Join the wait-list",
    },
}


@pytest.fixture
async def practice(clinic: Clinic, clock) -> Practice:
    """It is ten to four; the doctor has six places from four to five."""
    return await outpatients.open_at_four(clinic, clock, 17)


@pytest.fixture
async def patient(clinic: Clinic, practice: Practice) -> SignedIn:
    return await outpatients.registered(clinic, practice)


async def fill(practice: Practice) -> list:
    """Let others take every place."""
    taken = []
    for nth in range(6):
        other = await practice.patient(f"张{'一二三四五六'[nth]}")
        booked = await practice.book(other, practice.at(16) + timedelta(minutes=10 * nth))
        taken.append((other, booked.id))
    return taken


@pytest.mark.parametrize("language", WORDS)
@pytest.mark.parametrize("device", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_who_waits_takes_what_becomes_free(
    house, browser, clinic, practice, patient, device, language
):
    words = WORDS[language]
    taken = await fill(practice)
    async with page_of(browser, device, house, patient.token, language=language) as page:
        await visit(page, f"{house}/book")
        await page.get_by_role("link", name="心血管内科专业").click()
        await expect(page.get_by_text(words["full"])).to_be_visible()
        await is_in_order(page)
        await page.get_by_role("link", name="林建国").click()
        await expect(page.get_by_role("button", name=words["join"])).to_be_visible()
        await is_in_order(page)
        await page.get_by_role("button", name=words["join"]).click()
        await expect(page.get_by_text(words["waiting"], exact=True)).to_be_visible()
        await is_in_order(page)
        other, appointment_id = taken[3]
        await clinic.booking.cancel(other, appointment_id)
        await clinic.bus.deliver()
        take = page.get_by_role("button", name=words["take"])
        await expect(take).to_be_visible()
        await is_in_order(page)
        await take.click()
        await expect(page.get_by_text(words["sure"])).to_be_visible()
    actor = await clinic.sessions.actor_of(patient.token)
    [mine] = await clinic.visits.coming(actor)
    assert (mine.starts_at, mine.state) == (practice.at(16, 30), AppointmentState.CONFIRMED)
    assert await clinic.waitlist.mine(actor) == []


async def test_one_waits_for_a_better_time_and_leaves(house, browser, clinic, practice, patient):
    words = WORDS["zh_CN"]
    async with page_of(browser, PHONE, house, patient.token, language="zh_CN") as page:
        await visit(page, f"{house}/book/{practice.doctor.user_id}")
        await page.get_by_role("button", name=words["ask"]).click()
        until = page.locator("input[type=date]").nth(1)
        await until.fill("2026-03-01")
        await page.get_by_role("button", name=words["join"]).click()
        await expect(page.get_by_text("日期范围不对")).to_be_visible()
        await is_in_order(page)
        await until.fill("2026-03-05")
        await page.get_by_role("button", name=words["join"]).click()
        await page.get_by_role("button", name=words["leave"]).click()
        await page.locator("dialog.confirm .btn--primary, dialog.confirm .btn--stop").click()
        await expect(page.get_by_text(words["waiting"], exact=True)).to_have_count(0)
    actor = await clinic.sessions.actor_of(patient.token)
    assert await clinic.waitlist.mine(actor) == []
