"""Broken glass from the first tap to the verdict, in a browser. (R042, R016, 紧急访问)"""

import re
from uuid import UUID

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect
from pyotp import TOTP

from data.clock import new_id
from services.i18n import say
from services.institution import NewInstitution, founded
from services.policy import HOUSE, Action, Grant, Role, Subject
from services.users.registrar import NewStaff, StaffDetails
from tests.e2e.at_the_door import OWN_PASSWORD, come_back, come_to, confirm
from tests.e2e.chromium import (
    DESKTOP,
    PHONE,
    page_of,
    scrolls_sideways,
    too_small,
    violations,
    visit,
)
from tests.web.people import signed_in

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
APP = TOTP(SECRET)
PATIENT = new_id()
REASON = "患者昏迷送诊，需要查看既往过敏史"
PEOPLE = {
    "yisheng": ("李小华", Role.DOCTOR),
    "shenji": ("孙审计", Role.AUDIT_ADMIN),
    "hushi": ("王芳", Role.CASHIER),
}

COUNTS_DOWN = re.compile(r"(60:00|59:\d\d)")
"""An hour, less what the browser took to show it."""


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def hospital(clinic) -> None:
    """People who have been here for a while."""
    async with clinic.transactions.open(HOUSE) as tx:
        new = NewInstitution("示范县人民医院(测试)", "12330000470003281H")
        house = (await founded(tx, new, is_demo=True)).id
    staff = [
        NewStaff(username, StaffDetails(name), frozenset({Grant(role)}), is_synthetic=True)
        for username, (name, role) in PEOPLE.items()
    ]
    await clinic.founding.seed(house, staff, OWN_PASSWORD, SECRET)


async def at_work(page: Page, house: str, username: str, clock) -> None:
    await come_back(page, house, username, APP, clock)
    await come_to(page, "/")


async def break_glass(page: Page) -> None:
    """By the rail, from wherever one is: two taps and two fields."""
    await page.locator(".rail a[href='/emergency']").click()
    await come_to(page, "/emergency")
    await page.get_by_label("患者编号").fill(str(PATIENT))
    await page.get_by_label("紧急理由").fill(REASON)
    await page.get_by_role("button", name="打开病历 60 分钟").click()
    await expect(page.locator(".toast")).to_contain_text("已打开尾号")


def banner(page: Page):
    return page.get_by_role("region", name="正在进行的紧急访问")


async def test_a_doctor_opens_a_record_and_every_page_says_so_until_it_ends(house, browser, clock):
    async with page_of(browser, DESKTOP, house) as page:
        await at_work(page, house, "yisheng", clock)
        await expect(banner(page)).to_be_hidden()
        await break_glass(page)

        said = banner(page)
        await expect(said).to_contain_text(REASON)
        await expect(said).to_contain_text(PATIENT.hex[-6:].upper())
        await expect(said.locator(".glass__left b")).to_have_text(COUNTS_DOWN)
        await expect(page.locator("tbody tr")).to_contain_text("进行中")
        other = await page.context.new_page()
        await other.goto(f"{house}/tasks")
        await expect(banner(other)).to_contain_text(REASON)

        await said.get_by_role("button", name="立即结束").click()
        await expect(said).to_be_hidden()
        await expect(page.locator("tbody tr")).to_contain_text("待审核")
        await expect(banner(other)).to_be_hidden()  # without a reload


async def test_the_time_that_is_left_runs_down_by_the_servers_clock(house, browser, clock):
    """Whatever the phone's own clock says; when it is over the banner goes by itself."""
    async with page_of(browser, PHONE, house) as page:
        await page.clock.install(time=0)
        await at_work(page, house, "yisheng", clock)
        await page.locator(".bar__menu").click()
        await break_glass(page)
        left = banner(page).locator(".glass__left b")
        await expect(left).to_have_text(re.compile("60:00|59:5."))
        for minutes in (14, 14, 14, 14, 3):
            clock.forward(minutes=minutes)
            await page.goto(f"{house}/notices")
            await come_to(page, "/notices")
        clock.forward(seconds=57)
        await page.reload()
        await expect(left).to_have_text(re.compile("0:0[1-3]"))
        await expect(banner(page)).to_be_hidden()


async def test_who_is_there_is_asked_before_anything_is_typed(house, browser, clock):
    """R016: re-authentication; the detour leads back to the form."""
    async with page_of(browser, DESKTOP, house) as page:
        await at_work(page, house, "yisheng", clock)
        clock.forward(minutes=6)
        await page.locator(".rail a[href='/emergency']").click()
        await confirm(page, APP, clock)
        await come_to(page, "/emergency")
        await break_glass(page)


async def test_what_is_missing_is_said_at_its_field(house, browser, clock):
    async with page_of(browser, DESKTOP, house) as page:
        await at_work(page, house, "yisheng", clock)
        await page.goto(f"{house}/emergency?patient=12345")
        await come_to(page, "/emergency")
        button = page.get_by_role("button", name="打开病历 60 分钟")
        number, reason = page.get_by_label("患者编号"), page.get_by_label("紧急理由")
        await number.fill("")
        await button.click()
        told = page.locator(".form").get_by_role("alert")
        await expect(told).to_have_text(["请填写患者编号。", "请填写紧急理由。"])
        await expect(number).to_be_focused()
        await number.fill("12345")
        await reason.fill("急")
        await button.click()
        await expect(page.get_by_text("患者编号不对")).to_be_visible()
        await number.fill(str(PATIENT))
        await button.click()
        await expect(page.get_by_text("请写明紧急访问的原因")).to_be_visible()
        await expect(banner(page)).to_be_hidden()


