"""`xinglin version`, `xinglin doctor`: what is here, and whether it is in order."""

from pathlib import Path

import typer

from data.errors import DomainError, Invalid
from jobs.commands.call import AsJson, Home, at
from jobs.commands.orders import Answer, program_version
from jobs.commands.voice import Ending, language, sentence, show, tell

MARKS = {"red": "✗", "warn": "!", "unknown": "?", "ok": "✓"}


def version(ctx: typer.Context, *, home: Home = None, as_json: AsJson = False) -> None:
    """Say which version this is, and which one serves, if one does."""
    call = at(ctx, home, founded=False)
    try:
        serving = (call.ask_server("version") or {}).get("version")
    except DomainError:
        serving = None  # it hangs, or is not ours: the version can be told all the same
    ours = program_version()
    if as_json:
        show({"version": ours, "serving": serving})
        return
    tell("version.ours", version=ours)
    if serving and serving != ours:
        tell("version.serving", version=serving)


def doctor(ctx: typer.Context, *, home: Home = None, as_json: AsJson = False) -> None:
    """Look whether all is well, and say what to do where it is not. Exits 1 if something is red.

    Works beside the server, without it, and with a database, key or setting that is broken.
    """
    found = _found(ctx, home)
    if as_json:
        show(found)
    else:
        _print(found)
    if found["worst"] == "red":
        raise typer.Exit(Ending.FINDINGS)


def _found(ctx: typer.Context, home: Path | None) -> Answer:
    try:
        call = at(ctx, home)
    except Invalid as trouble:  # what is set cannot be
        return _finding(trouble)
    try:
        return call.carry_out("doctor", language=language())
    except DomainError as trouble:  # the house cannot be opened
        return _finding(trouble)


def _finding(trouble: DomainError) -> Answer:
    finding = {"level": "red", "title": "", "what": sentence(trouble), "remedy": ""}
    return {"worst": "red", "code": trouble.code, "findings": [finding]}


def _print(found: Answer) -> None:
    for each in found["findings"]:
        title = f"{each['title']}: " if each["title"] else ""
        typer.echo(f"{MARKS[each['level']]} {title}{each['what']}")
        if each["remedy"]:
            typer.echo(f"    → {each['remedy']}")
    bad = sum(each["level"] == "red" for each in found["findings"])
    tell("doctor.red" if bad else "doctor.well", count=bad, looked=len(found["findings"]))
