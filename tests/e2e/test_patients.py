"""Patients sign in by phone and register themselves and their family, as they would by thumb."""

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect
from sqlalchemy import select

from data.messages import Message
from integrations.sandbox.identities import SandboxIdentities
from services.clinic import Clinic
from services.i18n import say
from services.institution import NewInstitution, founded
from services.policy import HOUSE
from services.ports import Ports
from services.users.identity import check_digit
from tests.e2e.at_the_door import come_to
from tests.e2e.chromium import DESKTOP, PHONE, page_of, visit

MOTHER, FATHER = "19900000001", "19900000002"


def number(born: str, serial: int) -> str:
    first = f"110101{born}{serial:03}"
    return first + check_digit(first)


@pytest.fixture
def clinic(database, clock, keys, settings) -> Clinic:
    """With a register of identities, as a demo has."""
    ports = Ports(identities=SandboxIdentities())
    return Clinic.open(database, clock, keys, settings, ports)


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def hospital(clinic: Clinic) -> None:
    async with clinic.transactions.open(HOUSE) as tx:
        new = NewInstitution("示范县人民医院(测试)", "12330000470003281H")
        await founded(tx, new, is_demo=True)


async def code_to(clinic: Clinic, phone: str) -> str:
    async with clinic.database.transaction(write=False) as session:
        query = select(Message).where(Message.template == "code", Message.address == phone)
        message = (await session.scalars(query.order_by(Message.id.desc()))).first()
        assert message, "no code was sent there"
        return str(message.values["code"])


async def sign_in(page: Page, house: str, clinic: Clinic, phone: str) -> None:
    await visit(page, f"{house}/welcome")
    await page.get_by_label("手机号").fill(phone)
    await page.get_by_role("button", name="获取验证码").click()
    await expect(page.get_by_text("验证码已发送")).to_be_visible()
    await page.locator("[name=code]").fill(await code_to(clinic, phone))
    await page.get_by_role("button", name="登录", exact=True).click()
    await come_to(page, "/")


@pytest.mark.parametrize("device", [PHONE, DESKTOP])
async def test_a_patient_comes_in_and_registers_themselves_and_a_child(
    house, browser, clinic, device
):
    """R-PAT-1, R-PAT-2: from the link to a verified patient."""
    async with page_of(browser, device, house) as page:
        await sign_in(page, house, clinic, MOTHER)
        await page.get_by_role("link", name="登记本人").click()
        await page.get_by_label("姓名").fill("王芳")
        await page.get_by_label("证件号码").fill("110101199003071221")
        await page.get_by_role("button", name="保存").click()
        await expect(page.get_by_text("请逐位核对")).to_be_visible()
        await page.get_by_label("证件号码").fill(number("19900307", 122))
        await page.get_by_role("button", name="保存").click()
        await come_to(page, "/family")
        card = page.locator(".card", has_text="王芳")
        await expect(card).to_contain_text("未实名")
        await card.get_by_role("button", name="实名核验").click()
        await expect(card).to_contain_text("已实名")

        await page.get_by_role("link", name="添加家人").click()
        await page.get_by_label("与您的关系").select_option(label="儿子")
        await page.get_by_label("姓名").fill("王小明")
        await page.get_by_label("证件号码").fill(number("20200101", 1))
        await page.get_by_role("button", name="保存").click()
        await expect(page.get_by_text("须由监护人")).to_be_visible()
        await page.get_by_label("监护人").check()
        await page.get_by_role("button", name="保存").click()
        await come_to(page, "/family")
        await expect(page.locator(".card", has_text="王小明")).to_contain_text("男，6 岁")


async def test_a_wrong_code_keeps_the_number_that_was_typed(house, browser, clinic):
    async with page_of(browser, PHONE, house) as page:
        await visit(page, f"{house}/welcome")
        await page.get_by_label("手机号").fill(MOTHER)
        await page.locator("[name=code]").fill("000000")
        await page.get_by_role("button", name="登录", exact=True).click()
        await expect(page.get_by_text("验证码不对或已失效")).to_be_visible()
        await expect(page.get_by_label("手机号")).to_have_value(MOTHER)


@pytest.mark.parametrize("language", ["zh_CN", "en"])
async def test_a_patients_account_is_a_patients_page(house, browser, clinic, language):
    """No password, no second factor, no staff number; the phone masked; a way out."""

    def words(key: str) -> str:
        return say(language, key)

    async with page_of(browser, PHONE, house) as page:
        await sign_in(page, house, clinic, MOTHER)
        await page.get_by_role("link", name="我的账号").click()
        await come_to(page, "/account")
        if language == "en":
            await page.get_by_role("button", name="English").click()
            await expect(page.locator("h1")).to_have_text(words("shell.account"))
        main = page.locator("main")
        await expect(main).to_contain_text("199****0001")
        await expect(main).to_contain_text(words("account.here"))
        for staff_only in ("account.password", "account.factors", "account.number"):
            await expect(page.get_by_text(words(staff_only), exact=True)).to_have_count(0)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await page.get_by_role("button", name=words("shell.sign_out")).click()
        await come_to(page, "/welcome")
        await expect(page.get_by_text(words("sign_in.why.signed_out"))).to_be_visible()
        await page.goto(f"{house}/visits")
        await come_to(page, "/welcome")
