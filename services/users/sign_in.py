"""Signing in, step by step: password, second factor, and on the first day new ones of one's own.

Every step returns what comes next and a new token. What went wrong is said alike for a name that
nobody has and for a wrong password, and takes as long. (S-AUTH-1 to 3, R016)
"""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import select

from data.errors import DomainError, Forbidden, Invalid, TooMany, Unauthenticated
from data.institution import Institution
from data.users import Password, Session, SessionStage, User, UserState
from services.permissions import Action
from services.policy import ANYBODY, HOUSE, Actor, Subject
from services.transaction import Transaction, Transactions
from services.users.factors import Enrolled, Factors, Proof, ProofKind, RelyingParty
from services.users.lockout import Guard, Knock
from services.users.passwords import Hasher
from services.users.sessions import Sessions, new_token
from services.users.standards import fold
from services.users.steps import (
    Caller,
    Step,
    Steps,
    current_password,
    newcomer,
    note_refusal,
)

NOT_YOURS = {
    UserState.SUSPENDED: "account_suspended",
    UserState.DORMANT: "account_dormant",
}


@dataclass(frozen=True, slots=True)
class Stand:
    """Where somebody is on the way in, as the page needs it."""

    stage: SessionStage
    language: str
    username: str
    enrolled: Enrolled


