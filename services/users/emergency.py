"""Breaking the glass (紧急访问): a record opened without a right to it, for an hour, for a reason.

Whoever does it shows again who they are, says why, and is reviewed by another person within a
day. The record knows: each look is audited as `emergency: <reason>`. (R016, R042)
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, func, select

from data.audit import AuditEntry
from data.errors import Conflict, Invalid
from data.users import EmergencyAccess, User
from data.users import ReviewOutcome as Verdict
from services.events import EmergencyAccessOpened, EmergencyAccessReviewed
from services.masking import mask_name
from services.permissions import Action
from services.policy import EMERGENCY, HOUSE, Actor, Role, Subject, visible
from services.tasks import Priority, Tasks, Wanted
from services.transaction import Reading, Transaction, Transactions
from services.users.glass import GIVEN_UP, NEEDLESS, end_glass
from services.users.registrar import checked_reason
from services.users.sessions import Sessions

__all__ = ["Access", "Emergency", "Look", "Verdict"]

OPEN_FOR = timedelta(minutes=60)
REVIEWED_WITHIN = timedelta(hours=24)
SHORTEST_REASON, LONGEST_REASON = 10, 500
LARGEST_PAGE = 200
REVIEW = "emergency_review"
REVIEW_PAGE = "/emergency/reviews"


@dataclass(frozen=True, slots=True)
class Access:
    """One broken glass."""

    id: UUID
    user_id: UUID
    username: str
    name: str
    """Masked, as in every list. (S-PI-1)"""
    patient_id: UUID
    reason: str
    opened_at: datetime
    until: datetime
    closed_at: datetime | None
    closed_because: str
    """One of `services.users.glass.ENDINGS`, or empty: by itself, or nobody wrote it down."""
    outcome: Verdict | None
    review_note: str
    reviewed_by: UUID | None
    reviewed_at: datetime | None

    @property
    def ends_at(self) -> datetime:
        """When it ended, or will by itself."""
        return self.closed_at or self.until


@dataclass(frozen=True, slots=True)
class Look:
    """Something that was done behind broken glass, as the trail has it."""

    at: datetime
    action: str
    subject: str
    purpose: str


class Emergency:
    """The box with the key behind glass."""

    def __init__(self, transactions: Transactions, sessions: Sessions, tasks: Tasks) -> None:
        self._transactions = transactions
        self._sessions = sessions
        self._tasks = tasks
        tasks.ends_at(REVIEW, f"{REVIEW_PAGE}?access={{id}}")

    async def open(self, actor: Actor, patient_id: UUID, reason: str) -> Access:
        """Open a patient's record to the actor for an hour.

        Raise `Invalid("emergency_reason_needed")` for a reason under ten characters,
        `Unauthenticated("confirm_needed")` without a fresh proof of who it is,
        `Conflict("emergency_open_already")` if this person has this record open.
        """
        reason = " ".join(reason.split())
        if not SHORTEST_REASON <= len(reason) <= LONGEST_REASON:
            raise Invalid("emergency_reason_needed", least=SHORTEST_REASON, field="reason")
        async with self._transactions.open(actor) as tx:
            subject = Subject(
                "emergency_access",
                institution_id=actor.institution_id,
                owner_id=actor.user_id,
                patient_id=patient_id,
            )
            tx.allow(Action.EMERGENCY_OPEN, subject, purpose=reason)
            user = await tx.get(User, actor.user_id)  # kept: of two at once, one opens
            await self._refuse_second(tx, patient_id)
            row = EmergencyAccess(
                owner_id=user.id,
                institution_id=user.institution_id,
                site_id=user.site_id,
                patient_id=patient_id,
                session_id=actor.session_id,
                reason=reason,
                opened_at=tx.now,
                until=tx.now + OPEN_FOR,
            )
            tx.session.add(row)
            tx.announce(_opened(row))
            self._sessions.forget_after(tx, user.id)
            return tx.answer(_access(row, user))

    async def call_for_review(self, event: EmergencyAccessOpened) -> None:
        """Ask the auditor at once, and medical affairs a day later, to judge a broken glass."""
        async with self._transactions.open(HOUSE) as tx:
            row = await tx.get(EmergencyAccess, event.access_id)
            if row.outcome is not None:
                return  # somebody was faster than the post
            tx.allow(Action.TASK_RAISE, row)
            await self._tasks.raise_(
                tx,
                Wanted(
                    kind=REVIEW,
                    key=_task_key(row.id),
                    institution_id=row.institution_id,
                    site_id=row.site_id,
                    role=Role.AUDIT_ADMIN,
                    values={"moment": row.opened_at},
                    subject=f"emergency_access:{row.id}",
                    due_at=row.opened_at + REVIEWED_WITHIN,
                    escalates_to=Role.MEDICAL_AFFAIRS,
                    priority=Priority.HIGH,
                    barred_id=row.owner_id,
                ),
            )

    async def _refuse_second(self, tx: Transaction, patient_id: UUID) -> None:
        mine = EmergencyAccess.owner_id == tx.actor.user_id
        query = select(EmergencyAccess.id).where(
            mine, EmergencyAccess.patient_id == patient_id, *_is_open(tx.now)
        )
        if await tx.session.scalar(query.limit(1)):
            raise Conflict("emergency_open_already")

    async def close(self, actor: Actor, access_id: UUID) -> None:
        """Give up the access before its hour is over; it is reviewed all the same."""
        async with self._transactions.open(actor) as tx:
            row = await tx.get(EmergencyAccess, access_id)
            tx.allow(Action.EMERGENCY_CLOSE, row)
            self._close(tx, row, GIVEN_UP)
            tx.answer(None)

    def _close(self, tx: Transaction, row: EmergencyAccess, because: str) -> None:
        if end_glass(tx, row, because):
            self._sessions.forget_after(tx, row.owner_id)

    async def mine(self, actor: Actor) -> list[Access]:
        """Return what the actor has open now, for the banner."""
        async with self._transactions.read(actor) as tx:
            is_mine = EmergencyAccess.owner_id == actor.user_id
            query = _with_owner().where(is_mine, *_is_open(tx.now))
            return await _read(tx, query.order_by(EmergencyAccess.until))

    async def history(
        self, actor: Actor, *, offset: int = 0, limit: int = 50
    ) -> tuple[list[Access], int]:
        """Return a page of the actor's own, those still open first, then the latest; and the total.

        With what the reviewers found.
        """
        async with self._transactions.read(actor) as tx:
            mine = EmergencyAccess.owner_id == actor.user_id
            total = await tx.session.scalar(select(func.count(EmergencyAccess.id)).where(mine))
            over = case((and_(*_is_open(tx.now)), 0), else_=1)
            query = _with_owner().where(mine)
            query = query.order_by(over, EmergencyAccess.opened_at.desc(), EmergencyAccess.id)
            query = query.offset(offset).limit(min(limit, LARGEST_PAGE))
            return await _read(tx, query), total or 0

    async def page(
        self, actor: Actor, *, reviewed: bool = False, offset: int = 0, limit: int = 50
    ) -> tuple[list[Access], int]:
        """Return a page of what waits for the actor's review, or was reviewed, latest first."""
        async with self._transactions.read(actor) as tx:
            judged = EmergencyAccess.outcome
            where = (
                visible(actor, Action.EMERGENCY_REVIEW, EmergencyAccess),
                judged.is_not(None) if reviewed else judged.is_(None),
            )
            total = await tx.session.scalar(select(func.count(EmergencyAccess.id)).where(*where))
            query = _with_owner().where(*where)
            query = query.order_by(EmergencyAccess.opened_at.desc(), EmergencyAccess.id)
            query = query.offset(offset).limit(min(limit, LARGEST_PAGE))
            return await _read(tx, query), total or 0

    async def one(
        self, actor: Actor, access_id: UUID, *, offset: int = 0, limit: int = 100
    ) -> tuple[Access, list[Look], int]:
        """Return one to be judged, a page of what was looked at meanwhile, and how much that is.

        Earliest first, and only of this patient: two that are open at once are two cases.
        """
        async with self._transactions.read(actor) as tx:
            row = await tx.get(EmergencyAccess, access_id)
            tx.allow(Action.EMERGENCY_REVIEW, row)
            owner = await tx.get(User, row.owner_id)
            return _access(row, owner), *await _looks(tx, row, offset, limit)

    async def review(self, actor: Actor, access_id: UUID, outcome: Verdict, note: str) -> None:
        """Judge whether it was right; nobody judges themselves, and nobody twice.

        A glass found broken without need closes at once.
        """
        note = checked_reason(note)
        async with self._transactions.open(actor) as tx:
            row = await tx.get(EmergencyAccess, access_id)
            tx.allow(Action.EMERGENCY_REVIEW, row, outcome=str(outcome))
            if row.outcome is not None:
                raise Conflict("emergency_reviewed_already")
            row.outcome, row.review_note = outcome, note
            row.reviewed_by, row.reviewed_at = actor.user_id, tx.now
            if outcome is Verdict.UNJUSTIFIED:
                self._close(tx, row, NEEDLESS)
            await self._tasks.settle(tx, row.institution_id, _task_key(row.id), note)
            tx.announce(
                EmergencyAccessReviewed(
                    access_id=row.id,
                    user_id=row.owner_id,
                    reviewed_by=actor.user_id,
                    outcome=str(outcome),
                )
            )
            tx.answer(None)


