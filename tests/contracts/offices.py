"""Every adapter of the port `CertificateOffice`, each with its authority: one line joins."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from integrations.certificates import Office
from services.ports import CertificateOffice, ServerCertificate
from services.settings import CertificateSettings
from tests.counterparts.test_acme import Pebble, asked_of

NOW = datetime.now(UTC).replace(microsecond=0)


@dataclass
class Bench:
    """An office, and how a phone comes to trust what it has."""

    office: CertificateOffice
    name: str
    """What the server is called on the line."""
    trusted: Callable[[ServerCertificate], Path]
    makes: bool = True
    """Whether it starts with nothing, and has to have a certificate made."""


@contextmanager
def lan(folder: Path) -> Iterator[Bench]:
    office = Office(CertificateSettings(), folder / "tls", lambda: ("gate.local", "192.168.7.9"))

    def installed(made: ServerCertificate) -> Path:
        assert made.authority
        return made.authority

    yield Bench(office, "192.168.7.9", installed)


@contextmanager
def acme(folder: Path) -> Iterator[Bench]:
    """Debian's pebble; a phone knows the authority above it, which stands last in the chain."""
    with Pebble(folder) as pebble:

        def known(made: ServerCertificate) -> Path:
            chain = x509.load_pem_x509_certificates(made.chain.read_bytes())
            (folder / "known.pem").write_bytes(chain[-1].public_bytes(Encoding.PEM))
            return folder / "known.pem"

        yield Bench(Office(asked_of(pebble), folder / "tls"), "localhost", known)


@contextmanager
def files(folder: Path) -> Iterator[Bench]:
    with lan(folder) as other:
        made = other.office.ready(NOW)
        theirs = CertificateSettings(source="files", chain=made.chain, key=made.key)
        authority = made.authority
        assert authority
        yield Bench(Office(theirs, folder / "x"), other.name, lambda _: authority, makes=False)


ADAPTERS: dict[str, Callable[[Path], AbstractContextManager[Bench]]] = {
    "lan": lan,
    "acme": acme,
    "files": files,
}
