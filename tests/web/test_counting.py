"""What was asked and refused is counted for the hospital's monitoring: by route, by code."""

import asyncio

from services.overload import Level
from services.policy import Role
from tests.web.browser import Browser
from tests.web.people import signed_in


def counted(clinic) -> dict[str, float]:
    """Return the counters by name and labels, as a monitor reads them."""
    lines = clinic.metrics.text().decode().splitlines()
    pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in pairs}


def answered(route: str, status: str) -> str:
    return f'xinglin_request_seconds_count{{route="{route}",status="{status}"}}'


async def test_an_answer_is_counted_by_its_route_and_never_by_its_address(house, clinic):
    """S-LOG: an address may hold somebody's number, a label must not."""
    doctor = await signed_in(clinic, Role.DOCTOR)
    async with Browser(house.url, doctor.token) as browser:
        await browser.get("/")
        await browser.get("/")
        await browser.get("/things/01900000-0000-7000-8000-000000000001")
        await asyncio.gather(*(browser.get(f"/whatever/{n}") for n in range(5)))
    found = counted(clinic)
    assert found[answered("/", "2xx")] == 2
    assert found[answered("/things/{thing_id}", "4xx")] == 1
    assert found[answered("none", "4xx")] == 5
    assert not [name for name in found if "01900000" in name or "whatever" in name]


async def test_a_refusal_is_counted_by_its_code(house, clinic):
    doctor = await signed_in(clinic, Role.DOCTOR)
    async with Browser(house.url, doctor.token) as browser:
        assert (await browser.get("/audit"))[0] == 403
        assert (await browser.get("/nothing"))[0] == 404
        assert (await browser.get("/broken"))[0] == 500
    found = counted(clinic)
    for code in ("forbidden", "page_not_found", "unexpected"):
        assert found[f'xinglin_refusals_total{{code="{code}"}}'] == 1


async def test_who_is_asked_to_wait_is_counted(house, clinic):
    """R033: how many came in vain is the number that says when a house is too small."""
    clinic.overload.level = Level.FULL
    async with Browser(house.url) as browser:
        assert (await browser.get("/sign-in"))[0] == 503
    refusals = [name for name in counted(clinic) if name.startswith("xinglin_refusals_total")]
    assert len(refusals) == 1
