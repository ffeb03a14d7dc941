"""Bad input: a clock that jumps, ahead or back. It is said, nothing is lost, nothing lives longer.

R034: the house goes on; R016: the trail keeps its order by its numbers, whatever the clock says.
"""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from data.outbox import Delivery
from data.users import User, UserState
from jobs.schedule import Schedule, table
from jobs.steadiness import DAY_SECONDS, Steadiness
from services.events import TaskClosed
from services.findings import Level
from services.i18n import LANGUAGES, say
from services.policy import HOUSE, Role
from services.tasks import Wanted
from tests.factories import INSTITUTION
from tests.web.people import signed_in


class Counter:
    """Seconds since boot: they go on as time does, and no hand reaches them."""

    def __init__(self, clock) -> None:
        self.clock = clock
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def passes(self, **by: float) -> None:
        """Let time pass for both."""
        self.seconds += timedelta(**by).total_seconds()
        self.clock.forward(**by)


@pytest.fixture
def count(clock):
    return Counter(clock)


@pytest.fixture
def watch(clinic, clock, count):
    watch = Steadiness(clock, count)
    clinic.health.jumped = watch.look
    return watch


@pytest.fixture
def plan(clinic, watch):
    return Schedule(table(clinic), clinic.settings.timezone, clinic.metrics, watch.look)


def test_time_that_passes_is_no_jump(clock, count):
    watch = Steadiness(clock, count)
    for _ in range(50):
        count.passes(hours=20)
        assert watch.look() == 0.0
    clock.forward(minutes=59)  # what a time server may do
    assert watch.look() == 0.0


@pytest.mark.parametrize("hours", [2, -2, 24 * 365])
def test_a_jump_counts_for_a_day_and_then_is_how_it_is(clock, count, hours):
    watch = Steadiness(clock, count)
    clock.forward(hours=hours)
    assert watch.look() == hours * 3600
    count.passes(seconds=DAY_SECONDS - 1)
    assert watch.look() == hours * 3600
    count.passes(seconds=1)
    assert watch.look() == 0.0


@pytest.mark.parametrize(("hours", "code"), [(2, "jumped_ahead"), (-30, "jumped_back")])
async def test_the_health_page_says_so_and_what_to_do(clinic, clock, watch, hours, code):
    clock.forward(hours=hours)
    found = await clinic.health.look(HOUSE)
    [finding] = [each for each in found if each.check == "steadiness"]
    assert (finding.level, finding.code) == (Level.RED, code)
    for language in LANGUAGES:
        assert str(abs(hours)) in say(language, finding.what, **finding.values)
        assert say(language, finding.remedy)


async def test_a_clock_that_is_a_year_ahead_costs_nobody_anything(clinic, clock, plan):
    """Drafts are forgotten after a week, accounts sleep after months: not by mistake."""
    nurse = await signed_in(clinic, Role.NURSE)
    await clinic.drafts.put(nurse.actor, "staff-new", {"name": "王"})
    clock.forward(days=365)
    for name in plan.jobs:
        await plan.run(name)
    clock.forward(days=-365)
    assert (await clinic.drafts.take(nurse.actor, "staff-new")).values == {"name": "王"}
    async with clinic.database.transaction(write=False) as session:
        states = set(await session.scalars(select(User.state)))
    assert states == {UserState.ACTIVE}


async def test_what_is_old_is_tidied_away_again_when_a_day_has_passed(clinic, clock, plan, count):
    nurse = await signed_in(clinic, Role.NURSE)
    await clinic.drafts.put(nurse.actor, "staff-new", {"name": "王"})
    clock.forward(days=10)
    assert not await plan.run("drafts")
    assert await plan.run("sessions"), "what does not forget goes on"
    count.passes(days=1)
    assert await plan.run("drafts")
    assert await clinic.drafts.take(nurse.actor, "staff-new") is None


async def test_a_clock_set_back_loses_no_act_and_stretches_no_session(clinic, clock, watch):
    heard = []

    async def hear(event: TaskClosed) -> None:
        heard.append(event.task_id)

    clinic.bus.on(TaskClosed, hear)
    nurse = await signed_in(clinic, Role.NURSE)
    wanted = Wanted("asked", "1", INSTITUTION, role=Role.NURSE, values={"words": "请看"})
    task_id = await clinic.tasks.add(nurse.actor, wanted)

    clock.forward(hours=-5)
    await clinic.tasks.close(nurse.actor, task_id, "done in the past")
    assert (await clinic.audit.verify(HOUSE)).whole
    clock.forward(hours=5)
    await clinic.bus.deliver()

    assert heard == [task_id]
    async with clinic.database.transaction(write=False) as session:
        waiting = Delivery.due_at.is_not(None) | Delivery.parked_at.is_not(None)
        assert await session.scalar(select(func.count()).where(waiting)) == 0
    clock.forward(hours=12)
    assert await clinic.sessions.actor_of(nurse.token) is None
