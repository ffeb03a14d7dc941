"""What a good password is, and how one is kept: argon2id over a peppered password. (S-AUTH-1)

Hashing takes 40 ms and 19 MiB on purpose. One thread does it, and whoever finds twenty waiting is
asked to come back: a flood of sign-ins must not take the processor from a call. (RFC 9106)
"""

import asyncio
import re
import unicodedata
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from data.crypto import BY_MARK, Keys
from data.errors import Invalid, TooMany
from services.users.common_passwords import COMMON
from services.users.standards import Standards, fold

T = TypeVar("T")

LONGEST = 128
MOST_WAITING = 20
PEPPER = "pepper"
CHEAP_DECORATION = 6
"""So many characters around a common word do not make it a good password."""

ROWS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
)
SHIFTED = str.maketrans("!@#$%^&*()", "1234567890")
LEET = str.maketrans("@4310$57", "aaeiosst")


def normal(password: str) -> str:
    """Return one spelling of what can be typed in several ways. (RFC 8265, OpaqueString)"""
    return unicodedata.normalize("NFC", password)


def faults(password: str, username: str, standards: Standards, *, admin: bool) -> list[Invalid]:
    """Return what is wrong with a new password; empty if nothing is."""
    least, classes = standards.password_min(admin=admin), standards.password_classes
    found = []
    if len(password) < least:
        found.append(Invalid("password_too_short", least=least))
    if len(password) > LONGEST:
        found.append(Invalid("password_too_long", most=LONGEST))
    if _classes(password) < classes:
        found.append(Invalid("password_too_plain", classes=classes))
    if fold(username) in fold(password):
        found.append(Invalid("password_contains_username"))
    if _is_common(password[:LONGEST]):
        found.append(Invalid("password_too_common"))
    return found


def check(password: str, username: str, standards: Standards, *, admin: bool) -> None:
    """Raise the first fault of a new password."""
    for fault in faults(password, username, standards, admin=admin):
        raise fault


def _classes(password: str) -> int:
    """Return how many kinds of characters there are: lower, upper, digits, all others."""
    kinds = {
        "lower" if c.islower() else "upper" if c.isupper() else "digit" if c.isdigit() else "other"
        for c in password
    }
    return len(kinds)


def _is_common(password: str) -> bool:
    plain = unicodedata.normalize("NFKC", password).casefold()
    typed = (plain, plain.translate(SHIFTED))
    if any(_alnum(form) in COMMON or _is_run(_alnum(form)) for form in typed):
        return True
    word = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", plain)
    words = {_alnum(word), _alnum(word.translate(LEET))}
    decoration = len(plain) - len(word)
    return decoration <= CHEAP_DECORATION and not words.isdisjoint(COMMON)


def _alnum(text: str) -> str:
    return "".join(c for c in text if c.isalnum())


def _is_run(text: str) -> bool:
    """Say whether it is made of keyboard walks, counting and repetitions only: `abcd1234`."""
    pieces = re.findall(r"[a-z]+|\d+", text)
    return bool(pieces) and "".join(pieces) == text and (_walks(text) or all(map(_walks, pieces)))


def _walks(piece: str) -> bool:
    if len(set(piece)) == 1:
        return True
    return any(piece in row or piece in row[::-1] for row in ROWS) or (
        len(piece) % 2 == 0 and all(a == b for a, b in pairs(piece))
    )


def pairs(piece: str) -> Iterable[tuple[str, str]]:
    """Return the first and second, the third and fourth character, and so on: `aabb11`."""
    return list(pairwise(piece))[::2]


@dataclass(frozen=True, slots=True)
class Cost:
    """How dear a guess is, as argon2 counts it."""

    memory_kib: int = 19 * 1024
    passes: int = 2
    lanes: int = 1


class Hasher:
    """The one thread that hashes passwords, and the short line in front of it."""

    def __init__(self, keys: Keys, cost: Cost | None = None) -> None:
        cost = cost or Cost()
        self._keys = keys
        self._argon = PasswordHasher(
            time_cost=cost.passes,
            memory_cost=cost.memory_kib,
            parallelism=cost.lanes,
            hash_len=RFC_9106_LOW_MEMORY.hash_len,
            salt_len=RFC_9106_LOW_MEMORY.salt_len,
        )
        self._thread = ThreadPoolExecutor(1, "passwords", initializer=self._prepare)
        self._waiting = 0
        self._nobodys = ""

    def _prepare(self) -> None:
        # What an unknown user's password is compared with, so that it takes as long as any other.
        self._nobodys = self._hash("nobody has this password")

    async def hash(self, password: str) -> str:
        """Return what to keep of a password."""
        return await self._in_thread(lambda: self._hash(password))

    async def verify(self, kept: str | None, password: str) -> bool:
        """Return whether it is the password that was kept; None takes as long and is never it."""
        return await self._in_thread(lambda: self._verify(kept, password))

    async def any_of(self, kept: Iterable[str], password: str) -> bool:
        """Return whether the password is one of those that were kept."""
        hashes = list(kept)
        return await self._in_thread(lambda: any(self._verify(one, password) for one in hashes))

    def outdated(self, kept: str) -> bool:
        """Return whether it was kept at another cost, or with an older key, than today's."""
        head, _, rest = kept.partition("$")
        return head != self._head() or self._argon.check_needs_rehash("$" + rest)

    @property
    def waiting(self) -> int:
        """How many hashes are being made or waited for."""
        return self._waiting

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._waiting >= MOST_WAITING:
            raise TooMany("sign_in_busy", retry_after=2)
        self._waiting += 1
        future = asyncio.get_running_loop().run_in_executor(self._thread, work)
        future.add_done_callback(self._one_less)
        return await future

    def _one_less(self, _: object) -> None:
        self._waiting -= 1

    def _head(self) -> str:
        return f"{self._keys.provider.mark}.{self._keys.version}"

    def _hash(self, password: str) -> str:
        head = self._head()
        return head + self._argon.hash(self._peppered(head, password))

    def _verify(self, kept: str | None, password: str) -> bool:
        head, _, rest = (kept or self._nobodys).partition("$")
        try:
            self._argon.verify("$" + rest, self._peppered(head, password))
        except (VerificationError, InvalidHashError):
            return False
        return kept is not None

    def _peppered(self, head: str, password: str) -> bytes:
        mark, version = map(int, head.split("."))
        key = self._keys.key(PEPPER, version)
        return BY_MARK[mark].mac(key, normal(password[: 2 * LONGEST]).encode())

    def close(self) -> None:
        """Let the thread go."""
        self._thread.shutdown()
