"""Disk, keys, certificate, clock, programs: what the machine lacks shows before it hurts."""

import os
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from data.errors import Unavailable
from integrations.certificates import Office
from integrations.pem import key_pem
from services import health_machine
from services.clinic import Clinic
from services.findings import Level
from services.health_machine import Timekeeping
from services.i18n import say
from services.policy import HOUSE
from services.ports import Ports
from services.settings import CertificateSettings
from tests.factories import an_actor
from tests.services.health.looks import ADMIN, found, the


async def test_an_anchor_that_is_not_written_any_more_shows(clinic, clock):
    """S-AUD-1."""
    assert await the(clinic, "anchor") == (Level.WARN, "never")
    await clinic.audit.verify(HOUSE)
    await clinic.audit.anchor(HOUSE)
    assert (await the(clinic, "anchor"))[0] is Level.OK
    clock.forward(minutes=11)
    assert await the(clinic, "anchor") == (Level.WARN, "late")


async def test_a_key_that_others_can_read_is_red(clinic, settings):
    """S-CRY-1."""
    assert await the(clinic, "keys") == (Level.RED, "missing")
    settings.key_file.write_text("not a real key")
    settings.key_file.chmod(0o644)
    assert await the(clinic, "keys") == (Level.RED, "open")
    settings.key_file.chmod(0o600)
    assert (await the(clinic, "keys"))[0] is Level.OK
    if os.geteuid() == 0:
        os.chown(settings.key_file, 12345, 12345)
        assert await the(clinic, "keys") == (Level.RED, "foreign")


@pytest.mark.parametrize(
    ("left", "level", "code"),
    [
        (396, Level.OK, "ok"),
        (30, Level.OK, "ok"),  # the night has not come in which it is renewed
        (28, Level.WARN, "ending"),
        (14, Level.WARN, "soon"),
        (7, Level.RED, "last_days"),
        (0, Level.RED, "expired"),
    ],
)
async def test_a_certificate_that_ends_shows_at_thirty_fourteen_and_seven_days(
    clinic, clock, settings, left, level, code
):
    assert await the(clinic, "certificate") == (Level.WARN, "missing")
    made = Office(CertificateSettings(), settings.home, lambda: ("localhost",)).ready(clock.now())
    clock.time = made.valid_to - timedelta(days=left)
    [finding] = await found(clinic, "certificate")
    assert (finding.level, finding.code) == (level, code)
    assert finding.values["moment"] == made.valid_to


async def test_a_name_the_authority_may_not_vouch_for_shows_and_the_authority_stays(
    database, clock, keys, settings
):
    """Another authority would have to be installed on every phone: a person decides that."""
    first = Office(CertificateSettings(), settings.home, lambda: ("localhost",)).ready(clock.now())
    place = CertificateSettings(names=["visit.hospital.example"])
    office = Office(place, settings.home, lambda: ("localhost",))
    house = Clinic.open(database, clock, keys, settings, Ports(certificates=office))

    [finding] = await found(house, "certificate")

    assert (finding.level, finding.code) == (Level.WARN, "left_out")
    assert "visit.hospital.example" in say("en", finding.what, **finding.values)
    assert "authority.pem" in say("zh_CN", finding.remedy, **finding.values)
    assert office.ready(clock.now()).fingerprint == first.fingerprint


@pytest.mark.parametrize(("left", "code"), [(2.5, "ok"), (1.5, "ending"), (0.3, "last_days")])
async def test_a_certificate_for_a_week_is_judged_by_its_own_life(
    clinic, clock, settings, left, code
):
    """Public authorities give them for six days as well; thirty days would be always."""
    chain, key = for_days(6, clock.now())
    settings.home.joinpath("server.pem").write_bytes(chain)
    settings.home.joinpath("server.key").write_bytes(key)
    clock.forward(days=6 - left)
    assert (await the(clinic, "certificate"))[1] == code


def for_days(days, now):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    made = made.public_key(key.public_key()).serial_number(x509.random_serial_number())
    made = made.not_valid_before(now).not_valid_after(now + timedelta(days=days))
    return made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM), key_pem(key)


@pytest.mark.parametrize("name", ["server.pem", "server.key"])
async def test_a_certificate_that_cannot_be_served_with_is_red(clinic, clock, settings, name):
    """Before somebody restarts the house and it stays shut."""
    Office(CertificateSettings(), settings.home, lambda: ("localhost",)).ready(clock.now())
    settings.home.joinpath(name).write_bytes(b"")
    assert await the(clinic, "certificate") == (Level.RED, "unusable")


