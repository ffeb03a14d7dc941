"""Asks which role somebody is given. (角色)"""

from collections.abc import Collection

from data.errors import Invalid
from pages import kit
from pages.words import t
from services.policy import Role


def role_field(roles: Collection[Role]) -> kit.Field:
    """Ask for one of these roles; none is chosen beforehand, so that haste gives nobody one."""
    words = {str(role): t(f"role.{role}") for role in sorted(roles)}
    return kit.select(t("staff.role"), {"": t("staff.role_choose"), **words}, required=True)


def chosen_role(field: kit.Field) -> Role:
    """Return the role that was chosen; raise `Invalid` while there is none."""
    try:
        return Role(field.text)
    except ValueError:
        raise Invalid("role_needed", field="role") from None
