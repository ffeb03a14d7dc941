"""What waits for somebody, as they meet it: the list, the counts around it, and home. (R032)"""

from playwright.async_api import expect

from services.policy import HOUSE, Role
from services.tasks import Priority, Wanted
from tests.e2e.chromium import DESKTOP, PHONE, page_of, visit
from tests.factories import INSTITUTION
from tests.web.people import signed_in


def asked(words, role=Role.NURSE, **more):
    return Wanted("asked", words, INSTITUTION, role=role, values={"words": words}, **more)


async def test_urgency_is_said_in_a_word(house, browser, clinic):
    """Whoever sees no colours, or hears the page, knows what goes first."""
    nurse = await signed_in(clinic, Role.NURSE)
    await clinic.tasks.add(HOUSE, asked("请核对抢救车", priority=Priority.URGENT))
    await clinic.tasks.add(HOUSE, asked("请核对氧气瓶", priority=Priority.HIGH))
    await clinic.tasks.add(HOUSE, asked("请整理随访名单"))
    async with page_of(browser, PHONE, house, nurse.token) as page:
        await visit(page, f"{house}/tasks")
        rows = page.locator("tbody tr")
        await expect(rows.nth(0).locator(".tag")).to_have_text("加急")
        await expect(rows.nth(1).locator(".tag")).to_have_text("优先")
        await expect(rows.nth(2).locator(".tag")).to_have_count(0)
        await rows.nth(0).get_by_role("button", name="请核对抢救车", exact=True).click()
        await expect(page.locator(".side .banner")).to_contain_text("请优先处理")
    async with page_of(browser, DESKTOP, house, nurse.token, language="en") as page:
        await visit(page, f"{house}/tasks")
        await expect(page.locator("tbody tr").nth(0).locator(".tag")).to_have_text("Urgent")


async def test_the_work_of_one_role_is_shown_alone(house, browser, clinic):
    """E1: by who plays several; the numbers beside the other filters are of that role too."""
    head = await signed_in(clinic, Role.DOCTOR, Role.DEPARTMENT_HEAD)
    await clinic.tasks.add(HOUSE, asked("请回复抽查意见", Role.DEPARTMENT_HEAD))
    await clinic.tasks.add(HOUSE, asked("请测试视频设备", Role.DOCTOR))
    async with page_of(browser, DESKTOP, house, head.token) as page:
        await visit(page, f"{house}/tasks")
        await expect(page.locator("tbody tr")).to_have_count(2)
        roles = page.get_by_role("group", name="按角色筛选待办")
        await roles.get_by_role("button", name="医生").click()
        await expect(page.locator("tbody tr")).to_have_count(1)
        await expect(page.locator("tbody tr")).to_contain_text("请测试视频设备")
        await expect(page.locator(".chip", has_text="未办结")).to_contain_text("1")
        await roles.get_by_role("button", name="所有角色").click()
        await expect(page.locator("tbody tr")).to_have_count(2)
    nurse = await signed_in(clinic, Role.NURSE)
    async with page_of(browser, DESKTOP, house, nurse.token) as page:
        await visit(page, f"{house}/tasks")
        await expect(page.get_by_role("group", name="按角色筛选待办")).to_have_count(0)


async def test_the_rail_counts_what_waits_while_one_reads_another_page(house, browser, clinic):
    """In place, as soon as it happens; read aloud as words, and not twice on one screen."""
    nurse = await signed_in(clinic, Role.NURSE)
    async with page_of(browser, DESKTOP, house, nurse.token) as page:
        await visit(page, f"{house}/procedures")
        rail = page.get_by_role("navigation")
        await expect(rail.get_by_role("link", name="待办", exact=True)).to_be_visible()
        await expect(rail.locator(".count:visible")).to_have_count(0)

        task = await clinic.tasks.add(HOUSE, asked("请核对抢救车"))
        await expect(rail.get_by_role("link", name="待办 有 1 件未办结")).to_be_visible()
        await expect(rail.locator(".count")).to_have_attribute("data-n", "1")
        await expect(page.locator(".bar .count[data-n='1']:visible")).to_have_count(0)

        await clinic.tasks.close(nurse.actor, task, "核对好了")
        await expect(rail.get_by_role("link", name="待办", exact=True)).to_be_visible()
    async with page_of(browser, PHONE, house, nurse.token) as page:
        await visit(page, f"{house}/tasks")
        await clinic.tasks.add(HOUSE, asked("请整理随访名单"))
        await expect(page.locator(".bar").get_by_role("link", name="待办 1 件")).to_be_visible()
        await expect(page.locator("tbody tr")).to_have_count(1)
