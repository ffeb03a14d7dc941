"""Where the master key lives: a file only the service may read, and a share on paper (主密钥).

The key file is text, newest version first, and mode 0400:

    xinglin-keys 1
    2 6f1c...64 hexadecimal digits...
    1 09ab...

It is looked for in this order: `$CREDENTIALS_DIRECTORY/master.key` (systemd's LoadCredential),
the variable `XINGLIN_MASTER` (the text of the file, or the 64 digits of one key), the file itself.
Older versions stay in it: yesterday's backups and the audit trail of their time need them.

The recovery share (恢复份额) is 32 random bytes printed once and never stored. What it opens, the
key file wrapped, lies beside the key file and travels with each backup: either alone is worthless,
both together restore a disk that was wiped. On paper the share is 14 groups of five signs
(Crockford's base32); the fifth is a check over its group and the group's place, so that a typo is
told by the number of the group it is in. (S-CRY-2)
"""

import json
import os
import re
import stat
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from data.crypto import MASTER_SIZE, Keys, new_master
from data.errors import Conflict, DomainError, Invalid, NotFound

FIRST_LINE = "xinglin-keys 1"
CREDENTIAL = "master.key"
VARIABLE = "XINGLIN_MASTER"
LAST_VERSION = 255  # a version is one byte in what it sealed

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LOOKALIKES = str.maketrans("OIL", "011")
GROUPS = 14
SIGNS = 5
FIELD_POLYNOMIAL = 0b100101  # x^5 + x^2 + 1, irreducible over GF(2)


@dataclass(frozen=True, slots=True)
class KeyFile:
    """The text of a key file, understood: masters by version."""

    masters: tuple[tuple[int, bytes], ...]
    """Newest first."""

    @classmethod
    def new(cls) -> "KeyFile":
        """Return one fresh master."""
        return cls(((1, new_master()),))

    @classmethod
    def parse(cls, text: str) -> "KeyFile":
        """Read the text; raise `Invalid("master_key_malformed")` if it is anything else."""
        lines = [line for line in text.strip().splitlines() if line.strip()]
        if len(lines) == 1 and re.fullmatch(r"[0-9a-fA-F]{64}", lines[0].strip()):
            return cls(((1, bytes.fromhex(lines[0])),))
        if not lines or lines[0].strip() != FIRST_LINE:
            raise Invalid("master_key_malformed")
        masters = [_version_line(line) for line in lines[1:]]
        versions = [version for version, _ in masters]
        if not masters or versions != sorted(set(versions), reverse=True):
            raise Invalid("master_key_malformed")
        return cls(tuple(masters))

    def text(self) -> str:
        """Return what stands in the file."""
        lines = (f"{version} {master.hex()}" for version, master in self.masters)
        return "\n".join((FIRST_LINE, *lines, ""))

    def keys(self, profile: str = "standard") -> Keys:
        """Return the keys of the house: sealed by the newest, opened by any."""
        (version, master), *older = self.masters
        return Keys(master, version=version, profile=profile, older=tuple(older))

    def rotated(self) -> "KeyFile":
        """Return the same with one more version in front."""
        version = self.masters[0][0] + 1
        if version > LAST_VERSION:
            raise Invalid("key_versions_used_up")
        return KeyFile(((version, new_master()), *self.masters))


def _version_line(line: str) -> tuple[int, bytes]:
    found = re.fullmatch(r"\s*(\d{1,3})\s+([0-9a-fA-F]{64})\s*", line)
    if not found or not 1 <= int(found[1]) <= LAST_VERSION:
        raise Invalid("master_key_malformed")
    return int(found[1]), bytes.fromhex(found[2])


class Keyring:
    """The key file of one house, and the wrapped copy beside it that the recovery share opens."""

    def __init__(self, path: Path, environment: Mapping[str, str] | None = None) -> None:
        """`environment` is where systemd's folder and the variable are looked for."""
        self.path = path
        self.wrapped_path = path.with_name("recovery.json")
        self._environment = os.environ if environment is None else environment

    def load(self) -> KeyFile:
        """Return what the first place that has a key says; each fault has its own code."""
        if credential := self._credential():
            # systemd keeps that folder to the service and sets the mode itself.
            return KeyFile.parse(_read(credential))
        if VARIABLE in self._environment:
            return KeyFile.parse(self._environment[VARIABLE])
        if not self.path.exists():
            raise NotFound("master_key_missing", path=str(self.path))
        self._check_mode()
        return KeyFile.parse(_read(self.path))

    def require_own(self) -> None:
        """Raise `Conflict("master_key_elsewhere")` where the key is handed to us from outside.

        What we wrote into the file would then not be the key that the house is opened with.
        """
        if self.is_outside:
            raise Conflict("master_key_elsewhere", path=str(self.path))

    @property
    def is_outside(self) -> bool:
        """Whether the key is handed over by systemd or the environment, and the file unused."""
        return bool(self._credential()) or VARIABLE in self._environment

    def _credential(self) -> Path | None:
        folder = self._environment.get("CREDENTIALS_DIRECTORY")
        path = Path(folder) / CREDENTIAL if folder else None
        return path if path and path.exists() else None

    def _check_mode(self) -> None:
        mode = stat.S_IMODE(self.path.stat().st_mode)
        if mode & 0o077:
            raise Invalid("master_key_readable_by_others", path=str(self.path), mode=f"{mode:04o}")

    def create(self) -> tuple[KeyFile, "Share"]:
        """Make the first key and its share; raise `Conflict` rather than replace a key."""
        if self.path.exists():
            raise Conflict("master_key_exists", path=str(self.path))
        share = Share.new()
        file = KeyFile.new()
        self.replace(file, share)
        return file, share

    def replace(self, file: KeyFile, share: "Share | None" = None) -> None:
        """Write the key file, and what `share` is to open, each at once or not at all.

        The wrapped copy comes first: a key that is in use is never without a share that opens it.
        Where the key comes from outside, only that very key: see `require_own`.
        """
        if self.is_outside and file != self.load():
            self.require_own()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if share:
            write_at_once(self.wrapped_path, share.wrap(file).encode(), 0o400)
        write_at_once(self.path, file.text().encode(), 0o400)

    def wrapped(self) -> str:
        """Return what travels with each backup; empty if no share was ever made."""
        if not self.wrapped_path.exists():
            return ""
        return self.wrapped_path.read_text(encoding="ascii")

    def verify(self, typed: str) -> KeyFile:
        """Return what a share somebody typed opens; raise one sentence that says what is wrong."""
        wrapped = self.wrapped()
        if not wrapped:
            raise NotFound("recovery_share_never_made")
        return Share.read(typed).unwrap(wrapped)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except PermissionError:
        raise Invalid("master_key_not_readable", path=str(path)) from None
    except UnicodeDecodeError:
        raise Invalid("master_key_malformed") from None


