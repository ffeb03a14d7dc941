"""`xinglin audit`: whether the trail is whole, and a copy of it for a log host."""

from pathlib import Path
from typing import Annotated

import typer

from jobs.commands.call import AsJson, Home, at
from jobs.commands.places import offered
from jobs.commands.voice import Ending, show, tell, warn

Since = Annotated[int, typer.Option("--since", min=0, help="Leave out entries up to this number.")]


def verify(ctx: typer.Context, *, home: Home = None, as_json: AsJson = False) -> None:
    """Check that no entry of the audit trail was changed, taken out or cut off. Exits 1 if so."""
    found = at(ctx, home).carry_out("audit.verify")
    if as_json:
        show(found)
    elif found["whole"] and not found["anchored"]:
        tell("audit.whole_alone", entries=found["entries"], head=found["head"][:16])
    elif found["whole"]:
        tell("audit.whole", entries=found["entries"], head=found["head"][:16])
    elif found["beyond_anchor"]:
        warn("audit.cut_off", entries=found["entries"])
    else:
        warn("audit.broken", entry=found["broken_at"])
    if not found["whole"]:
        raise typer.Exit(Ending.FINDINGS)


def export(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Where the file is written.")],
    *,
    since: Since = 0,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write the audit trail as JSON lines, which whoever holds the keys can verify elsewhere.

    Where a server runs it does the writing: under the Debian package choose a folder below
    /srv/xinglin.
    """
    call = at(ctx, home)
    folder = folder.absolute()
    with offered(folder) as token:
        done = call.carry_out("audit.export", folder=str(folder), token=token, since=since)
    if as_json:
        show(done)
    elif done["last"] > since:
        tell("audit.exported", file=done["file"], last=done["last"])
    else:
        tell("audit.nothing_new", since=since)
