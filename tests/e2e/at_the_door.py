"""What people do at the door, in a browser: the same in every test that comes in through it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Page, expect
from pyotp import TOTP

from tests.e2e.chromium import visit

OWN_PASSWORD = "Sommer-wind 7"
HANDSHAKE = "() => window.did_handshake === true"


async def come_to(page: Page, path: str) -> None:
    """Wait until this page is there and its handlers answer."""
    await page.wait_for_url(lambda url: url.split("?")[0].endswith(path))
    await page.wait_for_function(HANDSHAKE)


async def hand_in(page: Page, **fields: str) -> None:
    """Fill in a form of the door by the names of its fields, and send it."""
    for name, value in fields.items():
        await page.locator(f"[name={name}]").fill(value)
    await page.keyboard.press("Enter")


async def give_password(page: Page, house: str, username: str, password: str) -> None:
    """Take the first step."""
    await visit(page, f"{house}/sign-in")
    await hand_in(page, username=username, password=password)


async def sign_out(page: Page) -> None:
    """Leave by the menu."""
    await page.locator(".menu summary").click()
    await page.get_by_role("button", name="退出登录").click()
    await come_to(page, "/sign-in")


async def choose_own_password(page: Page) -> None:
    """The first day's first step."""
    await come_to(page, "/sign-in/new-password")
    await hand_in(page, password=OWN_PASSWORD)
    await come_to(page, "/sign-in/enrol")


async def bind_an_app(page: Page, clock) -> TOTP:
    """Type the secret into an authenticator app, and its code into the page; return the app."""
    app = TOTP((await page.locator(".secret").inner_text()).replace(" ", ""))
    await hand_in(page, code=app.at(clock.now()))
    return app


async def keep_codes(page: Page) -> list[str]:
    """Write the recovery codes down and go in."""
    await come_to(page, "/sign-in/recovery-codes")
    codes = await page.locator(".codes li").all_inner_texts()
    await page.get_by_role("button", name="已经收好，进入系统").click()
    return codes


async def first_day(page: Page, house: str, added, clock) -> tuple[TOTP, list[str]]:
    """Come in for the first time; return the app and the recovery codes."""
    await give_password(page, house, added.username, added.temporary_password)
    await choose_own_password(page)
    app = await bind_an_app(page, clock)
    codes = await keep_codes(page)
    await come_to(page, "/")
    await expect(page.get_by_role("heading", level=1)).to_have_text("首页")
    return app, codes


async def come_back(page: Page, house: str, username: str, app: TOTP, clock) -> None:
    """Sign in with password and code, in a time step of their own; it sends itself when full."""
    clock.forward(seconds=31)
    await give_password(page, house, username, OWN_PASSWORD)
    await come_to(page, "/sign-in/second-factor")
    await page.locator("[name=value]").press_sequentially(app.at(clock.now()))


async def confirm(page: Page, app: TOTP, clock) -> None:
    """Show once more who one is, where a page has led to."""
    clock.forward(seconds=31)
    await come_to(page, "/confirm")
    await page.locator("[name=value]").press_sequentially(app.at(clock.now()))


@asynccontextmanager
async def authenticator(page: Page) -> AsyncIterator[None]:
    """Give the browser a fingerprint reader that always says yes."""
    session = await page.context.new_cdp_session(page)
    await session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    await session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    yield
