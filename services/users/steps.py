"""The way from a password to an open session: which step is next, with a new token for each.

A half signed-in session opens nothing but its own next step, and ends after ten minutes.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, update

from data.audit import AuditResult
from data.errors import Forbidden, Unauthenticated
from data.users import Password, Session, SessionStage, User, UserKind, UserState
from services.events import SessionOpened
from services.permissions import Action
from services.policy import ANYBODY, Actor, Subject
from services.rules import ADMINISTRATORS
from services.trail import Act
from services.transaction import Reading, Transaction, Transactions
from services.users.factors import Enrolled, Factors
from services.users.lockout import Guard
from services.users.rights import grants_of
from services.users.sessions import Sessions, new_token
from services.users.standards import Standards

HALF_OPEN_FOR = timedelta(minutes=10)
LONGEST_AGENT = 200


@dataclass(frozen=True, slots=True)
class Caller:
    """Where somebody calls from."""

    address: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """What comes next, and the token that opens it; the one before is void."""

    stage: SessionStage
    token: str
    session_id: UUID
    user_id: UUID
    language: str
    ends_at: datetime
    """When the token ends at the latest: the age of its cookie."""

    @property
    def done(self) -> bool:
        """Whether somebody is signed in now."""
        return self.stage is SessionStage.OPEN


@dataclass(frozen=True, slots=True)
class Half:
    """Somebody on the way in."""

    actor: Actor
    session_id: UUID
    token_digest: bytes
    stage: SessionStage
    username: str
    language: str
    enrolled: Enrolled

    @property
    def admin(self) -> bool:
        """Whether the stricter rules for administrators hold."""
        return bool(ADMINISTRATORS & self.actor.roles)


@dataclass(frozen=True, slots=True)
class Turn:
    """A step while it is being taken."""

    tx: Transaction
    user: User
    session: Session


class Steps:
    """The usher: knows where somebody is on the way in."""

    def __init__(
        self,
        transactions: Transactions,
        sessions: Sessions,
        standards: Standards,
        factors: Factors,
        guard: Guard,
    ) -> None:
        self._transactions = transactions
        self._sessions = sessions
        self._standards = standards
        self._factors = factors
        self._guard = guard

    async def at(self, token: str, *stages: SessionStage) -> Half:
        """Return who is at this step; raise `Unauthenticated("sign_in_stale")` if nobody is."""
        digest = self._sessions.digest(token)
        async with self._transactions.read(ANYBODY) as tx:
            query = select(Session, User).join(User, User.id == Session.user_id)
            row = (await tx.session.execute(query.where(*_under_way(digest, tx.now)))).first()
            if row is None or row.User.state is not UserState.ACTIVE:
                raise Unauthenticated("sign_in_stale")
            if stages and row.Session.stage not in stages:
                raise Unauthenticated("sign_in_stale")
            actor = await newcomer(tx, row.User, row.Session.address)
            enrolled = await self._factors.enrolled(tx, row.User.id)
        return Half(
            actor=actor,
            session_id=row.Session.id,
            token_digest=digest,
            stage=row.Session.stage,
            username=row.User.username,
            language=row.User.language,
            enrolled=enrolled,
        )

    @asynccontextmanager
    async def take(self, half: Half) -> AsyncIterator[Turn]:
        """Act at a step; of two who take it at once with one token, the second is refused."""
        async with self._transactions.open(half.actor) as tx:
            user = await tx.get(User, half.actor.user_id)
            query = select(Session).where(*_under_way(half.token_digest, tx.now))
            session = await tx.session.scalar(query.with_for_update())
            if session is None or session.stage is not half.stage:
                raise Unauthenticated("sign_in_stale")
            yield Turn(tx, user, session)

    async def begin(self, tx: Transaction, user: User, caller: Caller) -> Step:
        """Open the way in for somebody whose password was right."""
        session = Session(
            user_id=user.id,
            owner_id=user.id,
            institution_id=user.institution_id,
            site_id=user.site_id,
            token_digest=self._sessions.digest(new_token()),
            stage=SessionStage.SECOND_FACTOR,
            opened_at=tx.now,
            last_seen_at=tx.now,
            ends_at=tx.now + HALF_OPEN_FOR,
            address=caller.address,
            user_agent=caller.user_agent[:LONGEST_AGENT],
        )
        tx.session.add(session)
        return await self.advance(Turn(tx, user, session))

    async def let_in(self, user_id: UUID, caller: Caller, leaving: Actor = ANYBODY) -> Step:
        """Open a session for a patient who has shown that a phone is theirs; `leaving` ends.

        Raise `Forbidden("account_suspended")` for an account that may not come in now.
        """
        async with self._transactions.read(ANYBODY) as reading:
            user = await reading.get(User, user_id)
            if user.state is not UserState.ACTIVE:
                raise Forbidden("account_suspended")
            actor = await newcomer(reading, user, caller.address)
        async with self._transactions.open(actor) as tx:
            step = await self.begin(tx, await tx.get(User, user_id), caller)
        if leaving.session_id is not None:  # its token is overwritten: nobody could sign it out
            await self._sessions.revoke(leaving, [leaving.session_id], "replaced")
        return step

    async def advance(self, turn: Turn) -> Step:
        """Go on to the next step that is still needed; exchange the token."""
        tx, session, token = turn.tx, turn.session, new_token()
        is_patient = turn.user.kind is UserKind.PATIENT  # the code on their phone was all there is
        session.stage = SessionStage.OPEN if is_patient else await self._next(turn)
        session.token_digest = self._sessions.digest(token)
        session.challenge = None
        session.ends_at = tx.now + HALF_OPEN_FOR
        if session.stage is SessionStage.OPEN:
            await self._sign_in(turn)
        return Step(
            stage=session.stage,
            token=token,
            session_id=session.id,
            user_id=turn.user.id,
            language=turn.user.language,
            ends_at=session.ends_at,
        )

    async def _next(self, turn: Turn) -> SessionStage:
        tx, user, session = turn.tx, turn.user, turn.session
        await tx.session.flush()
        enrolled = await self._factors.enrolled(tx, user.id)
        if enrolled.any and not session.proven:
            return SessionStage.SECOND_FACTOR
        if user.must_change_password:
            await self._spend(turn)
            return SessionStage.NEW_PASSWORD
        if await self._password_is_old(turn):
            return SessionStage.NEW_PASSWORD
        if not enrolled.any and self._standards.staff_mfa_required:
            return SessionStage.ENROL
        if enrolled.any and not enrolled.codes_left:
            return SessionStage.RECOVERY_CODES
        return SessionStage.OPEN

    def outlived(self, user: User, kept: Password, now: datetime) -> str:
        """Return the code of why a temporary password lets nobody in any more, or nothing."""
        if not user.must_change_password:
            return ""
        if kept.spent_by is not None:
            return "temporary_password_spent"
        is_over = now - kept.at > self._standards.temporary_for
        return "temporary_password_expired" if is_over else ""

    async def _spend(self, turn: Turn) -> None:
        """Let the temporary password bring this one here, and nobody else."""
        kept = await current_password(turn.tx, turn.user.id)
        if kept is None or kept.spent_by not in {None, turn.session.id}:
            raise Forbidden("temporary_password_spent")
        kept.spent_by = turn.session.id

    async def _password_is_old(self, turn: Turn) -> bool:
        kept = await current_password(turn.tx, turn.user.id)
        return kept is None or turn.tx.now - kept.at > self._standards.password_max_age

    async def _sign_in(self, turn: Turn) -> None:
        tx, session, now = turn.tx, turn.session, turn.tx.now
        session.opened_at = session.last_seen_at = session.confirmed_at = now
        session.ends_at = now + self._standards.absolute
        # Not through the row: whoever edits this account meanwhile has not lost anything.
        seen = update(User).where(User.id == turn.user.id)
        own_since = func.coalesce(User.own_since, now)
        seen = seen.values(last_signed_in_at=now, woken_at=now, own_since=own_since)
        await tx.session.execute(seen.execution_options(synchronize_session=False))
        await self._guard.clear(tx, turn.user.username)
        tx.allow(Action.SESSION_OPEN, session)
        tx.announce(SessionOpened(session_id=session.id, user_id=turn.user.id, at=now))


def _under_way(digest: bytes, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        Session.token_digest == digest,
        Session.stage != SessionStage.OPEN,
        Session.ended_at.is_(None),
        Session.ends_at > now,
    )


async def newcomer(tx: Reading, user: User, address: str) -> Actor:
    """Return somebody who has shown a password and not yet all: their roles, and a visitor's."""
    grants = await grants_of(tx, user.id)
    if not grants:
        raise Forbidden("account_without_role")
    return Actor(
        user_id=user.id,
        grants=grants | ANYBODY.grants,
        institution_id=user.institution_id,
        address=address,
    )


async def current_password(tx: Reading, user_id: UUID) -> Password | None:
    """Return the password that counts: the latest."""
    query = select(Password).where(Password.user_id == user_id)
    return await tx.session.scalar(query.order_by(Password.at.desc(), Password.id.desc()).limit(1))


def note_refusal(tx: Transaction, subject: Subject, code: str) -> None:
    """Write down that somebody was refused, in a unit of work that is kept."""
    tx.acts.append(Act(Action.SESSION_OPEN, subject, AuditResult.DENIED, code, {}))
