"""A folder that a person names at the machine, and that the server is to write to (导出位置).

The server may see another one of that name: systemd gives a service a /tmp of its own, hides /home
and makes the rest read-only. So the command leaves a token in the folder, and the server takes it
away before it begins: only then do both mean the same folder, and it may be written.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from data.clock import new_id
from data.errors import Conflict


@contextmanager
def offered(folder: Path) -> Iterator[str]:
    """Make the folder if there is none, and yield the name of the token in it while it is there.

    A folder made here that is empty afterwards goes again.
    """
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    token = folder / f".xinglin-{new_id().hex}"
    token.touch()
    try:
        yield token.name
    finally:
        token.unlink(missing_ok=True)
        if made:
            with suppress(OSError):  # not empty: something was written
                folder.rmdir()


def take(folder: Path, token: str) -> None:
    """Take the token away; raise `Conflict` where this process does not see it or may not write."""
    try:
        (folder / Path(token).name).unlink()
    except OSError:
        raise Conflict("folder_out_of_reach", folder=str(folder)) from None
