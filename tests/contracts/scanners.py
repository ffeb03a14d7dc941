"""Every adapter of the port `Scanner`, each with the other end of its line: one line joins."""

import asyncio
import hashlib
import os
import pwd
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from integrations.clamd import ClamdScanner
from services.ports import Scanner
from tests.peers import need

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR" + rb"-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
"""The harmless file that every scanner takes for a virus; in two parts, or it would be taken."""

CONFIG = """
DatabaseDirectory {folder}/signatures
LocalSocket {folder}/clamd.ctl
TemporaryDirectory {folder}
Foreground yes
StreamMaxLength 4M
MaxThreads 2
{user}
"""


@asynccontextmanager
async def clamd() -> AsyncIterator[Scanner]:
    """Run ClamAV's daemon with one signature of our own: the national databases are not here."""
    program = need("clamd")
    folder = Path(tempfile.mkdtemp(prefix="xinglin-clamd-"))
    (folder / "signatures").mkdir()
    digest = hashlib.md5(EICAR).hexdigest()  # noqa: S324 - the format of its signatures
    (folder / "signatures" / "test.hdb").write_text(f"{digest}:{len(EICAR)}:Eicar-Test\n")
    config = folder / "clamd.conf"
    config.write_text(CONFIG.format(folder=folder, user=_user(folder)))
    process = await asyncio.create_subprocess_exec(
        str(program), "--config-file", str(config), stdout=asyncio.subprocess.DEVNULL
    )
    try:
        await _listening(folder / "clamd.ctl", process)
        yield ClamdScanner(str(folder / "clamd.ctl"))
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _user(folder: Path) -> str:
    """As root the daemon becomes its own user, who must be able to read its folder."""
    if os.geteuid() != 0:
        return ""
    account = pwd.getpwnam("clamav")
    for path in (folder, folder / "signatures", folder / "signatures" / "test.hdb"):
        os.chown(path, account.pw_uid, account.pw_gid)
    return "User clamav"


async def _listening(socket: Path, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(60):
        while not socket.exists():
            assert process.returncode is None, "clamd did not start"
            await asyncio.sleep(0.05)  # another process: nothing to wait on but its socket


ADAPTERS: dict[str, Callable[[], AbstractAsyncContextManager[Scanner]]] = {"clamd": clamd}
