"""A hospital's database is made and changed by migrations: whole, or not at all. (R041)"""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import DateTime, Enum, inspect, text
from sqlalchemy.orm import RelationshipProperty

from data.base import Base
from data.clock import new_id
from data.database import Database
from data.errors import Conflict, DomainError, Invalid
from data.schema import VERSION_TABLE, VERSIONS, Schema, State
from data.tables import metadata
from tests.peers import ROOT

# A further step, as the next version of the program may bring it: it makes a table, copies rows,
# alters a table by batch, and then does what the test wants.
NEXT = """
import os, signal
import sqlalchemy as sa
from alembic import op

revision = "9000"
down_revision = {head!r}
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("novelty", sa.Column("id", sa.Uuid(), primary_key=True))
    op.execute("INSERT INTO novelty SELECT id FROM institution")
    with op.batch_alter_table("institution") as batch:
        batch.add_column(sa.Column("nickname", sa.String(), nullable=True))
        batch.alter_column("phone", existing_type=sa.String(), nullable=True)
    {then}


def downgrade() -> None:
    with op.batch_alter_table("institution") as batch:
        batch.drop_column("nickname")
        batch.alter_column("phone", existing_type=sa.String(), nullable=False)
    op.drop_table("novelty")
"""


@pytest.fixture
async def bare(request, kind, tmp_path, database):
    """The address of a database with nothing in it; `database` is one with all tables."""
    if kind == "sqlite":
        yield f"sqlite:///{tmp_path}/bare.db"
        return
    server = request.getfixturevalue("scratch_postgresql").server
    admin = await asyncpg.connect(host=str(server.folder), user="postgres")
    name = f"bare_{new_id().hex}"
    await admin.execute(f"CREATE DATABASE {name}")
    yield server.url(name)
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@pytest.fixture
async def opened(bare, keys):
    database = await Database(bare, keys.key("db")).open()
    yield database
    await database.close()


