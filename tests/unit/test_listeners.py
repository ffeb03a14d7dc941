"""An address that cannot be listened at is named, with the reason: each has another remedy."""

import socket
import subprocess
import sys

import pytest

from data.errors import DomainError
from integrations.listeners import Address, listen
from services.i18n import LANGUAGES, say
from tests.peers import ROOT, free_port, need, need_root


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


async def refused(*addresses):
    with pytest.raises(DomainError) as refusal:
        async with listen(None, addresses):
            pytest.fail("it listens")
    trouble = refusal.value
    for language in LANGUAGES:
        assert addresses[-1].host in say(language, f"error.{trouble.code}", **trouble.details)
    return trouble


async def test_a_port_that_is_taken_is_named_and_no_other_stays_open(taken):
    free = free_port()
    trouble = await refused(Address("127.0.0.1", free), Address("127.0.0.1", taken))
    assert (trouble.code, trouble.status) == ("port_taken", 503)
    assert trouble.details == {"address": f"127.0.0.1:{taken}"}
    socket.create_server(("127.0.0.1", free)).close()


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("192.0.2.7", "address_not_here"),  # RFC 5737: nobody's
        ("2001:db8::7", "address_not_here"),  # RFC 3849
        ("no-such-host.invalid", "host_unknown"),  # RFC 6761
    ],
)
async def test_an_address_of_another_machine_is_said_to_be_one(host, code):
    """503, so it is tried again: when a machine starts, its network may come later."""
    trouble = await refused(Address(host, free_port()))
    assert (trouble.code, trouble.status) == (code, 503)


def test_a_port_that_we_have_no_right_to_is_not_said_to_be_taken(tmp_path):
    need_root()
    program = (
        "import asyncio, sys\n"
        "from integrations.listeners import Address, listen\n"
        "async def main():\n"
        "    async with listen(None, [Address('127.0.0.1', 443)]):\n"
        "        pass\n"
        "try:\n"
        "    asyncio.run(main())\n"
        "except Exception as trouble:\n"
        "    print(trouble.code, trouble.status, trouble.details['address'])\n"
    )
    without = [need("setpriv"), "--bounding-set=-net_bind_service", "--inh-caps=-net_bind_service"]
    done = subprocess.run(
        [*without, sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["port_not_allowed", "403", "127.0.0.1:443"]
