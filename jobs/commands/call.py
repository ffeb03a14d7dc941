"""One call of the command: for which hospital, and by whom its work is done."""

import asyncio
import getpass
import os
import re
import tomllib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from pydantic_settings import SettingsError
from typer.core import TyperGroup

from data.errors import Invalid, NotFound
from data.keyring import Keyring
from jobs import control
from jobs.backup import Backup
from jobs.commands import Composition, voice
from jobs.commands.orders import ORDERS, OpenHouse
from services.clinic import Clinic
from services.i18n import Key
from services.setting_kinds import PLAIN
from services.settings import Settings

Home = Annotated[
    Path | None,
    typer.Option("--home", envvar="XINGLIN_HOME", help="The hospital's folder [default: var]."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Answer with one JSON object.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")]


@dataclass(slots=True)
class Call:
    """What a verb knows of its surroundings."""

    composition: Composition
    debug: bool
    chosen: Settings | None = None

    @property
    def settings(self) -> Settings:
        """The hospital's settings, once `at` has read them."""
        if self.chosen is None:
            raise LookupError("the verb did not say which hospital")
        return self.chosen

    def ask_server(self, order: str, **arguments: Any) -> dict[str, Any] | None:
        """Have the running server carry out an order; None if none runs."""
        told = {"by": typist(), **arguments}
        return control.ask(self.settings.home, order, told, lambda: voice.warn("waiting"))

    def carry_out(self, order: str, **arguments: Any) -> dict[str, Any]:
        """Have an order carried out: by the server if one runs, else by this process."""
        answer = self.ask_server(order, **arguments)
        if answer is None:
            answer = asyncio.run(self.alone(order, {"by": typist(), **arguments}))
        return answer

    async def alone(self, order: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Carry an order out in this process, which takes the database for as long."""
        async with self.composition.open_clinic(self.settings) as clinic:
            if order.startswith("backup."):
                async with self.shipping(clinic) as backup:
                    return await ORDERS[order](OpenHouse(clinic, backup), arguments)
            return await ORDERS[order](OpenHouse(clinic), arguments)

    @asynccontextmanager
    async def shipping(self, clinic: Clinic) -> AsyncIterator[Backup]:
        """Open and close who makes the backups, round what needs them."""
        target = self.composition.backup_target(self.settings)
        backup = Backup(clinic, target, Keyring(self.settings.key_file))
        await backup.open()
        try:
            yield backup
        finally:
            await backup.close()

    def refuse_beside_server(self, verb: str) -> None:
        """Raise `Conflict` if a server runs: this verb works on a house that is closed."""
        if self.ask_server("version") is not None:
            raise Invalid("server_runs", verb=verb)


class Verbs(TyperGroup):
    """All verbs: whatever goes wrong in one of them ends as a sentence."""

    def invoke(self, ctx: Any) -> Any:
        os.umask(0o077)  # whatever this process makes is for its own user
        call = Call(ctx.obj, debug=bool(ctx.params.get("debug")))
        ctx.obj = call
        voice.settle_logging(debug=call.debug)
        with _guarded(call):
            return super().invoke(ctx)


@contextmanager
def _guarded(call: Call) -> Iterator[None]:
    with voice.failing(lambda: call.chosen, debug=call.debug):
        yield


def at(ctx: typer.Context, home: Path | None, *, founded: bool = True) -> Call:
    """Return the call with the settings of the hospital in `home`; it must exist if `founded`."""
    call: Call = ctx.obj
    call.chosen = read_settings(home)
    if founded and not call.chosen.home.is_dir():
        raise NotFound("home_missing", path=str(call.chosen.home))
    return call


def typist() -> str:
    """Return the system user who types: root by way of sudo is whoever called sudo."""
    return os.environ.get("SUDO_USER") or getpass.getuser()


def read_settings(home: Path | None) -> Settings:
    """Read environment and file; raise `Invalid` naming what is wrong in them."""
    with explained():
        return Settings.load(home)


@contextmanager
def explained() -> Iterator[None]:
    """Turn what the block finds wrong in settings into one `Invalid`, which names the first."""
    try:
        yield
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        kind = PLAIN.get(first["type"], first["type"])
        problem = Key(kind) if kind.startswith("setting.") else first["msg"]
        raise Invalid("settings_invalid", name=name, problem=problem) from None
    except SettingsError as error:  # a whole section in one variable, and no JSON
        name = re.sub(r'.*field "(.*?)".*', r"\1", str(error))
        raise Invalid("settings_invalid", name=name, problem=Key("setting.section")) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Invalid("settings_unreadable", problem=str(error)) from None
