"""The way into a demo for somebody who has never seen it. (R151)"""

import pytest
import pytest_asyncio
from playwright.async_api import expect

from services import demo
from services.clinic import Clinic
from services.institution import NewInstitution, founded
from services.policy import HOUSE, Grant
from services.settings import Settings
from services.users.registrar import NewStaff, StaffDetails
from tests.e2e.at_the_door import HANDSHAKE, come_to
from tests.e2e.chromium import DESKTOP, PHONE, page_of, visit

NAME = "示范县人民医院(测试)"


@pytest_asyncio.fixture(loop_scope="session")
async def hospital(clinic: Clinic) -> None:
    """Those whom one can be with one tap."""
    async with clinic.transactions.open(HOUSE) as tx:
        house = (await founded(tx, NewInstitution(NAME, "12330000470003281H"), is_demo=True)).id
    staff = [
        NewStaff(username, StaffDetails(username), frozenset({Grant(role)}), is_synthetic=True)
        for username, role in demo.OFFERED.items()
    ]
    await clinic.founding.seed(house, staff, demo.PASSWORD, demo.SECRET)


@pytest.mark.usefixtures("hospital")
async def test_somebody_new_is_in_by_what_stands_on_the_page(house, browser):
    """One tap to choose who to be, one to go on, the six digits that are shown, and in."""
    async with page_of(browser, PHONE, house) as page:
        await visit(page, f"{house}/tasks")
        await come_to(page, "/sign-in")
        await page.get_by_role("link", name="医生").click()
        await expect(page.locator("[name=username]")).to_have_value("yisheng")
        await page.wait_for_function(HANDSHAKE)
        await page.get_by_role("button", name="登录", exact=True).click()
        await come_to(page, "/sign-in/second-factor")
        shown = await page.get_by_text("演示验证码").inner_text()
        await page.locator("[name=value]").press_sequentially(shown[-6:])
        await come_to(page, "/tasks")  # where they wanted to go in the first place


@pytest.mark.usefixtures("hospital")
@pytest.mark.parametrize("device", [DESKTOP, PHONE])
async def test_the_door_says_which_hospital_it_is(house, browser, device):
    async with page_of(browser, device, house) as page:
        await visit(page, f"{house}/sign-in")
        await expect(page.locator(".brand")).to_contain_text(NAME)


class TestRealHospital:
    """Nobody's password stands on the screen, whatever the address asks for."""

    @pytest.fixture
    def settings(self, tmp_path, database_url) -> Settings:
        return Settings(home=tmp_path, database_url=database_url)

    async def test_nothing_is_offered_or_filled_in(self, house, browser):
        async with page_of(browser, DESKTOP, house) as page:
            await visit(page, f"{house}/sign-in?as=yisheng")
            await expect(page.locator("[name=username]")).to_have_value("")
            await expect(page.locator("[name=password]")).to_have_value("")
            await expect(page.get_by_text(demo.PASSWORD)).to_have_count(0)
            await expect(page.get_by_role("link", name="医生")).to_have_count(0)
