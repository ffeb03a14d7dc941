"""Every use case asks whether its actor may: the policy table is no use to who does not read it.

R042, S-AC-1: read off the source. A use case is a public method of a service that is told who acts.
"""

import ast
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.peers import ROOT

ASKS = {"allow", "visible", "permits", "ask_first"}
Function = ast.FunctionDef | ast.AsyncFunctionDef
NEEDS_NONE = {
    "Emergency.history": "one's own, by a filter on one's own id",
    "Emergency.mine": "one's own, by a filter on one's own id",
    "SignIn.check_password": "compares the asker's own password; guarded by the lock-out",
    "SignIn.confirm_options": "a question to the asker's own passkey, in their own session",
}
"""Methods that are told who acts and ask nobody, each with why."""


@dataclass(frozen=True, slots=True)
class Method:
    """One method of a class of services/, with what is defined beside it."""

    owner: str
    body: Function
    siblings: dict[str, Function]
    neighbours: dict[str, Function]

    @property
    def name(self) -> str:
        return f"{self.owner}.{self.body.name}"

    @property
    def is_use_case(self) -> bool:
        arguments = [each.arg for each in self.body.args.args]
        return not self.body.name.startswith("_") and "actor" in arguments


GROUND = ("transaction.py", "trail.py", "idempotency.py")
"""What use cases stand on: it is told the actor to ask and to write down, and does nothing."""


def methods(root: Path) -> list[Method]:
    found = []
    for file in sorted((root / "services").rglob("*.py")):
        if file.name in GROUND:
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        neighbours = {node.name: node for node in tree.body if isinstance(node, Function)}
        for owner in (node for node in tree.body if isinstance(node, ast.ClassDef)):
            siblings = {node.name: node for node in owner.body if isinstance(node, Function)}
            found += [Method(owner.name, body, siblings, neighbours) for body in siblings.values()]
    return found


def asks(method: Method, body: Function, others: set[str], seen: frozenset[str]) -> bool:
    """Tell whether a body asks itself, or calls something of its own, or of a service that is told
    the actor, which does."""
    for call in (node for node in ast.walk(body) if isinstance(node, ast.Call)):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        name = name or getattr(call.func, "id", "")
        if name in ASKS:
            return True
        is_own = ast.unparse(call.func) == f"self.{name}"
        inner = method.siblings.get(name) if is_own else method.neighbours.get(name)
        if inner is not None and name not in seen and asks(method, inner, others, seen | {name}):
            return True
        told = any(ast.unparse(each) in {"actor", "tx", "tx.actor"} for each in call.args)
        if told and name in others and isinstance(call.func, ast.Attribute) and not is_own:
            return True
    return False


def silent(root: Path) -> set[str]:
    """Return the use cases that ask nobody."""
    every = methods(root)
    asking = {method.body.name for method in every if asks(method, method.body, set(), frozenset())}
    return {
        method.name
        for method in every
        if method.is_use_case
        and not asks(method, method.body, asking - {"get", "open", "read"}, frozenset())
    }


def test_every_use_case_asks_whether_its_actor_may():
    assert silent(ROOT) == NEEDS_NONE.keys(), "ask the policy first, or say here why not"


SERVICE = """
class Shelf:
    async def take(self, actor, book_id):
        async with self._transactions.open(actor) as tx:
            {first}
            await self._give(tx, book_id)

    async def _give(self, tx, book_id):
        {inner}
"""


@pytest.mark.parametrize(
    ("first", "inner", "found"),
    [
        ("tx.allow(Action.TAKE, book)", "pass", set()),
        ("pass", "tx.allow(Action.TAKE, book)", set()),
        ("pass", "pass", {"Shelf.take"}),
        ("book = await tx.get(Book, book_id)", "pass", {"Shelf.take"}),
    ],
)
def test_a_use_case_that_asks_nobody_is_found(tmp_path: Path, first, inner, found):
    (tmp_path / "services").mkdir()
    text = SERVICE.format(first=first, inner=inner)
    (tmp_path / "services" / "shelf.py").write_text(text)
    assert silent(tmp_path) == found
