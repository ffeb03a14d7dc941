"""`xinglin init`: a hospital from nothing, by questions or by flags. (R040)

Each step finds what an interrupted run has left and goes on from there: nothing is made twice,
and a recovery share is printed only when all else is done.
"""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from data.database import Database
from data.errors import DomainError, Invalid, NotFound
from data.keyring import KeyFile, Keyring, Share
from data.schema import Schema, State
from jobs.commands.call import AsJson, Call, Home, Yes, at, explained, read_settings
from jobs.commands.master import SheetFile
from jobs.commands.papers import Sheet, hand_over_share, heading, require_free, write_sheet
from jobs.commands.settings_file import DRAFT, NAME, keep_settings, write_settings
from jobs.commands.voice import said, show, tell, warn
from services.institution import NewInstitution, checked_uscc
from services.policy import Grant, Role
from services.ports import ServerCertificate
from services.settings import Settings
from services.users.registrar import NewStaff, StaffDetails

LONGEST_ASKED = 3  # times a question is put


@dataclass(frozen=True, slots=True)
class Wish:
    """What the hospital is to be."""

    name: str
    uscc: str
    username: str
    person: str


def init(  # noqa: PLR0913 - typer reads the flags from the parameters
    ctx: typer.Context,
    *,
    name: Annotated[str, typer.Option(help="The institution's full name.")] = "",
    uscc: Annotated[str, typer.Option(help="统一社会信用代码, 18 characters.")] = "",
    admin: Annotated[
        str, typer.Option(help="User name of the first (security) administrator.")
    ] = "",
    admin_name: Annotated[str, typer.Option(help="That person's name.")] = "",
    public_name: Annotated[
        list[str] | None,
        typer.Option(help="A public host name: the certificate then comes by ACME."),
    ] = None,
    acme_contact: Annotated[str, typer.Option(help="E-mail for the ACME authority.")] = "",
    acme_directory: Annotated[str, typer.Option(help="Another ACME authority's address.")] = "",
    acme_port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65535,
            help="Port that answers the ACME check; port 80 leads to it. [default: 80]",
        ),
    ] = None,
    database_url: Annotated[
        str, typer.Option(help="postgresql+asyncpg://... [default: SQLite in the folder]")
    ] = "",
    sheet: SheetFile = None,
    yes: Yes = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Found a hospital: folders, master key, database, certificate, first administrator.

    Asks for what the flags leave open; --yes asks nothing. It prints, once, the temporary password
    of the first administrator and the recovery share: have paper ready. Where something fails, run
    it again: it goes on from there with the flags that it is given then.
    """
    call = at(ctx, home, founded=False)
    require_free(sheet)
    wish = _asked(Wish(name, uscc, admin, admin_name), ask=not yes)
    order = {"names": public_name, "contact": acme_contact, "directory": acme_directory}
    chosen = _chosen({**order, "port": acme_port}, database_url)
    with explained():
        Settings(home=call.settings.home, **chosen)  # before anything is made
    _make_home(call.settings.home)
    if not write_settings(call.settings.home, chosen):
        warn("init.settings_kept", file=NAME)
    call.chosen = read_settings(home)
    keyring = Keyring(call.settings.key_file)
    key_file, share = _key(keyring)
    papers = _stands(call, key_file, wish)
    if share is None:  # an interrupted run had made the key; its share was never shown
        share = Share.new()
        keyring.replace(key_file, share)
    page = Sheet(sheet, wish.name, call.settings.timezone) if sheet else None
    if as_json:
        told = {**papers, "home": str(call.settings.home), "recovery_share": share.text}
        show({**told, "sheet": str(sheet)} if sheet else told)
        if page:
            write_sheet(share, page)
    else:
        _hand_over(call.settings, papers, share, page)


def _chosen(order: Mapping[str, Any], database_url: str) -> dict[str, Any]:
    """Return what the flags set, as the file has it."""
    chosen: dict[str, Any] = {"database_url": database_url} if database_url else {}
    given = {key: value for key, value in order.items() if value}
    names = given.pop("names", None)
    if given and not names:
        raise Invalid("init_incomplete", flags="--public-name")
    if names:
        more = {f"acme_{key}": value for key, value in given.items()}
        chosen["certificate"] = {"source": "acme", "names": names, **more}
    return chosen


def _stands(call: Call, key_file: KeyFile, wish: Wish) -> dict[str, object]:
    """Found it; from then on its settings are its own. Say what to do where that fails."""
    home = call.settings.home
    try:
        papers = asyncio.run(_founded(call, key_file, wish))
    except (DomainError, OSError):
        if (home / DRAFT).exists():
            warn("init.again", home=home)
        raise
    keep_settings(home)
    return papers


def _asked(wish: Wish, *, ask: bool) -> Wish:
    if ask:
        wish = Wish(
            name=wish.name or typer.prompt(said("init.ask.name")),
            uscc=wish.uscc or _prompt_uscc(),
            username=wish.username or typer.prompt(said("init.ask.admin"), default="security"),
            person=wish.person or typer.prompt(said("init.ask.admin_name")),
        )
    missing = [flag for flag, value in (("--name", wish.name), ("--uscc", wish.uscc)) if not value]
    if missing:
        raise Invalid("init_incomplete", flags=", ".join(missing))
    username = wish.username or "security"
    return Wish(wish.name, checked_uscc(wish.uscc), username, wish.person or username)


def _prompt_uscc() -> str:
    """Ask again for a code that cannot be one: it is 18 characters typed from a paper."""
    for _ in range(LONGEST_ASKED - 1):
        typed = str(typer.prompt(said("init.ask.uscc")))
        try:
            return checked_uscc(typed)
        except Invalid:
            tell("init.uscc_again")
    return str(typer.prompt(said("init.ask.uscc")))


def _make_home(home: Path) -> None:
    """Make the folder, for its owner alone; raise `Invalid` if others may look into it."""
    if home.exists() and not home.is_dir():
        raise Invalid("home_is_no_folder", path=str(home))
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not any(home.iterdir()):
        home.chmod(0o700)
    elif home.stat().st_mode & 0o077:
        raise Invalid("home_open_to_others", path=str(home))
    if not os.access(home, os.W_OK):
        raise Invalid("path_not_allowed", path=str(home))


def _key(keyring: Keyring) -> tuple[KeyFile, Share | None]:
    try:
        return keyring.load(), None
    except NotFound:
        return keyring.create()


async def _founded(call: Call, key_file: KeyFile, wish: Wish) -> dict[str, object]:
    settings = call.settings
    await _make_tables(settings, key_file)
    async with call.composition.open_clinic(settings) as clinic:
        office = call.composition.certificates(settings)
        certificate = await asyncio.to_thread(office.ready, clinic.clock.now())
        person = NewStaff(
            username=wish.username,
            details=StaffDetails(display_name=wish.person),
            grants=frozenset({Grant(Role.SECURITY_ADMIN)}),
        )
        house = NewInstitution(name=wish.name, uscc=wish.uscc)
        _, (added,) = await clinic.founding.found(house, [person])
    return {
        "username": added.username,
        "temporary_password": added.temporary_password,
        **_told(certificate),
    }


async def _make_tables(settings: Settings, key_file: KeyFile) -> None:
    """Make the schema in an empty database; leave another program's alone."""
    keys = key_file.keys(settings.crypto_profile)
    database = await Database(settings.database, keys.key("db")).open()
    try:
        schema = Schema(database)
        standing = await schema.standing()
        if standing.state is not State.EMPTY:
            await schema.require()
        else:
            await schema.upgrade()
    finally:
        await database.close()


def _told(certificate: ServerCertificate) -> dict[str, object]:
    return {
        "certificate_names": list(certificate.names),
        "certificate_valid_to": certificate.valid_to.isoformat(),
        "authority": str(certificate.authority or ""),
        "fingerprint": certificate.fingerprint,
    }


def _hand_over(
    settings: Settings, papers: dict[str, object], share: Share, page: Sheet | None
) -> None:
    tell("init.done", home=settings.home)
    heading("init.first_admin")
    tell("init.sign_in", username=papers["username"], password=papers["temporary_password"])
    heading("init.certificate")
    key = "init.authority" if papers["authority"] else "init.public_certificate"
    names = papers["certificate_names"]
    listed = ", ".join(names) if isinstance(names, list) else ""
    tell(key, names=listed, fingerprint=papers["fingerprint"], authority=papers["authority"])
    heading("init.share")
    hand_over_share(share, page)
    heading("init.next")
    tell("init.next_steps", home=settings.home)
