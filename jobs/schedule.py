"""What the house does by the clock, in one table. (定时作业)

Nothing is lost when a run is missed: what is due stands in the tables, and the next run finds it.
So the jobs need no store of their own; a job that fails is logged and comes again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy import delete, select

from data.clock import stopwatch
from data.errors import Conflict, DomainError, Invalid, NotFound
from data.institution import Institution
from data.outbox import Answered
from jobs.exports import Exports
from services.clinic import Clinic
from services.facts import Noted
from services.logs import about
from services.metrics import Metrics
from services.policy import HOUSE, Action, Role, Subject
from services.tasks import Priority, Wanted

log = logging.getLogger(__name__)

Work = Callable[[], Awaitable[Any]]

BATCH = 1000
MOST_BATCHES = 50
ANSWERS_KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Job:
    """One line of the table: `every` so often, or `at` a time of day in the hospital."""

    name: str
    do: Work
    every: timedelta | None = None
    at: str = ""
    forgets: bool = False
    """Whether it takes away what is old: not while nobody knows what the time is."""


class Copier(Protocol):
    """What the nightly jobs need of the backup (jobs/backup.py)."""

    async def run(self) -> Any: ...

    async def is_due(self, every: timedelta = ...) -> bool: ...

    async def sweep(self) -> int: ...


class Drill(Protocol):
    """What they need of the restore drill (jobs/backup_drill.py)."""

    async def run(self) -> Any: ...


class Carrier(Protocol):
    """What they need of the courier (jobs/backup_log.py)."""

    async def carry(self, *, files: bool = True) -> None: ...


@dataclass(frozen=True, slots=True)
class Night:
    """The backup's part of the table; a house that is only looked at has none."""

    backup: Copier
    drill: Drill
    courier: Carrier


def table(clinic: Clinic, night: Night | None = None, renew: Work | None = None) -> tuple[Job, ...]:
    """Return everything there is to do by the clock; `renew` sees to the certificate for HTTPS."""
    chores = Chores(clinic, night)
    jobs = [
        Job("sessions", clinic.sessions.expire, every=timedelta(seconds=30)),
        Job("anchor", chores.anchor, every=timedelta(minutes=1)),
        Job("health", clinic.health.sample, every=timedelta(minutes=5)),
        Job("outbox", chores.prune_outbox, every=timedelta(hours=1), forgets=True),
        Job("answers", chores.prune_answers, at="00:10", forgets=True),
        Job("audit-export", chores.export_audit, at="00:20"),
        Job("messages", chores.prune_messages, at="00:15", forgets=True),
        Job("drafts", lambda: clinic.drafts.prune(HOUSE), at="00:30", forgets=True),
        Job("old-sessions", clinic.sessions.tidy, at="00:40", forgets=True),
        Job("one-time-codes", clinic.patient_door.tidy, at="00:50", forgets=True),
        Job("entry-links", clinic.entry_links.tidy, at="00:55", forgets=True),
        Job("sign-in-counts", clinic.sign_in.tidy, at="00:45"),
        Job("dormant-accounts", clinic.dormancy.look, at="03:40", forgets=True),
        Job("audit-verify", chores.verify_audit, at="04:10"),
        Job("licences", clinic.licences.remind, at="07:00"),
        Job("credentials", clinic.credential_review.watch, at="00:05"),
        Job("presence", clinic.presences.watch, every=timedelta(minutes=1)),
    ]
    if night:
        jobs += [
            Job("backup", chores.back_up, at=clinic.settings.backup.at),
            Job("backup-missed", chores.catch_up, every=timedelta(hours=1)),
            Job("files", night.backup.sweep, at="03:20", forgets=True),
            Job("audit-exports", Exports(clinic).tidy, at="05:20", forgets=True),
            Job("shipping", chores.ship, every=timedelta(minutes=1)),
        ]
    if renew:
        jobs.append(Job("certificate", renew, at="05:10"))
    return tuple(jobs)


