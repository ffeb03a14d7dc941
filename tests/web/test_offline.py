"""The page without a network gives the hospital's own number, also after it changed. (R043)"""

from dataclasses import replace

import pytest

from services.policy import Role
from tests.web.browser import Browser
from tests.web.people import signed_in
from tests.web.server import whole_house


@pytest.fixture
async def house(clinic):
    async with whole_house(clinic) as house:
        yield house


async def called(clinic, phone):
    """Let the hospital have this number."""
    admin = (await signed_in(clinic, Role.SYSTEM_ADMIN)).actor
    now = await clinic.institutions.read(admin)
    papers = replace(now.details, uscc="91350100M000100Y43", phone=phone)
    await clinic.institutions.change(admin, papers, now.version)
    clinic.clock.forward(minutes=1)


@pytest.mark.parametrize("path", ["/offline.html", "/old.html"])
async def test_the_pages_without_a_network_or_script_give_the_hospitals_number(house, clinic, path):
    async with Browser(house.url) as browser:
        assert 'href="tel:' not in (await browser.get(path))[1]
        await called(clinic, "010-12345678")
        status, text = await browser.get(path)
    assert status == 200
    assert 'href="tel:01012345678"' in text
    assert "010-12345678" in text


async def test_a_new_number_reaches_what_browsers_have_put_by(house, clinic):
    """The worker fetches the page anew when it is another worker itself."""
    async with Browser(house.url) as browser:
        before = await browser.get("/sw.js")
        assert await browser.get("/sw.js") == before
        await called(clinic, "010-12345678")
        after = await browser.get("/sw.js")
        assert after != before
        await called(clinic, "010-87654321")
        assert await browser.get("/sw.js") not in (before, after)


async def test_a_house_in_trouble_gives_the_number_it_knew(house, clinic):
    """Just then somebody needs it."""
    async with Browser(house.url) as browser:
        await called(clinic, "010-12345678")
        await browser.get("/offline.html")
        await clinic.database.close()
        status, text = await browser.get("/offline.html")
        assert (status, "tel:01012345678" in text) == (200, True)
        assert (await browser.get("/sw.js"))[0] == 200
