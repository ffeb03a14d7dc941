"""The three administrators, each doing by clicks what only they can do. (S-AC-1, 三权分立)"""

import json
import re
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from pyotp import TOTP

from data.audit import sealed
from services.clinic import Clinic
from services.i18n import say
from services.institution import NewInstitution, NewSite, founded
from services.policy import HOUSE, Grant, Role
from services.users.registrar import NewStaff, StaffDetails
from tests.e2e.at_the_door import OWN_PASSWORD, come_back, come_to, confirm
from tests.e2e.chromium import DESKTOP, page_of
from tests.factories import an_actor
from tests.web.people import signed_in

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
APP = TOTP(SECRET)
PEOPLE = {
    "xitong": ("赵系统", Role.SYSTEM_ADMIN),
    "anquan": ("钱安全", Role.SECURITY_ADMIN),
    "shenji": ("孙审计", Role.AUDIT_ADMIN),
    "hushi": ("王芳", Role.NURSE),
}
ADMINISTRATORS = (Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDIT_ADMIN)
OTHERS = [
    ("/institution", Role.SYSTEM_ADMIN),
    ("/deliveries", Role.SYSTEM_ADMIN),
    ("/audit", Role.AUDIT_ADMIN),
]
"""Pages of one administrator alone."""


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def hospital(clinic: Clinic) -> None:
    """A small hospital with one site, whose people have been here for a while."""
    async with clinic.transactions.open(HOUSE) as tx:
        new = NewInstitution("示范县人民医院(测试)", "12330000470003281H")
        house = (await founded(tx, new, is_demo=True)).id
    staff = [
        NewStaff(username, StaffDetails(name), frozenset({Grant(role)}), is_synthetic=True)
        for username, (name, role) in PEOPLE.items()
    ]
    await clinic.founding.seed(house, staff, OWN_PASSWORD, SECRET)
    admin = an_actor(Role.SYSTEM_ADMIN, institution_id=house)
    await clinic.institutions.add_site(admin, NewSite("城东站", "东街1号", "010-12345679"))


async def at_work(page: Page, house: str, username: str, clock, path: str) -> None:
    """Sign in by hand and go to a page by the rail."""
    await come_back(page, house, username, APP, clock)
    await come_to(page, "/")
    await page.locator(f".rail a[href='{path}']").click()
    await come_to(page, path)


async def test_the_system_administrator_changes_a_site(house, browser, clock):
    async with page_of(browser, DESKTOP, house) as page:
        await at_work(page, house, "xitong", clock, "/institution")
        await page.get_by_role("button", name="城东站").click()
        panel = page.locator(".side")
        await panel.get_by_label("地址").fill("东街12号")
        await panel.get_by_role("button", name="保存").click()
        await expect(page.locator(".toast")).to_contain_text("已保存")
        await expect(page.locator("tbody tr")).to_contain_text("东街12号")


async def test_the_security_administrator_adds_somebody(house, browser, clock):
    async with page_of(browser, DESKTOP, house) as page:
        await at_work(page, house, "anquan", clock, "/staff")
        await page.get_by_role("button", name="添加人员").click()
        panel = page.locator(".side")
        await panel.get_by_role("button", name="添加人员").click()
        told = ["请填写账号。", "请填写姓名。", "请选择角色。"]
        await expect(panel.get_by_role("alert")).to_have_text(told)
        await expect(panel.get_by_label("账号")).to_be_focused()
        await panel.get_by_label("账号").fill("yaoshi")
        await panel.get_by_label("姓名").fill("冯药师")
        await panel.get_by_label("角色").select_option("pharmacist")
        await panel.get_by_role("button", name="添加人员").click()
        await expect(panel.locator(".secret")).to_have_text(re.compile(r"\S{10,}"))
        await expect(page.locator("tbody")).to_contain_text("yaoshi")


async def test_a_role_is_given_for_one_site(house, browser, clock):
    """Where it counts is chosen, and said."""
    async with page_of(browser, DESKTOP, house) as page:
        await at_work(page, house, "anquan", clock, "/staff")
        await page.get_by_role("button", name="hushi", exact=True).click()
        panel = page.locator(".side")
        await panel.get_by_label("角色").select_option("dispenser")
        await panel.get_by_label("院区").select_option(label="城东站")
        await panel.get_by_role("button", name="授予角色").click()
        await expect(panel.locator(".tag", has_text="城东站")).to_have_text("调配药师 · 城东站")


async def test_whoever_is_suspended_is_out_within_a_minute(house, browser, clock):
    """R-STF-5: the page that lies open on the ward closes by itself."""
    async with (
        page_of(browser, DESKTOP, house) as page,
        page_of(browser, DESKTOP, house) as ward,
    ):
        await at_work(ward, house, "hushi", clock, "/tasks")
        await at_work(page, house, "anquan", clock, "/staff")
        await suspend(page, "hushi")
        await ward.wait_for_url("**/sign-in?**", timeout=60_000)
        row = page.locator("tbody tr", has_text="hushi")
        await expect(row).to_contain_text("已停用")


