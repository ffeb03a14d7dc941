"""What a unit of work that writes may not do: everybody else stands in line behind it. (R034)

Lists and their totals are read by readers, who hold up nobody; that somebody looked is noted
before, in a unit of its own.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.peers import ROOT

FOLDERS = ("services", "jobs", "integrations", "pages")
SEARCHES = ("offset", "count")
"""What only a list or its total asks for."""


def units(source: str) -> Iterator[ast.AsyncWith]:
    """Yield each `async with ...transactions.open(...)`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.AsyncWith):
            for item in node.items:
                call = ast.unparse(item.context_expr)
                if "transactions.open(" in call:
                    yield node


def searches(unit: ast.AsyncWith) -> set[str]:
    """Return what a unit asks for that belongs to a list."""
    called = (node.func for node in ast.walk(unit) if isinstance(node, ast.Call))
    return {
        name.attr for name in called if isinstance(name, ast.Attribute) and name.attr in SEARCHES
    }


def files() -> Iterator[Path]:
    for folder in FOLDERS:
        yield from sorted((ROOT / folder).rglob("*.py"))


def test_no_list_is_read_by_a_unit_that_writes():
    found = {
        f"{file.relative_to(ROOT)}:{unit.lineno}": asked
        for file in files()
        for unit in units(file.read_text(encoding="utf-8"))
        if (asked := searches(unit))
    }
    assert found == {}, "note the act in a short unit, then search in a `read`"


def test_a_search_inside_is_seen():
    source = """
async def page(self, actor):
    async with self._transactions.open(actor) as tx:
        total = await tx.session.scalar(select(func.count(Entry.seq)))
        rows = await tx.session.scalars(query.offset(offset).limit(50))
"""
    [unit] = units(source)
    assert searches(unit) == {"count", "offset"}
