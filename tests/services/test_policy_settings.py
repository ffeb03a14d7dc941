"""The house rules: within bounds, by the right person, with a reason, and undone if need be."""

import json

import pytest

from data.errors import Conflict, Forbidden, Invalid, Unauthenticated
from services.clinic import Clinic
from services.i18n import LANGUAGES, has
from services.policy import Action, Role, Subject
from services.policy_catalogue import CATALOGUE, IN_ORDER, Kind, checked
from services.policy_settings import defaults
from tests.factories import INSTITUTION, OTHER_INSTITUTION, an_actor
from tests.peers import ROOT
from tests.web.people import signed_in

LOCK = "policy.auth.lock_minutes"
TOO_LONG = {"staff": 999, "patient": 30, "admin": 10}
HANDED_DOWN = ROOT.parent / "shared" / "domain-data" / "policy_defaults.json"


def test_every_default_has_a_line_in_the_catalogue_and_keeps_to_it():
    assert set(defaults()) == set(CATALOGUE)
    for key, value in defaults().items():
        if CATALOGUE[key].kind is not Kind.FIXED:
            assert checked(CATALOGUE[key], value, value) == value
    for smaller, larger in IN_ORDER:
        assert defaults()[smaller] <= defaults()[larger]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_rule_and_unit_has_a_name_in_each_language(language):
    wanted = {item.title for item in CATALOGUE.values()}
    wanted |= {f"unit.{item.unit}" for item in CATALOGUE.values() if item.unit}
    assert [key for key in sorted(wanted) if not has(key, language)] == []


def test_rules_belong_to_three_different_offices():
    """S-AC-1: who sets security rules does not set clinical ones."""
    assert CATALOGUE[LOCK].action is Action.SETTING_CHANGE_SECURITY
    assert CATALOGUE["policy.rx.max_items"].action is Action.SETTING_CHANGE_CLINICAL
    assert CATALOGUE["policy.backup.max_age_hours"].action is Action.SETTING_CHANGE


async def test_a_changed_rule_counts_at_once_and_after_a_restart(clinic, database):
    officer = an_actor(Role.SECURITY_ADMIN)
    assert clinic.policy.number(LOCK) == 30

    await clinic.policy.change(officer, LOCK, 60, "brute force last week")

    assert clinic.policy.number(LOCK, INSTITUTION) == 60
    assert clinic.policy.span(LOCK, INSTITUTION).total_seconds() == 3600
    again = Clinic.open(database, clinic.clock, clinic.keys, clinic.settings)
    await again.policy.load()
    assert again.policy.number(LOCK, INSTITUTION) == 60


async def test_one_institution_does_not_set_the_rules_of_another(clinic):
    await clinic.policy.change(an_actor(Role.SECURITY_ADMIN), LOCK, 60, "brute force last week")
    assert clinic.policy.number(LOCK, OTHER_INSTITUTION) == 30


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        (LOCK, 2, "setting_out_of_range"),
        (LOCK, "60", "setting_not_a_number"),
        (LOCK, True, "setting_not_a_number"),
        (LOCK, 30, "setting_not_changed"),
        ("policy.auth.fail_limit", 0, "setting_out_of_range"),
        ("policy.auth.staff_mfa_required", "no", "setting_malformed"),
        ("policy.auth.idle_minutes", {"staff": 15}, "setting_malformed"),
        ("policy.auth.idle_minutes", TOO_LONG, "setting_out_of_range"),
        ("policy.auth.password_min", 20, "setting_out_of_order"),
        ("policy.audit.legal_min_months", 5, "setting_out_of_range"),  # R041: the law says six
        ("policy.auth.no_such", 1, "setting_unknown"),
    ],
)
async def test_a_value_out_of_bounds_is_refused_with_its_sentence(clinic, key, value, code):
    officer = an_actor(Role.SECURITY_ADMIN)
    with pytest.raises(Invalid) as refusal:
        await clinic.policy.change(officer, key, value, "a good reason")
    assert refusal.value.code == code
    assert has(f"error.{code}")
    assert (await clinic.policy.history(officer))[1] == 0


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("policy.rx.max_items", 6, "setting_out_of_range"),  # the law says five
        ("policy.record.retention_years", 5, "setting_out_of_range"),  # and fifteen years
        ("policy.recording.mode", "SECRETLY", "setting_not_a_choice"),
        ("policy.recording.modes", ["ASK"], "setting_fixed"),
        ("policy.slot.release_time", "8:00", "setting_not_a_time"),
    ],
)
async def test_clinical_rules_keep_to_the_law(clinic, key, value, code):
    """R015: no office can set a rule below what the law asks."""
    with pytest.raises(Invalid) as refusal:
        await clinic.policy.change(an_actor(Role.MEDICAL_AFFAIRS), key, value, "a good reason")
    assert refusal.value.code == code


async def test_the_picture_ladder_must_fall(clinic):
    steps = [dict(step) for step in defaults()["policy.call.ladder"]]
    steps[1]["kbps"] = 9000
    with pytest.raises(Invalid) as refusal:
        await clinic.policy.change(
            an_actor(Role.MEDICAL_AFFAIRS), "policy.call.ladder", steps, "a good reason"
        )
    assert refusal.value.code == "setting_ladder_not_falling"


