"""`xinglin migrate`: brings the database to this program's schema, with a copy to go back to."""

import asyncio
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from data.clock import SystemClock
from data.database import Database
from data.errors import DomainError, Unavailable
from data.keyring import Keyring
from data.schema import Schema, Standing, State
from jobs.backup_trail import Told, note_restore
from jobs.commands.call import AsJson, Call, Home, at, typist
from jobs.commands.voice import LOG, show, tell, write_down
from jobs.upgrade import UpgradeCopies
from services.anchors import Anchors
from services.settings import Settings


def migrate(
    ctx: typer.Context,
    *,
    without_backup: Annotated[
        bool,
        typer.Option(
            "--without-backup", "--no-backup", help="A copy of the machine exists already."
        ),
    ] = False,
    back: Annotated[
        Path | None,
        typer.Option("--back", help="Instead bring back this copy, which an upgrade made."),
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Bring the database to this program's schema; a copy of it is made first.

    An upgrade that is interrupted has not happened. The server must not run meanwhile. The copy
    of before an upgrade comes back with --back, for the program of before; on PostgreSQL into a
    database that is empty.
    """
    call = at(ctx, home)
    call.refuse_beside_server("migrate")
    if back:
        _bring_back(call, back, as_json=as_json)
        return
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


def _bring_back(call: Call, copy: Path, *, as_json: bool) -> None:
    aside = asyncio.run(_brought_back(call.settings, copy))
    if as_json:
        show({"copy": str(copy), "set_aside": str(aside or "")})
        return
    tell("migrate.back", copy=copy)
    if aside:
        tell("migrate.set_aside", path=aside)


async def _brought_back(settings: Settings, copy: Path) -> Path | None:
    """Exchange the database, and say so outside it and within: its trail is shorter now."""
    key_file = Keyring(settings.key_file).load()
    keys, clock = key_file.keys(settings.crypto_profile), SystemClock()
    aside = await UpgradeCopies(settings, keys).bring_back(copy, clock.now())
    as_of = datetime.fromtimestamp((await asyncio.to_thread(copy.stat)).st_mtime, UTC)
    anchors = Anchors(settings.anchor_file)
    await asyncio.to_thread(anchors.go_back, f"migrate --back {copy.name}", clock.now(), keys)
    database = await Database(settings.database, keys.key("db")).open()
    try:
        await note_restore(database, key_file, clock, Told(copy.name, as_of, typist()))
    finally:
        await database.close()
    return aside


async def _migrated(settings: Settings, *, backup: bool) -> tuple[Standing, Path | None]:
    keys = Keyring(settings.key_file).load().keys(settings.crypto_profile)
    database = await Database(settings.database, keys.key("db")).open()
    try:
        database.unlock(keys)
        schema = Schema(database)
        standing = await schema.standing()
        if standing.state is State.EMPTY:  # lost, or the address of another one: never a new house
            await schema.require()
        copy = None
        if standing.state is State.OLDER and backup:
            copies = UpgradeCopies(settings, keys)
            copy = await copies.make(database, standing.found, SystemClock().now())
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
