"""Our own authority, checked by OpenSSL as a browser would check it."""

import ipaddress
import resource
import socket
import ssl
import stat
import subprocess
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from data.errors import Invalid
from integrations.certificates import Office, lan_addresses, lasting, machine_names
from integrations.pem import key_pem
from services.settings import CertificateSettings
from tests.peers import need

NOW = datetime.now(UTC).replace(microsecond=0)
NAMES = ("gate", "gate.local", "localhost", "192.168.7.9", "127.0.0.1", "::1")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "tls"


@pytest.fixture
def office(folder):
    return Office(CertificateSettings(), folder, lambda: NAMES)


def shaken(certificate, name: str, trusted) -> str:
    """Shake hands over TLS on loopback as a browser that knows our authority; return the TLS."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate.chain, certificate.key)
    client = ssl.create_default_context(cafile=trusted)
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    ours, theirs = socket.socketpair()

    def answer() -> None:
        with ours:
            try:
                server.wrap_socket(ours, server_side=True).close()
            except OSError:
                return  # the other side says why

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        with client.wrap_socket(theirs, server_hostname=name) as secure:
            return str(secure.version())
    finally:
        theirs.close()
        thread.join()


@pytest.mark.parametrize("name", NAMES)
def test_a_phone_that_knows_our_authority_trusts_every_name_of_the_machine(office, name):
    """S-TLS: names, host.local and LAN addresses alike."""
    made = office.ready(NOW)
    assert shaken(made, name, made.authority) == "TLSv1.3"


def test_another_name_is_not_ours_to_use(office):
    made = office.ready(NOW)
    with pytest.raises(ssl.SSLCertVerificationError):
        shaken(made, "192.168.7.10", made.authority)


def test_the_authority_can_vouch_for_no_site_outside_the_house(office, folder):
    """Whoever steals its key cannot pretend to be a bank: the name constraints forbid it."""
    made = office.ready(NOW)
    authority = x509.load_pem_x509_certificate(made.authority.read_bytes())
    signer = load_pem_private_key((folder / "authority.key").read_bytes(), None)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bank")])
    forged = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("bank.example")]), critical=False)
        .sign(signer, hashes.SHA256())
    )
    (folder / "forged.pem").write_bytes(forged.public_bytes(Encoding.PEM))
    (folder / "forged.key").write_bytes(key_pem(key))
    done = subprocess.run(
        [need("openssl"), "verify", "-CAfile", made.authority, folder / "forged.pem"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "permitted subtree violation" in done.stderr


def test_private_keys_are_for_their_owner_alone(office, folder):
    office.ready(NOW)
    for name in ("authority.key", "server.key"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_certificate_lasts_as_long_as_browsers_allow(office):
    made = office.ready(NOW)
    assert made.valid_to == NOW + timedelta(days=397)
    assert len(made.fingerprint.split(":")) == 32


def test_it_is_made_once_and_renewed_a_month_before_it_ends(office):
    first = office.ready(NOW)
    again = office.ready(NOW + timedelta(days=366))
    assert again == first

    renewed = office.ready(NOW + timedelta(days=367))

    assert renewed.valid_to == NOW + timedelta(days=367 + 397)
    assert renewed.fingerprint == first.fingerprint, "phones need not install anything again"


def test_a_new_address_brings_a_new_certificate_from_the_same_authority(folder):
    first = Office(CertificateSettings(), folder, lambda: NAMES).ready(NOW)
    moved = Office(CertificateSettings(), folder, lambda: (*NAMES, "10.1.1.1")).ready(NOW)
    assert "10.1.1.1" in moved.names
    assert moved.fingerprint == first.fingerprint
    assert shaken(moved, "10.1.1.1", moved.authority)


def test_no_name_brings_a_new_authority_by_itself(folder):
    """Every phone would have to install it again: a person decides that, by taking the file."""
    first = Office(CertificateSettings(), folder, lambda: NAMES).ready(NOW)
    public = CertificateSettings(names=["Visit.hospital.example"])
    office = Office(public, folder, lambda: NAMES)
    kept = office.ready(NOW)
    assert kept == first, "there is nothing to make anew"
    assert office.left_out() == ("visit.hospital.example",)

    (folder / "authority.pem").unlink()
    moved = office.ready(NOW)

    assert moved.fingerprint != first.fingerprint
    assert shaken(moved, "visit.hospital.example", moved.authority)
    assert office.left_out() == ()
    assert office.ready(NOW) == moved, "not every night again"


def test_the_authority_outlives_a_provider_that_renumbers_and_a_machine_renamed(folder):
    """Names from an earlier version, which took the provider's addresses into its own."""
    before = (*NAMES, "240e:1:2:3::10")
    first = Office(CertificateSettings(), folder, lambda: before).ready(NOW)
    after = ("door", "door.local", *NAMES[2:], "240e:1:2:4::10", "10.1.1.1")
    office = Office(CertificateSettings(), folder, lambda: after)

    moved = office.ready(NOW)

    assert moved.fingerprint == first.fingerprint
    assert shaken(moved, "10.1.1.1", first.authority)
    assert office.left_out() == ("door", "240e:1:2:4::10")
    assert office.ready(NOW) == moved


