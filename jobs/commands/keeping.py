"""`xinglin backup, restore, migrate, keys`: what keeps a hospital's records for fifteen years."""

import asyncio
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from data.clock import SystemClock
from data.database import Database
from data.errors import DomainError, Invalid, Unavailable
from data.keyring import KeyFile, Keyring, Share
from data.schema import Schema, Standing, State
from jobs.backup_restore import Restore, Wanted
from jobs.commands.call import AsJson, Call, Home, Yes, at
from jobs.commands.papers import hand_over_share
from jobs.commands.voice import LOG, Ending, said, sentence_for, show, tell, warn, write_down
from jobs.rotation import Rotation
from services.settings import Settings


def backup(
    ctx: typer.Context,
    *,
    drill: Annotated[
        bool, typer.Option("--drill", help="Afterwards try whether it can be restored.")
    ] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make a sealed copy of the whole hospital now, at the target that the settings name."""
    call = at(ctx, home)
    done = call.carry_out("backup.run")
    tried = call.carry_out("backup.drill") if drill else None
    if as_json:
        show({**done, "drill": tried} if drill else done)
    else:
        tell(
            "backup.done", **{name: done[name] for name in ("place", "megabytes", "rows", "files")}
        )
    if tried and not tried["ok"]:
        warn("backup.drill_failed", why=sentence_for(tried["code"], tried["detail"]))
        raise typer.Exit(Ending.FINDINGS)
    if tried and not as_json:
        tell("backup.drill_done", rows=tried["rows"], entries=tried["audit_entries"])


def restore(  # noqa: PLR0913 - typer reads the flags from the parameters
    ctx: typer.Context,
    *,
    source: Annotated[str, typer.Option("--from", help="A directory, or sftp://user@host/path.")],
    share: Annotated[
        str, typer.Option(help="The recovery share from paper; asked for if left out.")
    ] = "",
    key_file: Annotated[Path | None, typer.Option(help="A saved master key instead.")] = None,
    until: Annotated[
        datetime | None, typer.Option(help="Go back to this moment (with its zone, or UTC).")
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Bring a hospital back from a backup and the printed share, onto an empty folder."""
    call = at(ctx, home, founded=False)
    backup = call.settings.backup.model_copy(update={"target": source})
    settings = call.settings.model_copy(update={"backup": backup})
    opener = _opener(share, key_file)
    moment = until.astimezone() if until and until.tzinfo else until
    wanted = Wanted(opener, until=moment, key_file=call.settings.master_key)
    done = asyncio.run(_restored(call, settings, wanted))
    if as_json:
        show(done)
    else:
        tell("restore.done", home=settings.home, as_of=done["as_of"], files=done["files"])
    if done["files_missing"]:
        warn("restore.files_missing", count=len(done["files_missing"]))
        raise typer.Exit(Ending.FINDINGS)


def _opener(share: str, key_file: Path | None) -> Share | KeyFile:
    if key_file:
        return Keyring(key_file, {}).load()
    return Share.read(share or str(typer.prompt(said("restore.ask_share"))))


async def _restored(call: Call, settings: Settings, wanted: Wanted) -> dict[str, Any]:
    target = call.composition.backup_target(settings)
    try:
        done = await Restore(target, settings, SystemClock()).run(wanted)
    finally:
        await target.close()
    return {
        "home": str(settings.home),
        "night": done.night,
        "made_at": done.made_at.isoformat(),
        "as_of": done.as_of.isoformat(),
        "files": done.files,
        "files_missing": list(done.files_missing),
    }


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


def share(ctx: typer.Context, *, yes: Yes = False, home: Home = None) -> None:
    """Print a new recovery share; the old one opens only backups made before this."""
    call = at(ctx, home)
    keyring = Keyring(call.settings.key_file)
    key_file = keyring.load()
    if not yes:
        typer.confirm(said("share.sure"), abort=True, err=True)
    new = Share.new()
    keyring.replace(key_file, new)
    hand_over_share(new)


def rotate(ctx: typer.Context, *, yes: Yes = False, home: Home = None) -> None:
    """Give the hospital a new master key and seal everything anew; the server must not run.

    An interrupted rotation is finished by running this again. It prints a new recovery share.
    """
    call = at(ctx, home)
    call.refuse_beside_server("keys rotate")
    if not yes:
        typer.confirm(said("keys.sure"), abort=True, err=True)
    keyring = Keyring(call.settings.key_file)
    done = asyncio.run(Rotation(call.settings, keyring, SystemClock()).run())
    tell("keys.rotated", version=done.version, fields=done.fields, files=done.files)
    hand_over_share(done.share)
