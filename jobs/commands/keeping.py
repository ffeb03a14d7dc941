"""`xinglin backup, restore`: what keeps a hospital's records for fifteen years."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from data.clock import SystemClock
from data.keyring import KeyFile, Keyring, Share
from jobs.backup_restore import Restore, Wanted
from jobs.commands.call import AsJson, Call, Home, at, typist
from jobs.commands.voice import Ending, said, sentence_for, show, tell, warn
from services.anchors import Anchors
from services.settings import Settings

MADE = ("place", "megabytes", "rows", "files")
VERIFIED = ("night", "megabytes", "files", "parts", "reaches")


def backup(
    ctx: typer.Context,
    *,
    verify: Annotated[
        bool, typer.Option("--verify", help="Make none: check the newest one at the target.")
    ] = False,
    drill: Annotated[
        bool, typer.Option("--drill", help="Afterwards try whether it can be restored.")
    ] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make a sealed copy of the whole hospital now, at the target that the settings name."""
    call = at(ctx, home)
    done = call.carry_out("backup.verify" if verify else "backup.run")
    tried = call.carry_out("backup.drill") if drill else None
    if as_json:
        show({**done, "drill": tried} if drill else done)
    elif verify:
        tell("backup.verified", **{name: done[name] for name in VERIFIED})
    else:
        tell("backup.done", **{name: done[name] for name in MADE})
    _tell_findings(done, tried)
    if tried and not as_json:
        tell("backup.drill_done", rows=tried["rows"], entries=tried["audit_entries"])


def _tell_findings(done: dict[str, Any], tried: dict[str, Any] | None) -> None:
    """Say what is not as it should be; end with it unless the copy itself is good."""
    if done.get("untidied"):
        warn("backup.untidied", why=done["untidied"])
    if done.get("files_missing"):
        warn("backup.files_missing", count=done["files_missing"])
        raise typer.Exit(Ending.FINDINGS)
    if tried and not tried["ok"]:
        warn("backup.drill_failed", why=sentence_for(tried["code"], tried["detail"]))
        raise typer.Exit(Ending.FINDINGS)


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
    wanted = Wanted(opener, until=moment, key_file=call.settings.master_key, by=typist())
    done = asyncio.run(_restored(call, settings, wanted))
    if settings.home == Settings().home:  # and not on trial beside the living hospital
        _tell_far_anchors(settings.home, str(done["night"]))
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


def _tell_far_anchors(home: Path, night: str) -> None:
    """Say beside anchors that were not restored themselves why the trail is shorter now."""
    settings = Settings.load(home)
    anchors = settings.anchor_file
    if anchors.exists() and not anchors.is_relative_to(home):
        keys = Keyring(settings.key_file).load().keys(settings.crypto_profile)
        Anchors(anchors).go_back(f"restore {night}", SystemClock().now(), keys)


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
