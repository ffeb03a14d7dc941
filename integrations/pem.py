"""Certificates and private keys as they lie on the disk. (PEM, RFC 7468)"""

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from data.errors import Invalid


def read_certificate(path: Path) -> x509.Certificate:
    """Return the first certificate of a file; raise `Invalid` if there is none in it."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except ValueError:
        raise Invalid("certificate_unreadable", path=path.name) from None


def read_private_key(path: Path) -> PrivateKeyTypes:
    """Return the private key of a file; raise `Invalid` if there is none, or a sealed one."""
    try:
        return load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError):  # a TypeError: it is sealed with a password
        raise Invalid("certificate_unreadable", path=path.name) from None


def key_pem(key: PrivateKeyTypes) -> bytes:
    """Return a private key as PEM (PKCS #8, not encrypted: the server must start by itself)."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