def write_at_once(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Replace a file so that after a power cut it is the old one or the new one, never half."""
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make sure that a rename in this folder survives a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class Share:
    """The recovery key on paper."""

    key: bytes

    @classmethod
    def new(cls) -> "Share":
        return cls(new_master())

    @property
    def groups(self) -> tuple[str, ...]:
        """The 14 groups to print: 13 of the key, one over the whole."""
        digest = Keys(self.key).mac("share-check", b"")
        number = int.from_bytes(self.key) << 4 | digest[3] >> 4  # 256 bits fill 51.2 signs
        number = number << 20 | int.from_bytes(digest[:3]) >> 4
        signs = [number >> shift & 31 for shift in range(5 * (4 * GROUPS - 1), -1, -5)]
        parts = [signs[start : start + 4] for start in range(0, len(signs), 4)]
        return tuple(_checked(part, place) for place, part in enumerate(parts))

    @property
    def text(self) -> str:
        """The share in one line, as it is typed and as its QR code says."""
        return "-".join(self.groups)

    @property
    def number(self) -> str:
        """Four signs that tell two papers apart and open nothing."""
        digest = Keys(self.key).mac("share-number", b"")
        return "".join(ALPHABET[byte & 31] for byte in digest[:4])

    @classmethod
    def read(cls, typed: str) -> "Share":
        """Understand what somebody typed: any case, O for 0, I and L for 1, any separators.

        Raise `Invalid("recovery_share_typo", groups=...)` naming the groups that cannot be
        right, or `Invalid("recovery_share_incomplete")` if there are not 14 of them.
        """
        groups = _split(typed.upper().translate(LOOKALIKES))
        wrong = [
            place + 1
            for place, group in enumerate(groups)
            if not set(group) <= set(ALPHABET)
            or len(group) != SIGNS
            or _checked([ALPHABET.index(sign) for sign in group[:4]], place) != group
        ]
        if len(groups) != GROUPS:
            raise Invalid("recovery_share_incomplete", groups=len(groups), needed=GROUPS)
        if wrong:
            raise Invalid("recovery_share_typo", groups=", ".join(map(str, wrong)))
        number = 0
        for sign in "".join(group[:4] for group in groups):
            number = number << 5 | ALPHABET.index(sign)
        share = cls((number >> 24).to_bytes(MASTER_SIZE))
        if share.groups != tuple(groups):
            raise Invalid("recovery_share_typo", groups=str(GROUPS))
        return share

    def wrap(self, file: KeyFile) -> str:
        """Return the key file as only this share opens it."""
        sealed = Keys(self.key).seal("recovery", file.text().encode(), self.number.encode())
        return json.dumps({"format": 1, "share": self.number, "sealed": b64encode(sealed).decode()})

    def unwrap(self, wrapped: str) -> KeyFile:
        """Return the key file; raise `Invalid("recovery_share_wrong")` if it is another's."""
        try:
            content = json.loads(wrapped)
            number, sealed = str(content["share"]), b64decode(content["sealed"])
        except (ValueError, KeyError, TypeError):
            raise Invalid("recovery_wrapping_damaged") from None
        if number != self.number:
            raise Invalid("recovery_share_wrong", number=self.number, needed=number)
        try:
            text = Keys(self.key).open("recovery", sealed, number.encode())
        except DomainError:
            raise Invalid("recovery_wrapping_damaged") from None
        return KeyFile.parse(text.decode("ascii"))


def _split(typed: str) -> list[str]:
    """Cut into groups: where the paper has its gaps, or every five signs where none were typed."""
    parts = [part for part in re.split(r"[\s\-–—_.,]+", typed) if part]
    if len(parts) > 1:
        return parts
    signs = "".join(parts)
    return [signs[start : start + SIGNS] for start in range(0, len(signs), SIGNS)]


def _checked(signs: list[int], place: int) -> str:
    """Return a group with its check: a wrong sign, two swapped, or a group elsewhere all show."""
    check = place
    for weight, sign in enumerate(signs, start=2):
        check ^= _times(weight, sign)
    return "".join(ALPHABET[sign] for sign in (*signs, check))


def _times(one: int, other: int) -> int:
    """Multiply in the field of 32 elements."""
    product = 0
    while other:
        if other & 1:
            product ^= one
        one <<= 1
        if one & 32:
            one ^= FIELD_POLYNOMIAL
        other >>= 1
    return product
