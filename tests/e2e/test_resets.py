"""The reset of an administrator: asked for at one desk, decided at another. (S-AC-1, 双人复核)"""

import re
from datetime import timedelta

import pytest
import pytest_asyncio
from playwright.async_api import expect
from sqlalchemy import update

from data.users import RoleGrant, User
from services.i18n import say
from services.policy import Role
from tests.e2e.at_the_door import come_to
from tests.e2e.chromium import (
    DESKTOP,
    PHONE,
    page_of,
    scrolls_sideways,
    too_small,
    violations,
    visit,
)
from tests.web.people import SignedIn, signed_in

NAMES = {
    Role.SECURITY_ADMIN: "anquan",
    Role.AUDIT_ADMIN: "shenji",
    Role.SYSTEM_ADMIN: "xitong",
}
A_MONTH = timedelta(days=30)


@pytest_asyncio.fixture(loop_scope="session")
async def three(clinic) -> dict[Role, SignedIn]:
    """The three administrators, who have worked here for a month."""
    people = {role: await signed_in(clinic, role, name=name) for role, name in NAMES.items()}
    long_ago = clinic.clock.now() - A_MONTH
    async with clinic.database.transaction(write=True) as session:
        await session.execute(update(RoleGrant).values(at=long_ago))
        await session.execute(update(User).values(last_signed_in_at=long_ago, own_since=long_ago))
    return people


async def ask(clinic, three) -> None:
    guard, whose = three[Role.SECURITY_ADMIN].actor, three[Role.AUDIT_ADMIN].actor
    assert await clinic.staff.reset(guard, whose.user_id, factors=True) is None
    await clinic.bus.deliver()


async def test_one_asks_and_sees_that_it_waits(house, browser, clinic, three):
    async with page_of(browser, DESKTOP, house, three[Role.SECURITY_ADMIN].token) as page:
        await visit(page, f"{house}/staff")
        await page.get_by_role("button", name="shenji", exact=True).click()
        panel = page.locator(".side")
        await panel.get_by_role("button", name="重置密码和验证器").click()
        dialog = page.locator("dialog.confirm")
        await expect(dialog).to_contain_text("第二位管理员复核")
        await dialog.get_by_role("button", name="重置").click()
        await expect(page.locator(".toast")).to_contain_text("等第二位管理员复核")
        await expect(panel.locator(".banner--warn")).to_contain_text("正等第二人复核")
        assert await panel.locator(".secret").count() == 0
        assert await panel.get_by_role("button", name="重置密码").count() == 0  # one is enough
        assert await violations(page) == []
    kept = await clinic.sessions.actor_of(three[Role.AUDIT_ADMIN].token)
    assert kept is not None


async def test_the_third_comes_from_the_task_and_is_shown_the_password(
    house, browser, clinic, three
):
    await ask(clinic, three)
    async with page_of(browser, DESKTOP, house, three[Role.SYSTEM_ADMIN].token) as page:
        await visit(page, f"{house}/tasks")
        await page.locator("tbody tr button").first.click()
        await page.locator(".side").get_by_role("link", name="去处理").click()
        await come_to(page, "/staff/resets")
        await expect(page.locator(".card")).to_contain_text("shenji")
        await page.get_by_role("button", name="批准").click()
        dialog = page.locator("dialog.confirm")
        await expect(dialog).to_contain_text("当面交给本人")
        await dialog.get_by_role("button", name="批准").click()
        await expect(page.locator(".secret")).to_have_text(re.compile(r"\S{10,}"))
        await expect(page.get_by_text("没有要您复核的重置")).to_be_visible()
    assert await clinic.sessions.actor_of(three[Role.AUDIT_ADMIN].token) is None


async def test_a_refusal_has_a_reason_and_changes_nothing(house, browser, clinic, three):
    async with page_of(browser, PHONE, house, three[Role.SYSTEM_ADMIN].token) as page:
        await visit(page, f"{house}/staff/resets")
        await expect(page.get_by_text("没有要您复核的重置")).to_be_visible()
        await ask(clinic, three)  # it appears without a reload
        await page.get_by_role("button", name="拒绝").click()
        dialog = page.locator("dialog.confirm")
        await dialog.get_by_label("理由").fill("本人没有要求重置")
        await dialog.get_by_role("button", name="拒绝").click()
        await expect(page.locator(".toast")).to_contain_text("什么都没有变")
        await expect(page.get_by_text("没有要您复核的重置")).to_be_visible()
    kept = await clinic.sessions.actor_of(three[Role.AUDIT_ADMIN].token)
    assert kept is not None


@pytest.mark.parametrize("language", ["zh_CN", "en"])
@pytest.mark.parametrize(("device", "theme"), [(PHONE, "light"), (DESKTOP, "dark")])
async def test_what_waits_can_be_read_and_used_by_everybody(
    house, browser, clinic, three, device, theme, language
):
    """WCAG 2.2 AA; 44 px; nothing sideways on a phone; the question too."""
    await ask(clinic, three)
    tastes = {"theme": theme, "language": language}
    async with page_of(browser, device, house, three[Role.SYSTEM_ADMIN].token, **tastes) as page:
        await visit(page, f"{house}/staff/resets")
        await page.locator(".card").wait_for()
        assert await violations(page) == []
        assert await too_small(page, 44) == []
        assert not await scrolls_sideways(page)
        await page.get_by_role("button", name=say(language, "resets.approve")).click()
        await page.locator("dialog.confirm").wait_for()
        assert await violations(page) == []
