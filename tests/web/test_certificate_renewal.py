"""A certificate that ends is replaced while the house serves, and nobody who is in notices."""

import asyncio
import ssl
from contextlib import asynccontextmanager, suppress

import pytest
from cryptography import x509
from fastapi import FastAPI

import app
from data.errors import Invalid
from integrations.certificates import Office
from integrations.listeners import Address, listen
from jobs.schedule import Schedule, table
from services.settings import CertificateSettings, ServerSettings
from tests.peers import free_port

NAMES = ("localhost", "127.0.0.1")
ASK = b"GET /here HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def office(tmp_path):
    return Office(CertificateSettings(), tmp_path / "tls", lambda: NAMES)


@pytest.fixture
def settings(settings):
    place = ServerSettings(port=0, tls_host="127.0.0.1", tls_port=free_port())
    return settings.model_copy(update={"server": place})


def house():
    server = FastAPI()
    server.get("/here")(lambda: "yes")
    return server


class Guest:
    """A connection over TLS; whether the certificate is trusted is tried elsewhere."""

    @classmethod
    @asynccontextmanager
    async def at(cls, port):
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        guest = cls()
        guest.reader, guest.writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting)
        try:
            yield guest
        finally:
            guest.writer.close()
            with suppress(OSError):
                await guest.writer.wait_closed()

    def shown(self):
        der = self.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return x509.load_der_x509_certificate(der)

    async def is_answered(self):
        self.writer.write(ASK)
        head = await self.reader.readuntil(b"\r\n\r\n")
        await self.reader.readexactly(len(b'"yes"'))
        return head.startswith(b"HTTP/1.1 200")


async def shown_at(port):
    async with Guest.at(port) as guest:
        return guest.shown()


async def test_the_house_renews_its_certificate_while_it_serves(clinic, settings, office, clock):
    """S-TLS: a house that runs for a year shows a certificate that is good, by itself."""
    port = settings.server.tls_port
    async with app.listening(house(), settings, office, clinic) as renew:
        night = Schedule(table(clinic, None, renew), settings.timezone, clinic.metrics)
        first = await shown_at(port)
        assert await night.run("certificate")
        assert (await shown_at(port)).serial_number == first.serial_number, "not before it is due"

        clock.forward(days=380)
        async with Guest.at(port) as inside:
            assert await inside.is_answered()
            assert await night.run("certificate")
            second = await shown_at(port)
            assert await inside.is_answered(), "who is in stays in"
    assert second.serial_number != first.serial_number
    assert second.not_valid_after_utc > first.not_valid_after_utc
    made = office.current()
    second.verify_directly_issued_by(x509.load_pem_x509_certificate(made.authority.read_bytes()))


async def test_files_that_somebody_replaced_are_shown_the_next_day(
    clinic, settings, office, clock, tmp_path
):
    """A hospital with a certificate of its own copies the new one over the old, and that is all."""
    theirs = office.ready(clock.now())
    given = CertificateSettings(source="files", chain=theirs.chain, key=theirs.key)
    port, folder = settings.server.tls_port, tmp_path / "home"
    async with app.listening(house(), settings, Office(given, folder), clinic) as renew:
        first = await shown_at(port)
        other = Office(CertificateSettings(), tmp_path / "other", lambda: NAMES).ready(clock.now())
        theirs.chain.write_bytes(other.chain.read_bytes())
        theirs.key.write_bytes(other.key.read_bytes())
        await renew()
        assert (await shown_at(port)).serial_number != first.serial_number


async def test_a_pair_that_does_not_fit_is_not_shown_and_the_old_one_serves_on(
    office, clock, tmp_path
):
    good = office.ready(clock.now())
    other = Office(CertificateSettings(), tmp_path / "other", lambda: NAMES).ready(clock.now())
    port = free_port()
    async with listen(house(), [Address("127.0.0.1", port, good.chain, good.key)]) as doors:
        first = await shown_at(port)
        with pytest.raises(Invalid, match="certificate_key_wrong"):
            await doors.show(other.chain, good.key)
        assert (await shown_at(port)).serial_number == first.serial_number


async def test_a_pair_that_does_not_fit_opens_no_door(office, clock, tmp_path):
    good = office.ready(clock.now())
    other = Office(CertificateSettings(), tmp_path / "other", lambda: NAMES).ready(clock.now())
    plain, secure = free_port(), free_port()
    with pytest.raises(Invalid, match="certificate_key_wrong"):
        async with listen(
            house(),
            [Address("127.0.0.1", plain), Address("127.0.0.1", secure, other.chain, good.key)],
        ):
            pytest.fail("it listens")
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", plain)
