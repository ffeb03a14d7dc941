"""The verbs of the command `xinglin`, one typer application; app.py hands in what only it can join.

app.py does no more than this (its imports stay inside its functions, so that `xinglin --help`
does not wait for NiceGUI):

    def main() -> None:
        sys.exit(commands.run(Composition(open_clinic=..., serve=..., ...)))
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from services.clinic import Clinic
from services.ports import BackupTarget, CertificateOffice
from services.settings import Settings

if TYPE_CHECKING:
    from jobs.backup import Backup


class Around(Protocol):
    """What the verb adds to a serving house: its command socket and the words on the screen."""

    def __call__(
        self, clinic: Clinic, backup: "Backup | None" = None
    ) -> AbstractAsyncContextManager[None]:
        """`backup` is who ships this house's log; without it no backup can be ordered."""
        ...


class OpenClinic(Protocol):
    """Opens the house without serving it."""

    def __call__(self, settings: Settings) -> AbstractAsyncContextManager[Clinic]:
        """Take the database, refuse a schema that is not this program's (`data.schema`), yield the
        clinic with its adapters, and close all of it afterwards. Runs no jobs and no bus."""
        ...


class Serve(Protocol):
    """Serves the house until it is told to stop."""

    def __call__(self, settings: Settings, around: Around) -> Awaitable[None]:
        """Open the house as `open_clinic` does, mount pages, start bus and jobs, listen.

        Once every port listens, enter `around(clinic, backup)`; leave it first when SIGINT or
        SIGTERM asks to stop. Raise a `DomainError` where the house cannot open.
        """
        ...


@dataclass(frozen=True, slots=True)
class Composition:
    """What the verbs are given, since `jobs` may neither build the house nor see its pages."""

    open_clinic: OpenClinic
    serve: Serve
    certificates: Callable[[Settings], CertificateOffice]
    backup_target: Callable[[Settings], BackupTarget]


def run(composition: Composition, arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments (default: those of the process) ask for; return the exit code."""
    from jobs.commands.verbs import cli  # noqa: PLC0415 - app.py imports this file for Composition

    try:
        cli(args=arguments, obj=composition, prog_name="xinglin")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0
