"""A command reaches the running server over its socket, and nobody else does. (decision 25)"""

import asyncio
import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from data.errors import Conflict, DomainError, Unavailable
from jobs.commands.orders import AT_ONCE
from jobs.control import LENGTH, NAME, Control, ask
from tests.peers import ROOT, need, need_root


async def echo(arguments):
    return {"heard": arguments}


async def refuse(arguments):
    raise Conflict("database_in_use", path="xinglin.db")


async def break_down(arguments):
    raise RuntimeError("a defect")


HANDLERS = {"echo": echo, "refuse": refuse, "break": break_down}


@pytest.fixture
async def control(tmp_path):
    opened = Control(tmp_path, HANDLERS)
    await opened.open()
    yield opened
    await opened.close()


async def asked(folder: Path, verb: str, **arguments):
    """Ask as a command would, from another thread."""
    return await asyncio.to_thread(ask, folder, verb, arguments)


async def test_an_order_is_carried_out_by_the_server(control, tmp_path):
    assert await asked(tmp_path, "echo", name="杏林") == {"heard": {"name": "杏林"}}


async def test_a_refusal_arrives_as_what_it_is(control, tmp_path):
    with pytest.raises(Conflict) as refusal:
        await asked(tmp_path, "refuse")
    assert refusal.value.code == "database_in_use"
    assert refusal.value.details == {"path": "xinglin.db"}


@pytest.mark.parametrize(("verb", "code"), [("break", "unexpected"), ("dance", "verb_unknown")])
async def test_a_defect_or_an_unknown_order_harms_nobody(control, tmp_path, verb, code):
    with pytest.raises(DomainError) as refusal:
        await asked(tmp_path, verb)
    assert refusal.value.code == code
    assert await asked(tmp_path, "echo") == {"heard": {}}


async def test_without_a_server_nobody_answers(tmp_path):
    assert await asked(tmp_path, "echo") is None
    assert await asked(tmp_path / "nowhere", "echo") is None


async def test_the_socket_of_a_dead_server_is_nobody_and_is_replaced(tmp_path):
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(os.path.relpath(tmp_path / NAME))
    dead.close()
    assert await asked(tmp_path, "echo") is None

    control = Control(tmp_path, HANDLERS)
    await control.open()
    assert await asked(tmp_path, "echo") == {"heard": {}}
    await control.close()
    assert not (tmp_path / NAME).exists()


async def test_a_folder_with_a_long_name_is_reached_as_well(tmp_path):
    folder = tmp_path / ("x" * 90) / ("y" * 90)
    folder.mkdir(parents=True)
    control = Control(folder, HANDLERS)
    await control.open()
    assert await asked(folder, "echo") == {"heard": {}}
    await control.close()


async def test_only_the_owner_may_use_the_socket(control, tmp_path):
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600


