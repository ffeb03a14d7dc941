"""What is printed once and kept on paper: the recovery share and first passwords."""

import io
from collections.abc import Sequence

import segno
import typer

from data.keyring import Share
from jobs.commands.voice import said, tell

COLUMNS = 7


def hand_over_share(share: Share) -> None:
    """Print the recovery share in groups that can be read out, and as a QR code."""
    tell("share.head", number=share.number)
    for start in range(0, len(share.groups), COLUMNS):
        row = share.groups[start : start + COLUMNS]
        typer.echo("    " + "  ".join(row))
    typer.echo(qr(share.text))
    tell("share.keep")


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
