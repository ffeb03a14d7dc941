"""A doctor tells their papers, six people take them through the review, each by clicks. (5.9)"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from sqlalchemy import select

from data.clinicians import Clinician, CredentialState, CredentialStep, Department
from services.clinic import Clinic
from services.policy import Role
from tests.e2e.chromium import DESKTOP, PHONE, page_of, scrolls_sideways, violations, visit
from tests.services.test_uploads import a_photo
from tests.services.users.test_patients import number
from tests.web.people import signed_in

PAPERS = ("执业证书", "资格证书", "主要执业机构同意书", "独立执业年限证明")
TYPED = {
    "姓名": "林建国",
    "身份证号码": number("19800101", 3),
    "执业证书编码": "110110000000001",
    "执业证书有效期至": "2028-01-01",
    "职称": "主治医师",
    "执业类别": "临床",
    "执业范围": "内科专业",
    "独立执业起始日期": "2010-07-01",
}


@dataclass
class Corridor:
    """The hospital's browser, and its people at their doors."""

    browser: Browser
    url: str
    clinic: Clinic

    @asynccontextmanager
    async def at(self, path: str, *roles: Role, token: str = "", **device) -> AsyncIterator[Page]:
        token = token or (await signed_in(self.clinic, *roles)).token
        async with page_of(self.browser, device or DESKTOP, self.url, token) as page:
            await visit(page, self.url + path)
            yield page

    @asynccontextmanager
    async def file(self, *roles: Role, token: str = "") -> AsyncIterator[Page]:
        """The doctor's file, opened from the list."""
        async with self.at("/credentials", *roles, token=token) as page:
            await page.get_by_role("button", name="林建国", exact=True).click()
            await expect(page.locator(".side .facts")).to_contain_text("110110000000001")
            yield page


@pytest_asyncio.fixture(loop_scope="session")
async def corridor(browser, house, clinic) -> AsyncIterator[Corridor]:
    yield Corridor(browser, house, clinic)
    clinic.uploads.close()


def photo(name: str) -> dict:
    return {"name": name, "mimeType": "image/jpeg", "buffer": a_photo()}


async def attach(page: Page, words: str) -> None:
    """Upload a picture at the control with these words."""
    control = page.locator(".upload", has_text=words)
    await control.locator("input[type=file]").set_input_files([photo("a.jpg")])


async def a_department(corridor: Corridor) -> None:
    """R-ORG-2: entered from the national catalogue."""
    async with corridor.at("/departments", Role.MEDICAL_AFFAIRS) as page:
        await page.get_by_role("button", name="登记科目").click()
        panel = page.locator(".side")
        await panel.get_by_label("国家诊疗科目名录").select_option("03.04")
        await panel.get_by_role("button", name="登记科目").click()
        await expect(page.locator("tbody tr")).to_contain_text("心血管内科专业")


async def handed_in(corridor: Corridor, token: str) -> None:
    """Fill in the file, see what is missing go, hand it in."""
    async with corridor.at("/credentials/mine", token=token) as page:
        await page.get_by_role("button", name="保存").click()
        await expect(page.get_by_role("alert").first).to_have_text("请填写姓名。")
        for label, value in TYPED.items():
            await page.locator(".form").get_by_label(label).fill(value)
        await page.get_by_label("心血管内科专业").check()
        await page.get_by_role("button", name="保存").click()
        missing = page.locator(".card", has=page.get_by_role("heading", name="还缺这些"))
        await expect(missing.locator(".line")).to_have_count(4)
        await expect(page.get_by_role("button", name="提交审核")).to_have_count(0)
        for nth, paper in enumerate(PAPERS, start=1):
            await attach(page, f"上传{paper}")
            await expect(page.get_by_role("button", name="查看")).to_have_count(nth)
        await page.get_by_role("button", name="查看执业证书").click()
        picture = page.get_by_role("img", name="执业证书")
        await expect(picture).to_be_visible()
        await expect(picture).to_have_js_property("naturalWidth", 320)
        await page.get_by_role("button", name="提交审核").click()
        await expect(page.locator("main")).to_contain_text("待人事核验")
        await expect(page.get_by_role("button", name="保存")).to_have_count(0)


async def verify(page: Page) -> None:
    """R-STF-1: the register's extract is kept with the note."""
    panel = page.locator(".side")
    await panel.get_by_role("button", name="查看执业证书").click()
    await expect(panel.get_by_role("img", name="执业证书")).to_have_js_property("naturalWidth", 320)
    await panel.get_by_role("button", name="核验无误").click()
    await expect(panel.locator(".banner--bad")).to_contain_text("请先上传国家注册系统核对截图")
    await attach(page, "上传国家注册系统核对截图")
    await expect(panel.locator(".upload__list li")).to_contain_text("已保存")
    await panel.get_by_role("button", name="核验无误").click()
    await expect(panel.locator(".state").first).to_contain_text("待医务科审批")


async def certify(page: Page) -> None:
    panel = page.locator(".side")
    await panel.get_by_label("签名证书序列号").fill("CA-0001")
    await panel.get_by_label("签名证书有效期至").fill("2028-01-01")
    await panel.get_by_role("button", name="绑定证书").click()
    await expect(panel.locator(".state").first).to_contain_text("待监管备案")


async def pressed(page: Page, button: str, then: str) -> None:
    panel = page.locator(".side")
    await panel.get_by_role("button", name=button, exact=True).click()
    await expect(panel.locator(".state").first).to_contain_text(then)


