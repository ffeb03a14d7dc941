"""What everybody may know of a demo: how its people sign in. No hospital has such accounts."""

from datetime import datetime

import pyotp

from services.policy import Role

PASSWORD = "Apricot-Grove-2026"  # noqa: S105 - printed on the screen of every demo
SECRET = "XINGLINDEMOXINGLINDEMOXINGLINDEM"  # noqa: S105 - likewise

OFFERED = {
    "xitong": Role.SYSTEM_ADMIN,
    "anquan": Role.SECURITY_ADMIN,
    "shenji": Role.AUDIT_ADMIN,
    "yiwu": Role.MEDICAL_AFFAIRS,
    "yisheng": Role.DOCTOR,
    "hushi": Role.NURSE,
}
"""Whom one can be with one tap, where one signs in: user names and what they do."""


def code_at(now: datetime) -> str:
    """Return the code that an authenticator app would show now, for every account of the demo."""
    return pyotp.TOTP(SECRET).at(now)
