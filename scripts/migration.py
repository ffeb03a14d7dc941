"""Writes the next migration from what the tables are now; read it before you commit it.

    python -m scripts.migration "Keep drafts"

Autogenerate sees tables, columns, indexes and most constraints. It does not see triggers (see
`data.audit.guard_entries`), data that must move, or a column that was renamed.
"""

import asyncio
import re
import subprocess
import sys
import tempfile
from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import Any

from alembic import command
from sqlalchemy import Connection

from data.database import Database
from data.schema import VERSIONS, Schema


async def write(message: str, versions: Path = VERSIONS, leave_out: Collection[str] = ()) -> Path:
    """Write the step from the last migration to the tables of data/*.py; return its file."""
    with tempfile.TemporaryDirectory() as folder:
        database = await Database(f"sqlite:///{folder}/scratch.db", bytes(32)).open()
        try:
            schema = Schema(database, versions)
            await schema.upgrade()
            return await database.run(partial(_write, schema, message, leave_out))
        finally:
            await database.close()


def _write(
    schema: Schema, message: str, leave_out: Collection[str], connection: Connection
) -> Path:
    config = schema.config
    config.attributes["connection"] = connection
    config.attributes["leave_out"] = leave_out
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    number = len(list(schema.script().walk_revisions())) + 1
    made: Any = command.revision(
        config, message, autogenerate=True, rev_id=f"{number:04}", version_path=str(schema.versions)
    )
    file = Path(made.path)
    lines = file.read_text(encoding="utf-8").splitlines()
    kept = (line for line in lines if not line.strip().startswith("# ###"))
    file.write_text("\n".join((*kept, "")), encoding="utf-8")
    subprocess.run([sys.executable, "-m", "ruff", "format", "-q", str(file)], check=True)
    return file


def main() -> int:
    """Write one migration and say where."""
    message = " ".join(sys.argv[1:]).strip()
    if not re.fullmatch(r"[A-Za-z0-9 ,'-]{3,60}", message):
        print(__doc__)
        return 2
    asyncio.run(write(message))  # alembic says where
    return 0


if __name__ == "__main__":
    sys.exit(main())
