"""Resets of administrators (双人复核): asked for by one, approved by a second, or left undone.

Whoever resets a sign-in can sign in as its owner. With an administrator's account one person would
be two of the three (三权分立, S-AC-1): until a second one approves, the old password and factors
stay, and there is no other. The second is another security administrator or, where there is none,
one of the other administrators; never who asked, whose account it is, or who has had the role or
their own sign-in for less than a week: the one who asked may have made them up, or be them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select

from data.errors import Conflict, Forbidden
from data.users import ResetRequest, ResetState, RoleGrant, User, UserState
from services.events import CredentialsReset, ResetAsked, ResetOverdue, ResetSettled
from services.masking import mask_name
from services.permissions import Action
from services.policy import HOUSE, Actor, Role, Subject, permits, visible
from services.rules import ADMINISTRATORS
from services.tasks import Priority, Tasks, Wanted
from services.transaction import Reading, Transaction, Transactions
from services.users.credentials import Credentials
from services.users.factors import Factors
from services.users.lockout import Guard
from services.users.registrar import checked_reason, require_reach, sites_of
from services.users.rights import grants_of
from services.users.sessions import Sessions

WAITS_FOR = timedelta(hours=24)
FIRST_HAS = timedelta(hours=4)
"""How long it waits for the first role before the second is asked as well."""
SEASONED = timedelta(days=7)
MOST_LISTED = 100
APPROVAL = "reset_approval"
RESETS_PAGE = "/staff/resets"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A reset that waits for the reader's word."""

    id: UUID
    username: str
    name: str
    """Masked, as in every list. (S-PI-1)"""
    asked_by: str
    """A user name."""
    asked_at: datetime
    until: datetime
    factors: bool


@dataclass(frozen=True, slots=True)
class Approved:
    """What the approver hands over, in person: shown this once."""

    username: str
    temporary_password: str


class Desk:
    """Where a sign-in is made anew; each method is part of its caller's unit of work."""

    def __init__(
        self, sessions: Sessions, credentials: Credentials, factors: Factors, guard: Guard
    ) -> None:
        self._sessions = sessions
        self._credentials = credentials
        self._factors = factors
        self._guard = guard

    async def temporary(self) -> tuple[str, str]:
        """Return a temporary password, and what is kept of it; before a unit of work."""
        return await self._credentials.temporary()

    async def put(self, tx: Transaction, user: User, kept: str, done: CredentialsReset) -> None:
        """Let the temporary password count; what opened the account before does no more."""
        self._credentials.put(tx, user, kept, temporary=True)
        user.own_since = None  # until they sign in: who has the temporary password may be anybody
        if done.factors:
            await self._factors.drop_all(tx, user.id)
        await self._guard.clear(tx, user.username)
        await self._sessions.end_of(tx, user.id, "credentials_reset")
        tx.announce(done)


