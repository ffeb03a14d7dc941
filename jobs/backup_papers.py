"""Takes the papers of a house along: settings, certificates, anchors, audit exports. (随带文件)

Small ones travel as one sealed tar with every night. A large one lies at the target in parts that
are named by a keyed digest, each part once for all nights: of a file that only grows, its end is
new. What cannot be taken along is told by name; nothing stays behind in silence.
"""

import asyncio
import io
import json
import logging
import os
import stat
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from data.crypto import Keys
from data.errors import Invalid
from jobs.backup_archive import LABEL, PAPERS, Archive, Manifest
from services.ports import BackupTarget

log = logging.getLogger(__name__)

SMALL = 256 << 10  # bytes: the tar is put together in memory, and anew every night
PART = 4 << 20
MOST_SMALL = 16 << 20  # of all small ones together; beyond it they travel as large ones
NAME_LABEL = "paper-name"
LIST = "large"
NOT_PAPERS = ("master.key", "recovery.json")  # keys travel wrapped or not at all
NOT_FOLDERS = ("files", "log", "backup")
NOT_BEGINNINGS = ("work-", "xinglin.db")


@dataclass(frozen=True, slots=True)
class Gathered:
    """The papers of one moment."""

    small: bytes
    """A tar."""
    large: dict[str, list[str]]
    """The parts of each large one, by its name."""
    left_out: tuple[str, ...]
    """What could not be read."""


class Papers:
    """Gathers the papers of a home, and brings the large ones to the target."""

    def __init__(self, home: Path, target: BackupTarget, keys: Keys) -> None:
        self._home = home
        self._target = target
        self._keys = keys

    async def gather(self, work: Path) -> Gathered:
        """Read them all; what is new of the large ones lies at the target afterwards."""
        small, large, left_out = await asyncio.to_thread(self._small)
        there = {name.rsplit("/", 1)[-1] for name in await self._target.names(PAPERS)}
        parts: dict[str, list[str]] = {}
        for path in large:
            name = str(path.relative_to(self._home))
            brought = await self._bring(path, there, work / "paper")
            if brought is None:
                left_out.append(name)
            else:
                parts[name] = brought
        return Gathered(small, parts, tuple(left_out))

    async def _bring(self, path: Path, there: set[str], part: Path) -> list[str] | None:
        """Bring what is new of one file; None if it cannot be read."""
        names: list[str] = []
        while True:
            try:
                content = await asyncio.to_thread(_read, path, len(names) * PART)
            except OSError as trouble:
                _tell(path, trouble)
                return None
            if not content:
                return names
            name = (await asyncio.to_thread(self._keys.mac, NAME_LABEL, content)).hex()
            names.append(name)
            if name not in there:
                await asyncio.to_thread(self._seal, part, name, content)
                await self._target.put(f"{PAPERS}/{name}", part)
                there.add(name)

    def _seal(self, part: Path, name: str, content: bytes) -> None:
        part.write_bytes(self._keys.seal(LABEL, content, name.encode()))

    def _small(self) -> tuple[bytes, list[Path], list[str]]:
        buffer = io.BytesIO()
        large: list[Path] = []
        left_out: list[str] = []

        def miss(trouble: OSError) -> None:
            path = Path(trouble.filename)
            left_out.append(str(path.relative_to(self._home)))
            _tell(path, trouble)

        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for path in self._ours(miss):
                try:
                    if not _added(tar, path, str(path.relative_to(self._home)), buffer.tell()):
                        large.append(path)
                except OSError as trouble:
                    miss(trouble)
        return buffer.getvalue(), large, left_out

    def _ours(self, miss: Callable[[OSError], None]) -> Iterator[Path]:
        for place, folders, names in os.walk(self._home, onerror=miss):
            top = Path(place) == self._home
            folders[:] = sorted(
                name
                for name in folders
                if str(Path(place, name)) != self._target.place
                and not (top and (name in NOT_FOLDERS or name.startswith(NOT_BEGINNINGS)))
            )
            for path in (Path(place, name) for name in sorted(names)):
                database = top and path.name.startswith(NOT_BEGINNINGS)
                if not database and path.resolve().name not in NOT_PAPERS and _is_file(path, miss):
                    yield path


def _tell(path: Path, trouble: OSError) -> None:
    log.warning("%s is not in the backup: %s", path.name, trouble.strerror)


def _is_file(path: Path, miss: Callable[[OSError], None]) -> bool:
    """Tell whether it is a file or a link to one; sockets are nobody's papers."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError as trouble:
        if path.is_symlink():  # else it was there a moment ago, on its way
            miss(trouble)
    except OSError as trouble:
        miss(trouble)
    return False


def _added(tar: tarfile.TarFile, path: Path, name: str, so_far: int) -> bool:
    """Add a small file as it is now, a link as what it shows; return False for a large one."""
    found = path.stat()
    if found.st_size > SMALL or so_far + found.st_size > MOST_SMALL:
        return False
    content = path.read_bytes()  # at once: it may grow while it is read
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = len(content), found.st_mode & 0o777, int(found.st_mtime)
    tar.addfile(info, io.BytesIO(content))
    return True


def _read(path: Path, start: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(PART)


async def large_papers(archive: Archive, manifest: Manifest, keys: Keys) -> dict[str, list[str]]:
    """Return the large papers of a night, each with the names of its parts."""
    if all(piece.name != LIST for piece in manifest.pieces):
        return {}  # an older program made this night
    large: dict[str, list[str]] = json.loads(await archive.sealed_piece(manifest, LIST, keys))
    return large


async def lay_down(archive: Archive, manifest: Manifest, keys: Keys, house: Path) -> None:
    """Put a night's papers into a folder; raise `Invalid("backup_damaged")`."""
    tar = await archive.sealed_piece(manifest, "papers", keys)
    await asyncio.to_thread(unpack, tar, house)
    for name, parts in (await large_papers(archive, manifest, keys)).items():
        target = inside(house, name)
        if target is None:
            continue
        await asyncio.to_thread(begin, target)
        for part in parts:
            fetched = await archive.fetch(f"{PAPERS}/{part}")
            await asyncio.to_thread(_append, target, fetched, part, keys)


def _append(target: Path, fetched: Path, part: str, keys: Keys) -> None:
    try:
        content = keys.open(LABEL, fetched.read_bytes(), part.encode())
    except Invalid:
        raise Invalid("backup_damaged", name=f"{PAPERS}/{part[:12]}") from None
    with target.open("ab") as file:
        file.write(content)
    fetched.unlink()


def unpack(papers: bytes, house: Path) -> None:
    """Lay down the small files by hand: early 3.11, Debian's for one, knows no safe `extractall`.

    Only plain files, and only below `house`, whatever the archive says.
    """
    with tarfile.open(fileobj=io.BytesIO(papers)) as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isfile() else None
            target = inside(house, member.name)
            if content is None or target is None:
                continue
            begin(target)
            target.write_bytes(content.read())
            target.chmod(member.mode & 0o700)


def inside(house: Path, name: str) -> Path | None:
    """Return where a paper belongs; None for a name that leads out of the house."""
    path = PurePosixPath(name)
    return None if path.is_absolute() or ".." in path.parts else house / path


def begin(target: Path) -> None:
    """Make an empty file that nobody else can read."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    target.touch(mode=0o600)
