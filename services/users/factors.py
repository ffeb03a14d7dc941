"""Second factors: authenticator app, passkey, recovery code on paper. (S-AUTH-3)

Each is taken once: a code's time step is kept, a passkey signs a challenge of ours, a recovery
code is struck out; and the database decides who was first when two come at once.
"""

import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, cast
from uuid import UUID

import pyotp
from sqlalchemy import CursorResult, Update, func, select, update
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import parse_authentication_credential_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from data.crypto import PROFILES, Keys
from data.errors import Conflict, Invalid
from data.users import Passkey, RecoveryCode, TotpSecret, User
from services.transaction import Reading, Transaction
from services.users.recovery_codes import LENGTH, plain, written
from services.users.standards import Standards

ISSUER = "Xinglin 杏林"
STEP_SECONDS = 30
STEPS_EITHER_SIDE = 1
MOST_PASSKEYS = 10
WRONG = "second_factor_wrong"


class ProofKind(StrEnum):
    """How somebody shows who they are."""

    PASSWORD = "password"  # noqa: S105 - the name of a kind
    TOTP = "totp"
    PASSKEY = "passkey"
    RECOVERY = "recovery"


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Who we are to a browser that keeps passkeys; whoever listens on the network knows."""

    id: str
    """The host name, without a port."""
    origins: tuple[str, ...]
    """Where our pages come from: https://xinglin.example:8443."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What somebody hands in: a code, a password, or a passkey's answer as JSON."""

    kind: ProofKind
    value: str
    party: RelyingParty | None = None
    """Needed with a passkey."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What somebody could show as a second factor."""

    totp: bool
    passkeys: int
    codes_left: int

    @property
    def any(self) -> bool:
        """Whether there is a cryptographic factor; paper alone does not count."""
        return self.totp or self.passkeys > 0


@dataclass(frozen=True, slots=True)
class KeptPasskey:
    """A passkey on somebody's list."""

    id: UUID
    label: str
    created_at: datetime
    used_at: datetime | None


