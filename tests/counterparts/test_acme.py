"""A certificate from a public authority: Debian's pebble plays Let's Encrypt, rejecting nonces."""

import json
import os
import subprocess
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

import app
from data.errors import Invalid, Unavailable
from integrations.certificates import Office
from integrations.pem import key_pem
from jobs.schedule import Schedule, table
from services.settings import CertificateSettings, ServerSettings
from tests.peers import free_port, need
from tests.web.test_certificate_renewal import house, shown_at

NOW = datetime.now(UTC)
EC_KEY = key_pem(ec.generate_private_key(ec.SECP256R1()))  # accounts have RSA keys


class Pebble:
    """The authority, on loopback; it checks names at `check_port` instead of 80."""

    def __init__(self, folder) -> None:
        self.folder = folder
        self.port, self.check_port = free_port(), free_port()
        self.tls = Office(
            CertificateSettings(), folder / "pebble-tls", lambda: ("localhost", "127.0.0.1")
        ).ready(NOW)
        self.directory = f"https://127.0.0.1:{self.port}/dir"
        self.log = folder / "pebble.log"

    def __enter__(self):
        config = {
            "listenAddress": f"127.0.0.1:{self.port}",
            "managementListenAddress": f"127.0.0.1:{free_port()}",
            "certificate": str(self.tls.chain),
            "privateKey": str(self.tls.key),
            "httpPort": self.check_port,
            "tlsPort": free_port(),
        }
        file = self.folder / "pebble.json"
        file.write_text(json.dumps({"pebble": config}))
        quick = {**os.environ, "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "10"}
        quick["PEBBLE_AUTHZREUSE"] = "50"  # as public ones do: half of what it checked stands
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [need("pebble"), "-config", file, "-strict"], env=quick, stdout=log, stderr=log
            )
        deadline = time.monotonic() + 20
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(self.log.read_text()[-2000:])
            time.sleep(0.05)  # another process: there is nothing to wait on but its answer
        return self

    def _answers(self) -> bool:
        try:
            httpx.get(self.directory, verify=False)  # noqa: S501 - only whether it listens
        except httpx.HTTPError:
            return False
        return True

    def __exit__(self, *_) -> None:
        self._process.terminate()
        self._process.wait(10)


@pytest.fixture(scope="module")
def pebble(tmp_path_factory):
    with Pebble(tmp_path_factory.mktemp("pebble")) as running:
        yield running


def asked_of(pebble: Pebble, **more) -> CertificateSettings:
    return CertificateSettings(
        **{
            "source": "acme",
            "names": ["localhost"],
            "acme_directory": pebble.directory,
            "acme_contact": "it@hospital.example",
            "acme_port": pebble.check_port,
            "acme_trust": pebble.tls.authority,
            **more,
        }
    )


def test_a_public_authority_gives_a_certificate_without_a_person(pebble, tmp_path):
    """RFC 8555 http-01 against a real server, which also turns every tenth nonce down."""
    made = Office(asked_of(pebble), tmp_path / "tls").ready(NOW)

    chain = x509.load_pem_x509_certificates(made.chain.read_bytes())
    assert len(chain) >= 2
    chain[0].verify_directly_issued_by(chain[1])
    assert made.names == ("localhost",)
    assert made.authority is None, "the world knows it: there is nothing to install"
    assert (tmp_path / "tls" / "acme-account.key").stat().st_mode & 0o077 == 0


def test_a_renewal_is_made_by_the_same_customer(pebble, tmp_path):
    office = Office(asked_of(pebble), tmp_path / "tls")
    first = office.ready(NOW)
    assert office.ready(NOW) == first, "not before it is due"
    account = (tmp_path / "tls" / "acme-account.key").read_bytes()

    second = office.ready(first.valid_to - timedelta(days=1))

    assert second.fingerprint != first.fingerprint
    assert (tmp_path / "tls" / "acme-account.key").read_bytes() == account


def test_a_name_that_leads_elsewhere_is_refused_with_the_reason(pebble, tmp_path):
    wrong = asked_of(pebble, acme_port=free_port())  # the check finds nobody
    with pytest.raises(Unavailable) as refusal:
        Office(wrong, tmp_path / "tls").ready(NOW)
    assert refusal.value.code == "acme_check_failed"
    assert "localhost" in str(refusal.value.details["reason"])


