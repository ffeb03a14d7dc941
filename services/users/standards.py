"""What the house demands of an account, as the hospital has set it. (S-AUTH-1 to 3)"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from data.users import UserKind
from services.policy import Role
from services.policy_settings import PolicySettings
from services.rules import ADMINISTRATORS


class Patience(StrEnum):
    """How long an open session may lie idle depends on whose it is."""

    STAFF = "staff"
    PATIENT = "patient"
    ADMIN = "admin"


def patience(kind: UserKind, roles: Iterable[str]) -> Patience:
    """Return which idle limit applies to somebody with these roles."""
    if ADMINISTRATORS & {Role(role) for role in roles}:
        return Patience.ADMIN
    return Patience.PATIENT if kind is UserKind.PATIENT else Patience.STAFF


def fold(username: str) -> str:
    """Return the one spelling of a user name: width, case and stray spaces do not matter."""
    return unicodedata.normalize("NFKC", username).strip().casefold()


@dataclass(frozen=True, slots=True)
class Standards:
    """The `policy.auth` values, with their types and units."""

    policy: PolicySettings

    def password_min(self, *, admin: bool) -> int:
        """Return the least number of characters of a password."""
        return int(self._value("admin_password_min" if admin else "password_min"))

    @property
    def password_classes(self) -> int:
        """How many of lower case, upper case, digits and other characters it must have."""
        return int(self._value("password_classes"))

    @property
    def password_max_age(self) -> timedelta:
        return timedelta(days=self._value("password_max_age_days"))

    @property
    def temporary_for(self) -> timedelta:
        """How long a temporary password may wait for its owner."""
        return timedelta(hours=self._value("temporary_hours"))

    @property
    def code_for(self) -> timedelta:
        """How long a code that was sent to a phone counts."""
        return timedelta(minutes=self._value("code_minutes"))

    @property
    def history(self) -> int:
        """How many earlier passwords may not come back."""
        return int(self._value("history"))

    @property
    def fail_limit(self) -> int:
        return int(self._value("fail_limit"))

    @property
    def fail_window(self) -> timedelta:
        return timedelta(minutes=self._value("fail_window_minutes"))

    @property
    def lock_for(self) -> timedelta:
        return timedelta(minutes=self._value("lock_minutes"))

    @property
    def absolute(self) -> timedelta:
        """How long a session may last whatever happens in it."""
        return timedelta(hours=self._value("absolute_hours"))

    @property
    def dormant_after(self) -> timedelta:
        """How long an account may go unused before it is disabled."""
        return timedelta(days=self._value("dormant_days"))

    @property
    def recovery_codes(self) -> int:
        return int(self._value("recovery_codes"))

    @property
    def staff_mfa_required(self) -> bool:
        return bool(self._value("staff_mfa_required"))

    def idle(self, whose: Patience) -> timedelta:
        """Return how long an open session of this kind may lie idle."""
        return timedelta(minutes=self._value("idle_minutes")[whose])

    @property
    def shortest_idle(self) -> timedelta:
        return min(self.idle(whose) for whose in Patience)

    def _value(self, name: str) -> Any:
        return self.policy.value(f"policy.auth.{name}")
