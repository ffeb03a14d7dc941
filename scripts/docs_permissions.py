"""Writes docs/permissions.md from the one table of permissions: who may do what to whose things.

Each cell is found out by asking the policy, not by reading its rules.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from services.permissions import BREAKABLE, FORBIDDEN_TOGETHER, RULES, SENSITIVE
from services.policy import Action, Actor, Grant, Role, Subject, permits

ROOT = Path(__file__).resolve().parent.parent
HERE, ELSEWHERE = UUID(int=10), UUID(int=11)
SITE, OTHER_SITE = UUID(int=20), UUID(int=21)
ME, ANOTHER = UUID(int=30), UUID(int=31)
PATIENT, OTHER_PATIENT = UUID(int=40), UUID(int=41)

HEAD = """# Who may do what

Generated from `services/permissions.py` by `scripts/docs_permissions.py`; a test compares them.
Every cell was found by asking the policy for somebody who holds the role at one site:

| letter | whose thing |
|---|---|
| `o` | my own, about a patient I may act for, or of a visit that is mine to hold |
| `s` | another's, at my site |
| `h` | the institution's as a whole, at no site |
| `t` | another's, at another site of my institution (with a role for the whole institution: all) |
| `i` | another institution's |
| `d` | one that is deleted |

`!` in front of an action: it needs a fresh proof of who one is. `*`: it may be done in an emergency
without a rule, with a reason, and is reviewed. An empty cell: never. HOUSE is the system itself.
"""

TWO_KEYS = """
## When an administrator cannot get in

One security administrator resets the sign-in of anybody but an administrator. For one of the three
administrators it takes two people: the first asks on the page *Staff*, the second approves on
*Resets to decide about* (`/staff/resets`) and is shown the temporary password to hand over. The
second is another security administrator or, where there is none, the system or the audit
administrator; never who asked, whose account it is, or who has had the role for less than a week.
Until then the old password and factors stay; after 24 hours it lapses. Whose account it is hears of
it at once, and for a month after a change of phone or address also at the former ones.

Where nobody is left who could be the second, as in a house that is younger than a week, whoever
runs the machine lets an administrator in: `xinglin staff unlock NAME`. The trail notes it under
`console:`, and the other administrators get a task to check it.

A temporary password is good for one sign-in and for `policy.auth.temporary_hours`.
"""

WITHOUT = "Roles still without an act of their own:"


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of thing somebody might act on."""

    letter: str
    subject: Subject


CASES = (
    Case("o", Subject("thing", "1", HERE, SITE, ME, PATIENT, clinician_id=ME)),
    Case("s", Subject("thing", "2", HERE, SITE, ANOTHER, OTHER_PATIENT)),
    Case("h", Subject("thing", "6", HERE, None, ANOTHER, OTHER_PATIENT)),
    Case("t", Subject("thing", "3", HERE, OTHER_SITE, ANOTHER, OTHER_PATIENT)),
    Case("i", Subject("thing", "4", ELSEWHERE, OTHER_SITE, ANOTHER, OTHER_PATIENT)),
    Case("d", Subject("thing", "5", HERE, SITE, ANOTHER, OTHER_PATIENT, deleted=True)),
)


def somebody(role: Role) -> Actor:
    """Return a person with one role, at one site, who may act for one patient."""
    return Actor(ME, frozenset({Grant(role, SITE)}), HERE, patient_ids=frozenset({PATIENT}))


def cell(role: Role, action: Action) -> str:
    """Return the letters of the things on which this role may do this."""
    actor = somebody(role)
    return "".join(case.letter for case in CASES if permits(actor, action, case.subject))


def matrix() -> dict[Action, dict[Role, str]]:
    """Return every cell."""
    return {action: {role: cell(role, action) for role in Role} for action in Action}


def lines() -> Iterator[str]:
    """Yield the lines of the document."""
    yield HEAD
    table = matrix()
    acting = [role for role in Role if any(row[role] for row in table.values())]
    yield "| action | " + " | ".join(map(_words, acting)) + " |"
    yield "|---|" + "---|" * len(acting)
    for action, row in table.items():
        marks = ("! " if action in SENSITIVE else "") + ("* " if action in BREAKABLE else "")
        yield f"| {marks}`{action}` | " + " | ".join(row[role] for role in acting) + " |"
    yield ""
    yield "## Roles that nobody may hold at once"
    yield ""
    for pair in sorted(sorted(each) for each in FORBIDDEN_TOGETHER):
        yield f"* {' and '.join(pair)}"
    yield TWO_KEYS.rstrip()
    yield from _own_lines()


def asked() -> frozenset[Action]:
    """Return the actions that some use case really asks for; a rule alone is no act."""
    files = [file for top in ("services", "jobs") for file in (ROOT / top).rglob("*.py")]
    names = {
        node.attr
        for file in files
        if file.name != "permissions.py"
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "Action"
    }
    return frozenset(action for action in Action if action.name in names)


def own_acts() -> dict[Role, list[Action]]:
    """Return what each role does and no other person may; the house itself is no person."""
    acts = asked()
    alone = {action: RULES[action].keys() - {Role.HOUSE} for action in Action if action in acts}
    return {
        role: [action for action, roles in alone.items() if roles == {role}]
        for role in Role
        if role is not Role.HOUSE
    }


def _own_lines() -> Iterator[str]:
    yield ""
    yield "## What one role does and no other"
    yield ""
    yield "The house itself aside, which does by the clock what some people do by hand."
    yield ""
    yield "| role | acts |"
    yield "|---|---|"
    for role, acts in own_acts().items():
        if acts:
            yield f"| {_words(role)} | {', '.join(f'`{action}`' for action in acts)} |"
    without = [_words(role) for role, acts in own_acts().items() if not acts]
    yield ""
    yield f"{WITHOUT} {', '.join(without)}."


def _words(role: Role) -> str:
    return role.value.replace("_", " ")


def generate() -> str:
    """Return the document."""
    return "\n".join(lines()) + "\n"


def pages() -> dict[str, str]:
    """Return the document by its path, for scripts/docs.py."""
    return {"docs/permissions.md": generate()}