def _task_key(access_id: UUID) -> str:
    return f"{REVIEW}:{access_id}"


def _is_open(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (EmergencyAccess.closed_at.is_(None), EmergencyAccess.until > now)


def _opened(row: EmergencyAccess) -> EmergencyAccessOpened:
    return EmergencyAccessOpened(
        access_id=row.id,
        user_id=row.owner_id,
        patient_id=row.patient_id,
        reason=row.reason,
        until=row.until,
        institution_id=row.institution_id,
    )


def _with_owner() -> Select[EmergencyAccess, User]:
    return select(EmergencyAccess, User).join(User, User.id == EmergencyAccess.owner_id)


async def _read(tx: Reading, query: Select[EmergencyAccess, User]) -> list[Access]:
    return [_access(row, owner) for row, owner in await tx.session.execute(query)]


async def _looks(
    tx: Reading, row: EmergencyAccess, offset: int, limit: int
) -> tuple[list[Look], int]:
    """Read from the trail what only this broken glass allowed, in that time; and how much."""
    where = (
        AuditEntry.actor_id == row.owner_id,
        AuditEntry.purpose.startswith(EMERGENCY, autoescape=True),
        AuditEntry.detail["patient"].as_string() == str(row.patient_id),
        AuditEntry.at >= row.opened_at,
        AuditEntry.at <= (row.closed_at or row.until),
    )
    total = await tx.session.scalar(select(func.count(AuditEntry.seq)).where(*where))
    query = select(AuditEntry).where(*where).order_by(AuditEntry.seq)
    found = await tx.session.scalars(query.offset(offset).limit(min(limit, LARGEST_PAGE)))
    return [Look(each.at, each.action, each.subject, each.purpose) for each in found], total or 0


def _access(row: EmergencyAccess, owner: User) -> Access:
    return Access(
        id=row.id,
        user_id=row.owner_id,
        username=owner.username,
        name=mask_name(owner.display_name),
        patient_id=row.patient_id,
        reason=row.reason,
        opened_at=row.opened_at,
        until=row.until,
        closed_at=row.closed_at,
        closed_because=row.closed_because,
        outcome=row.outcome,
        review_note=row.review_note,
        reviewed_by=row.reviewed_by,
        reviewed_at=row.reviewed_at,
    )
