"""`xinglin export`: everything the hospital has, for whoever takes it over. (R-REC-7)"""

from pathlib import Path
from typing import Annotated

import typer

from jobs.commands.call import AsJson, Home, Yes, at
from jobs.commands.places import offered
from jobs.commands.voice import Ending, said, show, tell, warn


def export(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(help="An empty folder, best on an encrypted disk.")],
    *,
    reason: Annotated[str, typer.Option(help="Why, and for whom: it stands in the trail.")],
    yes: Yes = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write all records and files, readable without this program, with a manifest of hashes.

    The export is not encrypted. Passwords, secrets and sessions are left out. Where a server runs
    it does the writing: under the Debian package choose a folder below /srv/xinglin.
    """
    call = at(ctx, home)
    if not yes:
        typer.confirm(said("export.sure", folder=folder), abort=True, err=True)
    folder = folder.absolute()
    with offered(folder) as token:
        done = call.carry_out("export", folder=str(folder), token=token, reason=reason)
    if as_json:
        show(done)
    else:
        tell("export.done", **{name: done[name] for name in ("folder", "rows", "tables", "files")})
        tell("export.not_encrypted")
    if done["unreadable"]:
        warn("export.unreadable", count=len(done["unreadable"]))
        raise typer.Exit(Ending.FINDINGS)
