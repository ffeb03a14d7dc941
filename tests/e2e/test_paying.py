"""Somebody pays for a visit by thumb, and sees what has become of it without a reload."""

from datetime import timedelta
from uuid import UUID

import pytest
from playwright.async_api import expect

from integrations.sandbox.payments import SandboxPayments
from services.billing.tariff import NewPrice
from services.clinic import Clinic
from services.policy import Role
from services.ports import Ports
from services.visit_events import AppointmentExpired
from tests.e2e.chromium import DESKTOP, PHONE, is_in_order, page_of, visit
from tests.factories import an_actor
from tests.services.billing.scenarios import a_place_is_kept, announced
from tests.web.people import signed_in

WORDS = {
    "zh_CN": ("去支付", "模拟支付", "支付成功", "已超过支付时间", "视频复诊"),
    "en": ("Pay", "Pretend to pay", "Paid", "The time to pay is over", "Follow-up visit by video"),
}


@pytest.fixture
def clinic(database, clock, keys, settings) -> Clinic:
    """With a channel that pretends, as a demo has."""
    return Clinic.open(database, clock, keys, settings, Ports(payments=SandboxPayments(clock)))


async def bill_for(clinic: Clinic, person) -> str:
    appointment, _ = await a_place_is_kept(clinic, person.actor)
    bill = await clinic.bills.of_visit(person.actor, appointment)
    assert bill
    return f"/pay/{bill.order_id}"


@pytest.mark.parametrize("language", WORDS)
@pytest.mark.parametrize("device", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_two_taps_and_it_is_paid(house, browser, clinic, device, language):
    pay, pretend, paid, _, _ = WORDS[language]
    person = await signed_in(clinic, Role.PATIENT)
    path = await bill_for(clinic, person)
    async with page_of(browser, device, house, person.token, language=language) as page:
        await visit(page, house + path)
        await is_in_order(page)
        await page.get_by_role("button", name=pay, exact=True).click()
        await expect(page.get_by_text("SIMULATOR 模拟")).to_be_visible()
        await is_in_order(page)
        await page.get_by_role("button", name=pretend, exact=True).click()
        await page.wait_for_url(f"**{path}")
        await expect(page.get_by_text(paid, exact=True)).to_be_visible()
        await expect(page.get_by_role("button", name=pay, exact=True)).to_be_hidden()
        await is_in_order(page)


async def test_a_page_that_stays_open_says_when_the_time_is_over(house, browser, clinic, clock):
    pay, _, _, over, _ = WORDS["zh_CN"]
    person = await signed_in(clinic, Role.PATIENT)
    path = await bill_for(clinic, person)
    async with page_of(browser, PHONE, house, person.token, language="zh_CN") as page:
        await visit(page, house + path)
        await expect(page.get_by_role("button", name=pay, exact=True)).to_be_visible()
        clock.forward(minutes=15)
        await clinic.bus.ring()
        await clinic.bus.deliver()
        await expect(page.get_by_text(over)).to_be_visible()
        await expect(page.get_by_role("button", name=pay, exact=True)).to_be_hidden()


async def test_a_visit_called_off_says_so_and_not_that_time_is_over(house, browser, clinic):
    person = await signed_in(clinic, Role.PATIENT)
    appointment, _ = await a_place_is_kept(clinic, person.actor)
    bill = await clinic.bills.of_visit(person.actor, appointment)
    assert bill
    async with page_of(browser, PHONE, house, person.token, language="zh_CN") as page:
        await visit(page, f"{house}/pay/{bill.order_id}")
        await announced(clinic, AppointmentExpired(appointment_id=appointment))
        await expect(page.get_by_text("账单已取消")).to_be_visible()
        await expect(page.get_by_role("link", name="返回首页")).to_be_visible()


async def test_who_comes_back_before_the_notice_does_is_believed(house, browser, clinic):
    """The page asks the channel itself: nobody looks at "please pay" who has just paid."""
    person = await signed_in(clinic, Role.PATIENT)
    path = await bill_for(clinic, person)
    request = await clinic.bills.pay(person.actor, UUID(path.rpartition("/")[2]))
    channel = clinic.ports.payments
    assert isinstance(channel, SandboxPayments)
    await channel.pretend(request.url.rpartition("/")[2])
    async with page_of(browser, PHONE, house, person.token, language="zh_CN") as page:
        await visit(page, house + path)
        await expect(page.get_by_text("支付成功", exact=True)).to_be_visible()


@pytest.mark.parametrize("language", WORDS)
async def test_a_visitor_sees_prices_and_medical_affairs_follow_them(
    house, browser, clinic, clock, language
):
    """R-PRICE: shown before payment, with the day from which they hold."""
    affairs = an_actor(Role.MEDICAL_AFFAIRS)
    await signed_in(clinic, Role.NURSE)  # there is a hospital
    await clinic.tariffs.set_price(affairs, NewPrice("visit.video", 2000))
    later = clock.now() + timedelta(days=30)
    await clinic.tariffs.set_price(affairs, NewPrice("visit.video", 2550, later))
    async with page_of(browser, PHONE, house, language=language) as page:
        await visit(page, f"{house}/prices")
        await expect(page.get_by_role("heading", name=WORDS[language][-1])).to_be_visible()
        await expect(page.locator(".price")).to_contain_text("20.00")
        await expect(page.get_by_text("25.50")).to_be_visible()
        await is_in_order(page)


async def test_a_price_is_followed_by_another_in_the_panel(house, browser, clinic):
    person = await signed_in(clinic, Role.MEDICAL_AFFAIRS)
    async with page_of(browser, DESKTOP, house, person.token, language="zh_CN") as page:
        await visit(page, f"{house}/tariff")
        await page.get_by_role("button", name="语音复诊").click()
        price = page.get_by_label("价格", exact=False).last
        await price.fill("twenty")
        await page.get_by_role("button", name="保存为新版本").click()
        await expect(page.get_by_text("请填写金额")).to_be_visible()
        await price.fill("15.5")
        await page.get_by_role("button", name="保存为新版本").click()
        await expect(page.get_by_role("cell", name="¥15.50")).to_be_visible()
    [only] = await clinic.tariffs.versions(person.actor)
    assert (only.item, only.fen, only.version) == ("visit.voice", 1550, 1)
