"""Writes into a restored house's trail that it was restored: by whom, and to when. (恢复留痕)"""

import logging
from dataclasses import dataclass, replace
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
from services.facts import Facts, Noted
from services.policy import HOUSE, Action, Subject
from services.trail import Trail
from services.transaction import Transactions

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Told:
    """What the entry says."""

    copy: str
    """Which copy, and where it lay."""
    as_of: datetime
    """Everything committed before this moment is there again."""
    by: str = ""
    """Who did it at the machine; empty: the house itself, on trial."""


async def note_restore(database: Database, key_file: KeyFile, clock: Clock, told: Told) -> None:
    """Lengthen the trail by one entry; where an older program's tables cannot take it, say so."""
    try:
        keys = await _keys_of(database, key_file)
        if keys is None:
            log.warning("the trail is not whole, so the restore is not noted in it")
            return
        database.unlock(keys)
        transactions = Transactions(database, Bus(database, clock), Trail(keys, clock), clock)
        actor = replace(HOUSE, address=f"console:{told.by}"[:80]) if told.by else HOUSE
        async with transactions.open(actor) as tx:
            as_of = told.as_of.isoformat()
            tx.allow(Action.BACKUP_RESTORE, Subject("backup"), purpose=told.copy, as_of=as_of)
    except (DomainError, DBAPIError) as trouble:
        log.warning("the restore could not be noted in the trail: %s", type(trouble).__name__)


async def note_proved(database: Database, night: str, clock: Clock) -> None:
    """Note in the restored house that this copy is a good one: it knows of no drill since."""
    try:
        await Facts(database, clock).note(Noted.PROVED, night=night)
    except (DomainError, DBAPIError) as trouble:
        log.warning(
            "the house could not note what it was restored from: %s", type(trouble).__name__
        )


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
