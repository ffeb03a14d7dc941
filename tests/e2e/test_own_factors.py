"""What one signs in with, changed by oneself: another app, a passkey more, a passkey less."""

import pytest
import pytest_asyncio
from playwright.async_api import expect
from pyotp import TOTP

from services.clinic import Clinic
from services.institution import NewInstitution, founded
from services.policy import HOUSE, Grant, Role
from services.users.registrar import NewStaff, StaffDetails
from tests.e2e.at_the_door import (
    OWN_PASSWORD,
    authenticator,
    come_back,
    come_to,
    confirm,
    give_password,
    sign_out,
)
from tests.e2e.chromium import DESKTOP, PHONE, page_of, visit

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
APP = TOTP(SECRET)


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def nurse(clinic: Clinic) -> None:
    """Somebody who has been here for a while."""
    async with clinic.transactions.open(HOUSE) as tx:
        new = NewInstitution("示范县人民医院(测试)", "12330000470003281H")
        house = (await founded(tx, new, is_demo=True)).id
    grants = frozenset({Grant(Role.NURSE)})
    person = NewStaff("hushi", StaffDetails("王芳"), grants, is_synthetic=True)
    await clinic.founding.seed(house, [person], OWN_PASSWORD, SECRET)


async def test_a_passkey_is_added_used_and_removed(house, browser, clock):
    """S-AUTH-3: with the real ceremony. Red before: no page led to it."""
    house = house.replace("127.0.0.1", "localhost")  # a passkey belongs to a name, not a number
    async with page_of(browser, DESKTOP, house) as page, authenticator(page):
        await come_back(page, house, "hushi", APP, clock)
        await come_to(page, "/")
        await visit(page, f"{house}/account")
        await page.get_by_role("button", name="添加通行密钥").click()
        panel = page.locator(".side")
        await panel.get_by_label("名称").fill("护士站电脑")
        await panel.get_by_role("button", name="创建").click()
        await expect(page.get_by_text("通行密钥已添加")).to_be_visible()
        row = page.locator(".line", has_text="护士站电脑")
        await expect(row).to_contain_text("添加")

        await sign_out(page)
        await give_password(page, house, "hushi", OWN_PASSWORD)
        await come_to(page, "/sign-in/second-factor")
        if not await page.get_by_role("button", name="用通行密钥登录").count():
            await page.get_by_role("link", name="改用通行密钥").click()
        await page.get_by_role("button", name="用通行密钥登录").click()
        await come_to(page, "/")

        await visit(page, f"{house}/account")
        await expect(row).to_contain_text("上次使用")
        await row.get_by_role("button", name="删除").click()
        await page.locator("dialog.confirm").get_by_role("button", name="删除").click()
        await expect(page.locator(".toast")).to_contain_text("通行密钥已删除")
        await expect(row).to_have_count(0)


@pytest.mark.parametrize("device", [PHONE, DESKTOP])
async def test_a_new_phone_takes_the_place_of_the_old_one(house, browser, clock, device):
    """The app on the old one counts until the new one has shown a code."""
    async with page_of(browser, device, house) as page:
        await come_back(page, house, "hushi", APP, clock)
        await come_to(page, "/")
        await visit(page, f"{house}/account")
        clock.forward(minutes=6)
        await page.get_by_role("button", name="换手机").click()
        await confirm(page, APP, clock)
        await come_to(page, "/account")
        await page.get_by_role("button", name="换手机").click()
        panel = page.locator(".side")
        new = TOTP((await panel.locator(".secret").inner_text()).replace(" ", ""))
        await panel.get_by_label("扫描后").fill("000000")
        await expect(panel.get_by_role("alert")).to_be_visible()
        clock.forward(seconds=31)
        await panel.get_by_label("扫描后").fill(new.at(clock.now()))
        await expect(page.locator(".toast")).to_contain_text("新的验证器已绑定")
        await sign_out(page)
        await come_back(page, house, "hushi", new, clock)
        await come_to(page, "/")


@pytest.mark.parametrize("device", [PHONE, DESKTOP])
async def test_new_codes_are_printed_alone_with_whose_they_are(house, browser, clock, device):
    """On the paper stands what is kept, and nothing of the page around it."""
    async with page_of(browser, device, house) as page:
        await page.add_init_script("window.print = () => { window.printed = true }")
        await come_back(page, house, "hushi", APP, clock)
        await come_to(page, "/")
        await visit(page, f"{house}/account")
        await page.get_by_role("button", name="换一批恢复码").click()
        await page.locator("dialog.confirm").get_by_role("button").last.click()
        await page.get_by_role("button", name="打印").click()
        assert await page.evaluate("window.printed")
        await page.emulate_media(media="print")
        paper = page.locator(".slip")
        await expect(paper.locator(".codes li").first).to_be_visible()
        await expect(paper).to_contain_text("hushi")
        await expect(paper.get_by_role("button", name="打印")).to_be_hidden()
        await expect(page.get_by_text("双重验证", exact=True)).to_be_hidden()
