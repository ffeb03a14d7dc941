"""Whether the house is well: named checks, each with what is so and what to do. (健康检查)

`Health.look` makes them all; a job does so every few minutes, and what is red becomes a task.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select, text

from data.clock import Clock
from data.database import Database
from data.errors import DomainError
from data.institution import Institution
from services import health_house, health_machine, infrastructure
from services.facts import Facts, Known, Noted, read
from services.findings import Finding, Level, ok, red
from services.i18n import Key
from services.overload import Overload
from services.policy import HOUSE, Action, Actor, Role, Subject
from services.policy_settings import PolicySettings
from services.ports import Ports
from services.settings import Settings
from services.tasks import Priority, Tasks, Wanted
from services.transaction import Transactions

__all__ = ["Brief", "Finding", "Health", "House", "Level", "Readiness"]

log = logging.getLogger(__name__)

PATIENCE = 5  # seconds a check may take
READY_WITHIN = 2
LONGEST_LINE = 500  # units of work before this one: nobody new should come
UNIT = timedelta(days=1)
KIND = "health_red"
ASKED = {("backup", "failed"), ("drill", "failed")}
"""Whoever fails at these raises the task, one until it succeeds, not one a day."""

ON_MACHINE = (
    *(health_machine.disk, health_machine.log, health_machine.keys, health_machine.certificate),
    *(health_machine.clock, health_machine.programs, health_machine.anchor),
)
IN_HOUSE = (
    *(health_house.integrity, health_house.deliveries, health_house.tasks, health_house.messages),
    *(health_house.backup, health_house.drill, health_house.shipping, health_house.trail),
    *(health_house.pretence, health_house.second_factor),
)


@dataclass(frozen=True, slots=True)
class House:
    """What the health check looks at."""

    settings: Settings
    clock: Clock
    database: Database
    transactions: Transactions
    policy: PolicySettings
    ports: Ports
    accounts: health_house.Accounts
    tasks: Tasks
    facts: Facts


@dataclass(frozen=True, slots=True)
class Brief:
    """How the house is, in a few figures: what was found last, without another look."""

    levels: Mapping[str, Level]
    """How each check came out, the worst of a kind; empty before the first look."""
    red: int
    warn: int
    backup: Known | None
    """The last backup: when, and whether it succeeded."""
    verified: Known | None
    """The last walk along the audit chain, likewise."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether new work may be sent here."""

    ready: bool
    code: str = "ready"


