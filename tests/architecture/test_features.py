"""Each page says to whom it is useful and whose time it saves; each goal has its number. (R151)"""

from collections.abc import Iterator

from nicegui.testing.general import nicegui_reset_globals

import app
from data.clock import new_id
from pages.routes import Kind
from services.events import Event, TaskClosed
from tests.peers import ROOT

PAGE = ROOT / "docs" / "features.md"
STEPS = " and its steps"
DEMO = " (demo)"
GOALS = {
    "easier for patients",
    "quicker for clinicians",
    "resources where they are needed",
}


def rows(columns: int) -> Iterator[list[str]]:
    """Yield the cells of each row of the tables that have so many columns and name something."""
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if (
            line.startswith("|")
            and len(cells) == columns
            and any("`" in cell for cell in cells[:2])
        ):
            yield cells


def described() -> dict[str, str]:
    """Return what stands behind each path of the table: nothing, steps, demo."""
    return {
        cells[0].split("`")[1]: cells[0].split("`")[2] for cells in rows(3) if cells[0][0] == "`"
    }


def shown(clinic, *, demo: bool) -> set[str]:
    clinic.settings.demo = demo
    with nicegui_reset_globals():
        _, front = app.build(clinic)
    return {route.path for route in front.routes if route.kind is Kind.PAGE}


def covers(path: str, note: str, page: str) -> bool:
    return page == path or (note in {STEPS, DEMO} and page.startswith(f"{path}/"))


def test_every_page_has_its_line_and_every_line_its_page(clinic):
    lines, pages = described(), shown(clinic, demo=True)
    unsaid = {
        page for page in pages if not any(covers(path, note, page) for path, note in lines.items())
    }
    assert unsaid == set(), "say in docs/features.md to whom it is useful and whose time it saves"
    assert lines.keys() - pages == set(), "there is no such page any more"


def test_what_only_a_demo_shows_is_said_to_be_so(clinic):
    real = shown(clinic, demo=False)
    only_in_a_demo = {path for path, note in described().items() if note == DEMO}
    assert only_in_a_demo == described().keys() - real


def test_every_line_answers_both_questions():
    for path, useful, saves in rows(3):
        if path in GOALS:
            continue
        assert len(useful.split()) > 3, path
        assert len(saves.split()) > 2, path


def test_each_of_the_three_goals_has_a_number_that_the_house_publishes(clinic):
    """R150: a goal that nobody measures is a wish."""
    published = clinic.metrics.text().decode()
    goals = set()
    for goal, number, _ in rows(3):
        if goal in GOALS:
            goals.add(goal)
            name, _, label = number.strip("`").partition("{")
            assert f"# HELP {name} " in published or f"# HELP {name}_total " in published, number
            if label:
                assert label.split('"')[1] in Event.catalogue, number
    assert goals == GOALS


async def test_a_number_moves_when_what_it_counts_happens(clinic):
    """R150."""
    clinic.bus.tell(TaskClosed(task_id=new_id(), kind="asked"))
    assert 'xinglin_events_total{event="TaskClosed"} 1.0' in clinic.metrics.text().decode()
