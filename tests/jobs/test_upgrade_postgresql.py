"""An upgrade of a house on PostgreSQL copies it first, by PostgreSQL's own program. (R041)"""

import asyncio
import json
from pathlib import Path

import pytest
from sqlalchemy import text

from data.database import Database
from data.schema import VERSIONS
from tests.jobs.houses import INIT, Command
from tests.jobs.test_broken_upgrade import next_version

pytestmark = pytest.mark.postgresql


@pytest.fixture
def server(scratch_postgresql):
    return scratch_postgresql.server


@pytest.fixture
def url(kind, server):
    server.sql("CREATE DATABASE upgraded TEMPLATE template0")
    yield server.url("upgraded")
    server.sql("DROP DATABASE upgraded WITH (FORCE)")


@pytest.fixture
def xinglin(url, tmp_path, capsys) -> Command:
    """A hospital founded on PostgreSQL."""
    command = Command(tmp_path / "home", capsys)
    assert command(*INIT, "--database-url", url).code == 0
    return command


@pytest.fixture
def ahead(monkeypatch, tmp_path) -> Path:
    """A program that is one step ahead of the hospital."""
    folder = next_version(tmp_path / "versions")
    monkeypatch.setattr("data.schema.Schema.__init__.__defaults__", (folder,))
    return folder


def columns(url: str, table: str) -> set[str]:
    async def look() -> set[str]:
        database = await Database(url).open()
        async with database.transaction(write=False) as session:
            query = text("SELECT column_name FROM information_schema.columns WHERE table_name = :t")
            found = set(await session.scalars(query, {"t": table}))
        await database.close()
        return found

    return asyncio.run(look())


def test_an_upgrade_copies_first_and_the_copy_brings_back_what_was(
    xinglin, url, ahead, server, monkeypatch
):
    """Bad input: an upgrade that one wants to undo."""
    before = columns(url, "site")
    done = xinglin("migrate", "--json")
    assert done.code == 0, done.err
    copy = Path(json.loads(done.out)["backup"])
    assert copy.is_file()
    assert b"PGDMP" not in copy.read_bytes(), "sealed"
    assert columns(url, "site") != before

    server.sql("DROP DATABASE upgraded WITH (FORCE)")
    server.sql("CREATE DATABASE upgraded TEMPLATE template0")
    back = xinglin("migrate", "--back", str(copy))
    assert back.code == 0, back.err
    assert columns(url, "site") == before
    assert copy.is_file(), "it can be done again"
    monkeypatch.setattr("data.schema.Schema.__init__.__defaults__", (VERSIONS,))
    assert xinglin("audit", "verify").code == 0


def test_a_copy_is_never_played_over_a_house(xinglin, ahead):
    copy = json.loads(xinglin("migrate", "--json").out)["backup"]
    done = xinglin("migrate", "--back", copy)
    assert (done.code, "[database_not_empty]" in done.err) == (3, True)


def test_without_the_program_nothing_is_upgraded_unless_one_says_so(
    xinglin, url, ahead, monkeypatch, tmp_path
):
    before = columns(url, "site")
    monkeypatch.setattr("jobs.backup_postgresql.PLACES", tmp_path / "nowhere")
    monkeypatch.setenv("PATH", str(tmp_path))
    done = xinglin("migrate")
    assert (done.code, "[migrate_needs_dump]" in done.err) == (3, True)
    assert "--without-backup" in done.err
    assert columns(url, "site") == before
    assert xinglin("migrate", "--without-backup").code == 0
    assert columns(url, "site") != before


def test_a_hospital_whose_address_was_changed_does_not_open_empty(home, url, capsys, monkeypatch):
    """A hospital in SQLite does not move into PostgreSQL by its address alone."""
    monkeypatch.setenv("XINGLIN_DATABASE_URL", url)
    done = Command(home, capsys)("migrate")
    assert (done.code, "[schema_empty]" in done.err) == (3, True)
    assert columns(url, "site") == set()