async def test_only_the_right_office_changes_a_rule(clinic):
    with pytest.raises(Forbidden):
        await clinic.policy.change(an_actor(Role.SYSTEM_ADMIN), LOCK, 60, "a good reason")
    with pytest.raises(Forbidden):
        await clinic.policy.change(an_actor(Role.DOCTOR), "policy.rx.max_items", 4, "a good reason")


async def test_a_security_rule_needs_a_fresh_proof_of_identity(clinic):
    stale = an_actor(Role.SECURITY_ADMIN, confirmed_at=None)
    with pytest.raises(Unauthenticated):
        await clinic.policy.change(stale, LOCK, 60, "a good reason")


async def test_a_change_without_a_reason_is_refused(clinic):
    with pytest.raises(Invalid) as refusal:
        await clinic.policy.change(an_actor(Role.SECURITY_ADMIN), LOCK, 60, "  ")
    assert refusal.value.code == "reason_needed"


async def test_history_says_who_when_from_what_to_what_and_why(clinic, clock):
    officer = an_actor(Role.SECURITY_ADMIN)
    await clinic.policy.change(officer, LOCK, 60, "brute force last week")
    clock.forward(minutes=1)
    await clinic.policy.change(officer, LOCK, 90, "and again")

    [second, first], total = await clinic.policy.history(officer, LOCK)

    assert total == 2
    assert (first.before, first.after, first.changed_by) == (30, 60, officer.user_id)
    assert (second.before, second.after, second.reason) == (60, 90, "and again")
    assert second.at == clock.now()


async def test_a_change_can_be_undone_but_not_past_a_later_one(clinic):
    officer = an_actor(Role.SECURITY_ADMIN)
    first = await clinic.policy.change(officer, LOCK, 60, "brute force last week")
    second = await clinic.policy.change(officer, LOCK, 90, "and again")

    with pytest.raises(Conflict) as refusal:
        await clinic.policy.undo(officer, first, "it is over")
    assert refusal.value.code == "setting_changed_since"

    with pytest.raises(Invalid, match="reason_needed"):
        await clinic.policy.undo(officer, second, " ")
    await clinic.policy.undo(officer, second, "it is over")
    assert clinic.policy.number(LOCK, INSTITUTION) == 60
    [undone, _, _], _ = await clinic.policy.history(officer)
    assert undone.reason == "it is over", "its own, not that of what it takes back"


async def test_the_history_says_who(clinic):
    admin = await signed_in(clinic, Role.SECURITY_ADMIN, name="anquan")
    await clinic.policy.change(admin.actor, LOCK, 60, "brute force last week")
    [change], _ = await clinic.policy.history(an_actor(Role.QUALITY))
    assert (change.by, change.changed_by) == ("anquan", admin.actor.user_id)


async def test_nobody_undoes_the_change_of_another_institution(clinic):
    change = await clinic.policy.change(an_actor(Role.SECURITY_ADMIN), LOCK, 60, "a good reason")
    stranger = an_actor(Role.SECURITY_ADMIN, institution_id=OTHER_INSTITUTION)
    with pytest.raises(Forbidden):
        await clinic.policy.undo(stranger, change, "not mine")


async def test_the_page_shows_all_rules_and_marks_those_one_may_change(clinic):
    settings = {
        each.item.key: each for each in await clinic.policy.page(an_actor(Role.SECURITY_ADMIN))
    }
    assert len(settings) == len(CATALOGUE)
    assert settings[LOCK].may_change
    assert settings[LOCK].is_default
    assert not settings["policy.rx.max_items"].may_change


@pytest.mark.skipif(not HANDED_DOWN.exists(), reason="the domain notes are not beside us")
def test_our_defaults_are_those_of_the_domain_notes():
    handed_down = json.loads(HANDED_DOWN.read_text(encoding="utf-8"))
    assert {key: defaults()[key] for key in handed_down} == handed_down


@pytest.mark.sqlite
async def test_how_long_a_proof_of_identity_counts_is_one_rule_wherever_it_is_asked_for(
    clinic, clock
):
    """R-STF-2, policy.auth.confirm_minutes: before a form, in a use case, in either direction."""
    officer = an_actor(Role.SECURITY_ADMIN, confirmed_at=clock.now())
    member = Subject("user_account", institution_id=INSTITUTION)
    await clinic.policy.change(officer, "policy.auth.confirm_minutes", 20, "值班室离得远")

    clock.forward(minutes=19)
    clinic.transactions.ask_first(officer, Action.STAFF_ADD)
    async with clinic.transactions.read(officer) as tx:
        tx.allow(Action.STAFF_ADD, member)

    clock.forward(minutes=2)
    with pytest.raises(Unauthenticated, match="confirm_needed"):
        clinic.transactions.ask_first(officer, Action.STAFF_ADD)
    with pytest.raises(Unauthenticated, match="confirm_needed"):
        async with clinic.transactions.read(officer) as tx:
            tx.allow(Action.STAFF_ADD, member)
    other = an_actor(
        Role.SECURITY_ADMIN, institution_id=OTHER_INSTITUTION, confirmed_at=officer.confirmed_at
    )
    with pytest.raises(Unauthenticated, match="confirm_needed"):  # theirs is another rule
        clinic.transactions.ask_first(other, Action.STAFF_ADD)
