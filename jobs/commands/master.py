"""`xinglin keys`: the master key, and the paper that brings it back. (S-CRY-2)"""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from data.clock import SystemClock
from data.errors import DomainError
from data.keyring import Keyring, Share
from jobs.commands.call import AsJson, Call, Home, Yes, at
from jobs.commands.papers import Sheet, hand_over_share, require_free
from jobs.commands.voice import Ending, said, show, tell, warn
from jobs.rotation import Rotation

SheetFile = Annotated[
    Path | None,
    typer.Option("--sheet", help="Also write the share as a page to print here; then delete it."),
]


def share(
    ctx: typer.Context, *, sheet: SheetFile = None, yes: Yes = False, home: Home = None
) -> None:
    """Print a new recovery share; the old one opens only backups made before this."""
    call = at(ctx, home)
    require_free(sheet)
    keyring = Keyring(call.settings.key_file)
    key_file = keyring.load()
    if not yes:
        typer.confirm(said("share.sure"), abort=True, err=True)
    new = Share.new()
    keyring.replace(key_file, new)
    _hand_over(call, new, sheet)


def rotate(
    ctx: typer.Context, *, sheet: SheetFile = None, yes: Yes = False, home: Home = None
) -> None:
    """Give the hospital a new master key and seal everything anew; the server must not run.

    An interrupted rotation is finished by running this again. It prints a new recovery share.
    """
    call = at(ctx, home)
    require_free(sheet)
    call.refuse_beside_server("keys rotate")
    if not yes:
        typer.confirm(said("keys.sure"), abort=True, err=True)
    keyring = Keyring(call.settings.key_file)
    done = asyncio.run(Rotation(call.settings, keyring, SystemClock()).run())
    tell("keys.rotated", version=done.version, fields=done.fields, files=done.files)
    _hand_over(call, done.share, sheet)


def verify(
    ctx: typer.Context,
    *,
    share: Annotated[
        str, typer.Option(help="The recovery share from paper; asked for if left out.")
    ] = "",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Check that the paper opens the key in use, once a year; nothing is changed.

    A group that was mistyped is named. Exits 1 if the paper opens other keys than those in use.
    """
    call = at(ctx, home)
    keyring = Keyring(call.settings.key_file)
    typed = share or str(typer.prompt(said("restore.ask_share")))
    opened, number = keyring.verify(typed), Share.read(typed).number
    good = opened == keyring.load()
    if as_json:
        show({"good": good, "share": number})
    elif good:
        tell("keys.share_good", number=number)
    else:
        warn("keys.share_old", number=number)
    if not good:
        raise typer.Exit(Ending.FINDINGS)


def _hand_over(call: Call, new: Share, sheet: Path | None) -> None:
    """Print the share, and note in the trail that it was: never the share itself, its number."""
    house = call.settings.home.name
    try:
        house = str(call.carry_out("share.printed", number=new.number)["house"])
    except DomainError as trouble:  # the paper matters more than the note
        warn("share.not_noted", code=trouble.code)
    hand_over_share(new, Sheet(sheet, house, call.settings.timezone) if sheet else None)
