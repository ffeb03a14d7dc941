"""The authorisation matrix: every action, every role, things of one's own and of others. (R042)

Once as the policy judges one thing, once as it filters rows, and once over the wire at every
address of the whole house.
"""

from pathlib import Path

import pytest
from nicegui import Client
from nicegui.testing.general import nicegui_reset_globals
from sqlalchemy import select

import app
from data.clock import new_id
from data.errors import Forbidden
from data.institution import Institution, Site
from data.tasks import Task
from pages.routes import Kind, may_enter
from scripts import docs_api, docs_overload, docs_permissions
from services.permissions import CLINICAL, EVEN_DELETED, RULES
from services.policy import Action, Role, Subject, permits, visible
from services.rules import ADMINISTRATORS, not_own, own
from tests.web.browser import Browser
from tests.web.people import signed_in
from tests.web.server import whole_house

DOORS = ("/sign-in?next=", "/welcome?next=")
DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_printed_matrix_is_that_of_the_code():
    assert (DOCS / "permissions.md").read_text() == docs_permissions.generate(), "run `make docs`"


def test_the_printed_order_of_sacrifices_is_that_of_the_code():
    assert (DOCS / "overload.md").read_text() == docs_overload.generate(), "run `make docs`"


def test_the_printed_api_is_that_of_the_code(clinic):
    with nicegui_reset_globals():
        server, front = app.build(clinic)
        assert (DOCS / "api.md").read_text() == docs_api.generate(server, front.routes)


def test_nobody_reaches_into_another_institution_but_for_what_is_everybodys():
    everybodys = {
        (action, role)
        for action, row in docs_permissions.matrix().items()
        for role, letters in row.items()
        if "i" in letters and role is not Role.HOUSE
    }
    assert {action for action, _ in everybodys} <= {
        Action.ACCOUNT_OPEN,  # by whoever has a phone in hand
        Action.BUS_WORK,
        Action.CLINICIAN_READ,  # who treats here is public (R-STF-3)
        Action.CODE_ASK,  # to a phone: whose it is comes out by the code
        Action.CONSENT_READ,  # what is agreed to
        Action.DELIVERY_READ,  # the outbox is the machine's, not an institution's
        Action.DELIVERY_REPLAY,
        Action.DEPARTMENT_READ,  # what the institution offers is public
        Action.HEALTH_READ,
        Action.INBOX_READ,  # a demo's only
        Action.INSTITUTION_READ,  # its name stands at the door
        Action.PAYMENT_SIMULATE,  # a demo's only
        Action.LINK_OPEN,  # by whoever was sent it
        Action.TARIFF_READ,  # public, before anybody signs in
        Action.KIND_READ,
        Action.PLACE_READ,
        Action.PROCEDURE_READ,
        Action.SESSION_OPEN,
    }


def test_what_is_deleted_is_seen_by_nobody_but_the_auditors():
    for action, row in docs_permissions.matrix().items():
        if any("d" in letters for letters in row.values()):
            assert action in EVEN_DELETED


def test_a_role_at_one_site_does_not_reach_another():
    """Whatever lies at another site of the same institution."""
    reaching = {
        (action, role)
        for action, row in docs_permissions.matrix().items()
        for role, letters in row.items()
        if "t" in letters and "i" not in letters
    }
    assert reaching == set()


def test_a_role_at_one_site_does_not_change_the_house():
    """Rules, papers, backups and accounts of the whole institution stay out of reach."""
    reaching = {
        action
        for action, row in docs_permissions.matrix().items()
        if any("h" in row[role] and "i" not in row[role] for role in ADMINISTRATORS)
    }
    assert reaching == {
        Action.AUDIT_READ,
        Action.AUDIT_VERIFY,  # changes nothing, and says only whether the chain is whole
        Action.BOARD_READ,
        Action.CREDENTIAL_CERTIFY,  # the papers of those who work at all sites
        Action.CREDENTIAL_READ,
        Action.CREDENTIAL_REVIEW,
        Action.EMERGENCY_REVIEW,
        Action.SETTING_READ,
        Action.SHIFT_READ,
        Action.SITE_READ,
        Action.STAFF_READ,
        Action.TASK_CLOSE,  # work for a role, which nobody of one site may leave undone
        Action.TASK_HAND_OVER,
        Action.TASK_RAISE,
        Action.TASK_READ,
        Action.TASK_TAKE,
    }


def test_the_house_does_nothing_clinical():
    """R-AI-1: diagnosis, prescription, signature and record belong to people."""
    for action, row in docs_permissions.matrix().items():
        if action.partition(":")[0] in CLINICAL:
            assert row[Role.HOUSE] == ""


