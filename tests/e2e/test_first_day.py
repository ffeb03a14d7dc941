"""The first day and the days after, in a browser: coming in, losing the phone, going out. (R042)"""

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from services.clinic import Clinic
from services.i18n import say
from services.institution import NewInstitution
from services.policy import Grant, Role
from services.settings import Settings
from services.users.registrar import Added, NewStaff, StaffDetails
from tests.e2e.at_the_door import (
    OWN_PASSWORD,
    authenticator,
    bind_an_app,
    choose_own_password,
    come_back,
    come_to,
    first_day,
    give_password,
    hand_in,
    keep_codes,
    sign_out,
)
from tests.e2e.chromium import DESKTOP, PHONE, page_of, visit
from tests.web.people import USCC


@pytest.fixture
def settings(tmp_path, database_url) -> Settings:
    """A hospital and no demo: nobody's password stands on the screen."""
    return Settings(home=tmp_path, database_url=database_url)


@pytest_asyncio.fixture(loop_scope="session")
async def added(clinic: Clinic) -> Added:
    """The first security administrator, as `xinglin init` leaves them."""
    new = NewStaff("anquan", StaffDetails("钱安全"), frozenset({Grant(Role.SECURITY_ADMIN)}))
    _, [added] = await clinic.founding.found(NewInstitution("示范县人民医院(测试)", USCC), [new])
    return added


async def test_from_a_temporary_password_to_home(house, browser, added, clock):
    """S-AUTH-1: what was printed by the installation opens nothing but the way to one's own."""
    async with page_of(browser, PHONE, house) as page:
        await visit(page, f"{house}/staff")
        await come_to(page, "/sign-in")
        await hand_in(page, username=added.username, password=added.temporary_password)
        await choose_own_password(page)
        await bind_an_app(page, clock)
        codes = await keep_codes(page)
        await come_to(page, "/staff")  # where they wanted to go in the first place
        await expect(page.get_by_role("heading", level=1)).to_have_text("人员")
    assert len(set(codes)) == 10


async def test_a_wrong_password_is_told_in_one_sentence(house, browser, added):
    """The same for a name that nobody has."""
    async with page_of(browser, DESKTOP, house) as page:
        for username in (added.username, "nobody"):
            await give_password(page, house, username, "Wrong-guess 1")
            alert = page.get_by_role("alert")
            await expect(alert).to_contain_text(say("zh_CN", "error.sign_in_failed"))
            await expect(alert).to_contain_text("sign_in_failed")


async def test_signing_out_is_a_real_form(house, browser, added, clock):
    """It works without a socket, and an image cannot do it (S-CSRF-1)."""
    async with page_of(browser, DESKTOP, house) as page:
        await first_day(page, house, added, clock)
        assert (await page.request.get(f"{house}/auth/sign-out")).status == 405
        await page.reload()
        await come_to(page, "/")
        await page.evaluate("window.socket.disconnect()")
        await sign_out(page)
        await visit(page, f"{house}/account")
        await come_to(page, "/sign-in")


async def test_a_password_too_simple_is_told_why(house, browser, added):
    async with page_of(browser, DESKTOP, house) as page:
        await give_password(page, house, added.username, added.temporary_password)
        await come_to(page, "/sign-in/new-password")
        await hand_in(page, password="aaaaaaaaaaaa")
        await expect(page.get_by_role("alert")).to_contain_text("密码")
        await choose_own_password(page)


async def test_the_next_day_takes_password_and_code(house, browser, added, clock):
    """S-AUTH-3: two factors; a code counts once."""
    async with page_of(browser, DESKTOP, house) as page:
        app, _ = await first_day(page, house, added, clock)
        await sign_out(page)
        await expect(page.get_by_text("您已退出。")).to_be_visible()
        used = app.at(clock.now())
        await give_password(page, house, added.username, OWN_PASSWORD)
        await come_to(page, "/sign-in/second-factor")
        await page.locator("[name=value]").press_sequentially(used)
        await expect(page.get_by_role("alert")).to_contain_text("code_already_used")
        await come_back(page, house, added.username, app, clock)
        await come_to(page, "/")


async def test_a_recovery_code_opens_once(house, browser, added, clock):
    """S-AUTH-3: the phone is lost; and the code in the drawer is worth nothing to who finds it."""
    async with page_of(browser, DESKTOP, house) as page:
        _, codes = await first_day(page, house, added, clock)
        await sign_out(page)
        await _with_recovery_code(page, house, added, codes[3])
        await come_to(page, "/")
        await sign_out(page)
        await _with_recovery_code(page, house, added, codes[3])
        alert = page.get_by_role("alert")
        await expect(alert).to_contain_text(say("zh_CN", "error.recovery_code_used"))
        clock.forward(seconds=5)
        await hand_in(page, value=codes[4])  # it still asks for one
        await come_to(page, "/")


async def _with_recovery_code(page: Page, house: str, added: Added, code: str) -> None:
    await give_password(page, house, added.username, OWN_PASSWORD)
    await come_to(page, "/sign-in/second-factor")
    await page.get_by_role("link", name="改用恢复码").click()
    await page.wait_for_url("**by=recovery_code**")
    await page.wait_for_function("() => window.did_handshake === true")
    await hand_in(page, value=code)


async def test_a_passkey_is_made_on_the_first_day_and_used_on_the_next(house, browser, added):
    """S-AUTH-3: Chromium's own authenticator, with the real ceremony."""
    house = house.replace("127.0.0.1", "localhost")  # a passkey belongs to a name, not a number
    async with page_of(browser, DESKTOP, house) as page, authenticator(page):
        await give_password(page, house, added.username, added.temporary_password)
        await choose_own_password(page)
        await page.get_by_role("button", name="改用通行密钥").click()
        await keep_codes(page)
        await come_to(page, "/")
        await sign_out(page)
        await give_password(page, house, added.username, OWN_PASSWORD)
        await come_to(page, "/sign-in/second-factor")
        await page.get_by_role("button", name="用通行密钥登录").click()
        await come_to(page, "/")

        await visit(page, f"{house}/account")
        row = page.locator(".line", has_text="上次使用")
        await row.get_by_role("button", name="删除").click()
        await page.locator("dialog.confirm").get_by_role("button", name="删除").click()
        await expect(page.locator(".toast")).to_contain_text("最后一个双重验证方式")
        await expect(row).to_be_visible()


async def test_signing_out_closes_the_other_tab(house, browser, added, clock):
    """R-STF-5: also the page that lies open in the background."""
    async with page_of(browser, DESKTOP, house) as page:
        await first_day(page, house, added, clock)
        other = await page.context.new_page()
        await visit(other, f"{house}/staff")
        await sign_out(page)
        await other.wait_for_url("**/sign-in?**")
        answer = await other.goto(f"{house}/staff")
        assert answer
        await come_to(other, "/sign-in")
