"""Every demand that the ground floor answers is named by the tests that prove it."""

import ast
import re
from collections import defaultdict
from pathlib import Path

from tests.peers import ROOT

DEMANDS = {
    "R014": "data security and privacy as the regulators ask",
    "R015": "rules of compliance are held by the software",
    "R016": "who did and saw what, and when, can be traced",
    "R032": "many people at once",
    "R033": "a sudden rush",
    "R034": "it stays up, and gives up what can wait in an order",
    "R040": "encrypted on the way",
    "R041": "stored as the grading of protection asks: encrypted, copied, logs kept",
    "R042": "strict control of who reaches what",
    "R043": "attacks and leaks are met",
    "R056": "modules with a task of their own",
    "R057": "modules meet in interfaces and events only",
    "R058": "easy to build, test, keep and extend",
    "R089": "ready at once, larger on demand",
    "R090": "one ordinary machine is enough",
    "R091": "little to look after",
    "R092": "how modules work together is designed and written down",
    "R097": "standard procedures",
    "R150": "three goals, each with a number",
    "R151": "useful to whom, and whose time it saves",
    "R152": "room to extend",
    "R153": "ready for ways of care that are not there yet",
    "R154": "open, and documented as it is",
}
ROW = re.compile(r"\bR\d{3}\b")


def named(folder: Path) -> dict[str, set[str]]:
    """Return the tests that name each row, in their docstring or in that of their file."""
    found: dict[str, set[str]] = defaultdict(set)
    for file in sorted(folder.rglob("test_*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        tests = [node for node in ast.walk(tree) if _is_test(node)]
        if not tests:
            continue
        place = file.relative_to(folder).as_posix()
        for row in ROW.findall(ast.get_docstring(tree) or ""):
            found[row].add(place)
        for test in tests:
            for row in ROW.findall(ast.get_docstring(test) or ""):
                found[row].add(f"{place}::{test.name}")
    return found


def _is_test(node: ast.AST) -> bool:
    is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    return is_function and node.name.startswith("test_")


def test_every_demand_is_named_by_a_test_that_proves_it():
    proofs = named(ROOT / "tests")
    unproved = {row: what for row, what in DEMANDS.items() if not proofs[row]}
    assert unproved == {}, "write the test that shows it, and name the row there"


def test_a_row_that_only_a_comment_or_a_helper_names_counts_for_nothing(tmp_path: Path):
    (tmp_path / "test_a.py").write_text('def helper():\n    """R014"""\n')
    (tmp_path / "test_b.py").write_text('# R014\ndef test_it():\n    """R015: so."""\n')
    assert named(tmp_path) == {"R015": {"test_b.py::test_it"}}
