"""The few figures that somebody's day begins with: what their roles are for, and what waits."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from pages import kit
from pages.session import current_actor
from pages.viewer import viewer
from pages.words import ago, t
from services.clinic import Clinic
from services.facts import Known
from services.findings import Level
from services.health import Brief
from services.policy import Action, Subject, permits
from services.tasks import Counts
from services.users.resets import RESETS_PAGE
from services.users.roster import Standing

MOST = 4
TONES: dict[Level, kit.Tone] = {Level.OK: "ok", Level.WARN: "warn", Level.RED: "bad"}

Maker = Callable[[Clinic], Awaitable[list[kit.Figure]]]


async def figures_of(clinic: Clinic, tasks: Counts, unread: int) -> list[kit.Figure]:
    """Return two to four of them: of one's roles first, then what waits for oneself.

    Each is counted by the service whose page it leads to, by the same permission.
    """
    found: list[kit.Figure] = []
    for action, make in BY_ACTION:
        if len(found) < MOST and viewer().can(action):
            found += await make(clinic)
    return [*found, *_ones_own(tasks, unread)][:MOST]


def _all_over(action: Action) -> bool:
    """Tell whether somebody may do this in the whole institution: who asks in vain is noted."""
    actor = current_actor()
    return permits(actor, action, Subject("home", institution_id=actor.institution_id))


async def _health(clinic: Clinic) -> list[kit.Figure]:
    brief, now = await clinic.health.brief(current_actor()), clinic.clock.now()
    found = [_state_of(brief)]
    if _all_over(Action.BACKUP_RUN):
        found.append(_aged("backup", "/health", brief.backup, brief, now))
    if _all_over(Action.AUDIT_VERIFY):
        found.append(_aged("trail", "/audit", brief.verified, brief, now))
    return found


def _state_of(brief: Brief) -> kit.Figure:
    name = t("home.figure.health")
    if not brief.levels:
        return kit.Figure(name, "-", "/health", t("home.figure.not_looked"))
    worst = Level.RED if brief.red else Level.WARN if brief.warn else Level.OK
    foot = t("home.figure.health_warn", count=brief.warn)
    return kit.Figure(name, str(brief.red), "/health", foot, TONES[worst])


def _aged(check: str, href: str, known: Known | None, brief: Brief, now: datetime) -> kit.Figure:
    """Show how long ago something was last done, judged as the last look did."""
    name, foot = t(f"home.figure.{check}"), t(f"home.figure.{check}_foot")
    if known is None:
        return kit.Figure(name, t("home.figure.never"), href, foot, "warn")
    if not known.ok:
        failed = t("home.figure.failed", when=ago(known.at, now=now))
        return kit.Figure(name, failed, href, foot, "bad")
    tone = TONES.get(brief.levels.get(check, Level.UNKNOWN), "")
    return kit.Figure(name, ago(known.at, now=now), href, foot, tone)


async def _undelivered(clinic: Clinic) -> list[kit.Figure]:
    parked = await clinic.deliveries.parked_count(current_actor())
    unsent = 0
    if _all_over(Action.MESSAGE_OVERSEE):
        unsent = await clinic.undelivered.count(current_actor())
    foot = t("home.figure.deliveries_foot", parked=parked, unsent=unsent)
    return [_counted("deliveries", parked + unsent, "/deliveries", foot)]


async def _locked(clinic: Clinic) -> list[kit.Figure]:
    standing = await clinic.roster.standing(current_actor())
    foot = t("home.figure.locked_foot")
    return [_counted("locked", standing.locked, "/staff", foot), _kept_out(standing)]


async def _suspended(clinic: Clinic) -> list[kit.Figure]:
    if viewer().can(Action.STAFF_UNLOCK):
        return []  # counted already
    return [_kept_out(await clinic.roster.standing(current_actor()))]


def _kept_out(standing: Standing) -> kit.Figure:
    out = standing.suspended + standing.dormant
    foot = t("home.figure.out_foot", suspended=standing.suspended, dormant=standing.dormant)
    return kit.Figure(t("home.figure.out"), str(out), "/staff", foot)


async def _reviews(clinic: Clinic) -> list[kit.Figure]:
    _, waiting = await clinic.emergency.page(current_actor(), limit=1)
    foot = t("home.figure.reviews_foot")
    return [_counted("reviews", waiting, "/emergency/reviews", foot)]


async def _resets(clinic: Clinic) -> list[kit.Figure]:
    waiting = len(await clinic.resets.page(current_actor()))
    return [_counted("resets", waiting, RESETS_PAGE, t("home.figure.resets_foot"))]


def _counted(what: str, count: int, href: str, foot: str) -> kit.Figure:
    """Show how much of something there is that should not be."""
    name = t(f"home.figure.{what}")
    return kit.Figure(name, str(count), href, foot, "warn" if count else "ok")


def _ones_own(tasks: Counts, unread: int) -> list[kit.Figure]:
    foot = t("home.figure.notices_foot")
    notices = kit.Figure(t("home.figure.notices"), str(unread), "/notices", foot)
    if not viewer().can(Action.TASK_READ):
        return [notices]
    foot = t("home.figure.tasks_foot", overdue=tasks.overdue, mine=tasks.mine)
    tone: kit.Tone = "bad" if tasks.overdue else ""
    return [kit.Figure(t("home.figure.tasks"), str(tasks.open), "/tasks", foot, tone), notices]


BY_ACTION: tuple[tuple[Action, Maker], ...] = (
    (Action.HEALTH_READ, _health),
    (Action.DELIVERY_READ, _undelivered),
    (Action.STAFF_UNLOCK, _locked),
    (Action.EMERGENCY_REVIEW, _reviews),
    (Action.STAFF_SUSPEND, _suspended),
    (Action.STAFF_RESET_APPROVE, _resets),
)
"""What each right gives somebody to see, in the order of their importance."""
