"""What a page saves while somebody types goes to whom the page was given to, and to nobody else."""

import pytest

from pages import drafts, kit
from services.policy import Role
from tests.web.browser import Browser
from tests.web.people import signed_in
from tests.web.server import running

JSON = {"accept": "application/json"}


@pytest.fixture
async def house(clinic, counter):
    def register(routes):
        counter.register(routes)
        drafts.register(clinic, routes)

        @routes.page("/note")
        def note() -> None:
            with kit.form(keep="a-note"):
                kit.text_area("Note", keep="note")

    async with running(clinic, register) as house:
        yield house


def whose(page) -> str:
    [form] = [each for each in page.elements.values() if "data-draft" in each.get("props", {})]
    return form["props"]["data-draft-of"]


async def save(browser, of, **more):
    typed = {"values": {"note": "BP 150/95"}, "whose": of} | more
    return await browser.post("/drafts/a-note", json=typed, headers=JSON)


async def test_a_page_saves_for_whom_it_was_made(house, clinic):
    nurse = await signed_in(clinic, Role.NURSE)
    async with Browser(house.url, nurse.token) as browser:
        page = await browser.load("/note")
        status, text = await save(browser, whose(page))
    assert status == 200
    assert "已自动保存" in text
    kept = await clinic.drafts.take(nurse.actor, "a-note")
    assert kept is not None
    assert kept.values == {"note": "BP 150/95"}


async def test_a_page_left_open_saves_nothing_under_the_next_ones_name(house, clinic):
    """R014: one computer, two people: what one typed is never the other's draft."""
    one, other = await signed_in(clinic, Role.NURSE), await signed_in(clinic, Role.NURSE)
    async with Browser(house.url, one.token) as browser:
        page = await browser.load("/note")
        browser.http.cookie_jar.update_cookies({"xinglin": other.token})
        status, text = await save(browser, whose(page))
    assert status == 403
    assert "draft_of_another" in text
    assert await clinic.drafts.take(other.actor, "a-note") is None
    assert await clinic.drafts.take(one.actor, "a-note") is None


async def test_what_does_not_say_whose_it_is_is_not_saved(house, clinic):
    nurse = await signed_in(clinic, Role.NURSE)
    async with Browser(house.url, nurse.token) as browser:
        for of in (None, "", "nobody"):
            assert (await save(browser, of))[0] == 422
    assert await clinic.drafts.take(nurse.actor, "a-note") is None