class SignIn:
    """The door."""

    def __init__(
        self,
        transactions: Transactions,
        sessions: Sessions,
        steps: Steps,
        factors: Factors,
        guard: Guard,
        hasher: Hasher,
    ) -> None:
        self._transactions = transactions
        self._sessions = sessions
        self._steps = steps
        self._factors = factors
        self._guard = guard
        self._hasher = hasher

    async def begin(
        self, username: str, password: str, caller: Caller, leaving: Actor = ANYBODY
    ) -> Step:
        """Start with a password; the session that this browser held until now, `leaving`, ends.

        Raise `Unauthenticated("sign_in_failed")`, `TooMany` while the account or the address is
        locked or too fast, `Forbidden` for an account that may not come in now or a temporary
        password whose time is over.
        """
        name, somebody = fold(username), replace(ANYBODY, address=caller.address)
        kept = await self._look_up(name, somebody)
        knock = await self._knock(name, somebody)
        good = await self._hashed(knock, somebody, kept.hash if kept else None, password)
        if not good or kept is None:
            await self._refuse(somebody, knock, kept.user_id if kept else None)
            raise Unauthenticated("sign_in_failed")
        step = await self._enter(kept, await self._renewed(kept, password), knock, caller)
        if leaving.session_id is not None:  # its token is overwritten: nobody could sign it out
            await self._sessions.revoke(leaving, [leaving.session_id], "replaced")
        return step

    async def _look_up(self, name: str, somebody: Actor) -> Password | None:
        async with self._transactions.read(somebody) as tx:
            await self._guard.check(tx, name, somebody.address)
            user_id = await tx.session.scalar(select(User.id).where(User.username == name))
            return None if user_id is None else await current_password(tx, user_id)

    async def _knock(self, name: str, actor: Actor) -> Knock:
        async with self._transactions.open(actor) as tx:
            tx.go_unnoted("a try is counted; what comes of it is noted")
            return await self._guard.knock(tx, name, actor.address)

    async def _renewed(self, kept: Password, password: str) -> str:
        """Return the hash at today's cost and under today's key, if it is not that already."""
        if not self._hasher.outdated(kept.hash):
            return ""
        try:
            return await self._hasher.hash(password)
        except TooMany:  # next time, then
            return ""

    async def _refuse(
        self, actor: Actor, knock: Knock, user_id: UUID | None, code: str = "sign_in_failed"
    ) -> None:
        async with self._transactions.open(actor) as tx:
            await self._guard.failed(tx, knock, user_id)
            user = None if user_id is None else await tx.session.get(User, user_id)
            if user is not None:
                subject = Subject.of(user)
            else:  # nobody's name; the house's own audit administrator reads it
                house = await tx.session.scalar(select(Institution.id).order_by(Institution.id))
                subject = Subject("user_account", institution_id=house)
            note_refusal(tx, subject, code)

    async def _enter(self, kept: Password, renewed: str, knock: Knock, caller: Caller) -> Step:
        async with self._transactions.read(ANYBODY) as reading:
            user = await reading.get(User, kept.user_id)
            actor = await newcomer(reading, user, caller.address)
        refusal: DomainError | None = None
        step: Step | None = None
        async with self._transactions.open(actor) as tx:
            user = await tx.get(User, kept.user_id)
            current = await current_password(tx, user.id)
            tx.go_unnoted("a right password alone opens nothing; the last step is noted")
            await self._guard.relent(tx, knock)
            if current is None or current.id != kept.id:
                refusal = Unauthenticated("sign_in_failed")  # changed while we were looking
            elif user.state is not UserState.ACTIVE:
                refusal = Forbidden(NOT_YOURS[user.state])
                note_refusal(tx, Subject.of(user), refusal.code)
            elif code := self._steps.outlived(user, current, tx.now):
                refusal = Forbidden(code)
                note_refusal(tx, Subject.of(user), code)
            else:
                current.hash = renewed or current.hash
                step = await self._steps.begin(tx, user, caller)
        if step is None:
            raise refusal or Unauthenticated("sign_in_failed")
        return step

    async def stand(self, token: str) -> Stand:
        """Return where somebody is on the way in; raise `Unauthenticated("sign_in_stale")`."""
        half = await self._steps.at(token)
        return Stand(half.stage, half.language, half.username, half.enrolled)

    async def passkey_options(self, token: str, party: RelyingParty) -> dict[str, Any]:
        """Return what the browser's `navigator.credentials.get()` is given as second factor."""
        half = await self._steps.at(token, SessionStage.SECOND_FACTOR)
        async with self._steps.take(half) as turn:
            turn.tx.go_unnoted("a question; the answer to it is noted")
            options, challenge = await self._factors.challenge(turn.tx, turn.user.id, party)
            turn.session.challenge = challenge
        return options

    async def prove(self, token: str, proof: Proof) -> Step:
        """Show the second factor.

        Raise `Invalid`: `second_factor_wrong`, `code_already_used`, `recovery_code_used`.
        """
        half = await self._steps.at(token, SessionStage.SECOND_FACTOR)
        knock = await self._knock(half.username, half.actor)
        step: Step | None = None
        async with self._steps.take(half) as turn:
            turn.tx.go_unnoted("the last step is noted, and so is a refusal")
            problem = await self._factors.take(turn.tx, turn.user.id, proof, turn.session.challenge)
            turn.session.challenge = None
            if not problem:
                turn.session.proven = True
                await self._guard.relent(turn.tx, knock)
                step = await self._steps.advance(turn)
        if step is None:
            await self._refuse(half.actor, knock, half.actor.user_id, problem)
            raise Invalid(problem)
        return step

    # Showing again who one is

    async def confirm_options(self, actor: Actor, party: RelyingParty) -> dict[str, Any]:
        """Return what the browser needs to confirm with a passkey."""
        async with self._transactions.open(actor) as tx:
            session = await self._session_of(tx, actor)
            tx.go_unnoted("a question; the answer to it is noted")
            options, session.challenge = await self._factors.challenge(tx, actor.user_id, party)
        return options

    async def confirm(self, actor: Actor, proof: Proof) -> Step:
        """Show again who one is, before a sensitive act; the session gets a new token.

        A password is proof enough only for somebody without a second factor. Raise as `prove`.
        """
        if proof.kind is ProofKind.PASSWORD:
            async with self._transactions.read(actor) as reading:
                enrolled = await self._factors.enrolled(reading, actor.user_id)
            if enrolled.any:
                raise Invalid("second_factor_needed")
            await self.check_password(actor, proof.value)
            return await self._confirmed(actor)
        user = await self._user(actor)
        knock = await self._knock(user.username, actor)
        async with self._transactions.open(actor) as tx:
            session = await self._session_of(tx, actor)
            tx.go_unnoted("the proof is spent here; what it opens is noted, or that it failed")
            problem = await self._factors.take(tx, user.id, proof, session.challenge)
            session.challenge = None
            if not problem:
                await self._guard.relent(tx, knock)
        if problem:
            await self._refuse(actor, knock, user.id, problem)
            raise Invalid(problem)
        return await self._confirmed(actor)

    async def _confirmed(self, actor: Actor) -> Step:
        token = new_token()
        async with self._transactions.open(actor) as tx:
            user = await tx.get(User, actor.user_id)
            session = await self._session_of(tx, actor)
            tx.allow(Action.SESSION_CONFIRM, session)
            session.confirmed_at = tx.now
            session.token_digest = self._sessions.digest(token)
            self._sessions.forget_after(tx, user.id)
            return Step(
                stage=session.stage,
                token=token,
                session_id=session.id,
                user_id=user.id,
                language=user.language,
                ends_at=session.ends_at,
            )

    async def check_password(self, actor: Actor, password: str) -> str:
        """Return the user name of somebody signed in whose password this is.

        Raise `Invalid("password_wrong")` if it is not; that counts like a failed sign-in.
        """
        user = await self._user(actor)
        async with self._transactions.read(actor) as reading:
            kept = await current_password(reading, user.id)
        knock = await self._knock(user.username, actor)
        good = await self._hashed(knock, actor, kept.hash if kept else None, password)
        if not good:
            await self._refuse(actor, knock, user.id, "password_wrong")
            raise Invalid("password_wrong")
        await self._relent(actor, knock)
        return user.username

    async def _hashed(self, knock: Knock, actor: Actor, kept: str | None, password: str) -> bool:
        try:
            return await self._hasher.verify(kept, password)
        except TooMany:  # never judged, so it does not count
            await self._relent(actor, knock)
            raise

    async def _relent(self, actor: Actor, knock: Knock) -> None:
        async with self._transactions.open(actor) as tx:
            tx.go_unnoted("a try that does not count")
            await self._guard.relent(tx, knock)

    async def _user(self, actor: Actor) -> User:
        async with self._transactions.read(actor) as tx:
            return await tx.get(User, actor.user_id)

    async def _session_of(self, tx: Transaction, actor: Actor) -> Session:
        if actor.session_id is None:
            raise Unauthenticated("sign_in_needed")
        session = await tx.get(Session, actor.session_id)
        if session.ended_at is not None or session.user_id != actor.user_id:
            raise Unauthenticated("sign_in_needed")
        return session

    async def tidy(self) -> None:
        """Forget failures of long ago; a job calls it once a day."""
        async with self._transactions.open(HOUSE) as tx:
            tx.go_unnoted("counts of long ago")
            await self._guard.tidy(tx)

    def close(self) -> None:
        """Let the thread that hashes go."""
        self._hasher.close()