def test_an_authority_that_is_down_does_not_take_a_good_certificate_away(pebble, tmp_path):
    first = Office(asked_of(pebble), tmp_path / "tls").ready(NOW)
    nowhere = f"https://127.0.0.1:{free_port()}/dir"
    later = Office(asked_of(pebble, acme_directory=nowhere), tmp_path / "tls")

    assert later.ready(first.valid_to - timedelta(days=1)) == first

    with pytest.raises(Unavailable) as refusal:
        later.ready(first.valid_to + timedelta(days=1))
    assert refusal.value.code == "acme_not_reachable"


def test_another_source_is_another_certificate(pebble, tmp_path):
    """What there is names everything, but was not given by whom the settings name now."""
    ours = Office(CertificateSettings(), tmp_path, lambda: ("localhost",))
    first = ours.ready(NOW)

    public = Office(asked_of(pebble), tmp_path).ready(NOW)

    issuer = x509.load_pem_x509_certificate(public.chain.read_bytes()).issuer
    assert issuer.rfc4514_string().startswith("CN=Pebble")
    assert ours.ready(NOW).fingerprint == first.fingerprint, "and back: phones trust on"
    found = x509.load_pem_x509_certificate(first.chain.read_bytes())
    found.verify_directly_issued_by(x509.load_pem_x509_certificate(first.authority.read_bytes()))


def test_without_names_there_is_nothing_to_ask_for(pebble, tmp_path):
    with pytest.raises(Invalid) as refusal:
        Office(asked_of(pebble, names=[]), tmp_path / "tls").ready(NOW)
    assert refusal.value.code == "acme_names_missing"


def test_an_account_key_that_a_full_disk_left_empty_is_made_anew(pebble, tmp_path):
    folder = tmp_path / "tls"
    folder.mkdir()
    (folder / "acme-account.key").touch()
    made = Office(asked_of(pebble), folder).ready(NOW)
    assert made.names == ("localhost",)
    assert b"PRIVATE KEY" in (folder / "acme-account.key").read_bytes()


@pytest.mark.parametrize(
    ("content", "code"), [(b"hello", "certificate_unreadable"), (EC_KEY, "certificate_unreadable")]
)
def test_an_account_key_that_is_none_is_said_in_a_sentence(pebble, tmp_path, content, code):
    folder = tmp_path / "tls"
    folder.mkdir()
    (folder / "acme-account.key").write_bytes(content)
    with pytest.raises(Invalid) as refusal:
        Office(asked_of(pebble), folder).ready(NOW)
    assert (refusal.value.code, refusal.value.details["path"]) == (code, "acme-account.key")


@pytest.mark.parametrize("content", [None, b"hello"])
def test_certificates_to_trust_an_authority_by_that_are_none_are_a_sentence(
    pebble, tmp_path, content
):
    trust = tmp_path / "trust.pem"
    if content:
        trust.write_bytes(content)
    with pytest.raises(Invalid) as refusal:
        Office(asked_of(pebble, acme_trust=trust), tmp_path / "tls").ready(NOW)
    assert refusal.value.code == "trust_unreadable"


async def test_a_serving_house_shows_the_renewed_certificate_without_a_restart(
    pebble, tmp_path, clinic, clock
):
    """R091: the authority is asked in the night it is due, and browsers see it at once."""
    clock.time = NOW
    place = ServerSettings(port=0, tls_host="127.0.0.1", tls_port=free_port())
    settings = clinic.settings.model_copy(update={"server": place})
    office = Office(asked_of(pebble), tmp_path / "tls")
    async with app.listening(house(), settings, office, clinic) as renew:
        night = Schedule(table(clinic, None, renew), settings.timezone, clinic.metrics)
        first = await shown_at(place.tls_port)
        clock.time = first.not_valid_after_utc - timedelta(days=1)
        assert await night.run("certificate")
        second = await shown_at(place.tls_port)
    assert second.serial_number != first.serial_number
    assert second.issuer.rfc4514_string().startswith("CN=Pebble")
