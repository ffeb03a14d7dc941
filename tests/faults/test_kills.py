"""R033, R034: kill -9, twenty times: nothing that was answered is lost, nothing is done twice."""

import asyncio

import pytest

from tests.faults.kills import kill_often
from tests.faults.server import Orders
from tests.peers import free_port


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_kills_lose_and_double_nothing_that_was_answered(tmp_path, soak):
    """On the encrypted file, over HTTP, 32 clients."""
    kills = 1000 if soak else 20
    orders = Orders(f"sqlite:///{tmp_path / 'house.db'}", str(tmp_path), free_port())

    found = asyncio.run(kill_often(orders, kills))

    assert found.faults == {}
    assert found.kills == kills
    assert found.answered >= 5 * kills  # otherwise nothing was proved


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_kills_lose_and_double_nothing_on_postgresql(tmp_path, soak, postgresql_server):
    kills = 1000 if soak else 5
    postgresql_server.sql("CREATE DATABASE kills")
    orders = Orders(postgresql_server.url("kills"), str(tmp_path), free_port())

    found = asyncio.run(kill_often(orders, kills))

    assert found.faults == {}
    assert found.answered >= 5 * kills
