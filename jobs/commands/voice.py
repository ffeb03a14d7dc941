"""How a command speaks: full sentences in the reader's language, and one way to fail.

What went well goes to standard output, everything else to standard error. A refusal is one
sentence and its code, never a traceback; a defect is written to `commands.log` in the hospital's
folder (with `--debug`: on the screen).
"""

import errno
import json
import logging
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from enum import IntEnum
from pathlib import Path
from typing import Any

import typer

from data.errors import DomainError, Forbidden, Unavailable
from services.i18n import LANGUAGES, has, say
from services.settings import Settings

LOG = "commands.log"


class Ending(IntEnum):
    """Exit codes, for scripts and monitors."""

    DONE = 0
    FINDINGS = 1
    """It was done, and what was looked at is not in order."""
    USAGE = 2
    """The command was not understood."""
    REFUSED = 3
    """Something has to be changed first; trying again will not help."""
    NOT_NOW = 4
    """Trying again later may help: a full disk, a counterpart that is silent."""
    DEFECT = 70
    INTERRUPTED = 130


MACHINE_SAYS = {
    errno.ENOSPC: "disk_full",
    errno.EDQUOT: "disk_full",
    errno.EROFS: "disk_read_only",
    errno.EACCES: "path_not_allowed",
    errno.EPERM: "path_not_allowed",
    errno.EIO: "disk_failed",
    errno.ENOTDIR: "path_is_no_folder",
    errno.EEXIST: "path_is_no_folder",
}


def language() -> str:
    """Return the language of this terminal: XINGLIN_LANGUAGE, else what the locale says."""
    for name in ("XINGLIN_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(name, "")
        if value:
            return LANGUAGES[0] if value.lower().startswith("zh") else "en"
    return "en"


def tell(key: str, **values: object) -> None:
    """Say a sentence."""
    typer.echo(said(key, **values))


def said(key: str, **values: object) -> str:
    """Return the sentence `cli.<key>` in the reader's language."""
    return say(language(), f"cli.{key}", **values)


def warn(key: str, **values: object) -> None:
    """Say a sentence that must not get into a pipe."""
    typer.echo(said(key, **values), err=True)


def show(answer: dict[str, Any]) -> None:
    """Give a machine its answer: one JSON object on one line."""
    typer.echo(json.dumps(answer, ensure_ascii=False, default=str))


def sentence(trouble: DomainError) -> str:
    """Return what a refusal says to a person, with its code."""
    return sentence_for(trouble.code, trouble.details)


def sentence_for(code: str, details: Mapping[str, Any]) -> str:
    """Return the sentence of a code, with the code."""
    key = f"error.{code}"
    words = say(language(), key if has(key) else "error.unexpected", **details)
    return f"{words} [{code}]"


@contextmanager
def failing(settings: Callable[[], Settings | None], *, debug: bool) -> Iterator[None]:
    """Turn whatever goes wrong in the block into one sentence and an exit code."""
    try:
        with _single():
            yield
    except DomainError as trouble:
        _fail(trouble, debug=debug)
    except BrokenPipeError:
        raise  # whoever read us has had enough; typer ends quietly
    except OSError as trouble:
        code = MACHINE_SAYS.get(trouble.errno or 0)
        if code is None:
            _defect(trouble, settings(), debug=debug)
        kind = Forbidden if code == "path_not_allowed" else Unavailable
        _fail(kind(code, path=str(trouble.filename or "")), debug=debug)
    except KeyboardInterrupt:
        warn("interrupted")
        raise typer.Exit(Ending.INTERRUPTED) from None
    except (typer.Exit, typer.Abort, SystemExit):
        raise
    except Exception as trouble:
        if hasattr(trouble, "exit_code"):
            raise  # a command that was not understood, which typer words itself
        _defect(trouble, settings(), debug=debug)


@contextmanager
def _single() -> Iterator[None]:
    """Take the first error out of a group: the others are what it brought about."""
    try:
        yield
    except BaseExceptionGroup as group:
        first: BaseException = group
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise first from group


def _fail(trouble: DomainError, *, debug: bool) -> None:
    typer.echo(sentence(trouble), err=True)
    if debug:
        traceback.print_exception(trouble)
    later = isinstance(trouble, Unavailable)
    raise typer.Exit(Ending.NOT_NOW if later else Ending.REFUSED) from None


def _defect(trouble: BaseException, settings: Settings | None, *, debug: bool) -> None:
    if debug:
        traceback.print_exception(trouble)
        raise typer.Exit(Ending.DEFECT) from None
    log = write_down(trouble, settings.home / LOG if settings else None)
    if log:
        warn("defect_logged", kind=type(trouble).__name__, log=log)
    else:
        warn("defect", kind=type(trouble).__name__)
    raise typer.Exit(Ending.DEFECT) from None


def write_down(trouble: BaseException, log: Path | None) -> Path | None:
    """Append the traceback to the log; None if that cannot be written either."""
    if log is None or not log.parent.is_dir():
        return None
    with suppress(OSError):
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(" ".join(sys.argv[:3]) + "\n")
            traceback.print_exception(trouble, file=file)
        return log
    return None


def settle_logging(*, debug: bool) -> None:
    """Keep the program's own log off the screen of a command; a server sets up its own."""
    logging.captureWarnings(capture=True)
    if debug:
        logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
    else:
        logging.getLogger().addHandler(logging.NullHandler())
