"""The certificate that HTTPS is served with: from our own authority, a public one, or a file.

A browser gives camera and microphone only to a page it trusts, and a small hospital has no public
name. So the house is its own authority: phones install its certificate once (page and QR code),
and every later certificate is good for them. The authority may vouch for private addresses and
this machine's names only, so that its key in wrong hands opens no other site (RFC 5280, 4.2.1.10).
"""

import contextlib
import ipaddress
import logging
import os
import socket
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import ifaddr
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from data.errors import DomainError, Invalid
from integrations.acme_client import PublicAuthority
from services.ports import ServerCertificate
from services.settings import CertificateSettings

log = logging.getLogger(__name__)

AUTHORITY_LIFE = timedelta(days=3650)
LEAF_LIFE = timedelta(days=397)  # the longest that browsers take
RENEW_BEFORE = timedelta(days=30)
EARLIER = timedelta(hours=1)  # phones whose clocks are slow

PRIVATE = tuple(
    ipaddress.ip_network(network)
    for network in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10"),
        *("127.0.0.0/8", "::1/128", "fc00::/7", "fe80::/10"),
    )
)
PRIVATE_NAMES = ("localhost", "local")  # and what ends in .local (RFC 6762)

Name = x509.DNSName | x509.IPAddress


class Office:
    """Sees to it that there is a certificate, wherever the settings say that it comes from."""

    def __init__(
        self,
        settings: CertificateSettings,
        folder: Path,
        names: Callable[[], tuple[str, ...]] | None = None,
    ) -> None:
        """`folder` keeps keys and certificates; `names` tells what this machine is called."""
        self._settings = settings
        self._folder = folder
        self._names = names or machine_names
        self._chain = settings.chain if settings.source == "files" else folder / "server.pem"
        self._key = settings.key if settings.source == "files" else folder / "server.key"

    def current(self) -> ServerCertificate | None:
        """Return the certificate there is, due or not; raise `Invalid` if it cannot be read."""
        if not self._chain or not self._key or not self._chain.is_file():
            return None
        leaf = _read_certificate(self._chain)
        ours = self._authority_file if self._settings.source == "lan" else None
        anchor = _read_certificate(ours) if ours and ours.is_file() else leaf
        return ServerCertificate(
            chain=self._chain,
            key=self._key,
            authority=ours,
            names=_names_of(leaf),
            valid_to=leaf.not_valid_after_utc,
            fingerprint=fingerprint(anchor),
        )

    def ready(self, now: datetime) -> ServerCertificate:
        """Return the certificate to serve with, made or renewed first if that is due.

        A renewal that fails is no reason to stop while the old one is still good.
        """
        old = self.current()
        if self._settings.source == "files":
            return self._theirs(old)
        if old and not self._due(old, now):
            return old
        try:
            self._renew(now)
        except DomainError as trouble:
            if old is None or old.valid_to <= now:
                raise
            log.warning("the certificate could not be renewed: %s", trouble.code)
            return old
        return self._made()

    def _made(self) -> ServerCertificate:
        made = self.current()
        if made is None:
            raise Invalid("certificate_missing", path=self._folder.name)
        return made

    def _theirs(self, found: ServerCertificate | None) -> ServerCertificate:
        if found is None or not found.key.is_file():
            raise Invalid("certificate_missing", path=str(self._chain or "certificate.chain"))
        return found

    def _due(self, certificate: ServerCertificate, now: datetime) -> bool:
        leaf = _read_certificate(certificate.chain)
        life = leaf.not_valid_after_utc - leaf.not_valid_before_utc
        if certificate.valid_to - now <= min(RENEW_BEFORE, life / 3):
            return True
        return not set(self._wanted()) <= set(certificate.names)

    def _wanted(self) -> tuple[str, ...]:
        if self._settings.source == "acme":
            return tuple(self._settings.names)
        return tuple(dict.fromkeys((*self._names(), *self._settings.names)))

    def _renew(self, now: datetime) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = self._private_key("server.key")
        if self._settings.source == "acme":
            chain = PublicAuthority(self._settings, self._folder).issue(key_pem(key))
        else:
            chain = self._issue_ourselves(key, now)
        _write(self._folder / "server.pem", chain, mode=0o644)

    def _private_key(self, name: str) -> ec.EllipticCurvePrivateKey:
        """Return the key that is there; it stays when the certificate is renewed.

        So there is no moment at which key and certificate do not belong together.
        """
        file = self._folder / name
        if file.is_file():
            found = load_pem_private_key(file.read_bytes(), None)
            if isinstance(found, ec.EllipticCurvePrivateKey):
                return found
        key = ec.generate_private_key(ec.SECP256R1())
        write_private(file, key_pem(key))
        return key

    @property
    def _authority_file(self) -> Path:
        return self._folder / "authority.pem"

    def _issue_ourselves(self, key: ec.EllipticCurvePrivateKey, now: datetime) -> bytes:
        names = [_as_name(name) for name in self._wanted()]
        signer = self._private_key("authority.key")
        authority = self._authority(signer, names, now)
        until = min(now + LEAF_LIFE, authority.not_valid_after_utc)
        leaf = _leaf(names, key.public_key(), authority, (now - EARLIER, until))
        return leaf.sign(signer, hashes.SHA256()).public_bytes(Encoding.PEM)

    def _authority(
        self, signer: ec.EllipticCurvePrivateKey, names: list[Name], now: datetime
    ) -> x509.Certificate:
        """Return our authority, a new one if it ends soon or may not vouch for these names."""
        if self._authority_file.is_file():
            authority = _read_certificate(self._authority_file)
            lasts = authority.not_valid_after_utc - now > RENEW_BEFORE
            ours = authority.public_key() == signer.public_key()
            if ours and lasts and _may_vouch(authority, names):
                return authority
            log.warning("the house has a new authority: phones must install it again")
        authority = _authority_certificate(signer, names, now)
        _write(self._authority_file, authority.public_bytes(Encoding.PEM), mode=0o644)
        return authority


