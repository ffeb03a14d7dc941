"""A running server with a few tiny pages, and people to visit it."""

from collections.abc import AsyncIterator

import pytest

from services.clinic import Clinic
from tests.web.sample import Counter
from tests.web.server import House, running


@pytest.fixture
def counter() -> Counter:
    return Counter()


@pytest.fixture
async def house(clinic: Clinic, counter: Counter) -> AsyncIterator[House]:
    async with running(clinic, counter.register) as house:
        yield house
