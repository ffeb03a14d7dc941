"""The private PostgreSQL server that other tests borrow is durable, private and gone afterwards."""

import stat

import asyncpg
import pytest

from tests.peers import PostgreSQL, need, private_postgresql


async def test_the_server_is_durable_and_listens_on_no_network(postgresql_server: PostgreSQL):
    connection = await asyncpg.connect(host=str(postgresql_server.folder), user="postgres")
    try:
        assert await connection.fetchval("show fsync") == "on"
        assert await connection.fetchval("show listen_addresses") == ""
    finally:
        await connection.close()


def test_nobody_but_its_user_reaches_the_server(postgresql_server: PostgreSQL):
    assert stat.S_IMODE(postgresql_server.folder.stat().st_mode) == 0o700


@pytest.mark.postgresql
def test_a_server_leaves_nothing_behind():
    with private_postgresql(fsync="off") as short:
        assert short.sql("show fsync") == "off"
    assert not short.folder.exists()


def test_a_missing_peer_is_skipped_at_home_and_failed_in_ci(monkeypatch):
    """A green run that silently left out the browsers would be a lie."""
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="sudo apt install no-such-program"):
        need("no-such-program")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="sudo apt install no-such-program"):
        need("no-such-program")
