"""Carries what is new to the backup target all day: log parts within seconds, files in a minute."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from data.errors import DomainError
from data.files import FileStore
from data.shipping import LogShipper
from jobs.backup_archive import FILES, LOG, place_of, segment_of
from services.ports import BackupTarget

log = logging.getLogger(__name__)

LOOK = 2.0  # seconds between two looks into the folder of parts
FILES_EVERY = 30  # looks
LONGEST_PAUSE = 300.0  # seconds between tries while the target does not answer


class Courier:
    """Brings parts and files to the target; what could not be brought waits on our disk."""

    def __init__(self, shipper: LogShipper | None, store: FileStore, target: BackupTarget) -> None:
        self._shipper = shipper
        self._store = store
        self._target = target
        self._there: set[str] | None = None
        self._brought: set[str] = set()
        self._turn = asyncio.Lock()

    async def run(self) -> None:
        """Go to and fro until cancelled; a target that is away is told of once."""
        pause, looks = LOOK, 0
        while True:
            try:
                await self.carry(files=looks % FILES_EVERY == 0)
            except (DomainError, OSError) as error:
                if pause == LOOK:
                    log.warning("the backup target is away: %s", error)
                pause, looks = min(pause * 2, LONGEST_PAUSE), 0
            else:
                pause, looks = LOOK, looks + 1
            await asyncio.sleep(pause)

    async def carry(self, *, files: bool = True) -> None:
        """Bring everything that is new, now."""
        async with self._turn:
            await self._carry_parts()
            if files:
                await self._carry_files()

    @asynccontextmanager
    async def still(self) -> AsyncIterator[None]:
        """Carry nothing while this lasts, and begin only when nothing is on its way."""
        async with self._turn:
            yield

    async def _carry_parts(self) -> None:
        position = self._shipper.position if self._shipper else None
        if self._shipper is None or position is None:
            return
        folder = self._shipper.folder
        for path in await asyncio.to_thread(lambda: sorted(folder.glob("*.wal"))):
            if path.name not in self._brought:
                await self._target.put(f"{LOG}/{path.name}", path)
                self._brought.add(path.name)
            open_segment = path.name.startswith(position.timeline)
            if not (open_segment and segment_of(path.name) >= position.segment):
                await asyncio.to_thread(path.unlink, missing_ok=True)
                self._brought.discard(path.name)

    async def _carry_files(self) -> None:
        there = self._there
        if there is None:  # also after somebody has had us forget, perhaps while we were on our way
            there = self._there = {_blob(name) for name in await self._target.names(FILES)}
        for blob in await self._store.blobs():
            path: Path = self._store.path(blob)
            if blob not in there and await asyncio.to_thread(path.exists):
                await self._target.put(place_of(blob), path)
                there.add(blob)

    def look_again(self) -> None:
        """Ask the target anew what it has: somebody may have changed its disk."""
        self._there = None

    async def forget(self, blobs: set[str]) -> None:
        """Take files away from the target."""
        async with self._turn:
            for blob in blobs:
                await self._target.remove(place_of(blob))
            if self._there is not None:
                self._there -= blobs


def _blob(name: str) -> str:
    return name.rsplit("/", 1)[-1]
