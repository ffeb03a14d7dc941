"""Who sends slowly keeps nobody else waiting, and no turn, session or disk for ever. (R032)"""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from data.errors import Invalid, TooMany, Unavailable
from services import uploads
from services.policy import Actor, Role
from tests.factories import an_actor
from tests.services.test_uploads import a_photo, stream

pytestmark = pytest.mark.sqlite

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def nothing_is_left(clinic):
    yield
    clinic.uploads.close()
    incoming = clinic.settings.home / "incoming"
    assert not incoming.exists() or not list(incoming.iterdir()), "a temporary file was left"


async def a_beginning(begun: asyncio.Event) -> AsyncIterator[bytes]:
    """Send the head of a photo, and then nothing more."""
    begun.set()
    yield a_photo()[:300]
    await asyncio.Event().wait()


@asynccontextmanager
async def stalled(clinic, *senders: Actor) -> AsyncIterator[None]:
    """Have everybody in `senders` begin a file and fall silent."""
    begun = [asyncio.Event() for _ in senders]
    sending = [
        asyncio.ensure_future(clinic.uploads.receive(sender, a_beginning(each)))
        for sender, each in zip(senders, begun, strict=True)
    ]
    async with asyncio.timeout(5):
        for each in begun:
            await each.wait()
    yield
    for task in sending:
        task.cancel()
    await asyncio.gather(*sending, return_exceptions=True)


async def test_slow_senders_keep_nobody_waiting(clinic):
    slow = [an_actor(Role.PATIENT) for _ in range(uploads.AT_ONCE + 2)]
    async with stalled(clinic, *slow), asyncio.timeout(20):
        received = await clinic.uploads.receive(an_actor(Role.PATIENT), stream(a_photo()))
    assert received.media_type == "image/jpeg"


async def test_who_falls_silent_is_let_go(clinic, monkeypatch):
    monkeypatch.setattr(uploads, "SILENCE_SECONDS", 0.05)
    with pytest.raises(Invalid) as refused:
        async with asyncio.timeout(5):
            sent = a_beginning(asyncio.Event())
            await clinic.uploads.receive(an_actor(Role.PATIENT), sent)
    assert refused.value.code == "upload_stalled"


async def test_a_trickle_is_cut_off_once_its_grace_is_over(clinic, monkeypatch):
    monkeypatch.setattr(uploads, "GRACE_SECONDS", -10.0)
    with pytest.raises(Invalid) as refused:
        await clinic.uploads.receive(an_actor(Role.PATIENT), stream(a_photo()[:1000], piece=100))
    assert refused.value.code == "upload_stalled"


async def test_one_person_sends_a_few_files_at_once_and_no_more(clinic):
    one = an_actor(Role.PATIENT)
    async with stalled(clinic, *[one] * uploads.OF_ONE):
        with pytest.raises(TooMany) as refused:
            await clinic.uploads.receive(one, stream(a_photo()))
        assert refused.value.details["retry_after"]
        assert await clinic.uploads.receive(an_actor(Role.PATIENT), stream(a_photo()))
    assert await clinic.uploads.receive(one, stream(a_photo()))


async def test_a_house_with_its_hands_full_says_so(clinic, monkeypatch):
    monkeypatch.setattr(uploads, "IN_HAND", 2)
    async with stalled(clinic, an_actor(Role.PATIENT), an_actor(Role.PATIENT)):
        with pytest.raises(Unavailable, match="busy"):
            await clinic.uploads.receive(an_actor(Role.PATIENT), stream(a_photo()))


GROWN = """
import sys
from pathlib import Path
from services import cleaning
cleaning.CLEAN_BYTES = 10_000
cleaning.confine()
try:
    cleaning.clean("application/dicom", Path(sys.argv[1]), Path(sys.argv[2]))
except cleaning.Unclean as problem:
    print(problem.code)
"""


@pytest.mark.parametrize(("size", "said"), [(9_000, ""), (11_000, "file_too_complex")])
def test_a_clean_copy_cannot_fill_the_disk(tmp_path, size, said):
    """What cleaning writes is bounded, whatever a file unpacks to."""
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(bytes(size))
    command = [sys.executable, "-c", GROWN, str(source), str(target)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == said
