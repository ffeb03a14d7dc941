"""Where somebody may let people in: the whole house, or the sites that their own role is for."""

from uuid import UUID

from pages.session import current_actor
from pages.words import t
from services.clinic import Clinic
from services.policy import Action, Grant, reach
from services.users.roster import Member

WHOLE_HOUSE = ""
"""The key of the choice that stands for no site in particular."""


async def names_of_sites(clinic: Clinic) -> dict[UUID | None, str]:
    """Return what every open site is called; None is the whole house."""
    sites = await clinic.institutions.sites(current_actor())
    return {None: t("staff.whole_house"), **{site.id: site.details.name for site in sites}}


def choices(names: dict[UUID | None, str], action: Action) -> dict[str, str]:
    """Return the places where the person in front of the page may do this, the widest first."""
    reached = reach(current_actor(), action)
    return {
        str(site or WHOLE_HOUSE): name
        for site, name in names.items()
        if None in reached or site in reached
    }


def chosen(key: str) -> UUID | None:
    """Return the site behind a choice."""
    return None if key == WHOLE_HOUSE else UUID(key)


def is_beyond(member: Member, action: Action) -> bool:
    """Tell whether somebody's account reaches further than the person in front of the page."""
    reached = reach(current_actor(), action)
    return None not in reached and not reached.issuperset(
        {member.site_id, *(grant.site_id for grant in member.grants)}
    )


def words_of(grant: Grant, names: dict[UUID | None, str]) -> str:
    """Return a role in words, with its site if it is for one."""
    role = t(f"role.{grant.role}")
    if grant.site_id is None:
        return role
    return t("staff.role_at", role=role, site=names.get(grant.site_id, t("staff.closed_site")))
