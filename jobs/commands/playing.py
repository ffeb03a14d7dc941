"""`xinglin demo`: a hospital to play with, in seconds, with its sign-ins on the screen."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from data.clock import SystemClock
from jobs import demo as house
from jobs.backup import Backup
from jobs.commands.call import Call, read_settings
from jobs.commands.orders import OpenHouse
from jobs.commands.papers import heading, qr, table
from jobs.commands.serving import listening, names_of
from jobs.commands.voice import language, said, tell
from jobs.demo_apart import held, own_environment
from services.addresses import addresses
from services.clinic import Clinic
from services.demo import PASSWORD, SECRET, code_at
from services.i18n import say

DEMO_HOME = Path("var") / "demo"


def demo(
    ctx: typer.Context,
    *,
    home: Annotated[Path, typer.Option(help="The demo's own folder.")] = DEMO_HOME,
    anew: Annotated[bool, typer.Option("--anew", help="Throw the old demo away first.")] = False,
    code: Annotated[
        bool, typer.Option("--code", help="Only print the one-time code of this half minute.")
    ] = False,
    build_only: Annotated[
        bool, typer.Option("--build-only", help="Build the folder and do not serve it.")
    ] = False,
) -> None:
    """Serve a hospital to play with on http://localhost:8080; nobody in it is real.

    It is kept in a folder of its own and built anew when it is a week old or the program has
    changed. A folder with a real hospital is refused, and so is a demo that runs already. Of what
    the environment sets only the doors (XINGLIN_SERVER__...) and how it speaks count here.
    """
    if code:
        typer.echo(code_at(SystemClock().now()))
        return
    house.refuse_real(home)
    with own_environment(), held(home):
        _play(ctx.obj, home, anew=anew, serve=not build_only)


def _play(call: Call, home: Path, *, anew: bool, serve: bool) -> None:
    built = asyncio.run(house.ready(home, SystemClock(), anew=anew))
    call.chosen = read_settings(home)
    tell("demo.built" if built else "demo.reused", home=home)
    if serve:
        asyncio.run(_served(call))


async def _served(call: Call) -> None:
    await call.composition.serve(call.settings, partial(_attended, call))


@asynccontextmanager
async def _attended(
    call: Call, clinic: Clinic, backup: Backup | None = None
) -> AsyncIterator[None]:
    async with listening(OpenHouse(clinic, backup)):
        show_doors(addresses(call.settings.server, await names_of(call)))
        show_people(code_at(clinic.clock.now()))
        yield
        tell("serve.stopping")


def show_doors(found: tuple[str, ...]) -> None:
    """Print where the demo can be reached, and a QR code for a phone on the same network."""
    tell("demo.synthetic")
    heading("demo.doors")
    for address in found:
        typer.echo(f"  {address}")
    phone = next((address for address in found if address.startswith("https://")), "")
    if phone:
        typer.echo(qr(phone))
        tell("demo.phone")


def show_people(code: str) -> None:
    """Print the sign-ins: who, as what, and the password and code they all share."""
    heading("demo.people")
    story = house.story()
    suspended = {each["who"] for each in story["suspended"]}
    rows = [
        (
            each["username"],
            each["name"],
            _roles(each["roles"], suspended=each["username"] in suspended),
        )
        for each in story["people"]
    ]
    typer.echo(table((said("demo.username"), said("demo.name"), said("demo.role")), rows))
    typer.echo()
    tell("demo.password", password=PASSWORD)
    tell("demo.code", code=code, secret=SECRET)
    tell("demo.stop")


def _roles(roles: list[str], *, suspended: bool) -> str:
    """Say what somebody is, and of whom the door refuses that it does."""
    comma = "、" if language() == "zh_CN" else ", "
    named = comma.join(say(language(), f"role.{role}") for role in roles)
    return f"{named} ({say(language(), 'staff.state.suspended')})" if suspended else named
