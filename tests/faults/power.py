"""A disk that loses power: what it holds afterwards, for any moment, as SQLite's own tests do it.

A file system layer under SQLite notes every write and every sync. An image of the disk at a moment
keeps all that was synced before; of each later write it keeps all, nothing, or a few sectors, in
any order. Not modelled: a disk that lies about its syncs, and lost directory entries.
"""

import random
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

SECTOR = 512
KEPT, TORN = 0.5, 0.3
"""How likely a write that was not synced is kept, and how likely a kept one is torn."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to one file."""

    what: str
    file: str
    place: int = 0
    content: bytes = b""


@dataclass(slots=True)
class Disk:
    """Everything that happened, in order."""

    steps: list[Step] = field(default_factory=list)

    def image(self, moment: int, chance: random.Random) -> dict[str, bytes]:
        """Return the files as a power cut after so many steps may leave them."""
        files: dict[str, bytearray] = {}
        waiting: dict[str, list[Step]] = defaultdict(list)
        for step in self.steps[:moment]:
            if step.what == "sync":
                for late in waiting.pop(step.file, []):
                    _apply(files, late)
            elif step.what == "delete":
                files.pop(step.file, None)
                waiting.pop(step.file, None)
            else:
                waiting[step.file].append(step)
        for late in waiting.values():
            survivors = [_torn(step, chance) for step in late if chance.random() < KEPT]
            chance.shuffle(survivors)
            for step in survivors:
                _apply(files, step)
        return {name: bytes(content) for name, content in files.items()}


def _torn(step: Step, chance: random.Random) -> Step:
    if step.what != "write" or chance.random() >= TORN:
        return step
    whole = chance.randrange(len(step.content) + 1) // SECTOR * SECTOR
    return Step(step.what, step.file, step.place, step.content[:whole])


def _apply(files: dict[str, bytearray], step: Step) -> None:
    content = files.setdefault(step.file, bytearray())
    if step.what == "truncate":
        del content[step.place :]
        return
    if len(content) < step.place:
        content.extend(bytes(step.place - len(content)))
    content[step.place : step.place + len(step.content)] = step.content


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self._disk, self._name = disk, Path(path or "temporary").name
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name for it
        self._disk.steps.append(Step("write", self._name, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, size: int) -> None:  # noqa: N802
        self._disk.steps.append(Step("truncate", self._name, size))
        super().xTruncate(size)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._disk.steps.append(Step("sync", self._name))
        super().xSync(flags)


class RecordingVfs(apsw.VFS):
    """The file system, with a notebook."""

    def __init__(self, name: str) -> None:
        self.disk = Disk()
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        return _File(self.disk, name, flags)

    def xDelete(self, name: str, sync_folder: bool) -> None:  # noqa: N802
        self.disk.steps.append(Step("delete", Path(name).name))
        super().xDelete(name, sync_folder)
