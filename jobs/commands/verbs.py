"""The command `xinglin`: its verbs in the order in which a hospital meets them."""

from typing import Annotated

import typer

from jobs.commands import (
    founding,
    keeping,
    leaving,
    looking,
    master,
    playing,
    serving,
    staff,
    trail,
    upgrading,
)
from jobs.commands.call import Verbs

HELP = """Telemedicine for small hospitals (杏林).

Exit codes: 0 done; 1 done, and something found is not in order; 2 not understood; 3 refused,
something must be changed first; 4 not now, trying again may help; 70 a defect of ours.
"""

cli = typer.Typer(
    name="xinglin",
    help=HELP,
    cls=Verbs,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@cli.callback(help=HELP)
def xinglin(
    *,
    debug: Annotated[
        bool, typer.Option("--debug", envvar="XINGLIN_DEBUG", help="Show tracebacks and the log.")
    ] = False,
) -> None:
    del debug  # read by Verbs before any verb runs


cli.command("init")(founding.init)
cli.command("serve")(serving.serve)
cli.command("demo")(playing.demo)
cli.command("doctor")(looking.doctor)
cli.command("backup")(keeping.backup)
cli.command("restore")(keeping.restore)
cli.command("migrate")(upgrading.migrate)
cli.command("export")(leaving.export)
cli.command("version")(looking.version)
audit = typer.Typer(help="Look after the audit trail.", no_args_is_help=True)
audit.command("verify")(trail.verify)
audit.command("export")(trail.export)
cli.add_typer(audit, name="audit")
people = typer.Typer(help="Let administrators back in from the machine.", no_args_is_help=True)
people.command("unlock")(staff.unlock)
people.command("add-admin")(staff.add_admin)
cli.add_typer(people, name="staff")
keys = typer.Typer(help="Look after the master key and its paper.", no_args_is_help=True)
keys.command("rotate")(master.rotate)
keys.command("share")(master.share)
keys.command("verify")(master.verify)
cli.add_typer(keys, name="keys")