class Factors:
    """The keeper of second factors; each method is part of its caller's unit of work."""

    def __init__(self, keys: Keys, standards: Standards) -> None:
        self._keys = keys
        self._standards = standards

    async def enrolled(self, tx: Reading, user_id: UUID) -> Enrolled:
        """Return what somebody has."""
        passkeys = await tx.session.scalar(
            select(func.count(Passkey.id)).where(
                Passkey.user_id == user_id, Passkey.deleted_at.is_(None)
            )
        )
        codes = await tx.session.scalar(
            select(func.count(RecoveryCode.id)).where(
                RecoveryCode.user_id == user_id,
                RecoveryCode.deleted_at.is_(None),
                RecoveryCode.used_at.is_(None),
            )
        )
        totp = await self._secret(tx, user_id, confirmed=True)
        return Enrolled(totp is not None, passkeys or 0, codes or 0)

    async def take(
        self, tx: Transaction, user_id: UUID, proof: Proof, challenge: bytes | None = None
    ) -> str:
        """Judge a proof and use it up; return the code of what is wrong with it, or nothing."""
        match proof.kind:
            case ProofKind.TOTP:
                return await self._take_totp(tx, user_id, proof.value)
            case ProofKind.RECOVERY:
                return await self._take_code(tx, user_id, proof.value)
            case ProofKind.PASSKEY:
                return await self._take_passkey(tx, user_id, proof, challenge)
            case _:
                return WRONG

    async def drop_all(self, tx: Transaction, user_id: UUID) -> None:
        """Take every factor from somebody who lost them: the next sign-in enrols new ones."""
        for table in (TotpSecret, Passkey, RecoveryCode):
            await tx.session.execute(
                update(table)
                .where(table.user_id == user_id, table.deleted_at.is_(None))
                .values(deleted_at=tx.now)
            )

    # Authenticator app

    async def new_totp(
        self, tx: Transaction, user_id: UUID, *, since: datetime | None = None
    ) -> str:
        """Return a secret, which counts once a code of it was shown (`confirm_totp`).

        One that has waited for its code since then at most is given again: an app has it already.
        """
        waiting = await self._secret(tx, user_id, confirmed=False) if since else None
        if waiting is not None and since is not None and waiting.created_at >= since:
            return waiting.secret
        await tx.session.execute(
            update(TotpSecret)
            .where(
                TotpSecret.user_id == user_id,
                TotpSecret.confirmed_at.is_(None),
                TotpSecret.deleted_at.is_(None),
            )
            .values(deleted_at=tx.now)
        )
        row = TotpSecret(user_id=user_id, secret=pyotp.random_base32(), created_at=tx.now)
        tx.session.add(row)
        return row.secret

    async def preset(self, tx: Transaction, user_id: UUID, secret: str) -> None:
        """Give a demo account a secret that everybody may know, and recovery codes."""
        tx.session.add(
            TotpSecret(user_id=user_id, secret=secret, created_at=tx.now, confirmed_at=tx.now)
        )
        await self.new_codes(tx, user_id)

    def uri(self, secret: str, username: str) -> str:
        """Return what the QR code of an authenticator app says (otpauth)."""
        return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=ISSUER)

    async def confirm_totp(self, tx: Transaction, user_id: UUID, code: str) -> bool:
        """Let the new secret count, in place of the one before, if the code is one of its own."""
        row = await self._secret(tx, user_id, confirmed=False)
        if row is None:
            return False
        step = _step_of(row.secret, code, tx.now)
        if step is None:
            return False
        before = await self._secret(tx, user_id, confirmed=True)
        if before is not None:
            before.deleted_at = tx.now
        row.confirmed_at, row.last_step = tx.now, step
        return True

    async def _take_totp(self, tx: Transaction, user_id: UUID, code: str) -> str:
        row = await self._secret(tx, user_id, confirmed=True)
        step = None if row is None else _step_of(row.secret, code, tx.now)
        if row is None or step is None:
            return WRONG
        unused = (TotpSecret.id == row.id, TotpSecret.last_step < step)
        if await _changed(tx, update(TotpSecret).where(*unused).values(last_step=step)):
            return ""
        return "code_already_used"

    async def _secret(self, tx: Reading, user_id: UUID, *, confirmed: bool) -> TotpSecret | None:
        counts = TotpSecret.confirmed_at
        query = select(TotpSecret).where(
            TotpSecret.user_id == user_id,
            TotpSecret.deleted_at.is_(None),
            counts.is_not(None) if confirmed else counts.is_(None),
        )
        return await tx.session.scalar(query.order_by(TotpSecret.created_at.desc()).limit(1))

    # Recovery codes

    async def new_codes(
        self, tx: Transaction, user_id: UUID, sitting: UUID | None = None
    ) -> tuple[str, ...]:
        """Return recovery codes, shown this once; the ones before are void.

        Asked again within one sitting they are the same: they may be on paper already.
        """
        count, provider = self._standards.recovery_codes, self._keys.provider
        codes = tuple(self._code(sitting, number) for number in range(count))
        first = select(RecoveryCode.id).where(
            RecoveryCode.user_id == user_id,
            RecoveryCode.digest == provider.digest(plain(codes[0])),
            RecoveryCode.deleted_at.is_(None),
        )
        if sitting and await tx.session.scalar(first):
            return codes
        await tx.session.execute(
            update(RecoveryCode)
            .where(RecoveryCode.user_id == user_id, RecoveryCode.deleted_at.is_(None))
            .values(deleted_at=tx.now)
        )
        tx.session.add_all(
            RecoveryCode(user_id=user_id, digest=provider.digest(plain(code)), created_at=tx.now)
            for code in codes
        )
        return codes

    def _code(self, sitting: UUID | None, number: int) -> str:
        """Return a code: random, or what only we can make of a sitting."""
        if sitting is None:
            return written(secrets.token_bytes(LENGTH))
        return written(self._keys.blind("recovery", f"{sitting}:{number}"))

    async def _take_code(self, tx: Transaction, user_id: UUID, code: str) -> str:
        digests = [provider.digest(plain(code)) for provider in PROFILES.values()]
        row = await tx.session.scalar(
            select(RecoveryCode).where(
                RecoveryCode.user_id == user_id,
                RecoveryCode.digest.in_(digests),
                RecoveryCode.deleted_at.is_(None),
            )
        )
        if row is None:
            return WRONG
        unused = (RecoveryCode.id == row.id, RecoveryCode.used_at.is_(None))
        if await _changed(tx, update(RecoveryCode).where(*unused).values(used_at=tx.now)):
            return ""
        return "recovery_code_used"

    # Passkeys

    async def passkeys(self, tx: Reading, user_id: UUID) -> list[KeptPasskey]:
        """Return somebody's passkeys, oldest first."""
        rows = await self._passkeys(tx, user_id)
        return [KeptPasskey(row.id, row.label, row.created_at, row.used_at) for row in rows]

    async def _passkeys(self, tx: Reading, user_id: UUID) -> list[Passkey]:
        query = select(Passkey).where(Passkey.user_id == user_id, Passkey.deleted_at.is_(None))
        return list(await tx.session.scalars(query.order_by(Passkey.created_at)))

    async def registration(
        self, tx: Reading, user: User, party: RelyingParty
    ) -> tuple[dict[str, Any], bytes]:
        """Return the options for `navigator.credentials.create()` and the challenge in them."""
        kept = await self._passkeys(tx, user.id)
        if len(kept) >= MOST_PASSKEYS:
            raise Invalid("passkeys_too_many", most=MOST_PASSKEYS)
        options = generate_registration_options(
            rp_id=party.id,
            rp_name=ISSUER,
            user_id=user.id.bytes,
            user_name=user.username,
            exclude_credentials=[PublicKeyCredentialDescriptor(row.credential_id) for row in kept],
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.DISCOURAGED,
                user_verification=UserVerificationRequirement.PREFERRED,
            ),
        )
        return json.loads(options_to_json(options)), options.challenge

    async def add_passkey(
        self, tx: Transaction, user_id: UUID, proof: Proof, challenge: bytes | None, label: str
    ) -> None:
        """Keep the passkey that a browser has made; raise `Invalid` if it is not for us."""
        if challenge is None or proof.party is None:
            raise Invalid("passkey_refused")
        try:
            made = verify_registration_response(
                credential=proof.value,
                expected_challenge=challenge,
                expected_rp_id=proof.party.id,
                expected_origin=list(proof.party.origins),
            )
        except (WebAuthnException, ValueError):
            raise Invalid("passkey_refused") from None
        known = select(Passkey.id).where(Passkey.credential_id == made.credential_id)
        if await tx.session.scalar(known):
            raise Conflict("passkey_known")
        tx.session.add(
            Passkey(
                user_id=user_id,
                label=label.strip()[:60] or "Passkey",
                credential_id=made.credential_id,
                public_key=made.credential_public_key,
                sign_count=made.sign_count,
                created_at=tx.now,
            )
        )

    async def challenge(
        self, tx: Reading, user_id: UUID, party: RelyingParty
    ) -> tuple[dict[str, Any], bytes]:
        """Return the options for `navigator.credentials.get()` and the challenge in them."""
        kept = await self._passkeys(tx, user_id)
        if not kept:
            raise Invalid("passkey_none")
        options = generate_authentication_options(
            rp_id=party.id,
            allow_credentials=[PublicKeyCredentialDescriptor(row.credential_id) for row in kept],
            user_verification=UserVerificationRequirement.PREFERRED,
        )
        return json.loads(options_to_json(options)), options.challenge

    async def _take_passkey(
        self, tx: Transaction, user_id: UUID, proof: Proof, challenge: bytes | None
    ) -> str:
        if challenge is None or proof.party is None:
            return WRONG
        try:
            answer = parse_authentication_credential_json(proof.value)
            query = select(Passkey).where(
                Passkey.user_id == user_id,
                Passkey.credential_id == answer.raw_id,
                Passkey.deleted_at.is_(None),
            )
            row = await tx.session.scalar(query.with_for_update())
            if row is None:
                return WRONG
            verified = verify_authentication_response(
                credential=answer,
                expected_challenge=challenge,
                expected_rp_id=proof.party.id,
                expected_origin=list(proof.party.origins),
                credential_public_key=row.public_key,
                credential_current_sign_count=row.sign_count,
            )
        except (WebAuthnException, ValueError):
            return WRONG
        row.sign_count, row.used_at = verified.new_sign_count, tx.now
        return ""

    async def remove_passkey(self, tx: Transaction, user_id: UUID, passkey_id: UUID) -> None:
        """Forget a passkey, unless nothing would be left to sign in with."""
        row = await tx.get(Passkey, passkey_id)
        if row.user_id != user_id or row.deleted_at is not None:
            raise Invalid("passkey_none")
        left = await self.enrolled(tx, user_id)
        if not left.totp and left.passkeys == 1:
            raise Conflict("last_factor")
        row.deleted_at = tx.now


async def _changed(tx: Transaction, statement: Update) -> bool:
    result = cast("CursorResult[Any]", await tx.session.execute(statement))
    return result.rowcount == 1


def _step_of(secret: str, code: str, now: datetime) -> int | None:
    """Return the time step that this code belongs to, if it is one of now and beside (RFC 6238)."""
    digits = "".join(code.split())
    totp, this = pyotp.TOTP(secret), int(now.timestamp()) // STEP_SECONDS
    for step in range(this - STEPS_EITHER_SIDE, this + STEPS_EITHER_SIDE + 1):
        if secrets.compare_digest(totp.generate_otp(step).encode(), digits.encode()):
            return step
    return None
