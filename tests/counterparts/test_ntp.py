"""Our clock against a real time server (chrony), and against answers that are none."""

import asyncio
import shutil
import struct
import subprocess
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest

from data.clock import SystemClock
from data.errors import Unavailable
from integrations.ntp import NtpTime, ahead, request
from tests.peers import free_port, need

TO_1970 = 2_208_988_800


class Wrong:
    """A clock that is fast by so many seconds."""

    def __init__(self, seconds):
        self.seconds = seconds

    def now(self):
        return SystemClock().now() + timedelta(seconds=self.seconds)


@pytest.fixture(scope="module")
def time_server():
    program = need("chronyd")
    folder = Path(tempfile.mkdtemp(prefix="xinglin-ntp-"))
    port = free_port()
    lines = ["local stratum 8", "allow 127.0.0.1", f"port {port}", "cmdport 0", "bindcmdaddress /"]
    lines += [f"pidfile {folder}/pid", "bindaddress 127.0.0.1", f"driftfile {folder}/drift"]
    (folder / "chrony.conf").write_text("\n".join(lines) + "\n")
    # -x: it tells the time and never sets the machine's clock.
    command = [str(program), "-d", "-x", "-u", "root", "-f", str(folder / "chrony.conf")]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    yield f"127.0.0.1:{port}"
    server.terminate()
    server.wait(10)
    shutil.rmtree(folder, ignore_errors=True)


async def asked(address, clock):
    """The server needs a moment to be up: then it answers at once."""
    for _ in range(20):
        try:
            return await NtpTime(address, clock).ahead()
        except Unavailable:
            await asyncio.sleep(0.1)
    pytest.fail("the time server never answered")


@pytest.mark.parametrize("seconds", [0, 7.5, -90])
async def test_a_wrong_clock_is_measured(time_server, seconds):
    assert await asked(time_server, Wrong(seconds)) == pytest.approx(seconds, abs=0.5)


async def test_silence_is_said_to_be_silence(monkeypatch):
    monkeypatch.setattr("integrations.ntp.SILENCE_SECONDS", 0.2)
    with pytest.raises(Unavailable) as trouble:
        await NtpTime(f"127.0.0.1:{free_port()}", SystemClock()).ahead()
    assert trouble.value.code == "time_server_silent"


def an_answer(sent, *, first=0x24, stratum=2, origin=None, at=0.0):
    stamp = struct.pack("!II", int(at) + TO_1970, int(at % 1 * 2**32))
    return struct.pack("!BB22x", first, stratum) + (origin or request(sent)[40:]) + stamp * 2


def test_the_four_moments_give_the_offset():
    """RFC 4330, 5: ((T2 - T1) + (T3 - T4)) / 2, from the server's side."""
    assert ahead(an_answer(1000.0, at=990.25), 1000.0, 1000.5) == pytest.approx(10.0)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        an_answer(1000.0)[:40],
        an_answer(1000.0, origin=b"12345678"),  # an answer to somebody else, or a forged one
        an_answer(1000.0, first=0xE4),  # not synchronized
        an_answer(1000.0, first=0x23),  # a client, not a server
        an_answer(1000.0, stratum=0),  # "kiss of death"
        an_answer(1000.0, stratum=16),
    ],
)
def test_what_is_no_good_answer_is_not_believed(answer):
    with pytest.raises(Unavailable):
        ahead(answer, 1000.0, 1000.1)
