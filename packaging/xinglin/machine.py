"""Takes over the settings of this machine from a file of NAME=value lines, before all else starts.

The grammar is that of systemd's EnvironmentFile=, which administrators know: `#` and `;` begin a
comment line, quotes keep blanks, a backslash keeps the next sign or joins two lines. It is not a
shell's: `$`, `&`, `#` and quotes inside a value mean themselves, and nothing is ever run. The
service and the command both read by this one reader, as the hospital's own user.
"""

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from data.errors import DomainError, Forbidden, Invalid

EMPTY = re.compile(r"[ \t\r]*(?:[#;][^\n]*)?(?=\n|\Z)")
BEGUN = re.compile(r"[ \t\r]*([A-Za-z_][A-Za-z0-9_]*)[ \t\r]*=")
BARE = re.compile(r"((?:[^\\\n]|\\.)*?)[ \t\r]*(?=\n|\Z)", re.DOTALL)
SINGLE = re.compile(r"'([^']*)'")
DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
BLANKS = re.compile(r"[ \t\r]*")
HARMLESS = frozenset({"--help", "-h"})


def settle(file: Path, usual: Mapping[str, str]) -> None:
    """Put into the environment what the file says, and else what is `usual` on this machine.

    What stands in the environment already wins. Ends the program with a sentence where the file
    cannot be read or understood: going on without it would be another hospital.
    """
    try:
        found = _read(file)
    except DomainError as trouble:
        if not HARMLESS.isdisjoint(sys.argv):
            return
        _give_up(trouble)
    for name, value in {**usual, **found}.items():
        os.environ.setdefault(name, value)


def _give_up(trouble: DomainError) -> None:
    from jobs.commands.voice import Ending, sentence

    sys.stderr.write(sentence(trouble) + "\n")
    raise SystemExit(Ending.REFUSED)


def _read(file: Path) -> dict[str, str]:
    try:
        return understood(file.read_text(encoding="utf-8"), str(file))
    except FileNotFoundError:
        return {}
    except PermissionError:
        raise Forbidden("machine_settings_not_ours", path=str(file)) from None
    except (OSError, UnicodeDecodeError):
        raise Invalid("machine_settings_malformed", path=str(file), line=1) from None


def understood(text: str, path: str = "") -> dict[str, str]:
    """Return the settings in a text; raise `Invalid` with the number of a line that is none."""
    found: dict[str, str] = {}
    place = 0
    while place < len(text):
        empty = EMPTY.match(text, place)
        if empty:
            place = empty.end() + 1  # past the end of the line
            continue
        begun = BEGUN.match(text, place)
        value = _value(text, begun.end()) if begun else None
        if begun is None or value is None:
            line = text.count("\n", 0, place) + 1
            raise Invalid("machine_settings_malformed", path=path, line=line)
        found[begun[1]], place = value[0], value[1] + 1
    return found


def _value(text: str, place: int) -> tuple[str, int] | None:
    """Return the value that begins here and where it ends; None for a quote that is not closed."""
    value = ""
    while True:
        place = _past(BLANKS, text, place)
        quoted = SINGLE.match(text, place) or DOUBLE.match(text, place)
        if quoted is None:
            break
        value += quoted[1] if quoted[0][0] == "'" else _unescaped(quoted[1], keep=True)
        place = quoted.end()
    bare = BARE.match(text, place)
    if bare is None or text[place : place + 1] in {"'", '"'}:
        return None
    return value + _unescaped(bare[1], keep=False), bare.end()


def _past(pattern: re.Pattern[str], text: str, place: int) -> int:
    found = pattern.match(text, place)
    return found.end() if found else place


def _unescaped(text: str, *, keep: bool) -> str:
    """Join lines, and free escaped signs: in double quotes (`keep`) a backslash may be itself."""

    def freed(found: re.Match[str]) -> str:
        sign = found[1]
        if sign == "\n":
            return ""
        return found[0] if keep and sign not in '"\\`$' else sign

    return re.sub(r"\\(.)", freed, text, flags=re.DOTALL)