class Health:
    """The one who looks after the house itself."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.lag: Callable[[], float | None] = lambda: None
        """How late the event loop answers, in seconds; whoever measures it sets this."""
        self.memory: Callable[[], int | None] = lambda: None
        """Megabytes held, likewise."""
        self.jumped: Callable[[], float] | None = None
        """By how many seconds the clock has jumped of late, likewise."""
        self.timekeeping: health_machine.Ask | None = None
        """What the machine knows of its own clock, likewise."""
        self.last: tuple[Finding, ...] = ()
        """What the last look found; for the metrics."""
        self.closing = False

    def measured_by(self, overload: Overload) -> None:
        """Take lag and memory from who samples them all the time; nothing before it has begun."""
        self.lag = lambda: overload.load.lag if overload.load.memory else None
        self.memory = lambda: overload.load.memory or None

    async def look(self, actor: Actor) -> tuple[Finding, ...]:
        """Make every check now; the worst first."""
        async with self._house.transactions.read(actor) as tx:
            tx.allow(Action.HEALTH_READ, Subject("health"))
        findings = [await self._writable(), *await self._machine()]
        findings += [health_machine.loop(self.lag()), health_machine.memory(self.memory())]
        findings.append(health_machine.steadiness(self.jumped() if self.jumped else None))
        findings += await self._in_house()
        order = list(Level)
        self.last = tuple(sorted(findings, key=lambda each: -order.index(each.level)))
        return self.last

    async def brief(self, actor: Actor) -> Brief:
        """Tell what the last look has found: one query, however often somebody asks."""
        async with self._house.transactions.read(actor) as tx:
            tx.allow(Action.HEALTH_READ, Subject("health"))
            facts = await read(tx.session)
        failed, done = facts.get(Noted.BACKUP_FAILED), facts.get(Noted.BACKUP)
        tried = [Known({"ok": False}, failed.at)] if failed else []
        levels: dict[str, Level] = {}
        for each in self.last:
            levels.setdefault(each.check, each.level)  # the worst comes first
        return Brief(
            levels=levels,
            red=sum(each.level is Level.RED for each in self.last),
            warn=sum(each.level is Level.WARN for each in self.last),
            backup=max([*tried, *([done] if done else [])], key=lambda each: each.at, default=None),
            verified=facts.get(Noted.VERIFIED),
        )

    async def sample(self) -> tuple[Finding, ...]:
        """Look, and make a task of what is red; a job's work."""
        found = await self.look(HOUSE)
        red_ones = [each for each in found if each.level is Level.RED]
        await self._raise_tasks([each for each in red_ones if (each.check, each.code) not in ASKED])
        return found

    async def ready(self) -> Readiness:
        """Tell whether the house can serve: for /readyz, without a sign-in."""
        house = self._house
        if self.closing:
            return Readiness(ready=False, code="closing")
        if house.database.waiting > LONGEST_LINE:
            return Readiness(ready=False, code="busy")
        try:
            async with asyncio.timeout(READY_WITHIN):
                async with house.database.transaction(write=False) as session:
                    await session.execute(text("SELECT 1"))
        except (DomainError, TimeoutError):
            return Readiness(ready=False, code="database_not_reachable")
        return Readiness(ready=True)

    async def _writable(self) -> Finding:
        try:
            await self._house.facts.note(Noted.WRITTEN)
        except DomainError as trouble:
            return red("database", "not_writable", reason=Key(f"error.{trouble.code}"))
        return ok("database")

    async def _machine(self) -> list[Finding]:
        house = self._house
        path = house.database.path
        machine = health_machine.Machine(
            house.settings,
            house.policy,
            house.ports,
            house.clock.now,
            path.with_name(path.name + "-wal") if path else None,
            self.timekeeping,
        )
        return [await _made(check.__name__, check(machine)) for check in ON_MACHINE]

    async def _in_house(self) -> list[Finding]:
        house = self._house
        found: list[Finding] = []
        async with house.transactions.read(HOUSE) as tx:
            tx.allow(Action.HEALTH_READ, Subject("health"))
            facts = await read(tx.session)
            glance = health_house.Glance(
                *(tx.session, tx.now, facts, house.policy, house.settings, house.ports),
                accounts=house.accounts,
            )
            for check in IN_HOUSE:
                found.append(await _made(check.__name__, check(glance)))  # noqa: PERF401
            found += await health_house.administrators(glance)
            found += await health_house.untried(glance)
            found += await health_house.papers(glance)
            today = tx.now.astimezone(ZoneInfo(house.settings.timezone)).date()
            for institution_id in await tx.session.scalars(select(Institution.id)):
                found += infrastructure.findings(facts, institution_id, today)
        return found

    async def _raise_tasks(self, bad: list[Finding]) -> None:
        if not bad:
            return
        async with self._house.transactions.open(HOUSE) as tx:
            tx.allow(Action.TASK_RAISE, Subject("task"))
            home = await tx.session.scalar(select(Institution.id).order_by(Institution.id).limit(1))
            if home is None:
                return
            known = await self._house.tasks.open_keys(tx, home, KIND)
            asked = {key.rpartition(":")[0] for key in known}
            for finding in bad:
                if _key(finding) not in asked:
                    await self._house.tasks.raise_(tx, _task(finding, home, tx.now))


def _key(finding: Finding) -> str:
    return f"health:{finding.check}:{finding.code}"


def _task(finding: Finding, institution_id: UUID, now: datetime) -> Wanted:
    """One for as long as it is open; closed and still red, it comes again the next day."""
    return Wanted(
        kind=KIND,
        key=f"{_key(finding)}:{now:%Y-%m-%d}",
        institution_id=institution_id,
        role=Role.SYSTEM_ADMIN,
        values={"what": Key(finding.title)},
        subject=f"health:{finding.check}",
        due_at=now + UNIT,
        priority=Priority.URGENT,
    )


async def _made(name: str, check: Any) -> Finding:
    """Make one check; one that fails is itself a finding."""
    try:
        async with asyncio.timeout(PATIENCE):
            finding: Finding = await check
    except Exception as trouble:  # the other checks matter all the more
        log.exception("the check %s failed", name)
        return red("check", "failed", name=name, kind=type(trouble).__name__)
    return finding
