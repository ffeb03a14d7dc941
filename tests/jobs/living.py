"""A house that lives and is copied, what is put into it, and how it is brought back."""

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select

from data.clock import new_id
from data.database import Database
from data.errors import DomainError
from data.files import FileStore, StoredFile
from data.institution import Site
from data.keyring import Keyring, Share
from data.stored_file import KeptFile
from integrations.folder import FolderTarget
from jobs.backup import Backup
from jobs.backup_restore import Restore
from services.clinic import Clinic
from services.settings import Settings
from tests.factories import INSTITUTION

NOWHERE: dict[str, str] = {}


@dataclass(frozen=True)
class Placing:
    owner_id: UUID
    patient_id: UUID | None = None
    site_id: UUID | None = None
    media_type: str = "application/pdf"


@dataclass
class House:
    """A living house, its copies, and the paper."""

    clinic: Clinic
    backup: Backup
    share: Share
    copies: Path

    @property
    def target(self) -> FolderTarget:
        return self.backup.target


async def add_sites(clinic: Clinic, count: int) -> None:
    for number in range(count):
        async with clinic.database.transaction(write=True) as session:
            now = clinic.clock.now()
            session.add(Site(institution_id=INSTITUTION, name=f"{number}", created_at=now))


async def sites(database: Database) -> int:
    async with database.transaction(write=False) as session:
        return await session.scalar(select(func.count(Site.id)))


async def keep(house: House, content: bytes) -> UUID:
    async def chunks():
        yield content

    stored = await house.backup.store.put(chunks(), INSTITUTION)
    async with house.clinic.database.transaction(write=True) as session:
        row = await house.backup.store.keep(
            session, stored, Placing(new_id()), house.clinic.clock.now()
        )
        return row.id


@dataclass
class Risen:
    """A house that was brought back, opened."""

    clinic: Clinic
    store: FileStore

    async def content(self, key: UUID) -> bytes:
        async with self.clinic.database.transaction(write=False) as session:
            stored = StoredFile.of(await session.get(KeptFile, key))
        return b"".join([piece async for piece in self.store.read(stored)])


async def risen(home: Path, clock) -> Risen:
    settings = Settings(home=home)
    keys = Keyring(settings.key_file, NOWHERE).load().keys()
    database = await Database(settings.database, keys.key("db")).open()
    return Risen(Clinic.open(database, clock, keys, settings), FileStore(settings.files, keys))


def restoring(house: House, home: Path) -> Restore:
    return Restore(house.target, Settings(home=home), house.clinic.clock)


async def code_of(work) -> str:
    with pytest.raises(DomainError) as caught:
        await work
    return caught.value.code


def everything(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
