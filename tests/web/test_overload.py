"""Under load newcomers wait, work goes on, memory is bounded; and it passes. (R032, R033, R034)"""

import ast
import asyncio
import time
from pathlib import Path

import pytest
from nicegui import Client

from data.errors import Unavailable
from jobs.commands.orders import ORDERS, OpenHouse
from jobs.commands.places import offered
from services.overload import (
    BUSY_SAMPLES,
    CALM_SAMPLES,
    GIVEN_UP,
    Level,
    Load,
    Marks,
    Overload,
    Part,
    resident_megabytes,
)
from services.policy import Role
from tests.peers import ROOT
from tests.web.browser import Browser
from tests.web.people import signed_in


def test_a_level_is_entered_quickly_and_left_slowly():
    overload = Overload()
    overload.note(Load(lag=1.0))
    assert overload.level is Level.NORMAL, "one slow page is no load"
    for _ in range(BUSY_SAMPLES):
        overload.note(Load(lag=1.0))
    assert overload.level is Level.FULL
    for _ in range(CALM_SAMPLES - 1):
        overload.note(Load())
    assert overload.level is Level.FULL
    overload.note(Load())
    assert overload.level is Level.NORMAL


async def test_health_says_of_the_loop_what_was_measured_and_nothing_before(house, clinic):
    """Red before: the entrance put 0 ms in its place, which looks well and was never measured."""
    assert clinic.health.lag() is None
    assert clinic.health.memory() is None
    clinic.overload.note(Load(lag=0.2, memory=100))
    assert clinic.health.lag() == 0.2
    assert clinic.health.memory() == 100


def test_a_load_that_comes_and_goes_does_not_make_the_level_flap():
    overload, levels = Overload(), []
    for _ in range(20):
        for lag in (1.0, 1.0, 0.0, 0.0, 0.0):
            overload.note(Load(lag=lag))
            levels.append(overload.level)
    assert levels.count(Level.FULL) > len(levels) * 0.9


def test_a_load_that_swings_between_two_levels_is_the_lower_one_at_least():
    """Red before: only looks that were alike counted, and these never are."""
    overload = Overload()
    for _ in range(BUSY_SAMPLES):
        overload.note(Load(lag=1.0))
        overload.note(Load(lag=0.2))
    assert overload.level is Level.BUSY


def test_a_full_house_calms_down_to_what_it_still_is():
    """Red before: a load that swung below it kept the house full for good."""
    overload = Overload()
    for _ in range(BUSY_SAMPLES):
        overload.note(Load(lag=1.0))
    for number in range(CALM_SAMPLES):
        assert overload.level is Level.FULL
        overload.note(Load(lag=0.2 if number % 2 else 0.0))
    assert overload.level is Level.BUSY


@pytest.mark.parametrize(
    ("load", "level"),
    [
        (Load(pages=600), Level.BUSY),
        (Load(pages=700), Level.FULL),
        (Load(waiting=300), Level.BUSY),
        (Load(waiting=1000), Level.FULL),
        (Load(memory=1000), Level.BUSY),
        (Load(memory=1500), Level.FULL),
        (Load(unconnected=300), Level.FULL),
        (Load(lag=0.2), Level.BUSY),
        (Load(lag=0.05, pages=400, waiting=100), Level.NORMAL),
    ],
)
def test_each_gauge_alone_is_enough(load, level):
    overload = Overload()
    for _ in range(BUSY_SAMPLES):
        overload.note(load)
    assert overload.level is level


def test_things_are_given_up_in_the_order_of_the_table():
    overload, given = Overload(), {}
    for level in Level:
        overload.level = level
        given[level] = [line.part for line in GIVEN_UP if overload.gives_up(line.part)]
    order = [line.part for line in GIVEN_UP]
    assert given[Level.NORMAL] == []
    assert given[Level.BUSY] == order[: len(given[Level.BUSY])]
    assert given[Level.FULL] == order[: len(given[Level.FULL])]
    assert set(given[Level.BUSY]) < set(given[Level.FULL])
    assert Part.WORK not in given[Level.FULL]
    assert order[-1] is Part.WORK


