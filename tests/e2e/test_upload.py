"""A file turned away for load stays with the browser, and goes when there is room. (R034)"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from pages.routes import Routes
from pages.uploads import FileUpload
from services.clinic import Clinic
from services.overload import Level, Overload
from services.policy import Role
from tests.e2e.chromium import PHONE, visit
from tests.e2e.conftest import served
from tests.services.test_uploads import a_photo
from tests.web.people import signed_in


@pytest_asyncio.fixture(loop_scope="session")
async def kept(clinic):
    return []


@pytest_asyncio.fixture(loop_scope="session")
async def desk(clinic, kept):
    def register(clinic: Clinic, routes: Routes) -> None:
        @routes.page("/attach")
        def attach() -> None:
            FileUpload("添加照片", kept.append, clinic=clinic, many=True)

    async with served(clinic, register) as url:
        yield url
    clinic.uploads.close()


def photo(name: str, size: int = 0) -> dict:
    return {"name": name, "mimeType": "image/jpeg", "buffer": a_photo() + bytes(size)}


@asynccontextmanager
async def attaching(browser, desk, clinic) -> AsyncIterator[Page]:
    """Open the page as a patient with a phone; that the browser writes 503 down is no fault."""
    patient = await signed_in(clinic, Role.PATIENT)
    context = await browser.new_context(**PHONE)
    context.set_default_timeout(15_000)
    await context.add_cookies([{"name": "xinglin", "value": patient.token, "url": desk}])
    page = await context.new_page()
    try:
        await visit(page, f"{desk}/attach")
        yield page
    finally:
        await context.close()


@pytest.mark.parametrize("size", [0, 30_000_000], ids=["small", "large"])
async def test_a_file_waits_in_the_browser_until_there_is_room(
    browser, desk, clinic, kept, monkeypatch, size
):
    """Nothing is chosen twice: it says that it waits, and then that it is kept."""
    monkeypatch.setattr(Overload, "retry_after", 1)
    async with attaching(browser, desk, clinic) as page:
        clinic.overload.level = Level.FULL
        await page.locator("input[type=file]").set_input_files([photo("舌苔.jpg", size)])
        row = page.locator(".upload__list li", has_text="舌苔.jpg")
        await expect(row).to_contain_text("稍后自动再传")
        assert kept == []
        assert await page.locator("input[type=file]").is_disabled()
        clinic.overload.level = Level.NORMAL
        await expect(row).to_contain_text("已保存" if not size else "20 MB")
    assert len(kept) == (0 if size else 1)


async def test_what_is_refused_for_good_is_not_sent_again(browser, desk, clinic, kept):
    sent = []
    async with attaching(browser, desk, clinic) as page:
        page.on("request", lambda each: sent.append(each.url) if "/files" in each.url else None)
        wrong = {"name": "a.txt", "mimeType": "image/jpeg", "buffer": b"no picture" * 100}
        await page.locator("input[type=file]").set_input_files([wrong, photo("面部.jpg")])
        rows = page.locator(".upload__list li")
        await expect(rows.nth(0)).to_contain_text("不能上传这种文件")
        await expect(rows.nth(1)).to_contain_text("已保存")
        await expect(page.locator("input[type=file]")).to_be_enabled()
    assert len(sent) == 2
    assert len(kept) == 1


async def test_a_house_that_stays_full_is_said_to_be_full(browser, desk, clinic, monkeypatch):
    """It does not try for ever: after some minutes the sentence stands, and one may choose anew."""
    monkeypatch.setattr(Overload, "retry_after", 0.001)
    clinic.overload.level = Level.FULL
    async with attaching(browser, desk, clinic) as page:
        await page.locator("input[type=file]").set_input_files([photo("舌苔.jpg")])
        row = page.locator(".upload__list li")
        await expect(row).to_contain_text("现在用的人太多，您的操作还没有做")
        await expect(page.locator("input[type=file]")).to_be_enabled()
    assert clinic.overload.turned_away == 20