class Resets:
    """The second key."""

    def __init__(self, transactions: Transactions, desk: Desk, tasks: Tasks) -> None:
        self._transactions = transactions
        self.desk = desk
        self._tasks = tasks
        tasks.ends_at(APPROVAL, RESETS_PAGE)

    async def ask(self, tx: Transaction, user: User, *, factors: bool) -> None:
        """Ask for the second person's word, as part of `Staff.reset`.

        Raise `Conflict`: `reset_waits_already`, or `nobody_to_approve` where the house has nobody
        who could.
        """
        if await waiting_until(tx, user.id):
            raise Conflict("reset_waits_already")
        roles = sorted(set((await _seconds(tx, user, tx.actor.user_id)).values()))
        if not roles:
            raise Conflict("nobody_to_approve")
        row = ResetRequest(
            owner_id=user.id,
            institution_id=user.institution_id,
            site_id=user.site_id,
            asked_by=tx.actor.user_id,
            asked_at=tx.now,
            until=tx.now + WAITS_FOR,
            factors=factors,
        )
        tx.session.add(row)
        tx.later(_timer(row.id), row.until, ResetOverdue(request_id=row.id))
        tx.announce(
            ResetAsked(
                request_id=row.id, user_id=user.id, asked_by=tx.actor.user_id, factors=factors
            )
        )
        await self._tasks.raise_(
            tx,
            Wanted(
                kind=APPROVAL,
                key=_task_key(row.id),
                institution_id=row.institution_id,
                site_id=row.site_id,
                role=roles[0],
                values={"username": user.username},
                subject=f"reset_request:{row.id}",
                due_at=tx.now + FIRST_HAS,
                escalates_to=roles[-1],
                priority=Priority.URGENT,
                barred_id=row.asked_by,
            ),
        )

    async def page(self, actor: Actor) -> list[Waiting]:
        """Return what waits for the actor's word, what lapses first before the others."""
        async with self._transactions.read(actor) as tx:
            query = (
                select(ResetRequest, User)
                .join(User, User.id == ResetRequest.owner_id)
                .where(
                    visible(actor, Action.STAFF_RESET_APPROVE, ResetRequest),
                    ResetRequest.asked_by != actor.user_id,
                    *_waits(tx.now),
                )
            )
            rows = (await tx.session.execute(query.order_by(ResetRequest.until))).all()
            found = [
                await _waiting(tx, row.ResetRequest, row.User)
                for row in rows
                if actor.user_id in await _seconds(tx, row.User, row.ResetRequest.asked_by)
            ]
            return found[:MOST_LISTED]

    async def approve(self, actor: Actor, request_id: UUID) -> Approved:
        """Let a reset happen, as the second person; return the password to hand over.

        Raise `Forbidden("second_person_needed")` for who cannot be the second,
        `Conflict("reset_settled")` if it was decided or has lapsed.
        """
        password, kept = await self.desk.temporary()
        async with self._transactions.open(actor) as tx:
            row, user = await self._decide(tx, request_id, ResetState.APPROVED)
            if not await _may_still_ask(tx, row.asked_by, user):
                raise Conflict("reset_settled")  # who was stopped meanwhile asks for nothing
            done = CredentialsReset(
                user_id=user.id,
                reset_by=row.asked_by,
                factors=row.factors,
                approved_by=actor.user_id,
            )
            await self.desk.put(tx, user, kept, done)
            await self._tasks.settle(tx, row.institution_id, _task_key(row.id), "approved")
            return tx.answer(Approved(user.username, password))

    async def refuse(self, actor: Actor, request_id: UUID, note: str) -> None:
        """Let a reset not happen, and say why; all stays as it was. Raise as `approve`."""
        note = checked_reason(note)
        async with self._transactions.open(actor) as tx:
            row, _ = await self._decide(tx, request_id, ResetState.REFUSED, note)
            await self._tasks.settle(tx, row.institution_id, _task_key(row.id), note)
            tx.answer(None)

    async def _decide(
        self, tx: Transaction, request_id: UUID, outcome: ResetState, note: str = ""
    ) -> tuple[ResetRequest, User]:
        row = await tx.get(ResetRequest, request_id)
        tx.allow(Action.STAFF_RESET_APPROVE, row, purpose=note, outcome=str(outcome))
        user = await tx.get(User, row.owner_id)
        sites = sites_of(await grants_of(tx, user.id)) | {user.site_id}
        require_reach(tx, Action.STAFF_RESET_APPROVE, user, sites)
        if tx.actor.user_id not in await _seconds(tx, user, row.asked_by):
            action, subject = str(Action.STAFF_RESET_APPROVE), str(Subject.of(row))
            raise Forbidden("second_person_needed", action=action, subject=subject)
        if row.state is not ResetState.WAITING or row.until <= tx.now:
            raise Conflict("reset_settled")
        row.note = note
        _settle(tx, row, outcome)
        row.decided_by = tx.actor.user_id
        tx.forget(_timer(row.id))
        return row, user

    async def overtake(self, tx: Transaction, user: User) -> None:
        """Let what waits for this account lapse, as part of a reset at the machine itself.

        A later approval would make the password void that was handed over.
        """
        query = select(ResetRequest).where(ResetRequest.owner_id == user.id, *_waits(tx.now))
        for row in await tx.session.scalars(query.with_for_update()):
            tx.forget(_timer(row.id))
            await self._let_lapse(tx, row)

    async def lapse(self, event: ResetOverdue) -> None:
        """Let a reset that nobody has decided about go: all stays as it was."""
        async with self._transactions.open(HOUSE) as tx:
            row = await tx.session.get(ResetRequest, event.request_id, with_for_update=True)
            if row is None or row.state is not ResetState.WAITING:
                return
            tx.allow(Action.STAFF_RESET, row, outcome=str(ResetState.LAPSED))
            await self._let_lapse(tx, row)

    async def _let_lapse(self, tx: Transaction, row: ResetRequest) -> None:
        _settle(tx, row, ResetState.LAPSED)
        await self._tasks.settle(tx, row.institution_id, _task_key(row.id), "lapsed")


