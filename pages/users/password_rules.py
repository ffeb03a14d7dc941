"""Says what a new password has to be, before it is typed. (S-AUTH-1)"""

from pages.words import t
from services.clinic import Clinic


def password_rules(clinic: Clinic) -> str:
    """Return the hint below a field for a new password."""
    return t(
        "sign_in.password_rules",
        least=clinic.policy.number("policy.auth.password_min"),
        admin=clinic.policy.number("policy.auth.admin_password_min"),
        classes=clinic.policy.number("policy.auth.password_classes"),
        last=clinic.policy.number("policy.auth.history"),
    )
