"""Looks at the house itself: deliveries, tasks, backups, trail, papers, and what is pretended."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from data.institution import Institution
from data.messages import Message, MessageState
from data.outbox import Delivery
from data.tasks import Task, TaskState
from services.facts import Known, Noted
from services.findings import Finding, Level, ok, red, unknown, warn
from services.i18n import Key
from services.policy_settings import PolicySettings
from services.ports import Ports
from services.rules import ADMINISTRATORS, Role
from services.settings import Settings

INTEGRITY_LATE = timedelta(days=8)  # it is looked at once a week at least
OPEN_STATES = (TaskState.OPEN, TaskState.TAKEN)


class Accounts(Protocol):
    """What the health check asks about accounts."""

    async def made_up(self, session: AsyncSession) -> int:
        """Count the accounts of people who do not exist and that can still sign in."""
        ...

    async def holders(
        self, session: AsyncSession, role: str, institution_id: UUID, site_id: UUID | None = None
    ) -> list[UUID]:
        """Return who plays a role now, in an institution."""
        ...


@dataclass(frozen=True, slots=True)
class Glance:
    """What these checks look at: one moment, one reading session."""

    session: AsyncSession
    now: datetime
    facts: Mapping[str, Known]
    policy: PolicySettings
    settings: Settings
    ports: Ports
    accounts: Accounts


async def integrity(glance: Glance) -> Finding:
    drilled = glance.facts.get(Noted.DRILL)  # it reads every page of what was copied
    looked = [glance.facts.get(Noted.INTEGRITY), drilled if drilled and drilled.ok else None]
    known = max((each for each in looked if each), key=lambda each: each.at, default=None)
    if known is None:
        return unknown("integrity", "never")
    if not known.ok:
        return red("integrity", "damaged", moment=known.at)
    if glance.now - known.at > INTEGRITY_LATE:
        return warn("integrity", "old", moment=known.at)
    return ok("integrity", moment=known.at)


async def deliveries(glance: Glance) -> Finding:
    parked = await glance.session.scalar(
        select(func.count(Delivery.id)).where(Delivery.parked_at.is_not(None))
    )
    due = select(func.min(Delivery.due_at)).where(Delivery.due_at <= glance.now)
    oldest = await glance.session.scalar(due)
    lag = int((glance.now - oldest).total_seconds()) if oldest else 0
    limit = glance.policy.number("policy.health.outbox_lag_seconds")
    if lag > 10 * limit:
        return red("deliveries", "stuck", seconds=lag)
    if parked:
        return warn("deliveries", "parked", count=parked)
    if lag > limit:
        return warn("deliveries", "late", seconds=lag)
    return ok("deliveries", seconds=lag)


async def tasks(glance: Glance) -> Finding:
    query = select(func.min(Task.raised_at)).where(Task.state.in_(OPEN_STATES))
    oldest = await glance.session.scalar(query)
    if oldest is None:
        return ok("tasks", "none")
    days = (glance.now - oldest).days
    late = days > glance.policy.number("policy.task.oldest_days")
    return warn("tasks", "old", days=days) if late else ok("tasks", days=days)


async def backup(glance: Glance) -> Finding:
    hours = glance.policy.number("policy.backup.max_age_hours")
    failed, last = glance.facts.get(Noted.BACKUP_FAILED), glance.facts.get(Noted.BACKUP)
    if failed and (last is None or failed.at > last.at):
        return red("backup", "failed", moment=failed.at)
    finding = _aged(glance, "backup", last, timedelta(hours=hours))
    left_out = last.value.get("left_out") if last else None
    if finding.level is Level.OK and left_out:
        return warn("backup", "left_out", count=len(left_out), name=left_out[0])
    if finding.level is Level.OK and (why := last.value.get("untidied") if last else None):
        return warn("backup", "untidied", why=why)
    if finding.level is Level.OK and not glance.settings.demo:
        place = await asyncio.to_thread(_on_our_disk, glance.settings)
        return warn("backup", "same_disk", place=str(place)) if place else finding
    return finding


def _on_our_disk(settings: Settings) -> Path | None:
    """Return the folder of the copies if it would be lost together with the hospital's own."""
    if settings.backup_folder is None:
        return None
    place = settings.backup_folder.absolute()
    there = next((each for each in (place, *place.parents) if each.exists()), settings.home)
    return place if there.stat().st_dev == settings.home.stat().st_dev else None


async def drill(glance: Glance) -> Finding:
    days = glance.policy.number("policy.backup.drill_days")
    return _aged(glance, "drill", glance.facts.get(Noted.DRILL), timedelta(days=days))


def _aged(glance: Glance, check: str, known: Known | None, limit: timedelta) -> Finding:
    if known is None:
        # A demo has nothing to lose; a hospital has from the first patient on.
        return (unknown if glance.settings.demo else warn)(check, "never")
    if not known.ok:
        return red(check, "failed", moment=known.at)
    age = glance.now - known.at
    if age > 3 * limit:
        return red(check, "missing", moment=known.at)
    return warn(check, "old", moment=known.at) if age > limit else ok(check, moment=known.at)


