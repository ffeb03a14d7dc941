"""Which schema a database has, and bringing it to the one this program knows. (数据库升级)

alembic from code: no alembic.ini, no command of its own. An upgrade is one transaction on both
databases, so that one that is interrupted has not happened.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, inspect

from data.database import Database
from data.errors import Conflict, Invalid

MIGRATIONS = Path(__file__).parent / "migrations"
VERSIONS = MIGRATIONS / "versions"
VERSION_TABLE = "xinglin_schema"


class State(StrEnum):
    """How a database's schema stands to this program's."""

    EMPTY = "empty"
    FOREIGN = "foreign"
    """Another program's tables are in it, and none of ours."""
    OLDER = "older"
    CURRENT = "current"
    NEWER = "newer"
    """A later version of this program has upgraded it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What was found, with the revisions: the database's (empty if none) and the program's."""

    state: State
    found: str
    known: str


class Schema:
    """The tables of one open database."""

    def __init__(self, database: Database, versions: Path = VERSIONS) -> None:
        self._database = database
        self.versions = versions

    async def standing(self) -> Standing:
        """Tell which schema the database has."""
        return await self._database.run(self._standing)

    async def require(self) -> None:
        """Raise unless the database has exactly the tables this program expects."""
        found = await self.standing()
        if found.state is not State.CURRENT:
            raise Conflict(f"schema_{found.state}", found=found.found, known=found.known)

    async def upgrade(self) -> Standing:
        """Bring the schema up to date, also from nothing; return how it stood before.

        Raise `Conflict("schema_newer")` or `("schema_foreign")` and change nothing.
        """
        before = await self.standing()
        if before.state in {State.NEWER, State.FOREIGN}:
            raise Conflict(f"schema_{before.state}", found=before.found, known=before.known)
        if before.state is not State.CURRENT:
            await self.move("head")
        return before

    async def move(self, revision: str) -> None:
        """Go up or down to `revision` (`base`: no tables at all), all of it or nothing."""
        await self._watch_references("OFF")
        try:
            await self._database.run(partial(self._move, revision))
        finally:
            await self._watch_references("ON")

    async def _watch_references(self, switch: str) -> None:
        """SQLite alters a table by copying it; dropping the old one must not delete its children.

        The switch does nothing inside a transaction, so the whole is checked at its end.
        """
        if self._database.kind == "sqlite":
            statement = f"PRAGMA foreign_keys={switch}"
            await self._database.between_groups(partial(_execute, statement))

    def _standing(self, connection: Connection) -> Standing:
        known = self.script().get_current_head() or ""
        found = self._context(connection).get_current_revision() or ""
        if found:
            state = self._compared(found, known)
        else:
            names = set(inspect(connection).get_table_names()) - {VERSION_TABLE}
            state = State.FOREIGN if names else State.EMPTY
        return Standing(state, found, known)

    def _compared(self, found: str, known: str) -> State:
        if found == known:
            return State.CURRENT
        try:
            self.script().get_revision(found)
        except CommandError:
            return State.NEWER
        return State.OLDER

    def _move(self, revision: str, connection: Connection) -> None:
        config = self.config
        config.attributes["connection"] = connection
        steps = [each.revision for each in self.script().walk_revisions()]  # newest first
        now = self._context(connection).get_current_revision()
        downwards = revision == "base" or (now in steps and revision in steps[steps.index(now) :])
        (command.downgrade if downwards else command.upgrade)(config, revision)
        if connection.dialect.name == "sqlite":
            lost = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
            if lost:
                raise Invalid("schema_references_lost", table=lost[0][0])

    @property
    def config(self) -> Config:
        """What alembic is told, but for the connection."""
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        config.set_main_option("version_locations", str(self.versions).replace("%", "%%"))
        config.set_main_option("path_separator", "newline")  # a folder's name may hold a blank
        return config

    def script(self) -> ScriptDirectory:
        """Return all steps there are."""
        return ScriptDirectory.from_config(self.config)

    @staticmethod
    def _context(connection: Connection) -> MigrationContext:
        return MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})


def _execute(statement: str, raw: Any) -> None:
    raw.execute(statement)
