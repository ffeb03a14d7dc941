"""Asked again under the same key: answered alike, done once, wherever we fall. (R033, R152)"""

import asyncio
import threading
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from sqlalchemy import event, func, select

from data.audit import AuditEntry
from data.errors import Conflict, Invalid
from data.institution import Institution, Site
from data.outbox import Answered
from services.clinic import Clinic
from services.demand import LONGEST_KEY, Demand
from services.institution import NewSite
from services.policy import Role
from tests.factories import INSTITUTION, MONDAY, an_actor

ADMIN = an_actor(Role.SYSTEM_ADMIN)
AUDITOR = an_actor(Role.AUDIT_ADMIN)


class Fall(BaseException):
    """The process ends here and now."""


def demand(key="key", asked="POST /sites 北院", scope="api:me", **more):
    return Demand(scope, key, asked, shown=str, **more)


@pytest.fixture
async def house(clinic):
    async with clinic.database.transaction(write=True) as session:
        session.add(Institution(id=INSTITUTION, name="示范", uscc="1", created_at=MONDAY))
    return clinic


async def open_site(clinic, name="北院", **more):
    new = NewSite(name)
    return await clinic.once.do(
        ADMIN, demand(**more), lambda actor: clinic.institutions.add_site(actor, new)
    )


async def verify(clinic):
    return await clinic.once.do(AUDITOR, demand(), clinic.audit.verify)


async def count(clinic, table):
    async with clinic.database.transaction(write=False) as session:
        return await session.scalar(select(func.count()).select_from(table))


def opened_again(clinic):
    """The house as the next process finds it."""
    return Clinic.open(clinic.database, clinic.clock, clinic.keys, clinic.settings)


async def test_who_asks_again_gets_the_first_answer_and_nothing_is_done(house):
    first = await open_site(house)
    acts = await count(house, AuditEntry)

    assert await open_site(house) == first

    assert await count(house, Site) == await count(house, Answered) == 1
    assert await count(house, AuditEntry) == acts


async def test_without_a_key_each_request_is_another(house):
    await house.institutions.add_site(ADMIN, NewSite("北院"))
    with pytest.raises(Conflict, match="site_name_taken"):
        await house.institutions.add_site(ADMIN, NewSite("北院"))
    assert await count(house, Answered) == 0


async def test_another_key_and_the_key_of_another_are_other_requests(house):
    await open_site(house, "北院")
    await open_site(house, "南院", key="another")
    await open_site(house, "东院", scope="api:somebody else")
    assert await count(house, Site) == 3


@pytest.mark.parametrize("asked", ["POST /sites 南院", "DELETE /sites/1"])
async def test_a_key_that_came_with_something_else_is_refused(house, asked):
    """Decision 20: 422, whether the content differs or the route."""
    await open_site(house)
    with pytest.raises(Invalid, match="idempotency_key_reused") as refused:
        await open_site(house, asked=asked)
    assert refused.value.status == 422
    assert await count(house, Site) == 1


def test_the_order_of_fields_makes_no_other_request():
    assert demand(asked={"a": 1, "b": 2}).fingerprint == demand(asked={"b": 2, "a": 1}).fingerprint
    assert demand(asked={"a": 1}).fingerprint != demand(asked={"a": 2}).fingerprint


async def test_what_was_refused_may_be_asked_again_with_the_same_key(house):
    await house.institutions.add_site(ADMIN, NewSite("北院"))
    with pytest.raises(Conflict, match="site_name_taken"):
        await open_site(house, "北院", asked="once")
    assert await open_site(house, "南院", asked="once")


@pytest.mark.parametrize("key", ["", "k" * (LONGEST_KEY + 1)])
async def test_a_key_that_is_none_or_too_long_is_refused(house, key):
    with pytest.raises(Invalid, match="idempotency_key_malformed"):
        await open_site(house, key=key)


