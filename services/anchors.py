"""Keeps the head of the audit chain outside the database: the newest file, and older ones. (锚点)

One line a minute would grow for ever. So a file that is full gets the date as its name, and the
next one begins with the newest line: whoever verifies reads the end of one small file, and what
was anchored before still lies beside it. (S-AUD-1)
"""

import errno
import json
import logging
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from data.audit import FIRST
from data.crypto import Keys
from data.errors import DomainError, Invalid
from data.keyring import sync_folder

log = logging.getLogger(__name__)

FULL = 1 << 20  # bytes: about a week of a busy house
LAST_BYTES = 4096  # more than one line
BEGINNING = b'{"seq": '
REPEATED_AFTER = timedelta(minutes=5)
OLD = "anchored-"

Head = tuple[int, str]


class Anchors:
    """The anchor file and those that were full; every method blocks and belongs in a thread."""

    def __init__(self, path: Path, full: int = FULL) -> None:
        self.path = path
        self._full = full

    def last(self) -> dict[str, Any] | None:
        """Return the newest line; None if there is none. Raise `Invalid("audit_anchor_damaged")`.

        Where the file is missing or empty the newest of the full ones speaks: taking the file
        away must not make a shortened trail look whole.
        """
        return next(filter(None, map(_last_line, self._newest_first())), None)

    def highest(self, keys: Keys) -> Head | None:
        """Return the highest head of the newest file since the house last went back in time.

        Whoever adds a lower line by hand does not make a shortened trail look whole, and only who
        has the keys can say that the house went back: else `Invalid("audit_anchor_damaged")`.
        None if there is no line at all.
        """
        return next(filter(None, (_highest(path, keys) for path in self._newest_first())), None)

    def _newest_first(self) -> list[Path]:
        return [path for path in (self.path, *reversed(self.rolled())) if path.exists()]

    def rolled(self) -> list[Path]:
        """Return the full files, oldest first."""
        return sorted(self.path.parent.glob(f"{OLD}*.jsonl"))

    def write(self, seq: int, mac: str, now: datetime) -> None:
        """Add a line, durably, unless the newest says the same.

        A quiet house repeats itself now and then, so that a stopped anchor can be told from it.
        """
        last = self.last()
        if last is not None and last["seq"] == seq and not _is_old(last, now):
            return
        self._add({"seq": seq, "mac": mac, "at": now.isoformat()}, now)

    def go_back(self, why: str, now: datetime, keys: Keys) -> None:
        """Say that the trail goes back in time from here on, and why: a copy was restored.

        The line stays for whoever reads; without it a shorter trail is one whose end was cut off.
        """
        line = {"seq": 0, "mac": FIRST, "at": now.isoformat(), "why": why, "key": keys.version}
        self._add({**line, "proof": _proof(line, keys)}, now)

    def _add(self, line: dict[str, Any], now: datetime) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.exists() and self.path.stat().st_size >= self._full:
            self._roll(now)
        new = not self.path.exists()
        content = json.dumps(line).encode() + b"\n"
        if not new and not _ends_whole(self.path):
            content = b"\n" + content  # after what a full disk or a crash has torn
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            if os.write(descriptor, content) < len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if new:
            sync_folder(self.path.parent)

    def is_overfull(self) -> bool:
        """Tell whether the file goes on growing, because it could not be renamed."""
        return self.path.exists() and self.path.stat().st_size >= 2 * self._full

    def _roll(self, now: datetime) -> None:
        """Give the full file its date; a place that only ever lets us append keeps the one file."""
        old = self.path.with_name(f"{OLD}{now:%Y%m%dT%H%M%S%fZ}.jsonl")
        if old.exists():  # never over another; the next line has another moment
            return
        try:
            self.path.rename(old)
        except OSError as trouble:
            log.warning("the anchor file is full and cannot be renamed: %s", trouble.strerror)


def _highest(path: Path, keys: Keys) -> Head | None:
    high: Head | None = None
    for line in map(_read, _whole_lines(path.read_bytes())):
        head = int(line["seq"]), str(line["mac"])
        if head[0] == 0 and not _is_ours(line, keys):
            raise Invalid("audit_anchor_damaged")
        if high is None or head[0] == 0 or head[0] >= high[0]:
            high = head
    return high


def _last_line(path: Path) -> dict[str, Any] | None:
    with path.open("rb") as file:
        start = file.seek(max(0, file.seek(0, os.SEEK_END) - LAST_BYTES))
        content = file.read()
    if start:  # in the middle of a line
        content = content.partition(b"\n")[2]
    lines = _whole_lines(content)
    return _read(lines[-1]) if lines else None


def _whole_lines(content: bytes) -> list[bytes]:
    """Return the lines, but none that was torn while it was written: it never counted.

    What was torn begins as ours do and does not end so; anything else was put there, and stays to
    be read and refused.
    """
    lines = content.split(b"\n")  # the last may lack nothing but its end
    return [line for line in lines if line and not _was_torn(line)]


def _was_torn(line: bytes) -> bool:
    begins = line.startswith(BEGINNING) or BEGINNING.startswith(line)
    return begins and not line.endswith(b"}")


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return True
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"


def _is_ours(line: dict[str, Any], keys: Keys) -> bool:
    try:
        return bool(line["proof"] == _proof(line, keys))
    except (DomainError, KeyError, ValueError, TypeError):  # under a key that there never was
        return False


def _proof(line: dict[str, Any], keys: Keys) -> str:
    """Return what only who has the keys can say of a line."""
    said = json.dumps([line.get(name) for name in ("seq", "mac", "at", "why", "key")])
    key = keys.key("audit", int(line["key"]))
    return keys.provider.mac(key, f"anchor {said}".encode()).hex()


def _read(line: bytes) -> dict[str, Any]:
    try:
        read: dict[str, Any] = json.loads(line)
        _ = int(read["seq"]), read["mac"]
    except (ValueError, KeyError, TypeError):
        raise Invalid("audit_anchor_damaged") from None
    return read


def _is_old(line: dict[str, Any], now: datetime) -> bool:
    try:
        return now >= datetime.fromisoformat(line["at"]) + REPEATED_AFTER
    except (KeyError, ValueError, TypeError):
        return True  # a line that does not say when is written anew
