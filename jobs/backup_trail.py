"""Writes into the trail of a restored house that it was restored, and to when. (恢复留痕)"""

import logging
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from data.audit import COVERED, FIRST, AuditEntry, sealed
from data.clock import Clock
from data.crypto import PROFILES, Keys
from data.database import Database
from data.errors import DomainError
from data.keyring import KeyFile
from services.bus import Bus
from services.policy import HOUSE, Action, Subject
from services.trail import Trail
from services.transaction import Transactions

log = logging.getLogger(__name__)


async def note_restore(
    database: Database, key_file: KeyFile, clock: Clock, purpose: str, as_of: datetime
) -> None:
    """Lengthen the trail by one entry; where an older program's tables cannot take it, say so."""
    try:
        keys = await _keys_of(database, key_file)
        if keys is None:
            log.warning("the trail is not whole, so the restore is not noted in it")
            return
        database.unlock(keys)
        transactions = Transactions(database, Bus(database, clock), Trail(keys, clock), clock)
        async with transactions.open(HOUSE) as tx:
            subject = Subject("backup")
            tx.allow(Action.BACKUP_RESTORE, subject, purpose=purpose, as_of=as_of.isoformat())
    except (DomainError, DBAPIError) as trouble:
        log.warning("the restore could not be noted in the trail: %s", type(trouble).__name__)


async def _keys_of(database: Database, key_file: KeyFile) -> Keys | None:
    """Return the keys in the profile that sealed the trail's end: settings may not be there yet."""
    async with database.transaction(write=False) as session:
        query = select(AuditEntry).order_by(AuditEntry.seq.desc()).limit(2)
        rows = (await session.scalars(query)).all()
    if not rows:
        return key_file.keys()
    last = {name: getattr(rows[0], name) for name in COVERED}
    before = rows[1].mac if len(rows) > 1 else FIRST
    for profile in PROFILES:
        keys = key_file.keys(profile)
        if sealed(last, before, keys) == rows[0].mac:
            return keys
    return None
