"""Pages in NiceGUI's simulation: fast, with the real services, without a browser."""

from collections.abc import AsyncIterator
from functools import partial

import pytest
from nicegui.testing import User
from nicegui.testing.user_simulation import user_simulation

from services import i18n


@pytest.fixture(autouse=True)
def every_sentence_exists() -> None:
    """A key without a sentence fails the test that meets it."""
    i18n.settle(strict=True)


@pytest.fixture
async def user(caplog: pytest.LogCaptureFixture) -> AsyncIterator[User]:
    """Somebody in front of a page; a page that logs an error fails the test."""
    async with user_simulation() as user:
        user.should_see = partial(user.should_see, retries=50)  # costs nothing when green
        yield user
    errors = [each.getMessage() for each in caplog.get_records("call") if each.levelname == "ERROR"]
    assert errors == [], "a page raised"