async def test_a_sensitive_act_asks_once_more_who_is_there(house, browser, clock):
    """R-STF-2: six minutes after signing in; the detour comes before anything is typed."""
    async with page_of(browser, DESKTOP, house) as page:
        await at_work(page, house, "anquan", clock, "/staff")
        clock.forward(minutes=6)
        await page.get_by_role("button", name="hushi", exact=True).click()
        await page.locator(".side").get_by_role("button", name="停用账号").click()
        await confirm(page, APP, clock)
        await come_to(page, "/staff")
        await suspend(page, "hushi")
        await expect(page.locator("tbody tr", has_text="hushi")).to_contain_text("已停用")


async def test_a_refusal_in_the_middle_of_a_form_leads_to_the_proof_too(house, browser, clock):
    """Who has typed for more than five minutes is led there and back by the refusal itself."""
    async with page_of(browser, DESKTOP, house) as page:
        await at_work(page, house, "anquan", clock, "/staff")
        await page.get_by_role("button", name="添加人员").click()
        panel = page.locator(".side")
        await panel.get_by_label("账号").fill("yaoshi")
        await panel.get_by_label("姓名").fill("冯药师")
        await panel.get_by_label("角色").select_option("pharmacist")
        clock.forward(minutes=6)
        await panel.get_by_role("button", name="添加人员").click()
        await confirm(page, APP, clock)
        await come_to(page, "/staff")


async def suspend(page: Page, username: str) -> None:
    """Keep somebody out, with a reason."""
    await page.get_by_role("button", name=username, exact=True).click()
    await page.locator(".side").get_by_role("button", name="停用账号").click()
    dialog = page.locator("dialog.confirm")
    await dialog.get_by_label("理由").fill("执业证书待续期")
    await dialog.get_by_role("button", name="停用账号").click()
    await expect(page.locator(".toast")).to_contain_text("账号已停用")


async def test_the_audit_administrator_verifies_the_trail(house, browser, clinic, clock):
    """R016: the whole chain, and against the anchor outside the database if there is one."""
    async with page_of(browser, DESKTOP, house) as page:
        await at_work(page, house, "shenji", clock, "/audit")
        await page.get_by_role("button", name="校验完整性").click()
        await expect(page.get_by_text("没有锚点可比")).to_be_visible()

        await clinic.audit.anchor(HOUSE)
        await page.get_by_role("button", name="校验完整性").click()
        await expect(page.get_by_text("审计日志完整")).to_be_visible()


async def test_the_audit_administrator_takes_the_trail_of_some_days_along(
    house, browser, clinic, clock
):
    """R016, S-AUD-1: asked who it is once more; then the browser keeps what proves itself."""
    async with page_of(browser, DESKTOP, house) as page:
        await at_work(page, house, "shenji", clock, "/audit")
        clock.forward(minutes=6)
        await page.get_by_role("button", name="下载审计日志").click()
        await confirm(page, APP, clock)
        await come_to(page, "/audit")
        await page.get_by_role("button", name="下载审计日志").click()
        panel = page.locator(".side")
        await panel.get_by_label("起始日期").fill("2026-03-03")
        await panel.get_by_role("button", name="下载审计日志").click()
        await expect(panel).to_contain_text("起始日期须不晚于截止日期")
        await panel.get_by_label("起始日期").fill("2026-03-01")
        async with page.expect_download() as coming:
            await panel.get_by_role("button", name="下载审计日志").click()
        download = await coming.value
        lines = Path(await download.path()).read_text(encoding="utf-8").splitlines()
        await expect(page.locator(".toast")).to_contain_text("正在生成")
        await page.get_by_role("button", name="校验完整性").click()
        await expect(page.locator(".banner")).to_be_visible()
    assert download.suggested_filename == "audit-2026-03-01-2026-03-02.jsonl"
    before = ""
    for number, entry in enumerate(map(json.loads, lines), start=1):
        assert (entry["seq"], entry["before"]) == (number, before)
        before = sealed(entry, before, clinic.keys)
        assert entry["mac"] == before
    assert "audit:read" in lines[-1]


@pytest.mark.parametrize(("path", "whose"), OTHERS)
async def test_the_others_are_told_that_it_is_not_theirs(house, browser, clinic, path, whose):
    """One sentence and a code, and no place in the rail that leads there."""
    for role in ADMINISTRATORS:
        person = await signed_in(clinic, role)
        status, words = await met_at(browser, house, path, person.token)
        assert (status == 200) == (role is whose)
        if role is not whose:
            assert status == 403
            assert say("zh_CN", "error.forbidden") in words


async def met_at(browser: Browser, house: str, path: str, token: str) -> tuple[int, str]:
    """Return the status and the words that somebody meets at a page."""
    context = await browser.new_context(locale="zh-CN")
    try:
        await context.add_cookies([{"name": "xinglin", "value": token, "url": house}])
        page = await context.new_page()
        answer = await page.goto(house + path)
        assert answer
        return answer.status, await page.inner_text("body")
    finally:
        await context.close()
