"""The whole house is one process on one ordinary machine, ready by itself. (R089, R090)"""

import contextlib
import http.client
import os
import sys
import time
from pathlib import Path

import pytest

from tests.jobs.houses import Server

MOST_MEGABYTES = 300
MOST_CPU_SECONDS = 15
LISTENS, CONNECTED = "0A", "01"
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="It reads /proc.")


def process(pid: int) -> Path:
    return Path("/proc") / str(pid)


def megabytes(pid: int) -> float:
    lines = (process(pid) / "status").read_text().splitlines()
    [line] = [line for line in lines if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


def cpu_seconds(pid: int) -> float:
    fields = (process(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[bytes]:
    """Return the command lines of the processes it has begun, but for Python's own sweeper."""
    tasks = (process(pid) / "task").glob("*/children")
    numbers = [int(child) for task in tasks for child in task.read_text().split()]
    lines = [(process(number) / "cmdline").read_bytes() for number in numbers]
    return [line for line in lines if b"multiprocessing.resource_tracker" not in line]


def doors(pid: int) -> tuple[set[int], list[str]]:
    """Return the ports a process listens at, and where it is connected to."""
    own = set()
    for each in (process(pid) / "fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            own.add(str(each.readlink()).removeprefix("socket:[").removesuffix("]"))
    listens, connected = set(), []
    for table in ("tcp", "tcp6"):
        for line in (process(pid) / "net" / table).read_text().splitlines()[1:]:
            _, local, remote, state, *more = line.split()
            if more[5] in own and state == LISTENS:
                listens.add(int(local.rpartition(":")[2], 16))
            elif more[5] in own and state == CONNECTED:
                connected.append(remote)
    return listens, connected


def answered(port: int, path: str) -> int:
    caller = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    caller.request("GET", path)
    status = caller.getresponse().status
    caller.close()
    return status


@linux_only
def test_a_hospital_needs_one_process_and_nobody_else(home, record_property):
    """R090: no server of video, queues or databases beside it. R089: ready as soon as it runs."""
    began = time.monotonic()
    with Server(home) as server:
        pid = server.process.pid
        assert answered(server.port, "/readyz") == 200
        seconds, worked = time.monotonic() - began, cpu_seconds(pid)
        assert answered(server.port, "/sign-in") == 200
        taken = megabytes(pid)
        listens, connected = doors(pid)
        record_property(
            "says",
            f"Ready after {seconds:.1f} s ({worked:.1f} s of CPU), with {taken:.0f} MB; "
            "the goals are 3 s and 180 MB on a quiet machine.",
        )
        assert listens == {server.port, server.tls_port}
        assert connected == []
        assert children(pid) == []
        assert taken < MOST_MEGABYTES
        assert worked < MOST_CPU_SECONDS
