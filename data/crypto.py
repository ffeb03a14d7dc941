"""Keys, ciphers and hashes behind one door, so that a hospital can choose the national ones.

The profile `standard` is AES-256-GCM with SHA-256, `gm` is SM4-GCM with SM3 (国密, GB/T 39786).
Each sealed value starts with a byte that names its profile and one that names its key's version,
so values of both profiles and of older keys stay readable. (S-CRY-1)
"""

import hashlib
import hmac
import os
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from data.errors import Invalid

MASTER_SIZE = 32
NONCE_SIZE = 12
TAG_SIZE = 16
HEAD_SIZE = 2


class CryptoProvider(Protocol):
    """One family of algorithms: an authenticated cipher and a keyed hash."""

    mark: int
    """The byte that stands first in what this family sealed."""

    def seal(self, key: bytes, nonce: bytes, text: bytes, bound: bytes) -> bytes:
        """Encrypt `text` under a 32-byte key; `bound` is not hidden but cannot be exchanged."""
        ...

    def open(self, key: bytes, nonce: bytes, sealed: bytes, bound: bytes) -> bytes:
        """Return the text again; raise `Invalid("sealed_value_damaged")` if a bit has changed."""
        ...

    def mac(self, key: bytes, message: bytes) -> bytes:
        """Return 32 bytes that only the holder of `key` can make of `message`."""
        ...

    def digest(self, message: bytes) -> bytes:
        """Return 32 bytes that stand for `message`."""
        ...

    def hashing(self) -> hashes.HashContext:
        """Return a digest that is fed piece by piece, for what does not fit into memory."""
        ...


class Standard:
    """AES-256-GCM, HMAC-SHA-256, SHA-256."""

    mark = 1

    def seal(self, key: bytes, nonce: bytes, text: bytes, bound: bytes) -> bytes:
        return AESGCM(key).encrypt(nonce, text, bound)

    def open(self, key: bytes, nonce: bytes, sealed: bytes, bound: bytes) -> bytes:
        try:
            return AESGCM(key).decrypt(nonce, sealed, bound)
        except InvalidTag:
            raise Invalid("sealed_value_damaged") from None

    def mac(self, key: bytes, message: bytes) -> bytes:
        return hmac.digest(key, message, "sha256")

    def digest(self, message: bytes) -> bytes:
        return hashlib.sha256(message).digest()

    def hashing(self) -> hashes.HashContext:
        return hashes.Hash(hashes.SHA256())


class National:
    """SM4-GCM (GM/T 0002), HMAC-SM3 and SM3 (GM/T 0004), as OpenSSL has them."""

    mark = 2

    def seal(self, key: bytes, nonce: bytes, text: bytes, bound: bytes) -> bytes:
        encryptor = Cipher(algorithms.SM4(key[:16]), modes.GCM(nonce)).encryptor()
        encryptor.authenticate_additional_data(bound)
        return encryptor.update(text) + encryptor.finalize() + encryptor.tag

    def open(self, key: bytes, nonce: bytes, sealed: bytes, bound: bytes) -> bytes:
        if len(sealed) < TAG_SIZE:
            raise Invalid("sealed_value_damaged")
        text, tag = sealed[:-TAG_SIZE], sealed[-TAG_SIZE:]
        decryptor = Cipher(algorithms.SM4(key[:16]), modes.GCM(nonce, tag)).decryptor()
        decryptor.authenticate_additional_data(bound)
        try:
            return decryptor.update(text) + decryptor.finalize()
        except InvalidTag:
            raise Invalid("sealed_value_damaged") from None

    def mac(self, key: bytes, message: bytes) -> bytes:
        keyed = HMAC(key, hashes.SM3())
        keyed.update(message)
        return keyed.finalize()

    def digest(self, message: bytes) -> bytes:
        hashed = hashes.Hash(hashes.SM3())
        hashed.update(message)
        return hashed.finalize()

    def hashing(self) -> hashes.HashContext:
        return hashes.Hash(hashes.SM3())


PROFILES: dict[str, CryptoProvider] = {"standard": Standard(), "gm": National()}
BY_MARK = {provider.mark: provider for provider in PROFILES.values()}


@dataclass(frozen=True, slots=True)
class Keys:
    """Every key of the house, derived from one master by HKDF (RFC 5869), a label each.

    `older` holds the masters before this one, by version, so that what they sealed can be read
    until it has been sealed anew.
    """

    master: bytes
    version: int = 1
    profile: str = "standard"
    older: tuple[tuple[int, bytes], ...] = ()

    def __post_init__(self) -> None:
        if any(len(master) != MASTER_SIZE for master in (self.master, *dict(self.older).values())):
            raise Invalid("master_key_malformed")
        if self.profile not in PROFILES:
            raise Invalid("crypto_profile_unknown", profile=self.profile)

    @property
    def provider(self) -> CryptoProvider:
        return PROFILES[self.profile]

    @staticmethod
    def provider_of(mark: int) -> CryptoProvider:
        """Return the family whose mark stands before a sealed value, whatever ours is now."""
        if mark not in BY_MARK:
            raise Invalid("sealed_value_damaged")
        return BY_MARK[mark]

    def key(self, label: str, version: int | None = None) -> bytes:
        """Return the 32-byte key for one use: `db`, `audit`, `session`, `file`, `blind:phone`..."""
        masters = {self.version: self.master, **dict(self.older)}
        wanted = self.version if version is None else version
        if wanted not in masters:
            raise Invalid("key_version_unknown", version=wanted)
        return _derived(masters[wanted], b"xinglin:" + label.encode())

    def seal(self, label: str, text: bytes, bound: bytes = b"") -> bytes:
        """Encrypt under the key of `label`; the result tells later which key and cipher to use."""
        nonce = os.urandom(NONCE_SIZE)
        head = bytes((self.provider.mark, self.version))
        return head + nonce + self.provider.seal(self.key(label), nonce, text, head + bound)

    def open(self, label: str, sealed: bytes, bound: bytes = b"") -> bytes:
        """Return what was sealed, by whichever of our keys and profiles it was."""
        if len(sealed) < HEAD_SIZE + NONCE_SIZE + TAG_SIZE or sealed[0] not in BY_MARK:
            raise Invalid("sealed_value_damaged")
        head, nonce = sealed[:HEAD_SIZE], sealed[HEAD_SIZE : HEAD_SIZE + NONCE_SIZE]
        key = self.key(label, sealed[1])
        return BY_MARK[sealed[0]].open(key, nonce, sealed[HEAD_SIZE + NONCE_SIZE :], head + bound)

    def mac(self, label: str, message: bytes) -> bytes:
        return self.provider.mac(self.key(label), message)

    def blind(self, field: str, value: str) -> bytes:
        """Return 16 bytes equal for equal values only: a search key that does not tell the value.

        It changes with the master, so whoever rotates the keys builds these indexes anew.
        """
        return hmac.digest(self.key(f"blind:{field}"), value.encode(), "sha256")[:16]


@lru_cache(maxsize=256)  # the same few keys, for every unit of work
def _derived(master: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=purpose).derive(master)


def new_master() -> bytes:
    """Return a fresh master key."""
    return os.urandom(MASTER_SIZE)