async def shipping(glance: Glance) -> Finding:
    known = glance.facts.get(Noted.SHIPPED)
    if known is None:
        return unknown("shipped", "never")
    limit = timedelta(minutes=glance.policy.number("policy.backup.rpo_minutes"))
    if not known.ok or glance.now - known.at > limit:
        return red("shipped", "late", moment=known.at)
    return ok("shipped", moment=known.at)


async def trail(glance: Glance) -> Finding:
    """S-AUD-1: the chain was walked lately and found whole."""
    verified = glance.facts.get(Noted.VERIFIED)
    days = glance.policy.number("policy.audit.verify_days")
    if verified is not None and not verified.ok:
        return red("trail", "broken", moment=verified.at)
    if verified is None or glance.now - verified.at > timedelta(days=days):
        return warn("trail", "not_verified", days=days)
    return ok("trail", moment=verified.at)


async def pretence(glance: Glance) -> Finding:
    """Nothing of a demo may be left where patients are real."""
    sandboxes = [
        name
        for name in ("mailer", "sms", "identities", "payments")
        if getattr(getattr(glance.ports, name), "sandbox", False)
    ]
    made_up = await glance.accounts.made_up(glance.session)
    query = select(func.count(Institution.id)).where(Institution.is_demo.is_(True))
    pretended = await glance.session.scalar(query) or 0
    if glance.settings.demo:
        return ok("pretence", "demo")
    if made_up:
        return red("pretence", "accounts", count=made_up)
    if sandboxes:
        return red("pretence", "sandbox", what=", ".join(sandboxes))
    return red("pretence", "institution") if pretended else ok("pretence")


async def untried(glance: Glance) -> list[Finding]:
    """Say of which counterpart nobody here knows that it answers as ours did in the tests."""
    told = {
        "sms": unknown("untried", "sms"),
        "mailer": unknown("untried", "mailer"),
        "identities": unknown("untried", "identities"),
        "certificates": unknown("untried", "certificates"),
        "payments": unknown("untried", "payments"),
    }
    found = [
        finding
        for port, finding in told.items()
        if getattr(getattr(glance.ports, port), "untried", False)
    ]
    return found or [ok("untried")]


async def second_factor(glance: Glance) -> Finding:
    """S-AUTH-3."""
    if glance.policy.value("policy.auth.staff_mfa_required"):
        return ok("second_factor")
    return (warn if glance.settings.demo else red)("second_factor", "off")


async def administrators(glance: Glance) -> list[Finding]:
    """S-AC-1: three powers, three people; `xinglin init` makes the first, who adds the others."""
    found = []
    for institution_id in await glance.session.scalars(select(Institution.id)):
        for role in sorted(ADMINISTRATORS):
            if not await glance.accounts.holders(glance.session, role, institution_id):
                found.append(_nobody(role))  # noqa: PERF401 - it awaits
    return found or [ok("administrators")]


def _nobody(role: Role) -> Finding:
    named = Key(f"role.{role}")
    if role is Role.SECURITY_ADMIN:
        return warn("administrators", "nobody_lets_in", role=named)
    return warn("administrators", "missing", role=named)


async def papers(glance: Glance) -> list[Finding]:
    """R-ORG-1: the licence to practise and the certificate of the security grading."""
    rows = list(await glance.session.scalars(select(Institution)))
    if not rows:
        return [warn("papers", "no_institution")]
    today = glance.now.astimezone(ZoneInfo(glance.settings.timezone)).date()
    return [
        paper(document, ends, today, glance.policy.value("policy.org.licence_warn_days", row.id))
        for row in rows
        for document, ends in documents(row).items()
    ]


def documents(institution: Institution) -> dict[str, date | None]:
    """Return until when each paper of an institution is good, by the key of its name."""
    return {
        "document.licence": institution.licence_valid_to,
        "document.grading": institution.grading_valid_to,
    }


def paper(document: str, ends: date | None, today: date, warn_days: list[int]) -> Finding:
    """Judge one paper."""
    values: dict[str, Any] = {"document": Key(document)}
    if ends is None:
        return warn("papers", "missing", **values)
    values["day"] = ends
    if ends < today:
        return red("papers", "expired", **values)
    left = (ends - today).days
    if left <= max(warn_days):
        return warn("papers", "ending", days=left, **values)
    return ok("papers", **values)


async def messages(glance: Glance) -> Finding:
    """A message that waits for hours is one that nobody gets."""
    old = glance.now - timedelta(hours=6)
    query = select(func.count(Message.id)).where(
        Message.state == MessageState.QUEUED,
        Message.queued_at < old,
        or_(Message.expires_at.is_(None), Message.expires_at > glance.now),
    )
    count = await glance.session.scalar(query)
    return warn("messages", "stuck", count=count) if count else ok("messages")