def machine_names() -> tuple[str, ...]:
    """Return what this machine may be called on its network: host names, then addresses."""
    host = socket.gethostname().partition(".")[0].lower()
    names = [host, f"{host}.local", "localhost", *lan_addresses(), "127.0.0.1", "::1"]
    return tuple(dict.fromkeys(name for name in names if name))


def lan_addresses() -> tuple[str, ...]:
    """Return this machine's own addresses, IPv4 first, leaving out loopback and link-local ones."""
    found: set[ipaddress.IPv4Address | ipaddress.IPv6Address] = set()
    for adapter in ifaddr.get_adapters():
        for each in adapter.ips:
            text = each.ip if isinstance(each.ip, str) else each.ip[0]
            found.add(ipaddress.ip_address(text))
    useful = [one for one in found if not (one.is_loopback or one.is_link_local)]
    return tuple(str(one) for one in sorted(useful, key=lambda one: (one.version, int(one))))


def fingerprint(certificate: x509.Certificate) -> str:
    """Return the SHA-256 fingerprint as phones show it: AB:CD:..."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return a private key as PEM (PKCS #8, not encrypted: the server must start by itself)."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read; the old one stays whole until the new one is."""
    _write(path, content, mode=0o600)


def _write(path: Path, content: bytes, *, mode: int) -> None:
    beside = path.with_name(f".{path.name}.new")
    with contextlib.suppress(FileNotFoundError):
        beside.unlink()
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    beside.replace(path)


def _read_certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except ValueError:
        raise Invalid("certificate_unreadable", path=path.name) from None


def _as_name(name: str) -> Name:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(name.value) for name in found.value)


def _may_vouch(authority: x509.Certificate, names: Iterable[Name]) -> bool:
    """Tell whether every name lies within what the authority is limited to."""
    try:
        limits = authority.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return True
    trees = limits.permitted_subtrees or []
    networks = [tree.value for tree in trees if isinstance(tree, x509.IPAddress)]
    domains = [tree.value for tree in trees if isinstance(tree, x509.DNSName)]
    return all(_lies_in(name, networks, domains) for name in names)


def _lies_in(name: Name, networks: Sequence[object], domains: Sequence[str]) -> bool:
    if isinstance(name, x509.IPAddress):
        address = name.value
        return any(
            network.version == address.version and address in network
            for network in networks
            if isinstance(network, ipaddress.IPv4Network | ipaddress.IPv6Network)
        )
    return any(name.value == domain or name.value.endswith(f".{domain}") for domain in domains)


def _authority_certificate(
    key: ec.EllipticCurvePrivateKey, names: list[Name], now: datetime
) -> x509.Certificate:
    host = socket.gethostname().partition(".")[0]
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Xinglin"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Xinglin {host} {now:%Y-%m-%d}"[:64]),
        ]
    )
    public = key.public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLIER)
        .not_valid_after(now + AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.NameConstraints(_limits(names), None), critical=True)
    )
    return builder.sign(key, hashes.SHA256())


def _limits(names: list[Name]) -> list[x509.GeneralName]:
    own: list[x509.GeneralName] = []
    for name in names:
        if isinstance(name, x509.DNSName):
            if not _lies_in(name, [], PRIVATE_NAMES):
                own.append(name)
        elif not _lies_in(name, PRIVATE, []):
            own.append(x509.IPAddress(ipaddress.ip_network(str(name.value))))
    domains = [x509.DNSName(name) for name in PRIVATE_NAMES]
    return [*domains, *(x509.IPAddress(network) for network in PRIVATE), *own]


def _leaf(
    names: list[Name],
    public: ec.EllipticCurvePublicKey,
    authority: x509.Certificate,
    valid: tuple[datetime, datetime],
) -> x509.CertificateBuilder:
    signer = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    common = x509.NameAttribute(NameOID.COMMON_NAME, str(names[0].value)[:64])
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([common]))
        .issuer_name(authority.subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(valid[0])
        .not_valid_after(valid[1])
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(signer), critical=False
        )
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