async def test_a_flood_of_visitors_waits_while_signed_in_people_work_on(house, clinic, counter):
    """Whoever is inside clicks on; the flood gets a page that says so and tries again."""
    clinic.overload.marks = Marks(unconnected_full=40)
    doctor = await signed_in(clinic, Role.DOCTOR)
    memory = resident_megabytes()
    async with Browser(house.url, doctor.token) as inside, Browser(house.url) as crowd:
        page = await inside.open("/")

        async def visit() -> tuple[int, str]:
            return await crowd.get("/sign-in")

        answers = await asyncio.gather(*(visit() for _ in range(300)))
        turned_away = [text for status, text in answers if status == 503]
        assert {status for status, _ in answers} == {200, 503}
        assert len(turned_away) >= 250
        assert all('http-equiv="refresh"' in text and "请稍等" in text for text in turned_away)
        assert len(Client.instances) <= 50
        assert resident_megabytes() - memory < 60

        await page.click("count")
        await page.sees("clicks: 1")
        again = await inside.open("/")  # and one more page of somebody who works
        await again.click("count")
        await again.sees("clicks: 2")

        async with crowd.http.get("/sign-in") as answer:
            assert answer.status == 503
            assert int(answer.headers["retry-after"]) > 0
            assert answer.headers["cache-control"] == "no-store"

        for client in [
            each for each in Client.instances.values() if not each.has_socket_connection
        ]:
            client.delete()  # as NiceGUI does with pages that nobody connected to
        assert (await crowd.get("/sign-in"))[0] == 200
    assert clinic.overload.turned_away >= 250


@pytest.mark.parametrize(
    ("order", "told"), [("export", {"reason": "takeover"}), ("audit.export", {})]
)
async def test_an_export_waits_for_a_calmer_moment_and_leaves_nothing_begun(
    clinic, tmp_path, order, told
):
    """It reads every table there is; whoever asked is told when to ask again."""
    clinic.overload.level = Level.BUSY
    target = tmp_path / "out"
    with pytest.raises(Unavailable) as refusal, offered(target) as token:
        await ORDERS[order](OpenHouse(clinic), {"folder": str(target), "token": token, **told})
    assert (refusal.value.code, refusal.value.details["retry_after"]) == ("busy", 5)
    assert not target.exists()
    clinic.overload.level = Level.NORMAL
    with offered(target) as token:
        await ORDERS[order](OpenHouse(clinic), {"folder": str(target), "token": token, **told})
    assert list(target.iterdir())


def test_whatever_the_order_names_is_asked_about_where_it_is_done():
    """docs/overload.md is printed from that order: no line of it may be words only."""
    ours = [each for each in product_files() if each.name != "overload.py"]
    elsewhere = "\n".join(each.read_text() for each in ours)
    asked = {part for part in Part if f".admit(Part.{part.name})" in elsewhere}
    for step in ast.walk(ast.parse((ROOT / "services" / "overload.py").read_text())):
        if isinstance(step, ast.FunctionDef) and f".{step.name}" in elsewhere:
            words = ast.unparse(step)
            asked |= {part for part in Part if f"Part.{part.name}" in words}
    assert asked == {line.part for line in GIVEN_UP if line.at is not None}


def product_files() -> list[Path]:
    layers = ("pages", "media", "devices", "integrations", "jobs", "services")
    return [each for layer in layers for each in (ROOT / layer).rglob("*.py")]


async def test_programs_are_told_as_programs(house, clinic):
    clinic.overload.level = Level.FULL
    async with Browser(house.url) as browser:
        status, text = await browser.get("/sign-in", headers={"accept": "application/json"})
    assert status == 503
    assert '"code":"busy"' in text.replace(" ", "")


async def test_a_person_with_many_open_pages_waits_for_the_next_one_when_full(house, clinic):
    clinic.overload.level = Level.FULL
    doctor = await signed_in(clinic, Role.DOCTOR)
    async with Browser(house.url, doctor.token) as browser:
        assert [(await browser.get("/"))[0] for _ in range(4)] == [200, 200, 200, 503]


async def test_the_watch_measures_a_late_loop_and_lets_go(house, clinic):
    watching = asyncio.create_task(clinic.overload.run())
    try:
        for _ in range(6):
            await asyncio.sleep(0.05)
            time.sleep(0.9)  # somebody holds the loop
        assert clinic.overload.level is not Level.NORMAL
    finally:
        clinic.overload.stop()
        await watching