class Chores:
    """What takes more than one call of a service."""

    def __init__(self, clinic: Clinic, night: Night | None) -> None:
        self._clinic = clinic
        self._night = night

    async def anchor(self) -> None:
        """Keep the head of the audit chain outside the database; if that knows more, alarm."""
        try:
            await self._clinic.audit.anchor(HOUSE)
        except Conflict as trouble:  # it is shorter than it was
            number = int(str(trouble.details["seq"]))
            await self._clinic.facts.note(Noted.VERIFIED, ok=False, broken_at=number)
            await self._alarm("trail_broken", number)
            raise
        except Invalid:
            await self._alarm("anchor_damaged")
            raise

    async def prune_outbox(self) -> None:
        """Forget what everybody has had."""
        await _all(partial(self._clinic.bus.prune, BATCH))

    async def prune_answers(self) -> None:
        """Forget what callers were answered a month ago."""
        old = self._clinic.clock.now() - ANSWERS_KEPT
        some = select(Answered.id).where(Answered.at < old).limit(BATCH)
        for _ in range(MOST_BATCHES):
            async with self._clinic.database.transaction(write=True) as session:
                ids = list(await session.scalars(some))
                await session.execute(delete(Answered).where(Answered.id.in_(ids)))
            if len(ids) < BATCH:
                return

    async def prune_messages(self) -> None:
        """Forget what people were told, as long ago as their institution has set."""
        clinic, now = self._clinic, self._clinic.clock.now()
        async with clinic.transactions.read(HOUSE) as tx:
            tx.allow(Action.BUS_WORK, Subject("message"))
            institutions = list(await tx.session.scalars(select(Institution.id)))
        for institution_id in institutions:
            before = now - clinic.policy.span("policy.notify.keep_days", institution_id)
            await _all(partial(clinic.notices.prune, institution_id, before, BATCH))
        before = now - clinic.policy.span("policy.notify.keep_days")
        await _all(partial(clinic.inbox.prune, before, BATCH))

    async def export_audit(self) -> Path | None:
        """Write the entries since the last export beside the anchors, for a log host. (S-AUD-1)"""
        facts = await self._clinic.facts.all()
        known = facts.get(Noted.AUDIT_EXPORT)
        since = int(known.value["last"]) if known else 0
        folder = self._clinic.settings.anchor_file.parent
        target, last = await self._clinic.audit.export(HOUSE, folder, since)
        await self._clinic.facts.note(Noted.AUDIT_EXPORT, last=last)
        return target

    async def verify_audit(self) -> None:
        """Walk the audit chain; if it is broken, ask the audit administrator at once."""
        try:
            verdict = await self._clinic.audit.verify(HOUSE)
        except Invalid:
            await self._alarm("anchor_damaged")
            raise
        told = {"ok": verdict.whole, "entries": verdict.entries, "broken_at": verdict.broken_at}
        await self._clinic.facts.note(Noted.VERIFIED, **told)
        if not verdict.whole:
            await self._alarm("trail_broken", verdict.broken_at or verdict.entries + 1)

    async def _alarm(self, kind: str, number: int = 0) -> None:
        """Ask for a look at once: one task for as long as it is open, for each broken entry."""
        async with self._clinic.transactions.open(HOUSE) as tx:
            tx.allow(Action.TASK_RAISE, Subject("task"))
            for institution_id in list(await tx.session.scalars(select(Institution.id))):
                if not number and await self._clinic.tasks.open_keys(tx, institution_id, kind):
                    continue
                wanted = Wanted(
                    kind=kind,
                    key=f"{kind}:{number or tx.now.isoformat()}",
                    institution_id=institution_id,
                    role=Role.AUDIT_ADMIN,
                    values={"number": number} if number else {},
                    subject="audit",
                    priority=Priority.URGENT,
                )
                await self._clinic.tasks.raise_(tx, wanted)

    async def back_up(self) -> None:
        """Make tonight's copy, then try whether it can be restored."""
        if self._night:
            await self._night.backup.run()
            await self._night.drill.run()

    async def catch_up(self) -> None:
        """Make the copy that the house slept through, or that failed."""
        hours = self._clinic.policy.number("policy.backup.max_age_hours")
        if self._night and await self._night.backup.is_due(timedelta(hours=hours)):
            await self.back_up()

    async def ship(self) -> None:
        """See that everything up to now lies at the backup's place, and note when it did."""
        if self._night:
            await self._night.courier.carry(files=False)
            await self._clinic.facts.note(Noted.SHIPPED, ok=True)


class Schedule:
    """Runs the table."""

    def __init__(
        self,
        jobs: Sequence[Job],
        timezone: str,
        metrics: Metrics,
        jumped: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """`jumped` tells by how many seconds the clock has jumped of late: see `Steadiness`."""
        self.jobs = {job.name: job for job in jobs}
        self._metrics = metrics
        self._jumped = jumped
        self._running: set[asyncio.Task[Any]] = set()
        self._scheduler = AsyncIOScheduler(
            timezone=timezone,
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        for job in jobs:
            self._scheduler.add_job(self.run, _trigger(job, timezone), [job.name], id=job.name)

    def start(self) -> None:
        """Begin; needs a running loop."""
        self._scheduler.start()

    async def close(self) -> None:
        """Begin nothing new, and wait for what runs."""
        if self._scheduler.running:
            self._scheduler.remove_all_jobs()
        while self._running:
            await asyncio.gather(*self._running, return_exceptions=True)
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    async def run(self, name: str) -> bool:
        """Do one job now; return whether it went well. What went wrong is logged, not raised.

        What forgets waits for a day after the clock has jumped.
        """
        if name not in self.jobs:
            raise NotFound("not_found", what="job", key=name)
        if self._jumped() and self.jobs[name].forgets:
            log.warning("%s waits: the clock has jumped", name)
            return False
        task = asyncio.current_task()
        if task:
            self._running.add(task)
        began = stopwatch()
        with about(job=name):
            done = await _tried(self.jobs[name])
        self._metrics.job(name, done=done, seconds=stopwatch() - began)
        if task:
            self._running.discard(task)
        return done


async def _all(forget: Callable[[], Awaitable[int]]) -> None:
    """Forget batch by batch, each in a unit of its own, so that nobody waits long."""
    for _ in range(MOST_BATCHES):
        if await forget() < BATCH:
            return


async def _tried(job: Job) -> bool:
    try:
        await job.do()
    except DomainError as trouble:
        log.warning("the job %s did not succeed: %s", job.name, trouble.code)
        return False
    except Exception:  # one job's fault must not stop the others
        log.exception("the job %s failed", job.name)
        return False
    return True


def _trigger(job: Job, timezone: str) -> CronTrigger | IntervalTrigger:
    if job.every is not None:
        return IntervalTrigger(seconds=job.every.total_seconds(), timezone=timezone)
    hour, _, minute = job.at.partition(":")
    return CronTrigger(hour=int(hour), minute=int(minute), timezone=timezone)
