"""From the text message to the page that it is about: one tap. (R019, ux.md)"""

from datetime import UTC, datetime, timedelta

import aiohttp
import icalendar
import pytest
from playwright.async_api import expect
from sqlalchemy import select

from data.messages import CaughtMessage, Channel
from data.users import User
from integrations.sandbox.messages import SandboxSms
from services.clinic import Clinic
from services.inbox import Tray
from services.policy import Role
from services.ports import Ports
from tests.e2e.chromium import PHONE, page_of, scrolls_sideways, violations, visit
from tests.e2e.test_visits import acting, patient, practice
from tests.web.people import signed_in

__all__ = ["patient", "practice"]

WECHAT = {
    **PHONE,
    "user_agent": "Mozilla/5.0 (Linux; Android 14; SM-S9210) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Version/4.0 Chrome/130.0.6723.103 Mobile Safari/537.36 XWEB/1300333 MMWEBSDK/20241202"
    " MicroMessenger/8.0.56.2800(0x2800385D) WeChat/arm64 Weixin NetType/WIFI Language/zh_CN",
}


@pytest.fixture
def clinic(database, clock, keys, settings) -> Clinic:
    """A hospital that can send text messages."""
    ports = Ports(sms=SandboxSms(Tray(database, clock)))
    return Clinic.open(database, clock, keys, settings, ports)


@pytest.fixture
async def reminded(house, clinic, practice, patient):
    """Somebody with an appointment who has come home; yields the visit and the link they got."""
    await phone_of(clinic, patient)
    actor = await acting(clinic, patient)
    booked = await practice.book(actor, practice.at(17))
    await practice.happen()
    async with clinic.database.transaction(write=False) as session:
        query = select(CaughtMessage.text).where(CaughtMessage.channel == Channel.SMS)
        (text,) = list(await session.scalars(query))
    return booked, house + "/go/" + text.rpartition("/go/")[2]


async def phone_of(clinic, person):
    async with clinic.database.transaction(write=True) as session:
        user = await session.get(User, person.actor.user_id)
        user.phone = "19900000077"


@pytest.mark.parametrize("device", [PHONE, WECHAT], ids=["browser", "wechat"])
async def test_one_tap_leads_from_the_message_to_the_visit(house, browser, reminded, device):
    """R020: in the browser of a phone, and where WeChat says that it is one."""
    booked, link = reminded
    async with page_of(browser, device, house, language="zh_CN") as page:
        await page.goto(link)  # the tap
        await page.wait_for_url(f"**/visits/{booked.id}")
        await expect(page.get_by_role("link", name="就诊准备").first).to_be_visible()
        await page.goto(link)
        await page.wait_for_url(f"**/visits/{booked.id}")


async def test_a_link_opened_on_another_phone_too_says_so_and_loses_nothing(
    house, browser, reminded
):
    """A link opened twice: one clear sentence."""
    booked, link = reminded
    async with page_of(browser, PHONE, house, language="zh_CN") as page:
        await page.goto(link)
        await page.wait_for_url(f"**/visits/{booked.id}")
    async with page_of(browser, PHONE, house, language="zh_CN") as page:
        await page.goto(link)
        await expect(page.get_by_text("链接已经打开过一次")).to_be_visible()
        assert await violations(page) == []
        assert not await scrolls_sideways(page)
        await page.get_by_role("link", name="去看看").click()
        await page.wait_for_url(f"**/welcome?next=%2Fvisits%2F{booked.id}")


async def test_a_program_that_previews_links_uses_nothing_up(house, browser, reminded):
    booked, link = reminded
    async with aiohttp.ClientSession() as preview, preview.get(link) as answer:
        assert answer.status == 200
    async with page_of(browser, PHONE, house, language="zh_CN") as page:
        await page.goto(link)
        await page.wait_for_url(f"**/visits/{booked.id}")


async def test_who_is_signed_in_as_somebody_else_is_asked_first(house, browser, clinic, reminded):
    booked, link = reminded
    other = await signed_in(clinic, Role.PATIENT)
    async with page_of(browser, PHONE, house, other.token, language="zh_CN") as page:
        await visit(page, link)
        await expect(page.get_by_text("这部手机上登录的是另一个账号")).to_be_visible()
        await page.get_by_role("button", name="退出登录").click()
        await page.wait_for_url("**/welcome**")
        await page.goto(link)
        await page.wait_for_url(f"**/visits/{booked.id}")


async def test_the_visit_goes_into_the_calendar_of_the_phone(
    house, browser, clinic, practice, patient
):
    """`.ics`: when and where, and nothing of whom one sees or why. (S-PI-1)"""
    booked = await practice.book(await acting(clinic, patient), practice.at(17))
    await practice.happen()
    async with page_of(browser, PHONE, house, patient.token, language="zh_CN") as page:
        await visit(page, f"{house}/visits/{booked.id}")
        async with page.expect_download() as found:
            await page.get_by_role("link", name="加到手机日历").click()
        assert (await found.value).suggested_filename == "appointment.ics"
        path = f"/visits/{booked.id}/calendar.ics"
        text = await page.evaluate("path => fetch(path).then(answer => answer.text())", path)
    (entry,) = icalendar.Calendar.from_ical(text).events
    assert entry.start == datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    assert entry.end - entry.start == timedelta(minutes=10)
    assert entry.uid == str(booked.id)
    assert entry.alarms.times[0].trigger == entry.start - timedelta(minutes=30)
    whole = text.replace("\r\n ", "")  # RFC 5545 folds long lines
    assert "林建国" not in whole
    assert "心血管" not in whole
    assert f"{house}/visits/{booked.id}" in whole
