"""docs/cli.md: every verb of the command with its flags, read off the application itself."""

from typing import Any

from typer.main import get_command

from jobs.commands.verbs import cli
from jobs.commands.voice import Ending
from scripts.docs import NOTE, head, row

PATH = "docs/cli.md"
ABOUT = """# The command line

`xinglin VERB --help` says the same. Every verb takes `--home` (or `XINGLIN_HOME`): the hospital's
folder. Beside a running server a verb asks it over a Unix socket that only the service's own user
may use (`control.sock`, mode 0600); without one it takes the database for itself, and a second
process is refused. Sentences come in Chinese or English, by `XINGLIN_LANGUAGE` or the terminal's
locale; `--json` answers with one JSON object, which does not change with the language.

## How it ends

"""
ENDINGS = {
    Ending.DONE: "done",
    Ending.FINDINGS: "done, and what was looked at is not in order (`doctor`, `audit verify`)",
    Ending.USAGE: "the command was not understood",
    Ending.REFUSED: "refused: something must be changed first; trying again will not help",
    Ending.NOT_NOW: "not now: trying again later may help (a full disk, a silent counterpart)",
    Ending.DEFECT: "a defect of ours; the traceback is in `commands.log` in the hospital's folder",
    Ending.INTERRUPTED: "interrupted",
}
HIDDEN = frozenset({"help"})


def pages() -> dict[str, str]:
    """Walk the application."""
    endings = [*head("exit code", "meaning"), *(row(int(end), ENDINGS[end]) for end in Ending)]
    parts = [NOTE.format(source="jobs/commands/") + ABOUT + "\n".join(endings)]
    parts += _verbs(get_command(cli), "xinglin")
    return {PATH: "\n\n".join(parts) + "\n"}


def _verbs(group: Any, above: str) -> list[str]:
    found: list[str] = []
    for name, verb in group.commands.items():
        if hasattr(verb, "commands"):
            found += _verbs(verb, f"{above} {name}")
        else:
            found.append(_verb(verb, f"{above} {name}"))
    return found


def _verb(verb: Any, name: str) -> str:
    arguments = [each for each in verb.params if each.param_type_name == "argument"]
    options = [each for each in verb.params if each.param_type_name == "option"]
    typed = " ".join([name, *(each.name.upper() for each in arguments)])
    lines = [f"## `{typed}`", "", _reflowed(verb.help or "")]
    shown = [_argument(each) for each in arguments]
    shown += [_option(each) for each in options if each.name not in HIDDEN]
    if shown:
        lines += ["", *head("flag", "what it is"), *shown]
    return "\n".join(lines)


def _reflowed(text: str) -> str:
    parts = [" ".join(part.split()) for part in text.split("\n\n")]
    return "\n\n".join(parts)


def _argument(each: Any) -> str:
    return row(f"`{each.name.upper()}`", getattr(each, "help", "") or "")


def _option(each: Any) -> str:
    flags = ", ".join(f"`{flag}`" for flag in each.opts)
    needed = " (needed)" if each.required else ""
    return row(flags, f"{each.help or ''}{needed}")