async def test_another_user_is_turned_away_even_if_the_socket_lets_them_in(control, tmp_path):
    """The kernel says who is there (SO_PEERCRED); the file's mode is not the only guard."""
    need_root()
    mine = [each for each in tmp_path.parents if each.stat().st_mode & 0o077 == 0]
    for folder in (tmp_path, *mine):  # how deep pytest's folders lie depends on how it is run
        folder.chmod(0o755)
    (tmp_path / NAME).chmod(0o666)
    script = (
        "import socket, sys; line = socket.socket(socket.AF_UNIX); line.connect(sys.argv[1]);"
        "line.sendall(bytes.fromhex(sys.argv[2])); print(line.recv(100))"
    )
    content = b'{"verb": "echo", "arguments": {}}'
    order = (LENGTH.pack(len(content)) + content).hex()
    python = Path("/usr/bin/python3")
    if not python.exists():
        pytest.skip("Another user needs a Python of the system's own.")
    command = [need("setpriv"), "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    done = await asyncio.to_thread(
        subprocess.run,
        [*command, python, "-c", script, tmp_path / NAME, order],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() in {"b''", ""}, done.stdout
    assert "Permission denied" not in done.stderr, "turned away by the mode, not by the server"


@pytest.mark.parametrize(
    "junk", [b"\xff\xff\xff\xff", LENGTH.pack(3) + b"{{{", b"GET / HTTP/1.1\r\n"]
)
async def test_noise_is_hung_up_on(control, tmp_path, junk):
    def shout() -> bytes:
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(os.path.relpath(tmp_path / NAME))
            line.sendall(junk)
            line.shutdown(socket.SHUT_WR)
            return line.recv(100)

    assert await asyncio.to_thread(shout) == b""
    assert await asked(tmp_path, "echo") == {"heard": {}}


async def test_a_server_that_hangs_is_said_to_hang(tmp_path, monkeypatch):
    deaf = socket.socket(socket.AF_UNIX)
    deaf.bind(os.path.relpath(tmp_path / NAME))
    deaf.listen()
    monkeypatch.setattr("jobs.control.PATIENCE", 0.1)
    with pytest.raises(Unavailable) as refusal:
        await asked(tmp_path, "echo")
    assert refusal.value.code == "server_hangs"
    deaf.close()


async def test_a_server_that_dies_meanwhile_is_said_to_be_gone(tmp_path):
    """kill -9 while it works: the command ends with a sentence."""
    program = (
        "import asyncio, os, pathlib, signal, sys\n"
        "from jobs.control import Control\n"
        "async def die(arguments): os.kill(os.getpid(), signal.SIGKILL)\n"
        "async def main():\n"
        "    await Control(pathlib.Path(sys.argv[1]), {'die': die}).open()\n"
        "    print('ready', flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, tmp_path, cwd=ROOT, stdout=subprocess.PIPE
    )
    await server.stdout.readline()
    with pytest.raises(Unavailable) as refusal:
        await asked(tmp_path, "die")
    assert refusal.value.code == "server_gone"
    await server.wait()


async def test_closing_waits_for_the_order_at_hand(tmp_path):
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(arguments):
        begun.set()
        await go_on.wait()
        return {"done": True}

    control = Control(tmp_path, {"slow": slow})
    await control.open()
    answer = asyncio.create_task(asked(tmp_path, "slow"))
    await begun.wait()
    closing = asyncio.create_task(control.close())
    go_on.set()
    assert await answer == {"done": True}
    await closing


@pytest.fixture
async def busy(home):
    """A server that is at a long order, as a backup is, and what it has done since."""
    go_on, begun, done = asyncio.Event(), asyncio.Event(), []

    async def long(arguments):
        begun.set()
        await go_on.wait()
        return {}

    async def verify(arguments):
        done.append("audit.verify")
        return {"whole": True, "entries": 7, "head": "0" * 64, "anchored": 7}

    async def version(arguments):
        return {"version": "9.9", "demo": False}

    handlers = {"backup.run": long, "audit.verify": verify, "version": version}
    control = Control(home, handlers, AT_ONCE)
    await control.open()
    backup = asyncio.create_task(asked(home, "backup.run"))
    await begun.wait()
    yield go_on, done
    go_on.set()
    await backup
    await control.close()


async def test_what_only_looks_is_answered_beside_a_long_order(busy, xinglin):
    """`version`, and with it each verb that asks whether a server runs, hung behind a backup."""
    async with asyncio.timeout(10):
        told = await asyncio.to_thread(xinglin, "version", "--json")
        assert told.answer["serving"] == "9.9"
        refused = await asyncio.to_thread(xinglin, "migrate")
    assert (refused.code, "[server_runs]" in refused.err) == (3, True)


async def test_who_stands_in_line_is_told_so(busy, xinglin):
    go_on, done = busy
    waiting = asyncio.create_task(asyncio.to_thread(xinglin, "audit", "verify"))
    await asyncio.sleep(0.3)
    assert (done, waiting.done()) == ([], False)
    go_on.set()
    told = await waiting
    assert (told.code, done) == (0, ["audit.verify"])
    assert "waits for another command" in told.err
    assert "7 entries" in told.out


async def test_an_order_whose_command_has_given_up_is_not_carried_out(busy, home):
    """Whoever pressed Ctrl-C in the line must not find a password changed an hour later."""
    go_on, done = busy
    content = b'{"verb": "audit.verify", "arguments": {}}'
    reader, writer = await asyncio.open_unix_connection(os.path.relpath(home / NAME))
    writer.write(LENGTH.pack(len(content)) + content)
    assert b"accepted" in await reader.read(100)
    writer.close()
    await writer.wait_closed()
    go_on.set()
    assert await asked(home, "version") == {"version": "9.9", "demo": False}
    assert await asked(home, "backup.run") == {}
    assert done == []


@pytest.mark.parametrize("order", [[], {"verb": []}, {"verb": None, "arguments": {}}, "version"])
async def test_an_order_of_another_shape_is_not_understood(control, tmp_path, order):
    content = json.dumps(order).encode()
    reader, writer = await asyncio.open_unix_connection(os.path.relpath(tmp_path / NAME))
    writer.write(LENGTH.pack(len(content)) + content)
    assert b"verb_unknown" in await reader.read()
    writer.close()
