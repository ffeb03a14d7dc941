"""Every page of the registry, as each who may see it: readable by all, whole, and asking nobody."""

import pytest
from playwright.async_api import Page

from tests.e2e.chromium import NARROW, scrolls_sideways, too_small, violations
from tests.e2e.hospital import Place
from tests.e2e.tour import LOOKS, Tour


def test_every_page_of_the_registry_is_looked_at(found):
    """README 22: a new page fails here until somebody of the hospital looks at it."""
    assert found.nobody == ()
    assert len(found.places) > len({place.path for place in found.places}) > 15


@pytest.mark.parametrize("look", LOOKS)
async def test_every_page_can_be_read_and_used_by_everybody(found, browser, look):
    """WCAG 2.2 AA and best practice by axe-core: no violation; targets of 44 px; no host but ours.

    What the browser complains of fails too: errors of scripts, and breaches of the content policy.
    """
    device, theme, language = LOOKS[look]
    tour = Tour(browser, found)

    async def judge(page: Page, _place: Place) -> list[str]:
        return [*await violations(page), *await too_small(page, 44)]

    await tour.walk(device, judge, theme=theme, language=language)
    assert tour.wrong == []


@pytest.mark.parametrize("language", ["zh_CN", "en"])
async def test_no_page_scrolls_sideways_on_the_narrowest_phone(found, browser, language):
    """WCAG 1.4.10: 320 px."""
    tour = Tour(browser, found)

    async def judge(page: Page, _place: Place) -> list[str]:
        return ["scrolls sideways"] if await scrolls_sideways(page) else []

    await tour.walk(NARROW, judge, language=language)
    assert tour.wrong == []
