"""What everybody may know of a demo: how its people sign in. No hospital has such accounts."""

from datetime import datetime

import pyotp

PASSWORD = "Apricot-Grove-2026"  # noqa: S105 - printed on the screen of every demo
SECRET = "XINGLINDEMOXINGLINDEMOXINGLINDEM"  # noqa: S105 - likewise

ADMINISTRATORS = ("xitong", "anquan", "shenji")
"""User names of the three administrators, offered where one signs in."""


def code_at(now: datetime) -> str:
    """Return the code that an authenticator app would show now, for every account of the demo."""
    return pyotp.TOTP(SECRET).at(now)