def versions_with(tmp_path: Path, then: str) -> Path:
    """Return a folder of our migrations and one more that ends with `then`."""
    folder = tmp_path / "versions"
    shutil.copytree(VERSIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    head = max(path.name[:4] for path in VERSIONS.glob("[0-9]*.py"))
    (folder / "9000_next.py").write_text(NEXT.format(head=head, then=then))
    return folder


def shape(connection) -> dict:
    """Return everything a database knows about its tables, in an order of its own."""
    seen = inspect(connection)
    tables = {
        name: {
            "columns": {
                column["name"]: (str(column["type"]), column["nullable"], column["default"])
                for column in seen.get_columns(name)
            },
            "key": seen.get_pk_constraint(name),
            "references": _sorted(seen.get_foreign_keys(name)),
            "unique": _sorted(seen.get_unique_constraints(name)),
            "checks": _sorted(seen.get_check_constraints(name)),
            "indexes": _sorted(seen.get_indexes(name)),
        }
        for name in seen.get_table_names()
        if name != VERSION_TABLE
    }
    return {"tables": tables, "triggers": _triggers(connection)}


def _sorted(found: list[dict]) -> list[str]:
    return sorted(str(_plain(each)) for each in found)


def _plain(value) -> object:
    """Return something that compares by what it says: SQL expressions do not."""
    if isinstance(value, dict):
        return sorted((key, _plain(inner)) for key, inner in value.items())
    return str(value)


def _triggers(connection) -> list[str]:
    if connection.dialect.name == "sqlite":
        query = "SELECT sql FROM sqlite_master WHERE type = 'trigger'"
    else:
        query = "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal"
    return sorted(re.sub(r"\s+", " ", row[0]) for row in connection.execute(text(query)))


async def test_the_migrations_build_what_the_tables_say(opened, database):
    """From nothing to the newest schema, compared with what the code declares, name by name."""
    before = await Schema(opened).upgrade()

    assert before.state is State.EMPTY
    migrated, declared = await opened.run(shape), await database.run(shape)
    assert set(migrated["tables"]) == set(declared["tables"])
    for name, table in declared["tables"].items():
        assert migrated["tables"][name] == table, name
    assert migrated["triggers"] == declared["triggers"]
    assert (await Schema(opened).standing()).state is State.CURRENT


async def test_every_step_can_be_gone_down_and_up_again(opened):
    schema = Schema(opened)
    steps = [step.revision for step in schema.script().walk_revisions()]
    await schema.upgrade()
    newest = await opened.run(shape)

    for step in [*steps[1:], "base"]:
        await schema.move(step)
    assert (await opened.run(shape))["tables"] == {}
    assert (await schema.standing()).state is State.EMPTY

    await schema.upgrade()
    assert await opened.run(shape) == newest


async def test_a_hospital_of_the_previous_version_is_upgraded_with_its_rows(opened, tmp_path):
    """The step that rebuilds a table keeps its rows and those that refer to them."""
    await Schema(opened).upgrade()
    await opened.run(a_hospital)
    schema = Schema(opened, versions_with(tmp_path, "pass"))
    assert (await schema.standing()).state is State.OLDER
    with pytest.raises(Conflict) as refusal:
        await schema.require()
    assert refusal.value.code == "schema_older"

    await schema.upgrade()

    await schema.require()
    assert await opened.run(counts) == (1, 1, 1)


def a_hospital(connection) -> None:
    connection.execute(
        text(
            "INSERT INTO institution (id, name, uscc, licence_number, grading_number, phone,"
            " is_demo, created_at, version) VALUES ('01900000000070008000000000000001', 'A', 'B',"
            " '', '', '', false, '2026-01-01 00:00:00', 1)"
        )
    )
    connection.execute(
        text(
            "INSERT INTO site (id, institution_id, name, address, phone, created_at, version)"
            " VALUES ('01900000000070008000000000000002', '01900000000070008000000000000001',"
            " 'S', '', '', '2026-01-01 00:00:00', 1)"
        )
    )


def counts(connection) -> tuple[int, ...]:
    return tuple(
        connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()
        for table in ("institution", "site", "novelty")
    )


async def test_an_upgrade_that_fails_has_not_happened(opened, tmp_path):
    await Schema(opened).upgrade()
    await opened.run(a_hospital)
    before = await opened.run(shape)

    versions = versions_with(tmp_path, 'raise RuntimeError("in the middle")')
    with pytest.raises(RuntimeError, match="in the middle"):
        await Schema(opened, versions).upgrade()

    assert await opened.run(shape) == before
    await Schema(opened).require()


async def test_an_upgrade_that_is_killed_has_not_happened(bare, keys, tmp_path):
    """kill -9 after the tables were changed and before the end: the old schema is whole."""
    database = await Database(bare, keys.key("db")).open()
    await Schema(database).upgrade()
    await database.run(a_hospital)
    before = await database.run(shape)
    await database.close()

    folder = versions_with(tmp_path, "os.kill(os.getpid(), signal.SIGKILL)")
    program = (
        "import asyncio, pathlib, sys\n"
        "from data.database import Database\n"
        "from data.schema import Schema\n"
        "async def upgrade():\n"
        "    database = await Database(sys.argv[1], bytes.fromhex(sys.argv[2])).open()\n"
        "    await Schema(database, pathlib.Path(sys.argv[3])).upgrade()\n"
        "asyncio.run(upgrade())\n"
    )
    command = [sys.executable, "-c", program, bare, keys.key("db").hex(), str(folder)]
    done = await asyncio.to_thread(
        subprocess.run, command, cwd=ROOT, env={**os.environ, "PYTHONPATH": "."}, check=False
    )
    assert done.returncode == -signal.SIGKILL

    database = await Database(bare, keys.key("db")).open()
    assert await database.run(shape) == before
    await Schema(database).require()
    await database.close()


async def test_references_that_an_upgrade_would_lose_stop_it(opened, tmp_path):
    if opened.kind != "sqlite":
        pytest.skip("PostgreSQL refuses such a step by itself.")
    await Schema(opened).upgrade()
    await opened.run(a_hospital)
    before = await opened.run(shape)

    with pytest.raises(Invalid) as refusal:
        step = 'op.execute("DELETE FROM institution")'
        await Schema(opened, versions_with(tmp_path, step)).upgrade()

    assert refusal.value.code == "schema_references_lost"
    assert await opened.run(shape) == before


async def test_the_schema_of_a_later_version_is_left_alone(opened, tmp_path):
    later = Schema(opened, versions_with(tmp_path, "pass"))
    await later.upgrade()
    for attempt in (Schema(opened).upgrade, Schema(opened).require):
        with pytest.raises(Conflict) as refusal:
            await attempt()
        assert refusal.value.code == "schema_newer"
    await later.require()


async def test_the_database_of_another_program_is_left_alone(opened):
    await opened.run(lambda connection: connection.execute(text("CREATE TABLE cows (name TEXT)")))
    for attempt in (Schema(opened).upgrade, Schema(opened).require):
        with pytest.raises(DomainError) as refusal:
            await attempt()
        assert refusal.value.code == "schema_foreign"
    assert set((await opened.run(shape))["tables"]) == {"cows"}


async def test_an_empty_database_is_not_served(opened):
    with pytest.raises(Conflict) as refusal:
        await Schema(opened).require()
    assert refusal.value.code == "schema_empty"


async def test_references_are_watched_again_after_an_upgrade(opened):
    await Schema(opened).upgrade()
    if opened.kind == "sqlite":
        switch = await opened.between_groups(
            lambda raw: raw.execute("PRAGMA foreign_keys").fetchone()
        )
        assert switch == (1,)


def test_every_column_has_a_data_level():
    """R014, GB/T 39725: masks, exports and logs read it."""
    without = [
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if column.info.get("level") not in {1, 2, 3, 4, 5}
    ]
    assert without == []


def test_no_constraint_is_checked_later_than_its_statement():
    """In a group commit a deferred constraint would fail the neighbours' work."""
    deferred = [
        f"{table.name}: {constraint.name}"
        for table in metadata.sorted_tables
        for constraint in table.constraints
        if getattr(constraint, "deferrable", None) or getattr(constraint, "initially", None)
    ]
    assert deferred == []


def test_no_relationship_loads_by_itself():
    """A page that touches an attribute must never wait for the database."""
    lazy = [
        f"{mapper.class_.__name__}.{relation.key}"
        for mapper in Base.registry.mappers
        for relation in mapper.attrs
        if isinstance(relation, RelationshipProperty)
        and relation.lazy not in {"joined", "selectin", "raise", "noload"}
    ]
    assert lazy == []


def test_every_table_says_whose_it_is():
    """Decision: institution and site are in the schema from the start; each exception is argued."""
    placed = {
        table.name
        for table in metadata.sorted_tables
        if "institution_id" in table.columns and "site_id" in table.columns
    }
    missing = {table.name for table in metadata.sorted_tables} - placed - set(UNPLACED)
    assert missing == set(), "give it the mixin Placed, or a reason here"
    assert set(UNPLACED) <= {table.name for table in metadata.sorted_tables}, "a stale exception"


UNPLACED = {
    "institution": "is the institution",
    "site": "is the site, and names its institution",
    "outbox_event": "the house's own post: nobody lists it but the house",
    "outbox_delivery": "belongs to its event",
    "timer": "the house's own alarm clock",
    "draft": "belongs to who typed it",
    "answered": "keyed by who asked",
    "fact": "about the house as a whole",
    "role_grant": "belongs to its account; its site is where the role holds",
    "password": "belongs to its account",
    "totp_secret": "belongs to its account",
    "passkey": "belongs to its account",
    "recovery_code": "belongs to its account",
    "one_time_code": "sent to a phone before anybody knows whose it is",
    "caught_message": "the demo's own post box; no hospital has it",
    "sign_in_guard": "counts knocks at the door, before anybody is known",
}


def test_a_word_needs_no_migration_when_it_is_added():
    """States are stored as text without a list in the schema, so that a new one is code only."""
    listed = [
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, Enum)
        and (column.type.native_enum or column.type.create_constraint)
    ]
    assert listed == []


def test_no_column_forgets_the_time_zone():
    naive = [
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, DateTime) and not column.type.timezone
    ]
    assert naive == []