def _settle(tx: Transaction, row: ResetRequest, outcome: ResetState) -> None:
    row.state, row.decided_at = outcome, tx.now
    tx.announce(ResetSettled(request_id=row.id, user_id=row.owner_id, outcome=str(outcome)))


async def needs_second(tx: Reading, user: User) -> bool:
    """Tell whether somebody else has to approve a reset of this account.

    Who was an administrator a week ago counts as one: roles can be taken and given back. Who has
    never signed in is nobody yet whom another could pass for. At the machine itself one person is
    enough: `xinglin staff unlock`.
    """
    if Role.HOUSE in tx.actor.roles or user.last_signed_in_at is None:
        return False
    lately = or_(RoleGrant.deleted_at.is_(None), RoleGrant.deleted_at > tx.now - SEASONED)
    query = select(RoleGrant.id).where(
        RoleGrant.user_id == user.id,
        RoleGrant.role.in_([str(role) for role in ADMINISTRATORS]),
        lately,
    )
    return await tx.session.scalar(query.limit(1)) is not None


async def waiting_until(tx: Reading, user_id: UUID) -> datetime | None:
    """Return until when a reset of this account waits for a second person, if one does."""
    query = select(ResetRequest.until).where(ResetRequest.owner_id == user_id, *_waits(tx.now))
    found: datetime | None = await tx.session.scalar(query.limit(1))
    return found


def _waits(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (ResetRequest.state == ResetState.WAITING, ResetRequest.until > now)


async def _seconds(tx: Reading, user: User, asked_by: UUID) -> dict[UUID, Role]:
    """Return who may be the second person for this account, each with the role that makes them."""
    query = (
        select(User.id, RoleGrant.role)
        .join(RoleGrant, RoleGrant.user_id == User.id)
        .where(
            User.institution_id == user.institution_id,
            User.state == UserState.ACTIVE,
            User.id.not_in([user.id, asked_by]),
            RoleGrant.role.in_([str(role) for role in ADMINISTRATORS]),
            RoleGrant.deleted_at.is_(None),
            RoleGrant.at <= tx.now - SEASONED,
            User.own_since <= tx.now - SEASONED,
            or_(RoleGrant.site_id.is_(None), RoleGrant.site_id == user.site_id),
        )
    )
    found: dict[UUID, Role] = {}
    for row in await tx.session.execute(query):
        found[row.id] = Role(row.role)
    guards = {who: found[who] for who in found if found[who] is Role.SECURITY_ADMIN}
    return guards or found


async def _may_still_ask(tx: Reading, asked_by: UUID, user: User) -> bool:
    asker = await tx.session.get(User, asked_by)
    if asker is None or asker.state is not UserState.ACTIVE:
        return False
    now = Actor(asker.id, await grants_of(tx, asker.id), asker.institution_id)
    return permits(now, Action.STAFF_RESET, Subject.of(user))


async def _waiting(tx: Reading, row: ResetRequest, user: User) -> Waiting:
    asker = await tx.session.scalar(select(User.username).where(User.id == row.asked_by))
    return Waiting(
        id=row.id,
        username=user.username,
        name=mask_name(user.display_name),
        asked_by=asker or "",
        asked_at=row.asked_at,
        until=row.until,
        factors=row.factors,
    )


def _task_key(request_id: UUID) -> str:
    return f"{APPROVAL}:{request_id}"


def _timer(request_id: UUID) -> str:
    return f"reset:{request_id}"
