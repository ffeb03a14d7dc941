"""What waits for somebody, as they meet it: the list, the counts around it, and home. (R032)"""

from datetime import timedelta

import pytest
from playwright.async_api import expect

from data.institution import Site
from services.audit import Search as AuditSearch
from services.policy import HOUSE, Role
from services.tasks import Priority, Wanted
from tests.e2e.chromium import DESKTOP, PHONE, page_of, visit
from tests.factories import INSTITUTION, an_actor
from tests.web.people import signed_in


def asked(words, role=Role.NURSE, **more):
    return Wanted("asked", words, INSTITUTION, role=role, values={"words": words}, **more)


async def a_site(clinic):
    await signed_in(clinic, Role.NURSE)  # whoever comes first opens the institution
    async with clinic.database.transaction(write=True) as session:
        site = Site(institution_id=INSTITUTION, name="城东站", created_at=clinic.clock.now())
        session.add(site)
        await session.flush()
        return site.id


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


FIGURES = {
    Role.SYSTEM_ADMIN: ["/health", "/health", "/deliveries", "/staff/resets"],
    Role.SECURITY_ADMIN: ["/health", "/staff", "/staff", "/staff/resets"],
    Role.AUDIT_ADMIN: ["/health", "/audit", "/emergency/reviews", "/staff/resets"],
    Role.MEDICAL_AFFAIRS: ["/emergency/reviews", "/staff", "/tasks", "/notices"],
    Role.HR: ["/staff", "/tasks", "/notices"],
    Role.DOCTOR: ["/tasks", "/notices"],
    Role.CASHIER: ["/tasks", "/notices"],
}


@pytest.mark.parametrize("role", FIGURES)
async def test_home_begins_with_the_figures_and_the_duties_of_a_role(house, browser, clinic, role):
    """R097: what one's roles are for; every one of them leads to a page that lets one in."""
    person = await signed_in(clinic, role)
    async with page_of(browser, DESKTOP, house, person.token) as page:
        await visit(page, house)
        figures = page.get_by_role("list", name="今天的情况").get_by_role("link")
        await expect(figures).to_have_count(len(FIGURES[role]))
        found = [await each.get_attribute("href") for each in await figures.all()]
        assert found == FIGURES[role]

        card = page.locator(".card", has=page.get_by_role("heading", name="每天和每周要做的"))
        duties = await card.locator("a.line").all()
        said = {duty.key for each in await clinic.procedures.checklist(person.actor)
                if each.when in {"daily", "weekly"} for duty in each.duties}  # fmt: skip
        assert len(duties) == len(said)
        for path in {*found, *[await each.get_attribute("href") for each in duties]}:
            answer = await page.request.get(house + path)
            assert answer.ok, path
        # The rail says where one can go; on a phone, where it is out of sight, the page does.
        await expect(page.get_by_role("heading", name="可以去的地方")).to_be_hidden()
        await page.set_viewport_size({"width": 390, "height": 844})
        await expect(page.get_by_role("heading", name="可以去的地方")).to_be_visible()
    auditor = an_actor(Role.AUDIT_ADMIN)
    refused, _ = await clinic.audit.page(auditor, AuditSearch(result="denied"))
    assert refused == [], "home asks for nothing that is not one's own"


async def test_an_administrator_of_one_site_is_shown_home_without_a_refusal(house, browser, clinic):
    """Backups and messages are the whole institution's: they are not asked for."""
    person = await signed_in(clinic, Role.SYSTEM_ADMIN, site_id=await a_site(clinic))
    async with page_of(browser, DESKTOP, house, person.token) as page:
        await visit(page, house)
        figures = page.get_by_role("list", name="今天的情况")
        await expect(figures.get_by_role("link")).to_have_count(4)
        await expect(figures).not_to_contain_text("上次备份")
    refused, _ = await clinic.audit.page(an_actor(Role.AUDIT_ADMIN), AuditSearch(result="denied"))
    assert refused == []


async def test_the_figures_of_home_change_as_things_happen(house, browser, clinic):
    person, other = await signed_in(clinic, Role.HR), await signed_in(clinic, Role.NURSE)
    async with page_of(browser, DESKTOP, house, person.token) as page:
        await visit(page, house)
        figures = page.get_by_role("list", name="今天的情况").get_by_role("link")
        await expect(figures.nth(0)).to_contain_text("停用 0")
        await clinic.staff.suspend(person.actor, other.actor.user_id, "休假一个月")
        await expect(figures.nth(0)).to_contain_text("停用 1")
        late = clinic.clock.now() - timedelta(minutes=1)
        await clinic.tasks.add(HOUSE, asked("请补交复印件", Role.HR, due_at=late))
        await expect(figures.nth(1)).to_contain_text("超时 1")
        await expect(figures.nth(1).locator(".state")).to_have_text("严重")
        await expect(page.get_by_role("link", name="请补交复印件")).to_be_visible()
