"""What every certificate office promises, wherever it has its certificates from. (R040, R058)"""

import contextlib
import socket
import ssl
import threading

import pytest

from tests.contracts.offices import ADAPTERS, NOW


@pytest.fixture(scope="module", params=ADAPTERS)
def bench(request, tmp_path_factory):
    with ADAPTERS[request.param](tmp_path_factory.mktemp(request.param)) as bench:
        assert (bench.office.current() is None) == bench.makes
        yield bench


@pytest.fixture(scope="module")
def made(bench):
    return bench.office.ready(NOW)


def shaken(made, name: str, trusted) -> str:
    """Shake hands over TLS on loopback, as a browser that trusts this authority; return the TLS."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(made.chain, made.key)
    client = ssl.create_default_context(cafile=trusted)
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    ours, theirs = socket.socketpair()

    def answer() -> None:
        with ours, contextlib.suppress(OSError):  # the other side says why
            server.wrap_socket(ours, server_side=True).close()

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        with client.wrap_socket(theirs, server_hostname=name) as secure:
            return str(secure.version())
    finally:
        theirs.close()
        thread.join()


def test_a_browser_that_trusts_the_authority_is_served_encrypted(bench, made):
    assert shaken(made, bench.name, bench.trusted(made)) == "TLSv1.3"


def test_a_browser_that_does_not_is_not(bench, made):
    with pytest.raises(ssl.SSLCertVerificationError):
        shaken(made, bench.name, None)


def test_what_it_says_of_the_certificate_is_so(bench, made):
    assert bench.name in made.names
    assert made.valid_to > NOW
    assert len(made.fingerprint.split(":")) == 32
    assert made.authority is None or made.authority.is_file()


def test_the_key_is_for_its_owner_alone(made):
    assert made.key.stat().st_mode & 0o077 == 0


def test_it_is_not_made_again_before_it_is_due(bench, made):
    assert bench.office.current() == made
    assert bench.office.ready(NOW) == made
