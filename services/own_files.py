"""Whether a file that somebody names is one that they have handed in themselves."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select

from data.errors import NotFound
from data.stored_file import KeptFile
from services.transaction import Reading


async def require_own(tx: Reading, file_ids: Collection[UUID]) -> None:
    """Go on only if the actor has handed in each of these: what is put into a record or a file of
    papers is shown to others from then on.

    Raise `NotFound` for another's, as for one that is not there.
    """
    query = select(KeptFile.id).where(
        KeptFile.id.in_(file_ids),
        KeptFile.owner_id == tx.actor.user_id,
        KeptFile.shredded_at.is_(None),
    )
    strange = set(file_ids) - set(await tx.session.scalars(query)) if file_ids else set()
    if strange:
        raise NotFound("not_found", what="KeptFile", key=str(min(strange)))
