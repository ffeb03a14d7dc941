"""Who people are and how they show it: accounts, roles, passwords, factors, sessions."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from data.base import L2, L3, L4, Base, Placed
from data.sealed import Blind, Sealed


class UserKind(StrEnum):
    """Which door somebody comes in by."""

    STAFF = "staff"
    PATIENT = "patient"


class UserState(StrEnum):
    """Whether somebody may come in."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    """Somebody decided that this person may not work here now."""
    DORMANT = "dormant"
    """Not seen for so long that the account was disabled. (S-AC-1)"""


class User(Placed, Base):
    """One person's account (账号); nobody shares one. (S-AUTH-1)"""

    __tablename__ = "user_account"  # `user` is a word of SQL's own

    owner_id: Mapped[UUID] = mapped_column(index=True, info=L2)  # the person: the same as `id`
    kind: Mapped[UserKind] = mapped_column(default=UserKind.STAFF, info=L2)
    username: Mapped[str] = mapped_column(unique=True, info=L3)  # folded
    staff_number: Mapped[str] = mapped_column(default="", info=L3)  # 工号
    display_name: Mapped[str] = mapped_column(info=L4)
    phone: Mapped[str | None] = mapped_column(Sealed("user_account.phone"), default=None, info=L4)
    phone_index: Mapped[str | None] = mapped_column(
        Blind("phone", of="phone"), init=False, index=True, info=L4
    )
    email: Mapped[str] = mapped_column(default="", info=L4)
    # Where somebody was reached before the last change, which may not have been theirs.
    former_phone: Mapped[str | None] = mapped_column(
        Sealed("user_account.former_phone"), default=None, info=L4
    )
    former_email: Mapped[str] = mapped_column(default="", info=L4)
    contact_since: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    language: Mapped[str] = mapped_column(default="zh_CN", info=L2)
    text_size: Mapped[int | None] = mapped_column(default=None, info=L2)  # 0 to 3, None: not said
    state: Mapped[UserState] = mapped_column(default=UserState.ACTIVE, index=True, info=L3)
    state_reason: Mapped[str] = mapped_column(default="", info=L3)
    kept_out_by: Mapped[str] = mapped_column(default="", info=L3)  # roles, in whose name
    is_synthetic: Mapped[bool] = mapped_column(default=False, info=L2)
    must_change_password: Mapped[bool] = mapped_column(default=False, info=L2)
    created_at: Mapped[datetime] = mapped_column(info=L2)
    woken_at: Mapped[datetime] = mapped_column(info=L2)  # last signed in, made or reactivated
    last_signed_in_at: Mapped[datetime | None] = mapped_column(default=None, info=L3)
    own_since: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    """First signed in since the account was made or reset: since when it is surely theirs."""
    version: Mapped[int] = mapped_column(init=False, info=L2)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        Index(
            "uq_user_account_staff_number",
            *("institution_id", "staff_number"),
            unique=True,
            sqlite_where=text("staff_number <> ''"),
            postgresql_where=text("staff_number <> ''"),
        ),
        Index(  # a patient's phone is what they sign in with
            "uq_user_account_patient_phone",
            *("institution_id", "phone_index"),
            unique=True,
            sqlite_where=text("kind = 'patient'"),
            postgresql_where=text("kind = 'patient'"),
        ),
    )


class RoleGrant(Base):
    """A role somebody holds, and who gave it: in the whole institution, or at one site."""

    __tablename__ = "role_grant"

    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id), index=True, info=L2)
    role: Mapped[str] = mapped_column(index=True, info=L3)
    site_id: Mapped[UUID | None] = mapped_column(default=None, info=L2)
    granted_by: Mapped[UUID] = mapped_column(info=L3)
    at: Mapped[datetime] = mapped_column(info=L2)
    deleted_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    withdrawn_by: Mapped[UUID | None] = mapped_column(default=None, info=L3)


class Password(Base):
    """A password somebody has or had: the latest counts, older ones may not come back."""

    __tablename__ = "password"

    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id), index=True, info=L2)
    hash: Mapped[str] = mapped_column(info=L4)  # argon2id over the peppered password
    at: Mapped[datetime] = mapped_column(info=L2)
    spent_by: Mapped[UUID | None] = mapped_column(default=None, info=L2)
    """The session on its way in that a temporary one has brought to the choice of another."""


class ResetState(StrEnum):
    """What became of a reset that needs a second person."""

    WAITING = "waiting"
    APPROVED = "approved"
    REFUSED = "refused"
    LAPSED = "lapsed"


class ResetRequest(Placed, Base):
    """An administrator's sign-in that is to be reset, once a second person says so. (双人复核)"""

    __tablename__ = "reset_request"

    owner_id: Mapped[UUID] = mapped_column(index=True, info=L2)  # whose account it is
    asked_by: Mapped[UUID] = mapped_column(info=L3)
    asked_at: Mapped[datetime] = mapped_column(info=L2)
    until: Mapped[datetime] = mapped_column(info=L2)
    factors: Mapped[bool] = mapped_column(info=L2)  # the second factors go too
    state: Mapped[ResetState] = mapped_column(default=ResetState.WAITING, index=True, info=L2)
    decided_by: Mapped[UUID | None] = mapped_column(default=None, info=L3)
    decided_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    note: Mapped[str] = mapped_column(default="", info=L3)
    version: Mapped[int] = mapped_column(init=False, info=L2)

    __mapper_args__ = {"version_id_col": version}


