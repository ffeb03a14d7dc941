"""What lies at a backup target, and the sealed list of contents of one night's copy. (备份清单)

    nights/<night>/base        the database: the encrypted file itself, or a sealed pg_dump
    nights/<night>/papers      settings, certificates, anchors; sealed
    nights/<night>/large       names of the papers too large for that, and of their parts; sealed
    nights/<night>/blobs       names and sizes of all files that belong to it; sealed
    nights/<night>/manifest    written last: without it there is no night
    log/<timeline>-...         shipped parts of the log, later than the base
    files/ab/<blob>            sealed files, each once
    papers/<part>              sealed parts of large papers, each once
    shredded/<blob>            names of files that must not come back

The manifest is JSON that says when, by which program, and how its sealed half is opened; beside
it lies the key file wrapped by the recovery share, so that target and paper alone are enough.
"""

import asyncio
import hashlib
import json
import logging
import re
import zlib
from base64 import b64decode, b64encode
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from data.clock import new_id
from data.crypto import Keys
from data.errors import DomainError, Invalid, NotFound
from data.keyring import KeyFile, Share
from services.ports import BackupTarget

LABEL = "backup"
NIGHTS, LOG, FILES, PAPERS, SHREDDED = "nights", "log", "files", "papers", "shredded"
PIECE = 1 << 20
STAMP = "%Y%m%dT%H%M%SZ"
NIGHT = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{16}")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Piece:
    """One part of a night, to be found again exactly."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a night holds; sealed and so known to be ours."""

    night: str
    made_at: str
    app: str
    kind: str
    """sqlite or postgresql."""
    key_version: int
    schema: str
    counts: dict[str, int]
    """Rows of each table."""
    audit_seq: int
    audit_mac: str
    base: dict[str, Any]
    """Where the base stands in the log's timeline, or what opens the dump."""
    pieces: tuple[Piece, ...]

    @property
    def made(self) -> datetime:
        return datetime.fromisoformat(self.made_at)

    def piece(self, name: str) -> Piece:
        return next(piece for piece in self.pieces if piece.name == name)

    def sealed(self, keys: Keys, wrapped: str) -> bytes:
        """Return the manifest as it lies at the target."""
        body = keys.seal(LABEL, json.dumps(asdict(self)).encode(), self.night.encode())
        outside = {
            "format": 1,
            "night": self.night,
            "made_at": self.made_at,
            "app": self.app,
            "wrapped_keys": wrapped,
            "sealed": b64encode(body).decode(),
        }
        return json.dumps(outside, indent=1).encode()


@dataclass(frozen=True, slots=True)
class Envelope:
    """A manifest as it was found, not opened yet."""

    night: str
    wrapped: str
    body: bytes
    made: datetime
    """When the database was copied, as the outside says."""

    @classmethod
    def parse(cls, night: str, content: bytes) -> "Envelope":
        """Read it; raise `Invalid("backup_damaged")`."""
        try:
            outside = json.loads(content)
            body = b64decode(outside["sealed"])
            made = datetime.fromisoformat(outside["made_at"])
            return cls(night, str(outside["wrapped_keys"]), body, made)
        except (ValueError, KeyError, TypeError):
            raise Invalid("backup_damaged", name=f"{night}/manifest") from None

    def key_file(self, opener: Share | KeyFile) -> KeyFile:
        """Return the masters, by the paper or as they are."""
        if isinstance(opener, KeyFile):
            return opener
        if not self.wrapped:
            raise NotFound("recovery_share_never_made")
        return opener.unwrap(self.wrapped)

    def open(self, keys: Keys) -> Manifest:
        """Open the sealed half; raise `Invalid("backup_damaged")`, also for another house's."""
        try:
            values = json.loads(keys.open(LABEL, self.body, self.night.encode()))
        except DomainError as error:
            if error.code == "key_version_unknown":
                raise
            raise Invalid("backup_damaged", name=f"{self.night}/manifest") from None
        pieces = tuple(Piece(**piece) for piece in values.pop("pieces"))
        return Manifest(pieces=pieces, **values)


