"""Ends broken glass, and keeps why: by hand, by a verdict, or with its session. (紧急访问)"""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select

from data.users import EmergencyAccess
from services.events import EmergencyAccessClosed
from services.transaction import Transaction

GIVEN_UP, NEEDLESS = "given_up", "needless"
ENDINGS = (
    *(GIVEN_UP, NEEDLESS, "signed_out", "revoked", "replaced", "idle", "absolute"),
    *("roles_changed", "password_changed", "credentials_reset", "suspended", "dormant"),
)
"""Why one may have ended before its hour was over; each has its sentence `emergency.ended.…`."""


def end_glass(tx: Transaction, row: EmergencyAccess, because: str) -> bool:
    """End one, unless it is over already; return whether it was not."""
    if row.closed_at is not None or row.until <= tx.now:
        return False
    row.closed_at, row.closed_because = tx.now, because
    tx.announce(EmergencyAccessClosed(access_id=row.id, user_id=row.owner_id))
    return True


async def end_glass_of(tx: Transaction, sessions: Collection[UUID], because: str) -> set[UUID]:
    """End what was opened in these sessions; return whose it was."""
    query = select(EmergencyAccess).where(
        EmergencyAccess.session_id.in_(sessions),
        EmergencyAccess.closed_at.is_(None),
        EmergencyAccess.until > tx.now,
    )
    rows = list(await tx.session.scalars(query.with_for_update()))
    return {row.owner_id for row in rows if end_glass(tx, row, because)}