async def test_the_auditor_judges_it_where_the_task_leads(house, browser, clinic, clock):
    """From the task to the verdict: three taps and a note; what is needless closes at once."""
    async with (
        page_of(browser, DESKTOP, house) as ward,
        page_of(browser, DESKTOP, house) as page,
    ):
        await at_work(ward, house, "yisheng", clock)
        await break_glass(ward)
        await clinic.bus.deliver()
        await at_work(page, house, "shenji", clock)
        await page.goto(f"{house}/tasks")
        await come_to(page, "/tasks")

        await page.locator("tbody tr button").first.click()
        panel = page.locator(".side")
        assert await panel.locator("textarea").count() == 0  # it cannot be ticked off here
        await panel.get_by_role("link", name="去处理").click()
        await come_to(page, "/emergency/reviews")
        await expect(panel).to_contain_text(REASON)
        await expect(panel).to_contain_text("没有查看任何内容")
        await panel.get_by_role("button", name="理由不成立").click()
        await expect(panel.locator(".field--bad")).to_contain_text("理由")
        await panel.get_by_label("结论说明").fill("当日急诊登记中没有该患者")
        await panel.get_by_role("button", name="理由不成立").click()
        await expect(page.locator(".toast")).to_contain_text("理由不成立")
        await expect(page.get_by_text("没有要审核的紧急访问")).to_be_visible()
        await expect(banner(ward)).to_be_hidden()
        await expect(ward.locator("tbody tr")).to_contain_text("当日急诊登记中没有该患者")


async def looked_at(clinic, count: int) -> UUID:
    """A broken glass behind which somebody looked so often, and signed out; return which."""
    doctor = await signed_in(clinic, Role.DOCTOR, name="lihua")
    access = await clinic.emergency.open(doctor.actor, PATIENT, REASON)
    breaker = await clinic.sessions.actor_of(doctor.token)
    place = {"institution_id": doctor.actor.institution_id, "patient_id": PATIENT}
    async with clinic.transactions.open(breaker) as tx:
        for each in range(count):
            tx.allow(Action.CHART_READ, Subject("chart", f"{each:04}", **place), purpose=REASON)
    clinic.clock.forward(minutes=1)
    await clinic.sessions.sign_out(breaker)
    return access.id


@pytest.mark.parametrize(("device", "language"), [(PHONE, "zh_CN"), (DESKTOP, "en")])
async def test_the_auditor_reads_on_until_nothing_is_left(house, browser, clinic, device, language):
    """R042: each look counts, not the first hundred; the button goes with the last one.

    And it is said why the glass closed: whoever broke it signed out.
    """
    access_id = await looked_at(clinic, 130)
    auditor = await signed_in(clinic, Role.AUDIT_ADMIN)
    async with page_of(browser, device, house, auditor.token, language=language) as page:
        await visit(page, f"{house}/emergency/reviews?access={access_id}")
        panel = page.locator(".side:visible")
        rows = panel.locator("dd", has_text=re.compile(r" \d{4}$"))
        await expect(panel).to_contain_text(say(language, "reviews.looks", count=130))
        await expect(panel).to_contain_text(say(language, "emergency.ended.signed_out"))
        await expect(rows).to_have_count(100)
        more = panel.get_by_role("button", name=say(language, "reviews.more_looks"))
        await more.scroll_into_view_if_needed()
        assert await violations(page) == []
        assert await too_small(page, 44) == []
        assert not await scrolls_sideways(page)
        await more.click()
        await expect(rows).to_have_count(130)
        await expect(rows.last).to_contain_text("0129")
        await expect(more).to_be_hidden()


async def test_few_looks_are_shown_at_once_and_offer_no_more(house, browser, clinic):
    access_id = await looked_at(clinic, 3)
    auditor = await signed_in(clinic, Role.AUDIT_ADMIN)
    async with page_of(browser, DESKTOP, house, auditor.token) as page:
        await visit(page, f"{house}/emergency/reviews?access={access_id}")
        panel = page.locator(".side:visible")
        await expect(panel).to_contain_text("0002")
        await expect(panel.get_by_role("button", name="显示更多")).to_be_hidden()


async def test_who_does_not_treat_is_not_offered_it(house, browser, clock):
    async with page_of(browser, DESKTOP, house) as page:
        await at_work(page, house, "hushi", clock)
        assert await page.locator(".rail a[href^='/emergency']").count() == 0


async def test_the_banner_can_be_read_and_used_by_everybody(house, browser, clock):
    """WCAG 2.2 AA; 44 px; nothing sideways on a phone; two open records at once."""
    for device, theme in ((PHONE, "light"), (DESKTOP, "dark")):
        tastes = {"theme": theme, "language": "en"}
        async with page_of(browser, device, house, **tastes) as page:
            await page.goto(f"{house}/gallery?glass=unconscious in the ER|{REASON * 6}")
            await page.wait_for_function("() => window.did_handshake === true")
            region = page.get_by_role("region", name="Emergency access in progress")
            await expect(region.locator(".glass__row")).to_have_count(2)
            assert await violations(page) == []
            assert await too_small(page, 44) == []
            assert not await scrolls_sideways(page)
