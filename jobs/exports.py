"""Lets go of old daily exports of the trail, once trail and copy hold the same. (审计导出保留)

Each night's export is written for a log host that fetches it. The trail itself stays in the
database, so an export may go when it is old, the trail was verified since and found whole, and a
copy of the house was made since that left no export out. Where a hospital has exports written
elsewhere (`anchors`), that place has a retention of its own, and nothing there is ours to remove.
"""

import asyncio
import logging
from datetime import UTC, datetime
from pathlib import Path

from services.clinic import Clinic
from services.facts import Known, Noted
from services.policy import HOUSE, Action, Subject
from services.settings import Settings

log = logging.getLogger(__name__)

PATTERN, STAMP = "audit-*.jsonl", "audit-%Y%m%dT%H%M%SZ"
NIGHT = "%Y%m%dT%H%M%SZ"
MOST_NAMED = 20


class Exports:
    """The exports of one house."""

    def __init__(self, clinic: Clinic, settings: Settings | None = None) -> None:
        self._clinic = clinic
        self._settings = settings or clinic.settings

    async def tidy(self) -> int:
        """Remove what may go; return how many. The trail says which, and until when they reach."""
        folder, home = self._settings.anchor_file.parent, self._settings.home
        if not await asyncio.to_thread(_lies_in, folder, home):
            return 0
        facts = await self._clinic.facts.all()
        copied, verified = facts.get(Noted.BACKUP), facts.get(Noted.VERIFIED)
        if copied is None or verified is None or not verified.ok:
            return 0
        keep = self._clinic.policy.span("policy.audit.export_keep_days")
        before = min(self._clinic.clock.now() - keep, _begun(copied), verified.at)
        there = await asyncio.to_thread(_made_before, folder, before)
        left_out = _left_out(copied)
        gone = [path for path in there if path.relative_to(home).as_posix() not in left_out]
        if len(gone) < len(there):
            log.warning("%d old audit exports are in no copy and stay", len(there) - len(gone))
        if gone:
            await self._remove(gone, before)
        return len(gone)

    async def _remove(self, gone: list[Path], before: datetime) -> None:
        names = [path.name for path in gone]
        told = ", ".join(names[:MOST_NAMED]) + (", ..." if len(names) > MOST_NAMED else "")
        async with self._clinic.transactions.open(HOUSE) as tx:
            purpose = f"{len(names)} old exports removed"
            tx.allow(
                Action.AUDIT_EXPORT,
                Subject("audit"),
                purpose=purpose,
                before=before.isoformat(),
                files=told,
            )
        for path in gone:
            await asyncio.to_thread(path.unlink, missing_ok=True)


def _lies_in(folder: Path, home: Path) -> bool:
    return folder.resolve().is_relative_to(home.resolve())


def _made_before(folder: Path, before: datetime) -> list[Path]:
    return [path for path in sorted(folder.glob(PATTERN)) if (_made(path) or before) < before]


def _made(path: Path) -> datetime | None:
    """Read off its name when an export was made; None for a file of somebody else's."""
    try:
        return datetime.strptime(path.stem, STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


def _begun(copied: Known) -> datetime:
    """Return when the copy was begun, which its name says: what came later is not in it."""
    return datetime.strptime(copied.value["night"][:16], NIGHT).replace(tzinfo=UTC)


def _left_out(copied: Known) -> frozenset[str]:
    return frozenset(copied.value.get("left_out") or ())