async def test_a_lost_key_of_our_authority_shows_while_it_can_be_fetched(clinic, clock, settings):
    Office(CertificateSettings(), settings.home, lambda: ("localhost",)).ready(clock.now())
    (settings.home / "authority.key").unlink()
    assert await the(clinic, "certificate") == (Level.WARN, "authority_key")


class Measured:
    """A time server's answer, or its silence."""

    def __init__(self, seconds):
        self.seconds = seconds

    async def ahead(self):
        if self.seconds is None:
            raise Unavailable("time_server_silent")
        return self.seconds


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [
        (0.4, (Level.OK, "ok")),
        (-6, (Level.WARN, "off")),
        (-90, (Level.RED, "wrong")),
        (None, (Level.UNKNOWN, "no_answer")),
    ],
)
async def test_a_clock_that_is_wrong_shows(database, clock, keys, settings, seconds, verdict):
    house = Clinic.open(database, clock, keys, settings, Ports(time=Measured(seconds)))
    assert await the(house, "clock") == verdict


@pytest.mark.parametrize(
    ("told", "verdict"),
    [
        (Timekeeping(kept=False, source="kernel"), (Level.WARN, "not_kept")),
        (Timekeeping(kept=True, within=0.2, source="kernel"), (Level.UNKNOWN, "no_answer")),
    ],
)
async def test_of_a_silent_time_server_at_least_what_the_machine_fears_is_told(
    database, clock, keys, settings, told, verdict
):
    """S-AUD-1."""

    async def look():
        return told

    house = Clinic.open(database, clock, keys, settings, Ports(time=Measured(None)))
    house.health.timekeeping = look
    assert await the(house, "clock") == verdict


@pytest.mark.parametrize(
    ("told", "verdict"),
    [
        (Timekeeping(), (Level.UNKNOWN, "not_measured")),
        (Timekeeping(kept=False, within=16, source="kernel"), (Level.WARN, "not_kept")),
        (Timekeeping(kept=True, within=0.2, source="kernel"), (Level.OK, "kept_within")),
        (Timekeeping(kept=True, within=12, source="kernel"), (Level.WARN, "loose")),
        (Timekeeping(kept=True, source="timedatectl"), (Level.OK, "kept")),
        (Timekeeping(kept=True, source="timedatectl", apart=-40), (Level.WARN, "apart")),
        (Timekeeping(apart=0.3), (Level.OK, "together")),
        (Timekeeping(kept=False, source="kernel", apart=0.3), (Level.WARN, "not_kept")),
    ],
)
async def test_without_a_time_server_the_machine_says_who_keeps_its_clock(clinic, told, verdict):
    """S-AUD-1: never green for what nobody measured, and the source is named."""

    async def look():
        return told

    clinic.health.timekeeping = look
    [finding] = await found(clinic, "clock")
    assert (finding.level, finding.code) == verdict
    if told.kept is not None and finding.code != "apart":
        source = {"kernel": "Linux kernel", "timedatectl": "timedatectl"}[told.source]
        assert source in say("en", finding.what, **finding.values)


async def test_a_slow_loop_and_much_memory_show_once_they_are_measured(clinic):
    clinic.health.lag, clinic.health.memory = lambda: 0.02, lambda: 150
    assert (await the(clinic, "loop"))[0] is Level.OK
    clinic.health.lag, clinic.health.memory = lambda: 0.2, lambda: 2000
    assert await the(clinic, "loop") == (Level.WARN, "slow")
    assert await the(clinic, "memory") == (Level.WARN, "large")


async def test_a_large_log_shows(clinic, settings):
    if clinic.database.path is None:
        assert await the(clinic, "log") == (Level.OK, "none")
        return
    officer = an_actor(ADMIN)
    await clinic.policy.change(officer, "policy.health.log_megabytes", 16, "a small disk")
    assert (await the(clinic, "log"))[0] is Level.OK
    log = settings.home / "elsewhere-wal"
    with log.open("wb") as file:
        file.truncate(17 << 20)
    machine = health_machine.Machine(settings, clinic.policy, clinic.ports, clinic.clock.now, log)
    assert (await health_machine.log(machine)).code == "large"


async def test_a_full_disk_is_red_and_a_failing_check_does_not_stop_the_others(clinic, monkeypatch):
    usage = health_machine.shutil.disk_usage

    def almost_full(path):
        return usage(path)._replace(free=1 << 20)

    monkeypatch.setattr(health_machine.shutil, "disk_usage", almost_full)
    assert await the(clinic, "disk") == (Level.RED, "full")

    def broken(path):
        raise PermissionError("no")

    monkeypatch.setattr(health_machine.shutil, "disk_usage", broken)
    [failed] = await found(clinic, "check")
    assert (failed.level, failed.values["name"]) == (Level.RED, "disk")
