"""Which files the databases still need that an upgrade has copied or set aside. (搁置的数据库)

`xinglin migrate` leaves the database of before in a folder of its own, and `--back` the one of
after: either may be taken up again. Their files stay as long as they lie there; whoever deletes
such a copy lets go of them with the next night.
"""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlcipher3 import dbapi2 as sqlcipher

from data.crypto import Keys
from data.errors import Invalid

FOLDER = Path("backup") / "upgrades"
BLOBS = "blobs"
NAMED = "SELECT DISTINCT blob FROM stored_file WHERE wrapped_key IS NOT NULL"
HAS_FILES = "SELECT count(*) FROM sqlite_master WHERE name = 'stored_file'"


def still_named(home: Path, keys: Keys) -> set[str]:
    """Return the files that any of these databases names; blocks.

    Raise `Invalid("upgrade_copy_unreadable")` for one that cannot be read: nobody knows its files.
    """
    folder = home / FOLDER
    named: set[str] = set()
    for path in sorted(folder.glob("*.db")):
        named |= _in_file(path, keys)
    for dump in sorted(folder.glob("*.dump")):
        named |= _in_opener(opener_of(dump))
    return named


def opener_of(dump: Path) -> Path:
    """Return what lies beside a dump: how to open it, and which files it names."""
    return dump.with_suffix(".json")


def _in_opener(path: Path) -> set[str]:
    try:
        return set(json.loads(path.read_bytes()).get(BLOBS, ()))
    except (OSError, ValueError):
        raise Invalid("upgrade_copy_unreadable", path=str(path)) from None


def _in_file(path: Path, keys: Keys) -> set[str]:
    for version in (keys.version, *(older for older, _ in keys.older)):
        try:
            with closing(_reading(path)) as connection:
                connection.execute("PRAGMA cipher_log_level=NONE")
                connection.execute(f"PRAGMA key=\"x'{keys.key('db', version).hex()}'\"")
                [has_files] = connection.execute(HAS_FILES).fetchone()
                return {blob for (blob,) in connection.execute(NAMED)} if has_files else set()
        except sqlcipher.DatabaseError:
            continue  # of before a rotation, damaged, or not ours to open
    raise Invalid("upgrade_copy_unreadable", path=str(path))


def _reading(path: Path) -> Any:
    """Open a file without changing it; its own log is read where one was left beside it."""
    has_log = path.with_name(f"{path.name}-wal").exists()
    how = "mode=ro" if has_log else "immutable=1"
    return sqlcipher.connect(f"{path.absolute().as_uri()}?{how}", uri=True)
