"""What every backup target promises, whoever made it. (R041, R058, S-BCK-1)"""

import asyncio

import pytest

from data.errors import DomainError, NotFound, Unavailable
from tests.contracts.targets import ADAPTERS
from tests.peers import need, need_root


@pytest.fixture(params=ADAPTERS)
async def bench(request, tmp_path):
    async with ADAPTERS[request.param](tmp_path) as bench:
        yield bench


@pytest.fixture
def target(bench):
    return bench.target


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source"
    path.write_bytes(bytes(range(256)) * 9000)
    return path


async def refusal(of) -> DomainError:
    with pytest.raises(DomainError) as caught:
        await of
    return caught.value


async def test_what_was_put_comes_back(bench, target, source, tmp_path):
    await target.put("night/base.db", source)
    await target.put("files/ab/one", source)
    await target.fetch("night/base.db", tmp_path / "back")

    assert (tmp_path / "back").read_bytes() == source.read_bytes()
    assert await target.names("") == ["files/ab/one", "night/base.db"]
    assert await target.names("files") == ["files/ab/one"]
    assert await target.names("nothing/here") == []
    assert (bench.there / "night/base.db").stat().st_mode & 0o077 == 0
    assert (tmp_path / "back").stat().st_mode & 0o077 == 0


async def test_several_are_put_at_once(target, source):
    names = [f"files/{n}" for n in range(4)]
    await asyncio.gather(*(target.put(name, source) for name in names))
    assert await target.names("") == names


async def test_putting_again_replaces_the_whole_file(target, source, tmp_path):
    await target.put("a/b", source)
    source.write_bytes(b"shorter")
    await target.put("a/b", source)
    await target.fetch("a/b", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"shorter"


async def test_removing_takes_the_empty_folder_along_and_may_be_repeated(bench, target, source):
    await target.put("a/one", source)
    await target.put("a/two", source)
    await target.remove("a/one")
    assert await target.names("") == ["a/two"]
    await target.remove("a/two")
    await target.remove("a/two")
    assert await target.names("") == []
    assert not (bench.there / "a").exists()


async def test_what_is_not_there_is_missing(target, tmp_path):
    error = await refusal(target.fetch("no/such", tmp_path / "back"))
    assert (type(error), error.code) == (NotFound, "backup_part_missing")


@pytest.mark.parametrize("name", ["../outside", "a/../../outside", "/etc/passwd"])
async def test_no_name_leads_out_of_the_target(target, source, name, tmp_path):
    for act in (
        target.put(name, source),
        target.fetch(name, tmp_path / "back"),
        target.remove(name),
        target.names(name),
    ):
        assert (await refusal(act)).code == "backup_target_refuses"


async def test_an_upload_broken_off_leaves_nothing_that_counts(bench, target, source, tmp_path):
    """Whole or not at all, and what was there before stays."""
    old = tmp_path / "old"
    old.write_bytes(b"of last night")
    await target.put("a/b", old)
    task = asyncio.create_task(bench.slow.put("a/b", source))
    await asyncio.sleep(0.4)  # time for part of the 2.3 MB
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await target.names("") == ["a/b"]
    await target.fetch("a/b", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"of last night"


async def test_a_full_target_says_so_and_keeps_what_it_had(bench, target, source, tmp_path):
    """Bad input: a full disk."""
    need_root()
    bench.there.mkdir(exist_ok=True)
    mounting = await asyncio.create_subprocess_exec(
        str(need("mount")), "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(bench.there)
    )
    if await mounting.wait():
        pytest.skip("A file system of our own cannot be mounted here.")
    try:
        small = tmp_path / "small"
        small.write_bytes(b"kept")
        await target.put("a/kept", small)
        error = await refusal(target.put("a/large", source))
        assert (type(error), error.code) == (Unavailable, "backup_target_full")
        assert await target.names("") == ["a/kept"]
    finally:
        await target.close()
        await (await asyncio.create_subprocess_exec("umount", str(bench.there))).wait()


async def test_a_place_that_does_not_answer_is_unreachable(bench, target, source):
    await target.put("a/b", source)
    await target.close()
    bench.is_gone()
    error = await refusal(target.put("a/c", source))
    assert (type(error), error.code) == (Unavailable, "backup_target_unreachable")


async def test_after_closing_the_next_call_begins_anew(target, source):
    await target.put("a", source)
    await target.close()
    await target.close()
    assert await target.names("") == ["a"]


def test_it_says_where_it_is(bench):
    assert str(bench.there) in bench.target.place