async def test_six_people_make_a_doctor_active_by_clicks(corridor, clinic):
    """R-STF-1, R-ORG-2: one file, six people, and nobody takes two steps."""
    await a_department(corridor)
    doctor = await signed_in(clinic, Role.DOCTOR)
    await handed_in(corridor, doctor.token)
    both = await signed_in(clinic, Role.HR, Role.MEDICAL_AFFAIRS)
    async with corridor.file(token=both.token) as page:
        await verify(page)
        panel = page.locator(".side")
        await panel.get_by_role("button", name="同意执业").click()
        await expect(panel.locator(".banner--bad")).to_contain_text("须由不同的人完成")
        await expect(panel.locator(".state").first).to_contain_text("待医务科审批")
    async with corridor.file(Role.MEDICAL_AFFAIRS) as page:
        await pressed(page, "同意执业", "待绑定签名证书")
    async with corridor.file(Role.SECURITY_ADMIN) as page:
        await certify(page)
    async with corridor.file(Role.QUALITY) as page:
        await page.locator(".side").get_by_label("监管备案编号").fill("备案-2026-0001")
        await pressed(page, "登记备案", "待科主任启用")
    async with corridor.file(Role.DEPARTMENT_HEAD) as page:
        await pressed(page, "启用", "已启用")
    async with clinic.database.transaction(write=False) as session:
        row = (await session.scalars(select(Clinician))).one()
        steps = list(await session.scalars(select(CredentialStep)))
    assert row.state is CredentialState.ACTIVE
    assert len({step.taken_by for step in steps}) == len(steps) == 6
    async with corridor.at("/credentials/mine", token=doctor.token) as page:
        await expect(page.locator("main")).to_contain_text("已启用")
        await expect(page.get_by_role("button", name="修改或续期")).to_be_visible()


async def test_a_reviewer_gives_back_and_the_owner_reads_why(corridor, clinic):
    """Domain 5.9: returned with a reason; what was told is still there."""
    await a_department(corridor)
    doctor = await signed_in(clinic, Role.DOCTOR)
    await handed_in(corridor, doctor.token)
    async with corridor.file(Role.HR) as page:
        await page.locator(".side").get_by_role("button", name="退回材料").click()
        dialog = page.locator("dialog.confirm")
        await dialog.get_by_label("原因").fill("执业证书照片不清晰")
        await dialog.get_by_role("button", name="退回材料").click()
        await expect(page.locator(".side .state").first).to_contain_text("填写中")
    async with corridor.at("/credentials/mine", token=doctor.token) as page:
        await expect(page.locator(".banner--warn")).to_contain_text("执业证书照片不清晰")
        await expect(page.locator(".form").get_by_label("职称")).to_have_value("主治医师")
        await expect(page.get_by_label("身份证号码")).to_have_value("")
        await page.get_by_role("button", name="保存").click()
        await expect(page.locator(".toast")).to_contain_text("已保存")


async def test_whoever_is_suspended_here_may_be_given_back_their_right(corridor, clinic):
    """R-STF-5: at once, with a reason; what is not one's turn is not offered."""
    await test_six_people_make_a_doctor_active_by_clicks(corridor, clinic)
    async with corridor.file(Role.QUALITY) as page:
        await expect(page.locator(".side").get_by_role("button", name="暂停资质")).to_have_count(0)
    for act, then in (("暂停资质", "已暂停"), ("恢复资质", "已启用")):
        async with corridor.file(Role.MEDICAL_AFFAIRS) as page:
            await page.locator(".side").get_by_role("button", name=act).click()
            dialog = page.locator("dialog.confirm")
            await dialog.get_by_label("原因").fill("核查执业信息")
            await dialog.get_by_role("button", name=act).click()
            await expect(page.locator(".side .state").first).to_contain_text(then)


async def test_a_department_is_changed_and_closed(corridor, clinic):
    """R-ORG-2."""
    await a_department(corridor)
    async with corridor.at("/departments", Role.MEDICAL_AFFAIRS) as page:
        panel = page.locator(".side")
        await page.get_by_role("button", name="心血管内科专业").click()
        await panel.get_by_label("开展线上服务").uncheck()
        await panel.get_by_role("button", name="保存").click()
        await expect(page.locator("tbody tr")).to_contain_text("未开展")
        await page.get_by_role("button", name="心血管内科专业").click()
        await panel.get_by_role("button", name="注销科目").click()
        await page.locator("dialog.confirm").get_by_role("button", name="注销科目").click()
        await expect(page.locator("main")).to_contain_text("还没有登记诊疗科目")
    async with clinic.database.transaction(write=False) as session:
        assert (await session.scalars(select(Department))).one().deleted_at is not None


@pytest.mark.parametrize("device", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_the_pages_fit_and_are_read_by_everybody(corridor, clinic, device, tmp_path):
    await a_department(corridor)
    doctor = await signed_in(clinic, Role.DOCTOR)
    async with corridor.at("/credentials/mine", token=doctor.token, **device) as page:
        await expect(page.get_by_role("button", name="保存")).to_be_visible()
        await page.screenshot(path=tmp_path / "form.png", full_page=True)
        assert not await scrolls_sideways(page)
        assert await violations(page) == []
    await handed_in(corridor, doctor.token)
    hr = await signed_in(clinic, Role.HR)
    planner = await signed_in(clinic, Role.MEDICAL_AFFAIRS)
    seen = {"/credentials/mine": doctor, "/credentials": hr, "/departments": planner}
    for path, who in seen.items():
        async with corridor.at(path, token=who.token, **device) as page:
            if who is not doctor:
                await page.locator("tbody tr button").first.click()
                await expect(page.locator(".side .facts")).to_be_visible()
            await page.screenshot(path=tmp_path / f"{path.replace('/', '-')}.png")
            assert not await scrolls_sideways(page)
            assert await violations(page) == []