class Archive:
    """A backup target as nights, parts and files."""

    def __init__(self, target: BackupTarget, work: Path) -> None:
        """`work` is a folder for what is on its way; whoever made it wipes it."""
        self.target = target
        self._work = work

    async def nights(self) -> list[str]:
        """Return the complete nights in the order they were made, whatever the clock said."""
        names = await self.target.names(NIGHTS)
        nights = (name.split("/")[1] for name in names if name.endswith("/manifest"))
        return sorted(filter(is_night, nights))

    async def latest(self, until: datetime | None = None) -> Envelope:
        """Return the night made last, or the last whose database was copied by then."""
        for night in reversed(await self.nights()):
            try:
                envelope = await self.envelope(night)
            except Invalid:
                if until is None:
                    raise
                log.warning("the manifest of %s cannot be read; an earlier copy is tried", night)
                continue
            if until is None or envelope.made <= until:
                return envelope
        raise NotFound("backup_none", place=self.target.place)

    async def next_night(self, now: datetime) -> str:
        """Return a name that comes after all there are, also if the clock was ahead before."""
        stamp, nights = f"{now:{STAMP}}", await self.nights()
        if nights and nights[-1][:16] > stamp:
            last = datetime.strptime(nights[-1][:16], STAMP).replace(tzinfo=UTC)
            stamp = f"{last + timedelta(seconds=1):{STAMP}}"
        return f"{stamp}-{new_id().hex[:16]}"  # in order within a second, too

    async def envelope(self, night: str) -> Envelope:
        """Fetch one night's manifest."""
        path = await self.fetch(f"{NIGHTS}/{night}/manifest")
        return Envelope.parse(night, await asyncio.to_thread(path.read_bytes))

    async def piece(self, manifest: Manifest, name: str) -> Path:
        """Fetch one piece of a night; raise `Invalid("backup_damaged")` if it is not as written."""
        wanted = manifest.piece(name)
        path = await self.fetch(f"{NIGHTS}/{manifest.night}/{name}")
        if await asyncio.to_thread(weighed, path, name) != wanted:
            raise Invalid("backup_damaged", name=f"{manifest.night}/{name}")
        return path

    async def sealed_piece(self, manifest: Manifest, name: str, keys: Keys) -> bytes:
        """Fetch and open a small piece."""
        path = await self.piece(manifest, name)
        content = await asyncio.to_thread(path.read_bytes)
        try:
            return zlib.decompress(keys.open(LABEL, content, f"{manifest.night}/{name}".encode()))
        except (DomainError, zlib.error):
            raise Invalid("backup_damaged", name=f"{manifest.night}/{name}") from None

    async def fetch(self, name: str) -> Path:
        """Fetch anything into the working folder."""
        path = self._work / name.replace("/", "_")
        await self.target.fetch(name, path)
        return path

    async def parts(self, timeline: str, first_segment: int) -> list[str]:
        """Return the names of a timeline's parts from a segment on."""
        names = [name for name in await self.target.names(LOG) if timeline in name]
        return sorted(name for name in names if segment_of(name) >= first_segment)


def is_night(name: str) -> bool:
    """Whether a folder's name is one of ours; what somebody else laid there is not touched."""
    return NIGHT.fullmatch(name) is not None


def segment_of(name: str) -> int:
    """Return the segment of a part by its name."""
    return int(name.rsplit("/", 1)[-1].split("-")[1])


def timeline_of(name: str) -> str:
    return name.rsplit("/", 1)[-1].split("-", maxsplit=1)[0]


def place_of(blob: str) -> str:
    """Return where a file lies at the target."""
    return f"{FILES}/{blob[:2]}/{blob}"


def sealed_small(keys: Keys, night: str, name: str, content: bytes) -> bytes:
    """Return a small piece as it lies at the target."""
    return keys.seal(LABEL, zlib.compress(content), f"{night}/{name}".encode())


def weighed(path: Path, name: str) -> Piece:
    """Read a file once and say what it is; blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
        size = file.tell()
    return Piece(name, size, digest.hexdigest())