def test_only_addresses_that_are_ours_to_keep_are_names_of_the_machine():
    """What a provider gives, it may give to others tomorrow."""
    public, passing = ("240e:1:2:3::10", "203.0.113.9"), ("fe80::1", "::1", "127.0.0.1")
    assert lasting((*public, *passing, "fd00:7::9", "10.1.2.3")) == ("10.1.2.3", "fd00:7::9")


def test_an_authority_whose_key_was_lost_is_made_anew_no_sooner_than_it_must(office, folder):
    """It lies in the copies of the house: until the certificate ends there is time to fetch it."""
    first = office.ready(NOW)
    kept = (folder / "authority.key").read_bytes()
    (folder / "authority.key").unlink()
    due = NOW + timedelta(days=390)
    assert office.ready(due) == first
    (folder / "authority.key").write_bytes(kept)
    found = office.ready(due)
    assert (found.fingerprint, found.valid_to > first.valid_to) == (first.fingerprint, True)

    (folder / "authority.key").unlink()

    assert office.ready(found.valid_to).fingerprint != first.fingerprint, "rather than no HTTPS"


def test_a_certificate_of_the_hospital_is_used_as_it_is(folder, tmp_path):
    made = Office(CertificateSettings(), folder, lambda: NAMES).ready(NOW)
    theirs = CertificateSettings(source="files", chain=made.chain, key=made.key)
    found = Office(theirs, tmp_path / "unused").ready(NOW)
    assert found.chain == made.chain
    assert found.authority is None
    assert not (tmp_path / "unused").exists()


@pytest.mark.parametrize(
    ("content", "code"), [(None, "certificate_missing"), (b"hello", "certificate_unreadable")]
)
def test_a_missing_or_broken_file_is_said_in_a_sentence(tmp_path, content, code):
    chain = tmp_path / "chain.pem"
    if content:
        chain.write_bytes(content)
    theirs = CertificateSettings(source="files", chain=chain, key=chain)
    with pytest.raises(Invalid) as refusal:
        Office(theirs, tmp_path).ready(NOW)
    assert refusal.value.code == code


def test_the_machine_knows_its_own_names():
    names = machine_names()
    assert {
        "localhost",
        "127.0.0.1",
        f"{socket.gethostname().partition('.')[0].lower()}.local",
    } <= {*names}
    assert not any(ipaddress.ip_address(one).is_loopback for one in lan_addresses())


def test_a_renewal_that_finds_the_disk_full_stops_no_house_whose_certificate_is_good(
    office, folder
):
    first = office.ready(NOW)
    due = NOW + timedelta(days=380)
    with nothing_can_be_written():
        assert office.ready(due) == first
    with nothing_can_be_written(), pytest.raises(OSError, match="File too large"):
        office.ready(first.valid_to)
    assert office.ready(due).valid_to > first.valid_to


@contextmanager
def nothing_can_be_written():
    """As on a full disk, for this process: the kernel refuses the first byte of every file."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("name", ["server.key", "server.pem"])
@pytest.mark.parametrize("content", [b"", b"hello", None])
def test_what_can_be_made_anew_is_made_anew_and_phones_trust_on(office, folder, name, content):
    """A disk lost it: key and certificate of the server depend on nothing but our authority."""
    first = office.ready(NOW)
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)

    made = office.ready(NOW)

    assert made.fingerprint == first.fingerprint
    assert shaken(made, "gate.local", first.authority)


def test_a_key_of_our_authority_that_is_damaged_is_not_replaced_in_silence(office, folder):
    first = office.ready(NOW)
    (folder / "authority.key").write_bytes(b"")
    assert office.ready(NOW + timedelta(days=390)) == first, "for as long as it is good"
    with pytest.raises(Invalid) as refusal:
        office.ready(first.valid_to)
    assert (refusal.value.code, refusal.value.details["path"]) == (
        "certificate_unreadable",
        "authority.key",
    )


def sealed(key) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))


KEYS = {
    "of another": (key_pem, "certificate_key_wrong"),
    "empty": (lambda _: b"", "certificate_unreadable"),
    "no key": (lambda _: b"hello", "certificate_unreadable"),
    "sealed with a password": (sealed, "certificate_unreadable"),
}


@pytest.mark.parametrize("what", KEYS)
def test_a_private_key_that_cannot_be_used_is_said_before_anything_listens(folder, tmp_path, what):
    content, code = KEYS[what]
    made = Office(CertificateSettings(), folder, lambda: NAMES).ready(NOW)
    key = tmp_path / "their.key"
    key.write_bytes(content(ec.generate_private_key(ec.SECP256R1())))
    theirs = CertificateSettings(source="files", chain=made.chain, key=key)
    with pytest.raises(Invalid) as refusal:
        Office(theirs, tmp_path).ready(NOW)
    assert refusal.value.code == code
    assert "their.key" in str(refusal.value.details)
