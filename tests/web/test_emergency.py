"""Broken glass over the wire: from the refusal to the form, and by the API. (R042, R058)"""

import pytest

from data.clock import new_id
from pages.session import current_actor
from services.policy import Action, Role, Subject
from services.tasks import Search
from tests.factories import INSTITUTION
from tests.web.browser import Browser
from tests.web.people import signed_in
from tests.web.server import running, whole_house

PATIENT = new_id()
REASON = "unconscious in the emergency room"


async def call(browser, method, path, person, **options):
    headers = {"authorization": f"Bearer {person.token}", **options.pop("headers", {})}
    path = f"/api/v1/emergency{path}"
    async with browser.http.request(method, path, headers=headers, **options) as answer:
        return answer.status, await answer.json() if answer.content_length else None


@pytest.fixture
async def doctor(clinic):
    return await signed_in(clinic, Role.DOCTOR)


async def test_a_refused_record_offers_the_way_to_break_the_glass(clinic, doctor):
    """To who may; the number goes with it."""
    cashier = await signed_in(clinic, Role.CASHIER)
    chart = Subject("chart", institution_id=INSTITUTION, patient_id=PATIENT)

    def register(routes):
        @routes.page("/chart", title="nav.home")
        async def chart_page() -> None:
            async with clinic.transactions.read(current_actor()) as tx:
                tx.allow(Action.CHART_READ, chart)

    way = f'href="/emergency?patient={PATIENT}"'
    async with running(clinic, register) as house:
        async with Browser(house.url, doctor.token) as browser:
            status, text = await browser.get("/chart")
            assert (status, way in text, "behind_glass" in text) == (403, True, True)
        async with Browser(house.url, cashier.token) as browser:
            status, text = await browser.get("/chart")
            assert (status, "/emergency" in text) == (403, False)


async def test_a_program_breaks_the_glass_once_for_a_key_and_ends_it(clinic, doctor):
    wanted = {"json": {"patient_id": str(PATIENT), "reason": REASON}}
    once = {**wanted, "headers": {"idempotency-key": "k"}}
    async with whole_house(clinic) as house, Browser(house.url) as browser:
        status, first = await call(browser, "POST", "", doctor, **once)
        assert status == 200
        assert await call(browser, "POST", "", doctor, **once) == (200, first)
        status, problem = await call(browser, "POST", "", doctor, **wanted)
        assert (status, problem["code"]) == (409, "emergency_open_already")

        _, mine = await call(browser, "GET", "", doctor)
        [access] = mine["rows"]
        assert (access["patient_id"], access["reason"]) == (str(PATIENT), REASON)
        assert (await clinic.sessions.actor_of(doctor.token)).emergencies == {PATIENT}
        ended = await call(browser, "POST", f"/{access['id']}/end", doctor)
        assert ended == (204, None)
        _, mine = await call(browser, "GET", "", doctor)
    assert mine == {"rows": [], "total": 0}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"patient_id": str(PATIENT), "reason": "urgent"}, 422),
        ({"patient_id": "12345", "reason": REASON}, 422),
        ({"reason": REASON}, 422),
    ],
)
async def test_a_program_must_say_whose_record_and_why(clinic, doctor, body, status):
    async with whole_house(clinic) as house, Browser(house.url) as browser:
        found, problem = await call(browser, "POST", "", doctor, json=body)
    assert (found, bool(problem["code"])) == (status, True)


async def test_a_program_with_an_old_proof_is_asked_for_a_fresh_one(clinic, clock, doctor):
    """R016."""
    clock.forward(minutes=6)
    wanted = {"patient_id": str(PATIENT), "reason": REASON}
    async with whole_house(clinic) as house, Browser(house.url) as browser:
        status, problem = await call(browser, "POST", "", doctor, json=wanted)
    assert (status, problem["code"]) == (401, "confirm_needed")


async def test_a_review_is_given_by_the_api_and_closes_its_task(clinic, doctor):
    auditor = await signed_in(clinic, Role.AUDIT_ADMIN)
    access = await clinic.emergency.open(doctor.actor, PATIENT, REASON)
    await clinic.bus.deliver()
    case, verdict = f"/reviews/{access.id}", {"outcome": "unjustified", "note": "not that day"}
    async with whole_house(clinic) as house, Browser(house.url) as browser:
        assert (await call(browser, "GET", case, doctor))[0] == 403
        _, waiting = await call(browser, "GET", "/reviews", auditor)
        assert [each["id"] for each in waiting["rows"]] == [str(access.id)]
        _, one = await call(browser, "GET", case, auditor)
        assert (one["access"]["reason"], one["looks"]) == (REASON, [])
        assert (await call(browser, "POST", case, auditor, json=verdict))[0] == 204
        _, judged = await call(browser, "GET", "/reviews?judged=true", auditor)
        assert [each["outcome"] for each in judged["rows"]] == ["unjustified"]
        status, problem = await call(browser, "POST", case, auditor, json=verdict)
        assert (status, problem["code"]) == (409, "emergency_reviewed_already")
    assert (await clinic.tasks.page(auditor.actor, Search()))[1] == 0
    assert (await clinic.sessions.actor_of(doctor.token)).emergencies == frozenset()
