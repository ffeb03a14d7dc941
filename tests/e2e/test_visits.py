"""From "book" to "the visit is over", by thumb and by mouse, with the taps counted. (ux.md)"""

import asyncio

import pytest
from playwright.async_api import Locator, Page, expect

from services.clinic import Clinic
from tests.e2e import outpatients
from tests.e2e.chromium import DESKTOP, PHONE, is_in_order, page_of, visit
from tests.practice import Practice
from tests.web.people import SignedIn

WORDS = {
    "zh_CN": {
        "book": "预约看医生",
        "confirm": "确认预约",
        "sure": "预约成功",
        "prepare": "就诊准备",
        "none": "以上都没有",
        "label": "用自己的话说，多久了",
        "next": "下一步",
        "place": "现在的位置",
        "test": "开始检查",
        "ready": "准备好了",
        "check_in": "签到，进入候诊",
        "you_are_next": "下一位就是您",
        "call": "叫下一位",
        "called": "再叫一次",
        "waits": "候诊中",
        "inside": "正在就诊",
        "end": "结束问诊",
        "over": "已完成",
        "again": "再约林建国",
        "call_120": "立即拨打 120",
    },
    "en": {
        "book": "Book a visit",
        "confirm": "Book ",
        "sure": "Appointment is sure",
        "prepare": "Get ready",
        "none": "None of these",
        "label": "In your own words, and since when",
        "next": "Next",
        "place": "Where you are now",
        "test": "Start the test",
        "ready": "Everything is ready",
        "check_in": "Check in and wait",
        "you_are_next": "You are next",
        "call": "Call the next",
        "called": "Call again",
        "waits": "Waiting",
        "inside": "You are with the doctor",
        "end": "End the visit",
        "over": "Completed",
        "again": "Book 林建国 again",
        "call_120": "Call 120 now",
    },
}


class Thumb:
    """Counts its taps."""

    def __init__(self) -> None:
        self.taps = 0

    async def __call__(self, what: Locator) -> None:
        await what.click()
        self.taps += 1


@pytest.fixture
async def practice(clinic: Clinic, clock) -> Practice:
    """It is ten to four; the doctor sees patients from four to six."""
    return await outpatients.open_at_four(clinic, clock, 18)


@pytest.fixture
async def patient(clinic: Clinic, practice: Practice) -> SignedIn:
    return await outpatients.registered(clinic, practice)


async def acting(clinic: Clinic, person):
    actor = await clinic.sessions.actor_of(person.token)
    assert actor
    return actor


async def books(page: Page, thumb: Thumb, words: dict[str, str]) -> None:
    """Department, doctor, and the first time there is."""
    await thumb(page.get_by_role("link", name=words["book"]).last)
    await thumb(page.get_by_role("link", name="心血管内科专业"))
    await thumb(page.get_by_role("link", name="林建国"))
    await thumb(page.get_by_role("button", name=words["confirm"]))
    await expect(page.get_by_text(words["sure"])).to_be_visible()