class TotpSecret(Base):
    """What an authenticator app (动态口令) and we both know; counts once it is confirmed."""

    __tablename__ = "totp_secret"

    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id), index=True, info=L2)
    secret: Mapped[str] = mapped_column(Sealed("totp_secret.secret"), info=L4)  # base32
    last_step: Mapped[int] = mapped_column(default=0, info=L2)  # no code is taken twice
    created_at: Mapped[datetime] = mapped_column(info=L2)
    confirmed_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    deleted_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)


class Passkey(Base):
    """The public half of a key that never leaves somebody's device (WebAuthn)."""

    __tablename__ = "passkey"

    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id), index=True, info=L2)
    label: Mapped[str] = mapped_column(info=L3)
    credential_id: Mapped[bytes] = mapped_column(unique=True, info=L4)
    public_key: Mapped[bytes] = mapped_column(info=L4)
    sign_count: Mapped[int] = mapped_column(default=0, info=L2)
    created_at: Mapped[datetime] = mapped_column(info=L2)
    used_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    deleted_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)


class RecoveryCode(Base):
    """A code on paper for the day the phone is lost; good once."""

    __tablename__ = "recovery_code"

    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id), index=True, info=L2)
    digest: Mapped[bytes] = mapped_column(index=True, info=L4)
    created_at: Mapped[datetime] = mapped_column(info=L2)
    used_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    deleted_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)


class SessionStage(StrEnum):
    """What is still to be done before somebody is signed in."""

    SECOND_FACTOR = "second_factor"
    NEW_PASSWORD = "new_password"  # noqa: S105 - the name of a step
    ENROL = "enrol"
    RECOVERY_CODES = "recovery_codes"
    OPEN = "open"


class Session(Placed, Base):
    """Somebody's visit with one browser; the browser holds a token, we hold its digest."""

    __tablename__ = "session"

    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id), index=True, info=L2)
    owner_id: Mapped[UUID] = mapped_column(index=True, info=L2)  # the same person
    token_digest: Mapped[bytes] = mapped_column(unique=True, info=L4)
    stage: Mapped[SessionStage] = mapped_column(info=L2)
    proven: Mapped[bool] = mapped_column(default=False, info=L2)  # the second factor was shown
    opened_at: Mapped[datetime] = mapped_column(info=L2)
    last_seen_at: Mapped[datetime] = mapped_column(info=L2)
    ends_at: Mapped[datetime] = mapped_column(info=L2)
    confirmed_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    address: Mapped[str] = mapped_column(default="", info=L4)
    user_agent: Mapped[str] = mapped_column(default="", info=L3)
    challenge: Mapped[bytes | None] = mapped_column(default=None, info=L4)  # for a passkey to sign
    ended_at: Mapped[datetime | None] = mapped_column(default=None, index=True, info=L2)
    ended_because: Mapped[str] = mapped_column(default="", info=L2)


class SignInGuard(Base):
    """How often a door was knocked at in vain: one row an account name, one an address.

    Names are kept as blind indexes: people type their password into the wrong field.
    """

    __tablename__ = "sign_in_guard"

    key: Mapped[str] = mapped_column(unique=True, info=L4)
    failures: Mapped[int] = mapped_column(default=0, info=L2)
    since: Mapped[datetime] = mapped_column(info=L2)
    last_at: Mapped[datetime] = mapped_column(index=True, info=L2)
    locked_until: Mapped[datetime | None] = mapped_column(default=None, info=L2)


class ReviewOutcome(StrEnum):
    """What the reviewer of a broken glass found."""

    JUSTIFIED = "justified"
    UNJUSTIFIED = "unjustified"


class EmergencyAccess(Placed, Base):
    """Somebody broke the glass (紧急访问): a record opened without a rule, for an hour."""

    __tablename__ = "emergency_access"

    owner_id: Mapped[UUID] = mapped_column(index=True, info=L2)  # who broke it
    patient_id: Mapped[UUID] = mapped_column(index=True, info=L4)
    session_id: Mapped[UUID | None] = mapped_column(default=None, index=True, info=L3)
    reason: Mapped[str] = mapped_column(info=L4)
    opened_at: Mapped[datetime] = mapped_column(index=True, info=L2)
    until: Mapped[datetime] = mapped_column(info=L2)
    closed_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    closed_because: Mapped[str] = mapped_column(default="", info=L2)
    outcome: Mapped[ReviewOutcome | None] = mapped_column(default=None, info=L3)
    review_note: Mapped[str] = mapped_column(default="", info=L4)
    reviewed_by: Mapped[UUID | None] = mapped_column(default=None, info=L3)
    reviewed_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    version: Mapped[int] = mapped_column(init=False, info=L2)

    __mapper_args__ = {"version_id_col": version}
