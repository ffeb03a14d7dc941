"""`xinglin staff`: the way back in when nobody in the house can open the door any more.

Whoever may run this can read the key to everything anyway. It stands in the audit trail, and the
person concerned has to choose a password and a second factor of their own.
"""

from typing import Annotated

import typer

from data.errors import Invalid
from jobs.commands.call import AsJson, Home, Yes, at
from jobs.commands.voice import said, show, tell
from services.rules import ADMINISTRATORS

Username = Annotated[str, typer.Argument(help="The user name.")]


def unlock(
    ctx: typer.Context,
    username: Username,
    *,
    keep_factors: Annotated[
        bool, typer.Option("--keep-factors", help="The phone is there; only the password is lost.")
    ] = False,
    yes: Yes = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Give somebody a temporary password and end their lock-out and sessions."""
    call = at(ctx, home)
    if not yes:
        typer.confirm(said("staff.unlock_sure", username=username), abort=True, err=True)
    done = call.carry_out("staff.unlock", username=username, factors=not keep_factors)
    if as_json:
        show(done)
    else:
        tell("staff.unlocked", username=username, password=done["temporary_password"])


def add_admin(
    ctx: typer.Context,
    username: Username,
    *,
    role: Annotated[
        str, typer.Option(help="security_admin, system_admin or audit_admin.")
    ] = "security_admin",
    name: Annotated[str, typer.Option(help="The person's name.")] = "",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make one more administrator; the temporary password is printed once."""
    call = at(ctx, home)
    if role not in ADMINISTRATORS:
        raise Invalid("role_not_for_console", role=role)
    done = call.carry_out("staff.add_admin", username=username, person=name or username, role=role)
    if as_json:
        show(done)
    else:
        tell("staff.added", username=done["username"], password=done["temporary_password"])