@pytest.mark.parametrize("language", WORDS)
@pytest.mark.parametrize("device", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_a_new_doctor_is_booked_in_five_taps(
    house, browser, clinic, practice, patient, device, language
):
    """R006, R019, R118: doctor, time, confirm; three screens, <= 5 taps. (ux.md)"""
    words, thumb = WORDS[language], Thumb()
    async with page_of(browser, device, house, patient.token, language=language) as page:
        await visit(page, house)
        await is_in_order(page)
        await books(page, thumb, words)
        await is_in_order(page)
    assert thumb.taps <= 5


async def ended(clinic: Clinic, practice: Practice, appointment_id) -> None:
    """Wait until the doctor's click has reached the visit."""
    for _ in range(50):
        found = await clinic.encounters.of(practice.doctor, appointment_id)
        if found.ended_at is not None:
            return
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("language", WORDS)
async def test_the_whole_way_from_booking_to_the_end(
    house, browser, clinic, practice, patient, language
):
    """R093, R130's waiting side: the patient's page follows by itself; the doctor clicks once."""
    words, thumb = WORDS[language], Thumb()
    async with (
        page_of(browser, PHONE, house, patient.token, language=language) as phone,
        page_of(browser, DESKTOP, house, practice.token, language=language) as desk,
    ):
        await visit(phone, house)
        await books(phone, thumb, words)
        await practice.happen()
        actor = await acting(clinic, patient)
        (booked,) = await clinic.visits.coming(actor)
        await practice.prepare(actor, booked.id)
        await phone.reload()
        await phone.get_by_role("button", name=words["check_in"]).click()
        await expect(phone.get_by_text(words["waits"]).first).to_be_visible()
        await practice.happen()
        await visit(desk, f"{house}/worklist")
        await is_in_order(desk)
        await practice.happen()
        await expect(phone.get_by_text(words["you_are_next"])).to_be_visible()
        await is_in_order(phone)
        await desk.get_by_role("button", name=words["call"]).click()  # one click
        again, end = (desk.get_by_role("button", name=words[key]) for key in ("called", "end"))
        await expect(again.or_(end)).to_be_visible()  # the patient may be in already
        await practice.happen()
        await expect(phone.get_by_text(words["inside"])).to_be_visible()  # no tap at all
        await practice.happen()
        await desk.get_by_role("button", name=words["end"]).click()
        await desk.get_by_role("dialog").get_by_role("button", name=words["end"]).click()
        await ended(clinic, practice, booked.id)
        await practice.happen()
        await expect(phone.get_by_text(words["over"])).to_be_visible()
        await practice.happen()

        rebook = Thumb()
        await visit(phone, house)
        await rebook(phone.get_by_role("link", name=words["again"]))
        await rebook(phone.get_by_role("button", name=words["confirm"]))
        await expect(phone.get_by_text(words["sure"])).to_be_visible()
        assert rebook.taps <= 3, "rebook with my doctor (ux.md)"


async def test_a_returning_patient_is_ready_in_six_taps(house, browser, clinic, practice, patient):
    """Preparation, with evidence and standing consents on file. (ux.md)"""
    words, thumb, actor = WORDS["zh_CN"], Thumb(), await acting(clinic, patient)
    first = await practice.book(actor, practice.at(16))
    await practice.prepare(actor, first.id)
    await clinic.booking.cancel_for_hospital(practice.nurse, first.id, "另约时间")
    booked = await practice.book(actor, practice.at(16, 10))
    await practice.happen()
    async with page_of(browser, PHONE, house, patient.token, language="zh_CN") as page:
        await visit(page, f"{house}/prepare/{booked.id}")
        await is_in_order(page)
        await thumb(page.get_by_role("button", name=words["none"]))
        await page.get_by_label(words["label"]).fill("头晕三天，早上重")
        await thumb(page.get_by_role("button", name=words["next"]))
        await thumb(page.get_by_role("checkbox").first)
        await thumb(page.get_by_role("button", name=words["next"]))
        await page.get_by_label(words["place"]).fill("示范县东街12号")
        await thumb(page.get_by_role("button", name=words["next"]))
        await thumb(page.get_by_role("button", name=words["test"]))
        await expect(page.get_by_role("link", name=words["ready"])).to_be_visible()
        await is_in_order(page)
    assert thumb.taps <= 6
    view = await clinic.preparations.of(actor, booked.id)
    assert (view.is_ready, view.taps) == (True, 5)


async def test_a_sign_of_danger_leads_to_120_and_not_to_the_line(
    house, browser, clinic, practice, patient
):
    """R-FU-4."""
    actor = await acting(clinic, patient)
    booked = await practice.book(actor, practice.at(16))
    await practice.happen()
    words = WORDS["zh_CN"]
    async with page_of(browser, PHONE, house, patient.token, language="zh_CN") as page:
        await visit(page, f"{house}/prepare/{booked.id}")
        await page.get_by_text("意识、头痛、中风、情绪").click()
        await page.get_by_label("口角歪斜", exact=False).check()
        await page.get_by_role("button", name="有勾选的症状").click()
        call = page.get_by_role("link", name=words["call_120"])
        await expect(call).to_have_attribute("href", "tel:120")
        await is_in_order(page)
        await visit(page, f"{house}/visits/{booked.id}")
        await expect(page.get_by_text("可能有危险")).to_be_visible()


async def test_a_time_taken_meanwhile_is_said_and_another_is_offered(
    house, browser, clinic, practice, patient
):
    """A slot taken meanwhile: one clear sentence, nothing double."""
    async with page_of(browser, PHONE, house, patient.token, language="zh_CN") as page:
        await visit(page, f"{house}/book/{practice.doctor.user_id}")
        await practice.book(await practice.patient("李四"), practice.at(16))
        await page.get_by_role("button", name="确认预约").click()
        await expect(page.get_by_text("这个时间的号刚被约走")).to_be_visible()
        await page.get_by_role("button", name="确认预约 今天 16:10").click()
        await expect(page.get_by_text("预约成功")).to_be_visible()


async def test_a_doctor_who_is_away_promises_no_time(house, browser, clinic, practice, patient):
    actor = await acting(clinic, patient)
    appointment_id = await practice.come(actor, practice.at(16))
    clinic.clock.forward(minutes=2)
    async with page_of(browser, PHONE, house, patient.token, language="zh_CN") as page:
        await visit(page, f"{house}/visits/{appointment_id}")
        await expect(page.get_by_text("医生暂时不在")).to_be_visible()
        await expect(page.get_by_text("医生回来后告诉您要等多久")).to_be_visible()
