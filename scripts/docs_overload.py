"""Writes docs/overload.md: what is given up first when there is too much to do."""

from dataclasses import fields

from services.overload import CALM_SAMPLES, SAMPLE_SECONDS, Marks, table

HEAD = """# When there is too much to do

Generated from `services/overload.py` by `scripts/docs_overload.py`; a test compares them.

The house looks at its load four times a second: how late the event loop answers, open pages, pages
whose browser has not connected yet, units of work in line, memory. From that it is NORMAL, BUSY or
FULL; a level is left only after {calm:.0f} calm seconds. What can wait is given up in this order,
first things first; whoever is refused is told when to try again (`503`, `Retry-After`), and new
visitors get a plain page that tries again by itself.
"""

UNITS = {
    "lag": "s",
    "pages": "open pages",
    "unconnected": "pages not connected yet",
    "waiting": "units of work in line",
    "memory": "MB",
}


def generate() -> str:
    """Return the document."""
    marks = Marks()
    rows = "\n".join(
        f"| `{each.name}` | {getattr(marks, each.name)} {UNITS[each.name.partition('_')[0]]} |"
        for each in fields(marks)
    )
    head = HEAD.format(calm=CALM_SAMPLES * SAMPLE_SECONDS)
    return f"{head}\n{table()}\n## Marks\n\n| mark | value |\n|---|---|\n{rows}\n"


def pages() -> dict[str, str]:
    """Return the document by its path, for scripts/docs.py."""
    return {"docs/overload.md": generate()}