async def test_a_twin_of_a_request_that_still_runs_is_told_so(house):
    """Decision 20: 409, and when to ask again."""
    both = await asyncio.gather(open_site(house), open_site(house), return_exceptions=True)
    [refused] = [each for each in both if isinstance(each, Conflict)]
    assert (refused.code, refused.status, refused.details) == (
        "still_running",
        409,
        {"retry_after": 1},
    )
    assert await open_site(house) in both


async def test_who_asks_again_after_hanging_up_gets_the_answer_of_the_first(house):
    """R033: whenever it is that the caller goes, also while what they asked for is being kept."""
    moments = [0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987, 1597]
    for number, moment in enumerate(moments, start=1):
        asked = {"name": f"第{number}院", "key": str(number), "asked": number}
        asking = asyncio.create_task(open_site(house, **asked))
        for _ in range(moment):
            await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait([asking])

        assert await open_site(house, **asked)

        assert await count(house, Site) == await count(house, Answered) == number


@pytest.mark.sqlite
async def test_a_twin_waits_for_what_is_being_kept_though_its_caller_has_gone(house):
    """The same, step by step: the disk is slow, the caller goes, and asks again at once."""
    engine, disk, commits = house.database._writer._engine, threading.Event(), []

    def be_slow(connection):
        commits.append(1)
        if len(commits) == 2:  # the first is the look at what is known
            disk.wait(10)

    event.listen(engine, "commit", be_slow)
    asking = asyncio.create_task(open_site(house))
    while len(commits) < 2:
        await asyncio.sleep(0.001)
    asking.cancel()
    await asyncio.wait([asking])
    twin = asyncio.create_task(open_site(house))
    while not house.database.waiting:
        await asyncio.sleep(0.001)
    disk.set()

    assert await twin
    assert await count(house, Site) == 1
    event.remove(engine, "commit", be_slow)


async def test_what_is_shown_only_once_is_not_kept(house):
    blank = demand(kept=lambda told: "")
    new = NewSite("北院")
    first = await house.once.do(ADMIN, blank, lambda actor: house.institutions.add_site(actor, new))
    assert first
    assert await open_site(house) == ""


async def test_a_use_case_that_gives_no_answer_is_a_defect(house):
    """It would be done again by a repetition: better found by the first test that asks."""

    async def forgetful(actor):
        async with house.transactions.open(actor):
            pass

    with pytest.raises(RuntimeError, match="gave no answer"):
        await house.once.do(ADMIN, demand(), forgetful)


@asynccontextmanager
async def falling(clinic, monkeypatch, unit, when):
    """Let the process end just before or just after it keeps its `unit`th unit of work."""
    real, units = clinic.database.transaction, []

    @asynccontextmanager
    async def transaction(*, write):
        if not write:
            async with real(write=False) as session:
                yield session
            return
        units.append(1)
        last = len(units) == unit
        async with real(write=True) as session:
            yield session
            if last and when == "before":
                raise Fall
        if last:
            raise Fall

    with monkeypatch.context() as fault:
        fault.setattr(clinic.database, "transaction", transaction)
        yield


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("act", [open_site, verify], ids=lambda act: act.__name__)
async def test_no_fall_leaves_a_key_dead_or_does_anything_twice(house, monkeypatch, act, when):
    """R033: at each step there is, just before it is kept and just after."""
    falls = 0
    for unit in range(1, 20):
        fresh = replace(house, once=opened_again(house).once)
        async with falling(fresh, monkeypatch, unit, when):
            try:
                await act(fresh)
            except Fall:
                falls += 1
            else:
                break
        await act(opened_again(house))
        answer = await act(opened_again(house))
        assert answer == await act(opened_again(house))
        assert await count(house, Answered) == 1
        assert await count(house, Site) == (1 if act is open_site else 0)
        await forget_all(house)
    assert falls >= 2


async def forget_all(clinic):
    async with clinic.database.transaction(write=True) as session:
        for table in (Answered, Site):
            for row in await session.scalars(select(table)):
                await session.delete(row)
