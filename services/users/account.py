"""One's own account: password, second factors, language; what a signed-in person changes alone."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from data.errors import Conflict, Invalid, Unauthenticated
from data.users import Session, User
from services.i18n import LANGUAGES
from services.permissions import Action
from services.policy import Actor
from services.rules import ADMINISTRATORS
from services.transaction import Transaction, Transactions
from services.users.credentials import Credentials
from services.users.enrolment import NewSecret
from services.users.factors import Enrolled, Factors, KeptPasskey, Proof, RelyingParty
from services.users.sessions import Sessions
from services.users.sign_in import SignIn
from services.users.steps import current_password

TEXT_SIZES = range(4)
"""How large pages are written: 0 as designed, up to 3 the largest. (适老化)"""


@dataclass(frozen=True, slots=True)
class Profile:
    """What somebody sees of their own account: nothing masked, no secret."""

    user_id: UUID
    username: str
    display_name: str
    staff_number: str
    phone: str
    email: str
    language: str
    password_since: datetime | None
    enrolled: Enrolled
    passkeys: tuple[KeptPasskey, ...]


@dataclass(frozen=True, slots=True)
class Nameplate:
    """Who somebody is, for the frame of a page."""

    display_name: str
    staff_number: str
    language: str
    text_size: int | None
    """None: never chosen, pages are as the browser before them has been set."""


class Account:
    """The clerk for one's own matters; what secures the account needs a fresh `confirm`."""

    def __init__(
        self,
        transactions: Transactions,
        sessions: Sessions,
        sign_in: SignIn,
        factors: Factors,
        credentials: Credentials,
    ) -> None:
        self._transactions = transactions
        self._sessions = sessions
        self._sign_in = sign_in
        self._factors = factors
        self._credentials = credentials

    async def nameplate(self, actor: Actor) -> Nameplate:
        """Return what stands on each page about the actor: one row, where `profile` reads six."""
        async with self._transactions.read(actor) as tx:
            user = await tx.get(User, actor.user_id)
            tx.allow(Action.ACCOUNT_READ, user)
            return Nameplate(user.display_name, user.staff_number, user.language, user.text_size)

    async def profile(self, actor: Actor) -> Profile:
        """Return the actor's own account."""
        async with self._transactions.read(actor) as tx:
            user = await tx.get(User, actor.user_id)
            tx.allow(Action.ACCOUNT_READ, user)
            password = await current_password(tx, user.id)
            return Profile(
                user_id=user.id,
                username=user.username,
                display_name=user.display_name,
                staff_number=user.staff_number,
                phone=user.phone or "",
                email=user.email,
                language=user.language,
                password_since=password.at if password else None,
                enrolled=await self._factors.enrolled(tx, user.id),
                passkeys=tuple(await self._factors.passkeys(tx, user.id)),
            )

    async def speak(self, actor: Actor, language: str) -> None:
        """Set the language that pages and messages are in."""
        if language not in LANGUAGES:
            raise Invalid("language_unknown", language=language)
        async with self._transactions.open(actor) as tx:
            user = await tx.get(User, actor.user_id)
            tx.allow(Action.ACCOUNT_CHANGE, user, purpose="language")
            user.language = language

    async def write_larger(self, actor: Actor, size: int) -> None:
        """Set how large pages are written, one of `TEXT_SIZES`, wherever this person signs in."""
        if size not in TEXT_SIZES:
            raise Invalid("text_size_unknown", size=size)
        async with self._transactions.open(actor) as tx:
            user = await tx.get(User, actor.user_id)
            tx.allow(Action.ACCOUNT_CHANGE, user, purpose="text size")
            user.text_size = size

    async def change_password(self, actor: Actor, old: str, new: str) -> None:
        """Set another password; every other session of this person ends.

        Raise `Invalid`: `password_wrong` for the old one, or the rule that the new one breaks;
        `Conflict("changed_meanwhile")` if it was reset while this was being judged.
        """
        async with self._transactions.read(actor) as reading:
            before = await self._credentials.before(reading, actor.user_id)
        username = await self._sign_in.check_password(actor, old)
        admin = bool(ADMINISTRATORS & actor.roles)
        kept = await self._credentials.judged(before, new, username, admin=admin)
        async with self._transactions.open(actor) as tx:
            user = await tx.get(User, actor.user_id)
            tx.allow(Action.ACCOUNT_CHANGE, user, purpose="password")
            if await self._credentials.before(tx, user.id) != before:
                raise Conflict("changed_meanwhile")
            self._credentials.put(tx, user, kept)
            await self._sessions.end_of(tx, user.id, "password_changed", but=actor.session_id)

    async def start_totp(self, actor: Actor) -> NewSecret:
        """Return a new secret; the one before counts until `finish_totp`."""
        async with self._transactions.open(actor) as tx:
            user = await self._secured(tx, actor, "totp")
            secret = await self._factors.new_totp(tx, user.id)
        return NewSecret(secret, self._factors.uri(secret, user.username))

    async def finish_totp(self, actor: Actor, code: str) -> None:
        """Let the new secret count; raise `Invalid("second_factor_wrong")` for a wrong code."""
        async with self._transactions.open(actor) as tx:
            user = await self._secured(tx, actor, "totp")
            if not await self._factors.confirm_totp(tx, user.id, code):
                raise Invalid("second_factor_wrong")

    async def start_passkey(self, actor: Actor, party: RelyingParty) -> dict[str, Any]:
        """Return what the browser's `navigator.credentials.create()` is given."""
        async with self._transactions.open(actor) as tx:
            user = await self._secured(tx, actor, "passkey")
            session = await self._session(tx, actor)
            options, session.challenge = await self._factors.registration(tx, user, party)
        return options

    async def finish_passkey(self, actor: Actor, proof: Proof, label: str) -> None:
        """Keep the passkey that the browser has made; raise `Invalid("passkey_refused")`."""
        async with self._transactions.open(actor) as tx:
            user = await self._secured(tx, actor, "passkey")
            session = await self._session(tx, actor)
            challenge, session.challenge = session.challenge, None
            await self._factors.add_passkey(tx, user.id, proof, challenge, label)

    async def remove_passkey(self, actor: Actor, passkey_id: UUID) -> None:
        """Forget a passkey; raise `Conflict("last_factor")` if nothing else is left."""
        async with self._transactions.open(actor) as tx:
            user = await self._secured(tx, actor, "passkey removed")
            await self._factors.remove_passkey(tx, user.id, passkey_id)

    async def new_codes(self, actor: Actor) -> tuple[str, ...]:
        """Return new recovery codes, shown this once; the ones before are void."""
        async with self._transactions.open(actor) as tx:
            user = await self._secured(tx, actor, "recovery codes")
            return await self._factors.new_codes(tx, user.id)

    async def _secured(self, tx: Transaction, actor: Actor, what: str) -> User:
        user = await tx.get(User, actor.user_id)  # locked: two changes at once come in turn
        tx.allow(Action.ACCOUNT_SECURE, user, purpose=what)
        return user

    async def _session(self, tx: Transaction, actor: Actor) -> Session:
        if actor.session_id is None:
            raise Unauthenticated("sign_in_needed")
        return await tx.get(Session, actor.session_id)
