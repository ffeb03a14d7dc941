"""Keeps backups in a directory: another disk, a mounted share. (备份目录)"""

import asyncio
import os
import threading
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import TypeVar

from data.clock import stopwatch
from data.errors import Invalid, NotFound, Unavailable
from data.keyring import sync_folder

PIECE = 1 << 20
PACE = 64 << 20  # bytes a second at most: the disk has patients to serve meanwhile
FULL = frozenset({28, 122})  # ENOSPC, EDQUOT
READ_ONLY = 30  # EROFS
PART = ".part"

T = TypeVar("T")


class FolderTarget:
    """A directory; see `services.ports.BackupTarget`."""

    def __init__(self, root: Path, pace: int = PACE) -> None:
        self.root = root
        self.place = str(root)
        self._pace = pace

    async def names(self, folder: str) -> list[str]:
        return await self._do(self._names, folder)

    async def put(self, name: str, source: Path) -> None:
        target = self._path(name)
        part = target.with_name(f".{target.name}{PART}")
        await self._do(self._prepare, target.parent)
        try:
            await self._copy(source, part)
            await self._do(self._name, part, target)
        except BaseException:
            await self._do(part.unlink, missing_ok=True)
            raise

    async def fetch(self, name: str, target: Path) -> None:
        source = self._path(name)
        if not await self._do(source.is_file):
            raise NotFound("backup_part_missing", name=name, place=self.place)
        await self._copy(source, target)

    async def remove(self, name: str) -> None:
        await self._do(self._remove, self._path(name))

    async def close(self) -> None:
        """Nothing is held."""

    def _path(self, name: str) -> Path:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise Invalid("backup_target_refuses", place=self.place, reason=name)
        return self.root / path

    def _names(self, folder: str) -> list[str]:
        top = self._path(folder)
        found = (path for path in top.rglob("*") if path.is_file() and path.suffix != PART)
        return sorted(path.relative_to(self.root).as_posix() for path in found)

    @staticmethod
    def _prepare(folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    async def _copy(self, source: Path, target: Path) -> None:
        stop = threading.Event()
        try:
            await self._do(self._copy_in_thread, source, target, stop)
        finally:
            stop.set()  # a thread cannot be cancelled, so it is asked

    def _copy_in_thread(self, source: Path, target: Path, stop: threading.Event) -> None:
        began, copied = stopwatch(), 0
        with source.open("rb") as taken, target.open("wb") as given:
            os.fchmod(given.fileno(), 0o600)
            while not stop.is_set() and (piece := taken.read(PIECE)):
                given.write(piece)
                copied += len(piece)
                stop.wait(max(0.0, copied / self._pace - (stopwatch() - began)))
            given.flush()
            os.fsync(given.fileno())

    @staticmethod
    def _name(part: Path, target: Path) -> None:
        part.replace(target)
        sync_folder(target.parent)

    def _remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        if path.parent != self.root and path.parent.is_dir() and not any(path.parent.iterdir()):
            path.parent.rmdir()

    async def _do(self, work: Callable[..., T], *arguments: object, **named: object) -> T:
        """Do what touches the disk, off the loop, and name what may go wrong."""
        try:
            return await asyncio.to_thread(work, *arguments, **named)
        except OSError as error:
            if error.errno in FULL:
                raise Unavailable("backup_target_full", place=self.place) from None
            if isinstance(error, PermissionError) or error.errno == READ_ONLY:
                reason = error.strerror or ""
                raise Invalid("backup_target_refuses", place=self.place, reason=reason) from None
            raise Unavailable("backup_target_unreachable", place=self.place) from error
