"""The hospital's own rule book: complete, and without what no rule book may say."""

from dataclasses import replace
from itertools import combinations
from uuid import UUID

import pytest

from data.errors import Forbidden
from services.permissions import CLINICAL, FORBIDDEN_TOGETHER, RULES, SENSITIVE, faults
from services.policy import HOUSE, Action, Role, Subject, allow, clash, permits
from services.rules import ADMINISTRATORS, OUTSIDERS, anyone, in_place, own
from tests.factories import INSTITUTION, MONDAY, OTHER_INSTITUTION, an_actor

PATIENT = UUID(int=40)


def test_the_rule_book_has_no_faults():
    assert faults(RULES) == []


def test_an_action_without_a_rule_is_a_fault():
    gap = {action: rules for action, rules in RULES.items() if action is not Action.TASK_READ}
    assert faults(gap) == ["task:read has no rule"]
    assert faults({**RULES, Action.TASK_READ: {}}) == ["task:read has no rule"]


@pytest.mark.parametrize("thing", sorted(CLINICAL))
def test_the_house_itself_may_do_nothing_clinical(thing):
    """R-AI-1: no program diagnoses, prescribes, signs or writes a record."""
    act = f"{thing}:make"
    found = faults({**RULES, act: {Role.DOCTOR: in_place, Role.HOUSE: anyone}})
    assert found == [f"{act} is a clinical act and must not have a rule for the house"]
    assert not [
        action for action in Action if action.startswith(thing) and Role.HOUSE in RULES[action]
    ]


def test_the_house_may_do_only_what_its_column_says():
    """Decision 14: HOUSE is a role, not a bypass."""
    subject = Subject("staff", institution_id=INSTITUTION)
    for action in Action:
        assert permits(HOUSE, action, subject) == (Role.HOUSE in RULES[action])
    assert not permits(HOUSE, Action.AUDIT_READ, subject)


def test_administrators_are_three_and_no_person_is_two_of_them():
    """S-AC-1, 三权分立."""
    for pair in combinations(ADMINISTRATORS, 2):
        assert clash(pair) == frozenset(pair)
        assert clash([*pair, Role.DOCTOR]) == frozenset(pair)
    assert clash([Role.SYSTEM_ADMIN, Role.DOCTOR]) is None
    assert all(len(pair) > 1 for pair in FORBIDDEN_TOGETHER)


def test_no_administrator_can_read_a_chart_or_change_the_trail():
    """S-AC-1: power over the machine is not power over what patients told us."""
    for role in ADMINISTRATORS:
        assert role not in RULES[Action.CHART_READ]
    assert RULES[Action.AUDIT_READ].keys() == {Role.AUDIT_ADMIN}


def test_nobody_from_outside_may_do_a_sensitive_act_but_to_what_is_theirs():
    for action in SENSITIVE:
        for role in OUTSIDERS & RULES[action].keys():
            assert RULES[action][role] is own, action


@pytest.mark.parametrize("action", Action)
def test_what_is_deleted_or_elsewhere_is_out_of_reach(action):
    """A deleted thing is gone for everybody but the audit; a placed rule ends at the wall."""
    for role in Role:
        actor = an_actor(role)
        mine = {"kind": "thing", "institution_id": INSTITUTION, "owner_id": actor.user_id}
        assert action.startswith("audit:") or not permits(
            actor, action, Subject(**mine, deleted=True)
        )
        rule = RULES[action].get(role)
        if rule is None:
            assert not permits(actor, action, Subject(**mine))
        elif rule.name in ("in_place", "not_own"):
            assert not permits(actor, action, Subject("thing", institution_id=OTHER_INSTITUTION))


def test_actions_stand_in_alphabetical_order():
    assert list(Action) == sorted(Action)


def test_broken_glass_opens_nothing_elsewhere_and_nothing_deleted():
    """R042: an emergency is a reason for a record of this house, not for every record there is."""
    doctor = an_actor(Role.DOCTOR, emergencies=frozenset({PATIENT}))
    here = Subject("chart", "1", INSTITUTION, patient_id=PATIENT)
    assert allow(doctor, Action.CHART_READ, here, MONDAY) == "emergency"
    for chart in (
        replace(here, institution_id=OTHER_INSTITUTION),
        replace(here, institution_id=None),
        replace(here, deleted=True),
    ):
        with pytest.raises(Forbidden):
            allow(doctor, Action.CHART_READ, chart, MONDAY)
