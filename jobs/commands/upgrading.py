"""`xinglin migrate`: brings the database to this program's schema, with a copy to go back to."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from data.clock import SystemClock
from data.database import Database
from data.errors import DomainError, Invalid, Unavailable
from data.keyring import Keyring
from data.schema import Schema, Standing, State
from jobs.commands.call import AsJson, Home, at
from jobs.commands.voice import LOG, show, tell, write_down
from services.settings import Settings


def migrate(
    ctx: typer.Context,
    *,
    without_backup: Annotated[
        bool, typer.Option("--without-backup", help="A copy of the machine exists already.")
    ] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Bring the database to this program's schema; a copy of it is made first.

    An upgrade that is interrupted has not happened. The server must not run meanwhile.
    """
    call = at(ctx, home)
    call.refuse_beside_server("migrate")
    before, copy = asyncio.run(_migrated(call.settings, backup=not without_backup))
    answer = {**asdict(before), "backup": str(copy or "")}
    if as_json:
        show(answer)
    elif before.state is State.CURRENT:
        tell("migrate.current", known=before.known)
    else:
        tell("migrate.done", found=before.found or "-", known=before.known)
        if copy:
            tell("migrate.copy", copy=copy)


async def _migrated(settings: Settings, *, backup: bool) -> tuple[Standing, Path | None]:
    keys = Keyring(settings.key_file).load().keys(settings.crypto_profile)
    database = await Database(settings.database, keys.key("db")).open()
    try:
        database.unlock(keys)
        schema = Schema(database)
        standing = await schema.standing()
        copy = None
        if standing.state is State.OLDER and backup:
            copy = await _copied(database, settings, standing)
        return await _upgraded(schema, settings), copy
    finally:
        await database.close()


async def _upgraded(schema: Schema, settings: Settings) -> Standing:
    try:
        return await schema.upgrade()
    except (DomainError, OSError):
        raise
    except Exception as trouble:
        log = write_down(trouble, settings.home / LOG)
        kind = type(trouble).__name__
        raise Unavailable("upgrade_taken_back", kind=kind, log=str(log or "-")) from trouble


async def _copied(database: Database, settings: Settings, standing: Standing) -> Path:
    """Copy the database as it is, encrypted as it is, beside the other backups.

    The nightly copy needs a house that is open, and this one does not fit the program yet.
    """
    if database.kind != "sqlite":
        raise Invalid("migrate_needs_dump", url=database.url.database)
    folder = settings.home / "backup" / "upgrades"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    copy = folder / f"{SystemClock().now():%Y%m%dT%H%M%SZ}-schema-{standing.found}.db"
    await database.between_groups(lambda raw: _vacuum_into(raw, copy))
    return copy


def _vacuum_into(raw: Any, copy: Path) -> None:
    """SQLCipher encrypts the copy with the same key."""
    raw.execute("VACUUM INTO ?", (str(copy),))
