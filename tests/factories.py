"""People and things for tests, written so that a test reads like a sentence."""

from datetime import UTC, datetime
from uuid import UUID

from data.clock import new_id
from services.policy import Actor, Grant, Role

INSTITUTION = UUID("01900000-0000-7000-8000-000000000001")
OTHER_INSTITUTION = UUID("01900000-0000-7000-8000-000000000002")
MONDAY = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def an_actor(
    *roles: Role,
    site_id: UUID | None = None,
    institution_id: UUID = INSTITUTION,
    user_id: UUID | None = None,
    confirmed_at: datetime | None = MONDAY,
    **more: object,
) -> Actor:
    """Return somebody with these roles, who has just proved who they are."""
    return Actor(
        user_id=user_id or new_id(),
        grants=frozenset(Grant(role, site_id) for role in roles),
        institution_id=institution_id,
        confirmed_at=confirmed_at,
        **more,
    )
