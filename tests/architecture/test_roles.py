"""Each administrator has something to do that nobody else may; who has nothing yet is listed.

S-AC-1, R042: a role that can do nothing of its own is either not needed or not finished.
"""

from pathlib import Path

import pytest
from nicegui.testing.general import nicegui_reset_globals

import app
from scripts import docs_permissions
from services.permissions import RULES, Action
from services.policy import Role
from services.rules import ADMINISTRATORS
from tests.peers import ROOT

PAGE = ROOT / "docs" / "permissions.md"


def listed(page: Path) -> set[str]:
    """Return the roles that the document calls without an act."""
    [line] = [
        line for line in page.read_text().splitlines() if line.startswith(docs_permissions.WITHOUT)
    ]
    names = line.removeprefix(docs_permissions.WITHOUT).strip(" .").split(", ")
    return {name.replace(" ", "_") for name in names}


def wrong(known: set[str]) -> list[str]:
    """Return what is wrong with a list of the roles without an act, as sentences."""
    acts = docs_permissions.own_acts()
    idle = {str(role) for role, own in acts.items() if not own}
    return [
        *(
            f"{role} has an act of its own now ({', '.join(acts[Role(role)])}) and is still on "
            "the list of docs/permissions.md: run `make docs`"
            for role in sorted(known - idle)
        ),
        *(
            f"{role} has no act of its own: give it one, or run `make docs` to have it listed"
            for role in sorted(idle - known)
        ),
    ]


def test_the_roles_still_without_an_act_are_printed_and_listed(record_property):
    known = listed(PAGE)
    record_property("says", f"{docs_permissions.WITHOUT} {', '.join(sorted(known))}.")
    assert wrong(known) == []


def test_a_role_that_has_an_act_and_stays_on_the_list_is_found():
    known = listed(PAGE)
    [sentence] = wrong(known | {"security_admin"})
    assert sentence.startswith("security_admin has an act of its own now (")
    role = min(known)
    assert wrong(known - {role})[0].startswith(f"{role} has no act of its own")


@pytest.mark.parametrize("role", sorted(ADMINISTRATORS))
def test_each_administrator_has_an_address_that_no_other_person_enters(clinic, role):
    """Generated from the rules and the registry; that others are turned away there is asked over
    the wire in test_matrix.py."""
    with nicegui_reset_globals():
        _, front = app.build(clinic)
    alone = [
        str(route)
        for route in front.routes
        if route.action and RULES[route.action].keys() - {Role.HOUSE} == {role}
    ]
    assert alone
    assert docs_permissions.own_acts()[role]


def test_a_rule_that_no_use_case_asks_for_is_no_act(tmp_path, monkeypatch):
    """A column that looks full and does nothing would empty the list too early."""
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "staff.py").write_text("tx.allow(Action.STAFF_ADD, user)")
    monkeypatch.setattr(docs_permissions, "ROOT", tmp_path)
    acts = docs_permissions.own_acts()
    assert acts[Role.SECURITY_ADMIN] == [Action.STAFF_ADD]
    assert acts[Role.AUDIT_ADMIN] == []
