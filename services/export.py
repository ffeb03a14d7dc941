"""Hands over everything the house knows, when an institution closes or is taken over. (R-REC-7)

What comes out can be read without this program: a file of JSON lines a table, every kept file with
its content, and a manifest with the SHA-256 of each. It is NOT encrypted. What only opens doors
here (passwords, secrets, sessions) stays here.
"""

import asyncio
import base64
import hashlib
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Table, select, text

from data.base import Base
from data.crypto import Keys
from data.errors import Conflict, DomainError
from data.files import FileStore, StoredFile
from data.stored_file import KeptFile
from services.policy import Action, Actor, Subject
from services.transaction import Reading, Transactions

FORMAT = "xinglin-export-1"
BATCH = 500
KEPT_BACK = frozenset(
    {
        *("password", "totp_secret", "passkey", "recovery_code", "session", "sign_in_guard"),
        *("answered", "caught_message"),
    }
)
"""Tables that open doors, or mean nothing elsewhere."""
KEPT_BACK_COLUMNS = {"stored_file": frozenset({"wrapped_key"})}


@dataclass(slots=True)
class Handover:
    """What was written."""

    folder: Path
    rows: dict[str, int] = field(default_factory=dict)
    files: int = 0
    unreadable: list[str] = field(default_factory=list)
    """Kept files that are missing or damaged, by their id."""
    digests: dict[str, str] = field(default_factory=dict)
    """SHA-256 of each file written, by its path in the folder."""


class Export:
    """The one who packs."""

    def __init__(self, transactions: Transactions, keys: Keys, files: Path) -> None:
        self._transactions = transactions
        self._files = FileStore(files, keys)

    async def everything(self, actor: Actor, folder: Path, purpose: str) -> Handover:
        """Write all tables and files, as they were at one moment, into a folder that is empty.

        Raise `Conflict("export_folder_not_empty")`. The manifest is written last: without it the
        export is not complete.
        """
        await asyncio.to_thread(_make_empty, folder)
        async with self._transactions.open(actor) as tx:
            tx.allow(Action.EXPORT_ALL, Subject("house"), purpose=purpose)
            now = tx.now
        done = Handover(folder)
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.EXPORT_ALL, Subject("house"))
            await _hold_still(tx)
            for table in Base.metadata.sorted_tables:
                if table.name not in KEPT_BACK:
                    await _write_table(tx, table, done)
            kept = (await tx.session.scalars(select(KeptFile).order_by(KeptFile.id))).all()
        for row in kept:
            await self._write_file(row, done)
        await asyncio.to_thread(_write_manifest, done, now)
        return done

    async def _write_file(self, row: KeptFile, done: Handover) -> None:
        if row.wrapped_key is None:
            return  # shredded: nobody can read it any more, and nobody shall
        name = f"files/{row.id}"
        chunks = self._files.read(StoredFile.of(row))
        try:
            done.digests[name] = await _written(done.folder / name, chunks)
            done.files += 1
        except DomainError:
            (done.folder / name).unlink(missing_ok=True)
            done.unreadable.append(str(row.id))


async def _hold_still(tx: Reading) -> None:
    """See the database as it is at this moment, however long the reading takes."""
    if tx.session.get_bind().dialect.name == "postgresql":  # SQLite does so by itself
        await tx.session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))


async def _write_table(tx: Reading, table: Table, done: Handover) -> None:
    hidden = KEPT_BACK_COLUMNS.get(table.name, frozenset())
    columns = [column for column in table.columns if column.name not in hidden]
    name, after, count = f"tables/{table.name}.jsonl", None, 0
    target = done.folder / name
    await asyncio.to_thread(target.touch, 0o600)
    digest = hashlib.sha256()
    while True:
        query = select(*columns).order_by(table.c.id).limit(BATCH)
        if after is not None:
            query = query.where(table.c.id > after)
        rows = (await tx.session.execute(query)).mappings().all()
        if not rows:
            break
        lines = "".join(json.dumps(_plain(row), ensure_ascii=False) + "\n" for row in rows)
        await asyncio.to_thread(_append, target, lines.encode())
        digest.update(lines.encode())
        after, count = rows[-1]["id"], count + len(rows)
    done.rows[table.name] = count
    done.digests[name] = digest.hexdigest()


def _plain(row: Any) -> dict[str, Any]:
    return {name: _word(value) for name, value in row.items()}


def _word(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID | Decimal):
        return str(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value


async def _written(target: Path, chunks: AsyncIterator[bytes]) -> str:
    digest = hashlib.sha256()
    await asyncio.to_thread(target.touch, 0o600)
    async for chunk in chunks:
        digest.update(chunk)
        await asyncio.to_thread(_append, target, chunk)
    return digest.hexdigest()


def _append(target: Path, content: bytes) -> None:
    with target.open("ab") as file:
        file.write(content)


def _make_empty(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise Conflict("export_folder_not_empty", path=str(folder))
    for each in (folder, folder / "tables", folder / "files"):
        each.mkdir(mode=0o700, parents=True, exist_ok=True)


def _write_manifest(done: Handover, now: datetime) -> None:
    manifest = {
        "format": FORMAT,
        "made_at": now.isoformat(),
        "rows": done.rows,
        "files": done.files,
        "unreadable": done.unreadable,
        "kept_back": sorted(KEPT_BACK),
        "sha256": done.digests,
    }
    descriptor = os.open(done.folder / "manifest.json", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(manifest, file, ensure_ascii=False, indent=1)
        file.flush()
        os.fsync(descriptor)
