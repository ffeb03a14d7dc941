"""What a monitor may ask, and what it is told."""

from collections.abc import AsyncIterator

import pytest

from pages.house import probes
from services.clinic import Clinic
from tests.web.browser import Browser
from tests.web.server import House, running


@pytest.fixture
async def probed(clinic: Clinic) -> AsyncIterator[House]:
    async with running(clinic, lambda routes: probes.register(clinic, routes)) as house:
        yield house


async def test_a_living_house_says_so(probed):
    async with Browser(probed.url) as monitor:
        assert (await monitor.get("/healthz"))[0] == 200


async def test_a_house_that_closes_takes_no_new_work(probed, clinic):
    """R034: a balancer sends nobody to a house that is about to stop."""
    async with Browser(probed.url) as monitor:
        before = await monitor.get("/readyz")
        clinic.health.closing = True
        after = await monitor.get("/readyz")

    assert before[0] == 200
    assert after[0] == 503
    assert "closing" in after[1]


async def test_numbers_are_given_on_this_machine_and_name_nobody(probed):
    async with Browser(probed.url) as monitor:
        status, text = await monitor.get("/metrics")

    assert status == 200
    assert "# TYPE" in text
    assert "user" not in text.lower().replace("user_agent", "")


@pytest.mark.parametrize(
    ("address", "here"), [("127.0.0.1", True), ("::1", True), ("192.0.2.7", False), ("", False)]
)
def test_only_this_very_machine_counts_as_here(address, here):
    assert probes._is_here(address) is here