async def test_rows_are_filtered_exactly_as_single_things_are_judged(clinic, database):
    """What `visible` lets through is what `permits` allows, for every rule there is."""
    here, there = docs_permissions.HERE, docs_permissions.ELSEWHERE
    sites = {docs_permissions.SITE: here, docs_permissions.OTHER_SITE: here}
    now = clinic.clock.now()
    tasks = [_task(case.subject, now) for case in docs_permissions.CASES if case.letter != "d"]
    tasks.append(_task(Subject("task", "", here, None, None, None), now))  # and nobody's
    async with database.transaction(write=True) as session:
        for place, code in ((here, "91350100M000100Y43"), (there, "x" * 18)):
            session.add(Institution(id=place, name="测试医院", uscc=code, created_at=now))
        await session.flush()
        session.add_all(
            Site(id=site, institution_id=place, name=str(site), created_at=now)
            for site, place in sites.items()
        )
        await session.flush()
        session.add_all(tasks)
    compared = 0
    async with database.transaction(write=False) as session:
        for action, rules in RULES.items():
            for role, rule in rules.items():
                if rule in (own, not_own) and not hasattr(Task, "owner_id"):
                    continue
                actor = docs_permissions.somebody(role)
                seen = set(
                    await session.scalars(select(Task.id).where(visible(actor, action, Task)))
                )
                judged = {task.id for task in tasks if permits(actor, action, Subject.of(task))}
                assert seen == judged, f"{role} {action}"
                compared += 1
    assert compared > 100


def test_a_role_without_a_rule_sees_no_row_at_all():
    for action, rules in RULES.items():
        for role in set(Role) - set(rules):
            with pytest.raises(Forbidden):
                visible(docs_permissions.somebody(role), action, Task)


async def test_every_address_answers_every_role_as_its_entry_says(clinic):
    """Anonymous and each role, at every page, route and call of the house."""
    people = {role: await signed_in(clinic, role) for role in Role if role not in NOBODYS}
    wrong: list[str] = []
    async with whole_house(clinic) as house:
        for role, person in [(None, None), *people.items()]:
            async with Browser(house.url, person.token if person else "") as browser:
                for route in house.front.routes:
                    if route.kind is Kind.INTERNAL or route.path in ENDS_THE_SESSION:
                        continue
                    for method in route.methods:
                        status = await _ask(browser, method, _filled(route.path))
                        for client in tuple(Client.instances.values()):
                            client.delete()  # nobody opens these pages' sockets
                        if not _is_right(route, method, person, status):
                            wrong.append(f"{role or 'anybody'}: {method} {route.path} -> {status}")
    assert not wrong, "\n".join(wrong)


NOBODYS = {Role.HOUSE, Role.VISITOR}
"""Nobody holds these: the house is no account, and a visitor is whoever has not signed in."""
ENDS_THE_SESSION = {"/auth/sign-out"}


def _filled(path: str) -> str:
    while "{" in path:
        path = path[: path.index("{")] + str(new_id()) + path[path.index("}") + 1 :]
    return path


async def _ask(browser: Browser, method: str, path: str) -> int:
    headers = {"origin": browser.url} | ({"accept": "application/json"} if method != "GET" else {})
    async with browser.http.request(method, path, headers=headers, allow_redirects=False) as answer:
        if answer.status == 303 and answer.headers["location"].startswith(DOORS):
            return 401
        return answer.status


def _is_right(route, method, person, status) -> bool:
    if status >= 500 and status != 503:
        return False
    if person and route.kind is Kind.PAGE and person.actor.roles == {Role.HIS}:
        return status == 403  # a program calls the API; it has no account to show in a frame
    if route.public:
        return status != 403 and (status != 401 or route.path.startswith("/auth/"))
    if person is None:
        return status == 401
    if not may_enter(person.actor, route.action):
        return status == 403
    # Whoever has a rule gets past the gate; of things that are not there, or not theirs, the
    # service speaks.
    is_plain = method == "GET" and "{" not in route.path
    return status in {200, 303} if is_plain else status not in {401, 405}


def _task(subject: Subject, now) -> Task:
    return Task(
        kind="matrix",
        key=str(new_id()),
        institution_id=subject.institution_id,
        site_id=subject.site_id,
        owner_id=subject.owner_id,
        patient_id=subject.patient_id,
        raised_by=docs_permissions.ANOTHER,
        raised_at=now,
    )
