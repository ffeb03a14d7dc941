"""What is printed once and kept on paper: the recovery share and first passwords."""

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import segno
import typer

from data.clock import SystemClock
from data.errors import Conflict, Forbidden, Invalid
from data.keyring import Share, write_at_once
from jobs.backup_share import sheet
from jobs.commands.voice import language, said, tell

COLUMNS = 7


@dataclass(frozen=True, slots=True)
class Sheet:
    """Where the page to print goes, and what it is headed with."""

    path: Path
    house: str
    timezone: str


def hand_over_share(share: Share, wanted: Sheet | None = None) -> None:
    """Print the recovery share in groups that can be read out, and as a QR code.

    And write the page to print, if one is wanted.
    """
    tell("share.head", number=share.number)
    for start in range(0, len(share.groups), COLUMNS):
        row = share.groups[start : start + COLUMNS]
        typer.echo("    " + "  ".join(row))
    typer.echo(qr(share.text))
    tell("share.keep")
    if wanted:
        write_sheet(share, wanted)
        tell("share.sheet_written", path=wanted.path)


def write_sheet(share: Share, wanted: Sheet) -> None:
    """Write the page to print, for its owner alone."""
    now = SystemClock().now()
    page = sheet(share, wanted.house, now, language(), wanted.timezone)
    write_at_once(wanted.path, page.encode())


def require_free(path: Path | None) -> None:
    """Raise unless a file can be made there, before anything is done that it is to tell of.

    `Conflict("file_exists")` rather than write over something.
    """
    if path is None:
        return
    if not path.parent.is_dir():
        raise Invalid("path_is_no_folder", path=str(path.parent))
    if path.exists():
        raise Conflict("file_exists", path=str(path))
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise Forbidden("path_not_allowed", path=str(path.parent))


def qr(text: str) -> str:
    """Return a QR code of half-height blocks, for a terminal."""
    out = io.StringIO()
    segno.make(text, micro=False, error="m").terminal(out, compact=True, border=2)
    return out.getvalue()


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return columns set under each other; a Chinese character is as wide as two others."""
    widths = [max(_width(row[column]) for row in (head, *rows)) for column in range(len(head))]
    lines = [
        "  ".join(_padded(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (head, tuple("─" * width for width in widths), *rows)
    ]
    return "\n".join(f"  {line}" for line in lines)


def _width(text: str) -> int:
    return sum(2 if ord(sign) > 0x2E7F else 1 for sign in text)  # noqa: PLR2004 - CJK begins here


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


def heading(key: str) -> None:
    """Print a line over a part of the output."""
    typer.echo()
    typer.echo(f"── {said(key)}")
