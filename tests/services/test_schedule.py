"""What is done by the clock is done, again if it failed, and never twice at once."""

import asyncio
import json
from datetime import timedelta
from itertools import pairwise

import pytest
from sqlalchemy import func, select, text

from data.audit import AuditEntry, sealed
from data.errors import NotFound, Unavailable
from data.institution import Institution
from data.outbox import Answered, OutboxEvent
from jobs.schedule import Job, Night, Schedule, table
from services.facts import Noted
from services.findings import Level
from services.metrics import Metrics
from services.policy import HOUSE, Action, Role, Subject
from services.tasks import Search, Wanted
from tests.factories import INSTITUTION, an_actor


def schedule(clinic, *jobs, night=None):
    metrics = Metrics(clinic.database, clinic.bus, clinic.health)
    return Schedule(jobs or table(clinic, night), clinic.settings.timezone, metrics)


async def found(clinic):
    async with clinic.transactions.open(HOUSE) as tx:
        tx.allow(Action.INSTITUTION_FOUND, Subject("institution"))
        tx.session.add(
            Institution(id=INSTITUTION, name="示范", uscc="121101019999000038", created_at=tx.now)
        )


async def test_every_job_of_the_table_runs_on_an_empty_house(clinic):
    done = schedule(clinic)
    assert {name: await done.run(name) for name in done.jobs} == dict.fromkeys(done.jobs, True)


async def test_a_job_that_fails_is_logged_and_stops_nobody(clinic, caplog):
    async def fail():
        raise Unavailable("disk_full")

    async def break_down():
        raise ZeroDivisionError

    plan = schedule(clinic, Job("a", fail, at="01:00"), Job("b", break_down, at="01:00"))
    assert [await plan.run("a"), await plan.run("b")] == [False, False]
    assert "disk_full" in caplog.text
    with pytest.raises(NotFound):
        await plan.run("c")


async def test_the_clock_starts_jobs_one_at_a_time_and_closing_waits_for_them(clinic):
    running, most, rounds, go_on = 0, 0, 0, asyncio.Event()
    twice = asyncio.Event()

    async def slow():
        nonlocal running, most, rounds
        running += 1
        most = max(most, running)
        rounds += 1
        if rounds == 2:
            twice.set()
        await asyncio.wait([asyncio.ensure_future(go_on.wait())], timeout=0.15)
        running -= 1

    plan = schedule(clinic, Job("slow", slow, every=timedelta(seconds=0.05)))
    plan.start()
    await asyncio.wait_for(twice.wait(), 10)
    go_on.set()
    await plan.close()
    assert (most, running) == (1, 0)
    so_far = rounds
    await asyncio.sleep(0.2)
    assert rounds == so_far


async def test_what_everybody_has_had_is_forgotten_after_a_month(clinic, clock, database):
    await clinic.tasks.add(
        HOUSE, Wanted("asked", "a", INSTITUTION, role=Role.NURSE, values={"words": "x"})
    )
    await clinic.bus.deliver()
    async with database.transaction(write=True) as session:
        session.add(Answered(scope="s", key="k", body_digest="", answer="{}", at=clock.now()))
    plan = schedule(clinic)

    async def left():
        async with database.transaction(write=False) as session:
            events = await session.scalar(select(func.count(OutboxEvent.id)))
            return events, await session.scalar(select(func.count(Answered.id)))

    clock.forward(days=29)
    await plan.run("outbox")
    await plan.run("answers")
    assert await left() == (1, 1)
    clock.forward(days=2)
    await plan.run("outbox")
    await plan.run("answers")
    assert await left() == (0, 0)


async def test_the_trail_is_exported_once_and_goes_on_where_it_ended(clinic, settings, clock):
    """S-AUD-1: daily, off the database."""
    await found(clinic)
    plan = schedule(clinic)
    await plan.run("audit-export")
    clock.forward(days=1)
    await plan.run("audit-export")

    lines = [
        line
        for file in sorted(settings.anchor_file.parent.glob("audit-2*.jsonl"))
        for line in file.read_text(encoding="utf-8").splitlines()
    ]

    async with clinic.database.transaction(write=False) as session:
        assert len(lines) == await session.scalar(select(func.count(AuditEntry.seq)))
    assert len(set(lines)) == len(lines)


async def test_an_export_is_verified_from_its_files_and_the_keys_alone(clinic, settings, clock):
    """S-AUD-1. Red before: times were not written as they are covered, nor the MAC before."""
    await found(clinic)
    plan = schedule(clinic)
    for _ in range(2):
        await plan.run("audit-export")
        clock.forward(days=1)
    newest = max(settings.anchor_file.parent.glob("audit-2*.jsonl"))
    entries = [json.loads(line) for line in newest.read_text(encoding="utf-8").splitlines()]

    assert entries[0]["seq"] > 1, "the chain goes on from the file before"
    for entry, following in pairwise([*entries, {"before": entries[-1]["mac"]}]):
        assert sealed(entry, entry["before"], clinic.keys) == entry["mac"] == following["before"]
        assert sealed({**entry, "at": "x"}, entry["before"], clinic.keys) != entry["mac"]


async def test_a_trail_that_was_tampered_with_alarms_the_audit_administrator(clinic, database):
    """S-AUD-1."""
    await found(clinic)
    plan = schedule(clinic)
    await plan.run("audit-verify")
    auditor = an_actor(Role.AUDIT_ADMIN)
    assert (await clinic.tasks.page(auditor, Search()))[1] == 0

    drop = "DROP TRIGGER audit_entry_no_update"
    if database.kind == "postgresql":
        drop = "DROP TRIGGER audit_entry_no_change ON audit_entry"
    async with database.transaction(write=True) as session:
        await session.execute(text(drop))
        await session.execute(text("UPDATE audit_entry SET purpose = 'x' WHERE seq = 1"))
    for _ in range(2):
        await plan.run("audit-verify")

    [task], total = await clinic.tasks.page(auditor, Search())
    assert (total, task.kind, task.values) == (1, "trail_broken", {"number": 1})
    [trail] = [each for each in await clinic.health.look(HOUSE) if each.check == "trail"]
    assert trail.level is Level.RED


class Copies:
    """Counts what the nightly jobs ask for; backup, drill and courier have tests of their own."""

    def __init__(self):
        self.asked = []
        self.due = False

    async def run(self):
        self.asked.append("run")

    async def is_due(self, every=timedelta(hours=24)):
        assert every == timedelta(hours=26)
        return self.due

    async def sweep(self):
        self.asked.append("sweep")
        return 0

    async def carry(self, *, files=True):
        self.asked.append("carry")


async def test_a_copy_is_tried_after_it_is_made_and_caught_up_when_it_was_missed(clinic):
    copies, drill = Copies(), Copies()
    plan = schedule(clinic, night=Night(copies, drill, copies))
    await plan.run("backup")
    assert (copies.asked, drill.asked) == (["run"], ["run"])
    await plan.run("backup-missed")
    assert len(copies.asked) == 1
    copies.due = True
    await plan.run("backup-missed")
    assert (len(copies.asked), len(drill.asked)) == (2, 2)


async def test_what_was_carried_away_is_noted(clinic):
    copies = Copies()
    await schedule(clinic, night=Night(copies, copies, copies)).run("shipping")
    assert copies.asked == ["carry"]
    assert Noted.SHIPPED in await clinic.facts.all()
