"""A bus in an empty house, and an event that only happens here."""

import pytest

from services.events import Event
from tests.services.bus.hearing import ItHappened


@pytest.fixture(autouse=True)
def only_here():
    """Keep the tests' own event out of the catalogue that other tests read."""
    Event.catalogue["ItHappened"] = ItHappened
    yield
    Event.catalogue.pop("ItHappened", None)


@pytest.fixture
def bus(clinic):
    return clinic.bus
