"""The first day: a password of one's own, a second factor, and recovery codes on paper.

These steps come between the password and the open session (services/users/sign_in.py) and change
only the account of the one who takes them. (S-AUTH-1, S-AUTH-3)
"""

from dataclasses import dataclass
from typing import Any

from data.errors import Invalid, Unauthenticated
from data.users import SessionStage
from services.permissions import Action
from services.transaction import Transactions
from services.users.credentials import Credentials
from services.users.factors import Factors, Proof, RelyingParty
from services.users.steps import Step, Steps


@dataclass(frozen=True, slots=True)
class NewSecret:
    """What an authenticator app needs."""

    secret: str
    """To type in, base 32."""
    uri: str
    """To show as a QR code."""


class Enrolment:
    """The desk where newcomers get what they sign in with from then on."""

    def __init__(
        self, transactions: Transactions, steps: Steps, factors: Factors, credentials: Credentials
    ) -> None:
        self._transactions = transactions
        self._steps = steps
        self._factors = factors
        self._credentials = credentials

    async def choose_password(self, token: str, password: str) -> Step:
        """Set a password of one's own; raise `Invalid` if it breaks a rule."""
        half = await self._steps.at(token, SessionStage.NEW_PASSWORD)
        async with self._transactions.read(half.actor) as tx:
            before = await self._credentials.before(tx, half.actor.user_id)
        kept = await self._credentials.judged(before, password, half.username, admin=half.admin)
        async with self._steps.take(half) as turn:
            turn.tx.allow(Action.ACCOUNT_CHANGE, turn.user, purpose="password")
            self._credentials.put(turn.tx, turn.user, kept)
            return await self._steps.advance(turn)

    async def start_totp(self, token: str) -> NewSecret:
        """Return a secret for an authenticator app; on one way in always the same.

        A mistyped code or a reload leads back here, and the app keeps what it has scanned.
        """
        half = await self._steps.at(token, SessionStage.ENROL)
        async with self._steps.take(half) as turn:
            turn.tx.go_unnoted("a secret counts, and is noted, once the app has shown a code")
            began = turn.session.opened_at
            secret = await self._factors.new_totp(turn.tx, turn.user.id, since=began)
        return NewSecret(secret, self._factors.uri(secret, half.username))

    async def finish_totp(self, token: str, code: str) -> Step:
        """Show that the app has the secret; raise `Invalid("second_factor_wrong")` if not."""
        half = await self._steps.at(token, SessionStage.ENROL)
        async with self._steps.take(half) as turn:
            turn.tx.allow(Action.ACCOUNT_CHANGE, turn.user, purpose="totp")
            if not await self._factors.confirm_totp(turn.tx, turn.user.id, code):
                raise Invalid("second_factor_wrong")
            turn.session.proven = True
            return await self._steps.advance(turn)

    async def start_passkey(self, token: str, party: RelyingParty) -> dict[str, Any]:
        """Return what the browser's `navigator.credentials.create()` is given."""
        half = await self._steps.at(token, SessionStage.ENROL)
        async with self._steps.take(half) as turn:
            turn.tx.go_unnoted("a question; the passkey that answers it is noted")
            options, challenge = await self._factors.registration(turn.tx, turn.user, party)
            turn.session.challenge = challenge
        return options

    async def finish_passkey(self, token: str, proof: Proof, label: str) -> Step:
        """Keep the passkey the browser has made; raise `Invalid("passkey_refused")` if not ours."""
        half = await self._steps.at(token, SessionStage.ENROL)
        async with self._steps.take(half) as turn:
            turn.tx.allow(Action.ACCOUNT_CHANGE, turn.user, purpose="passkey")
            challenge = turn.session.challenge
            await self._factors.add_passkey(turn.tx, turn.user.id, proof, challenge, label)
            turn.session.proven = True
            return await self._steps.advance(turn)

    async def new_codes(self, token: str) -> tuple[str, ...]:
        """Return recovery codes, to be shown on one way in only; there always the same."""
        half = await self._steps.at(token, SessionStage.RECOVERY_CODES)
        async with self._steps.take(half) as turn:
            turn.tx.allow(Action.ACCOUNT_CHANGE, turn.user, purpose="recovery codes")
            return await self._factors.new_codes(turn.tx, turn.user.id, turn.session.id)

    async def finish(self, token: str) -> Step:
        """Go on once the codes are on paper."""
        half = await self._steps.at(token, SessionStage.RECOVERY_CODES)
        async with self._steps.take(half) as turn:
            turn.tx.go_unnoted("the codes are noted, and so is the session that opens")
            step = await self._steps.advance(turn)
            if step.stage is SessionStage.RECOVERY_CODES:  # none were made yet
                raise Unauthenticated("sign_in_stale")
            return step
