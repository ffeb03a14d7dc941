"""What a page shows once somebody has done something on it: a panel, a question, a list turned.

Scenes look and change nothing: the hospital they are played in is shared. What cannot be seen
without a change is a deed: only pictures are taken of it, once everything else has been looked at.
"""

from collections.abc import Awaitable, Callable
from secrets import token_hex

from playwright.async_api import Page, expect

Scene = Callable[[Page], Awaitable[None]]

SCENES: dict[str, tuple[str, str, Scene]] = {}
"""By name: the page, who is there, and what they do."""


DEEDS: dict[str, tuple[str, str, Scene]] = {}
"""Likewise, but they leave something behind."""


def scene(
    path: str, who: str, *, shelf: dict[str, tuple[str, str, Scene]] = SCENES
) -> Callable[[Scene], Scene]:
    """Enter a scene under its function's name."""

    def enter(play: Scene) -> Scene:
        shelf[play.__name__.replace("_", "-")] = (path, who, play)
        return play

    return enter


async def open_row(page: Page, n: int = 0) -> None:
    """Open a row of the table in front; wait for its panel."""
    await page.locator(".table__open:visible").nth(n).click()
    await page.locator(".side:visible").wait_for()


@scene("/tasks", "system_admin")
async def task_panel(page: Page) -> None:
    await open_row(page)


@scene("/tasks", "system_admin")
async def tasks_closed(page: Page) -> None:
    await page.locator(".chip").nth(3).click()
    await page.locator(".chip[aria-pressed=true]").nth(0).wait_for()
    await page.locator("tbody tr").first.wait_for()


@scene("/tariff", "medical_affairs")
async def tariff_panel(page: Page) -> None:
    await open_row(page, 2)


@scene("/staff", "security_admin")
async def staff_panel(page: Page) -> None:
    await open_row(page, 1)


@scene("/staff", "security_admin")
async def staff_add(page: Page) -> None:
    await page.locator(".bar__slot .btn").click()
    await page.locator(".side input").first.wait_for()


@scene("/staff", "security_admin")
async def staff_form_errors(page: Page) -> None:
    await staff_add(page)
    await page.locator(".side .btn--primary").click()
    await page.locator(".side [role=alert]").first.wait_for()


@scene("/staff", "security_admin", shelf=DEEDS)
async def temporary_password(page: Page) -> None:
    await staff_add(page)
    texts = page.locator(".side .field__box input")
    await texts.nth(0).fill(f"xinren{token_hex(3)}")
    await texts.nth(1).fill("新人甲")
    await page.locator(".side select").first.select_option(index=1)
    await page.locator(".side .btn--primary").click()
    await page.locator(".side .secret").wait_for()


@scene("/staff", "security_admin")
async def staff_question(page: Page) -> None:
    await open_row(page, 1)
    await page.locator(".side .btn--stop").last.click()
    await page.locator("dialog.confirm").wait_for()


@scene("/staff", "security_admin")
async def staff_none(page: Page) -> None:
    await page.locator(".find__input").fill("zzzz")
    await page.locator(".empty").wait_for()


@scene("/staff", "security_admin")
async def help_sheet(page: Page) -> None:
    await page.keyboard.press("?")
    await page.locator("dialog.help").wait_for()


@scene("/settings", "system_admin")
async def setting_panel(page: Page) -> None:
    await open_row(page)


@scene("/settings", "medical_affairs")
async def setting_not_theirs(page: Page) -> None:
    await page.locator(".find__input").fill("backup.drill")
    await page.wait_for_function("document.querySelectorAll('.table__open').length === 1")
    await open_row(page)


@scene("/settings", "medical_affairs")
async def settings_history(page: Page) -> None:
    await page.locator(".seg__one").nth(1).click()
    await page.locator(".table__acts:visible").first.wait_for()


@scene("/audit", "audit_admin")
async def audit_panel(page: Page) -> None:
    await open_row(page)


@scene("/audit", "audit_admin")
async def audit_whole(page: Page) -> None:
    await page.locator(".bar__slot .btn").last.click()
    await page.locator(".banner").wait_for()


@scene("/emergency", "doctor")
async def emergency_form_errors(page: Page) -> None:
    await page.locator(".form .btn--stop").click()
    await page.locator(".field--bad").first.wait_for()


@scene("/emergency/reviews", "audit_admin")
async def review_panel(page: Page) -> None:
    await open_row(page)


@scene("/audit", "audit_admin")
async def audit_download(page: Page) -> None:
    await page.locator(".bar__slot .btn").first.click()
    await page.locator(".side, [name=value]").first.wait_for()


@scene("/institution", "system_admin")
async def site_panel(page: Page) -> None:
    await open_row(page)


@scene("/health", "system_admin")
async def infrastructure(page: Page) -> None:
    await page.locator(".seg__one").nth(1).click()
    await page.locator(".table__open:visible").first.wait_for()


@scene("/health", "system_admin")
async def infrastructure_panel(page: Page) -> None:
    await infrastructure(page)
    await open_row(page)


@scene("/", "system_admin")
async def menu(page: Page) -> None:
    await page.locator(".menu summary").click()
    await page.locator(".menu__list").wait_for()


@scene("/", "audit_admin")
async def rail(page: Page) -> None:
    """Open what is always there on a desk."""
    opener = page.locator("[data-opens-rail]")
    if await opener.is_visible():
        await opener.click()
    await page.locator(".rail").wait_for()


@scene("/sign-in?error=sign_in_failed", "guest")
async def sign_in_failed(page: Page) -> None:
    await page.locator(".banner--bad").wait_for()


@scene("/sign-in", "guest")
async def sign_in_elder(page: Page) -> None:
    await page.evaluate("xl.remember('elder', '1')")
    await page.reload()
    await page.wait_for_function("() => window.did_handshake === true")
    await page.evaluate("xl.remember('elder', '0')")


@scene("/gallery?glass=患者昏迷送诊，需要查看既往过敏史", "guest")
async def broken_glass(page: Page) -> None:
    await page.locator(".glass").first.wait_for()


@scene("/timetable", "medical_affairs")
async def shift_panel(page: Page) -> None:
    await page.locator(".shift").first.click()
    await page.locator(".side:visible").wait_for()


@scene("/timetable", "medical_affairs")
async def shift_add(page: Page) -> None:
    await page.locator(".bar__slot .btn").first.click()
    await page.locator(".side select").first.wait_for()


@scene("/timetable", "medical_affairs")
async def weekly_shifts(page: Page) -> None:
    await page.locator(".seg__one").nth(1).click()
    await page.locator(".table__acts:visible").first.wait_for()


@scene("/timetable", "medical_affairs")
async def away(page: Page) -> None:
    await page.locator(".seg__one").nth(2).click()
    await page.locator(".table__acts:visible").first.wait_for()


@scene("/queue", "nurse")
async def ticket_panel(page: Page) -> None:
    chip = page.locator(".chip").nth(1)
    await chip.click()
    # The chip is pressed before the list is turned: a row that is on its way out opens nothing.
    await expect(page.locator("tbody tr")).to_have_count(int(await chip.locator("b").inner_text()))
    await open_row(page)


@scene("/patients", "nurse")
async def patient_new(page: Page) -> None:
    await page.locator(".bar__slot .btn").first.click()
    await page.locator(".side input").first.wait_for()


@scene("/patients", "nurse")
async def patient_panel(page: Page) -> None:
    await page.locator("main input").first.fill("王芳")
    await page.locator("main .btn--line").first.click()
    await open_row(page)
