"""The certificate that HTTPS is served with: from our own authority, a public one, or a file.

A browser gives camera and microphone only to a page it trusts, and a small hospital has no public
name. So the house is its own authority: phones install its certificate once (page and QR code),
and every later certificate is good for them: the authority is never replaced while it is good.
"""

import ipaddress
import logging
import socket
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path

import ifaddr
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from data.errors import DomainError, Invalid
from data.keyring import write_at_once
from integrations.acme_client import PublicAuthority
from integrations.lan_authority import (
    EARLIER,
    as_name,
    authority_certificate,
    is_private,
    leaf_certificate,
    may_vouch,
)
from integrations.pem import key_pem, read_certificate, read_private_key
from services.ports import ServerCertificate
from services.settings import CertificateSettings
from services.tls import require_pair

log = logging.getLogger(__name__)

LEAF_LIFE = timedelta(days=397)  # the longest that browsers take
RENEW_BEFORE = timedelta(days=30)


class Office:
    """Sees to it that there is a certificate, wherever the settings say that it comes from."""

    def __init__(
        self,
        settings: CertificateSettings,
        folder: Path,
        names: Callable[[], tuple[str, ...]] | None = None,
    ) -> None:
        """`folder` keeps keys and certificates; `names` tells what this machine is called."""
        self.untried = settings.source == "acme"
        self._settings = settings
        self._folder = folder
        self._names = names or machine_names
        self._chain = settings.chain if settings.source == "files" else folder / "server.pem"
        self._key = settings.key if settings.source == "files" else folder / "server.key"

    def current(self) -> ServerCertificate | None:
        """Return the certificate there is, due or not; raise `Invalid` if it cannot be read."""
        if not self._chain or not self._key or not self._chain.is_file():
            return None
        leaf = read_certificate(self._chain)
        ours = self._authority_file if self._settings.source == "lan" else None
        anchor = read_certificate(ours) if ours and ours.is_file() else leaf
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
        if self._settings.source == "files":
            return self._theirs()
        old = self._usable()
        if old and not self._due(old, now):
            return old
        try:
            self._renew(now)
        except (DomainError, OSError) as trouble:
            if old is None or old.valid_to <= now:
                raise
            log.warning("the certificate could not be renewed: %s", trouble)
            return old
        return self._found()

    def _usable(self) -> ServerCertificate | None:
        """Return the certificate we have made; None if there is none, or none to serve with."""
        try:
            found = self.current()
            if found:
                require_pair(found.chain, found.key)
        except Invalid as trouble:
            log.warning("the certificate there is cannot be used: %s", trouble)
            return None
        return found

    def _theirs(self) -> ServerCertificate:
        found = self._found()
        require_pair(found.chain, found.key)
        return found

    def _found(self) -> ServerCertificate:
        found = self.current()
        if found is None:
            raise Invalid("certificate_missing", path=str(self._chain or "certificate.chain"))
        return found

    def _due(self, certificate: ServerCertificate, now: datetime) -> bool:
        leaf = read_certificate(certificate.chain)
        life = leaf.not_valid_after_utc - leaf.not_valid_before_utc
        if certificate.valid_to - now <= min(RENEW_BEFORE, life / 3):
            return True
        if self._given_by_us(leaf) != (self._settings.source == "lan"):
            return True  # the source was changed; or the authority taken away, to have another
        return not set(self._wanted()) - set(self.left_out()) <= set(certificate.names)

    def _given_by_us(self, leaf: x509.Certificate) -> bool:
        if not self._authority_file.is_file():
            return False
        try:
            leaf.verify_directly_issued_by(read_certificate(self._authority_file))
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True

    def left_out(self) -> tuple[str, ...]:
        """Return the names that we should have and that our authority may not vouch for.

        It was limited to what the house was called when it was made. It stays all the same: with
        another one nobody's phone would trust the house. Who wants another takes `authority.pem`
        away and restarts the house.
        """
        if self._settings.source != "lan" or not self._authority_file.is_file():
            return ()
        authority = read_certificate(self._authority_file)
        return tuple(name for name in self._wanted() if not may_vouch(authority, [as_name(name)]))

    def _wanted(self) -> tuple[str, ...]:
        if self._settings.source == "acme":
            return tuple(self._settings.names)
        names = (*self._names(), *self._settings.names)
        return tuple(dict.fromkeys(str(as_name(name).value) for name in names))

    def _renew(self, now: datetime) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = self._server_key()
        if self._settings.source == "acme":
            chain = PublicAuthority(self._settings, self._folder).issue(key_pem(key))
        else:
            chain = self._issue_ourselves(key, now)
        write_at_once(self._folder / "server.pem", chain, 0o644)

    def _server_key(self) -> ec.EllipticCurvePrivateKey:
        """Return the key that is there, a new one only for one that is none: no phone knows it.

        It stays when the certificate is renewed: key and certificate always belong together.
        """
        try:
            return self._private_key("server.key")
        except Invalid:
            log.warning("server.key cannot be read and is made anew")
            (self._folder / "server.key").unlink()
            return self._private_key("server.key")

    def _private_key(self, name: str) -> ec.EllipticCurvePrivateKey:
        """Return the key of this name, made if there is none; raise `Invalid` if it is not ours."""
        file = self._folder / name
        if file.is_file():
            found = read_private_key(file)
            if not isinstance(found, ec.EllipticCurvePrivateKey):
                raise Invalid("certificate_unreadable", path=name)
            return found
        key = ec.generate_private_key(ec.SECP256R1())
        write_at_once(file, key_pem(key))
        return key

    @property
    def _authority_file(self) -> Path:
        return self._folder / "authority.pem"

    def _issue_ourselves(self, key: ec.EllipticCurvePrivateKey, now: datetime) -> bytes:
        self._require_authority_key(now)
        signer = self._private_key("authority.key")
        authority = self._authority(signer, now)
        refused = self.left_out()
        names = [as_name(name) for name in self._wanted() if name not in refused]
        if not names:
            raise Invalid("certificate_names_refused", names=", ".join(refused))
        if refused:
            log.warning("our authority may not vouch for: %s", ", ".join(refused))
        until = min(now + LEAF_LIFE, authority.not_valid_after_utc)
        leaf = leaf_certificate(names, key.public_key(), authority, (now - EARLIER, until))
        return leaf.sign(signer, hashes.SHA256()).public_bytes(Encoding.PEM)

    def _require_authority_key(self, now: datetime) -> None:
        """Raise `Invalid` while there is time to fetch a lost key from a copy of the house."""
        if not self._authority_file.is_file() or (self._folder / "authority.key").is_file():
            return
        served = self._usable()
        if served and served.valid_to > now:
            raise Invalid("authority_key_lost")

    def _authority(self, signer: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
        """Return our authority; a new one only where there is none, or none that can sign on."""
        if self._authority_file.is_file():
            authority = read_certificate(self._authority_file)
            lasts = authority.not_valid_after_utc - now > RENEW_BEFORE
            if lasts and authority.public_key() == signer.public_key():
                return authority
            log.warning("the house has a new authority: phones must install it again")
        authority = authority_certificate(signer, [as_name(name) for name in self._wanted()], now)
        write_at_once(self._authority_file, authority.public_bytes(Encoding.PEM), 0o644)
        return authority


def machine_names() -> tuple[str, ...]:
    """Return what this machine may be called on its network: host names, then addresses."""
    host = socket.gethostname().partition(".")[0].lower()
    names = [host, f"{host}.local", "localhost", *lan_addresses(), "127.0.0.1", "::1"]
    return tuple(dict.fromkeys(name for name in names if name))


def lan_addresses() -> tuple[str, ...]:
    """Return this machine's own addresses that last, IPv4 first."""
    return lasting(
        each.ip if isinstance(each.ip, str) else each.ip[0]
        for adapter in ifaddr.get_adapters()
        for each in adapter.ips
    )


def lasting(found: Iterable[str]) -> tuple[str, ...]:
    """Return the private addresses, sorted, without loopback and link-local ones.

    A public one belongs to the provider, who gives another one tomorrow (RFC 4192 calls it
    renumbering): whoever owns it for good names it in the settings.
    """
    ours = [
        one
        for one in {ipaddress.ip_address(each) for each in found}
        if is_private(one) and not (one.is_loopback or one.is_link_local)
    ]
    return tuple(str(one) for one in sorted(ours, key=lambda one: (one.version, int(one))))


def fingerprint(certificate: x509.Certificate) -> str:
    """Return the SHA-256 fingerprint as phones show it: AB:CD:..."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def _names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(name.value) for name in found.value)
