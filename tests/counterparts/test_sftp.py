"""Copies go to another machine over SFTP: Debian's openssh-server, and only to the right one."""

import asyncio

import pytest

from data.errors import DomainError, Invalid, NotFound, Unavailable
from integrations.backup_targets import chosen
from integrations.folder import FolderTarget
from integrations.sftp import SftpAccount, SftpTarget
from services.settings import BackupSettings, Settings
from tests.peers import free_port, need, need_root
from tests.peers_sftp import keygen, private_sshd


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    need("ssh-keygen")
    need("sshd")
    with private_sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


def account(server, **other):
    given = {"key": server.key, "known_hosts": server.known_hosts, **other}
    return SftpAccount.of(given.pop("url", server.url), **given)


@pytest.fixture(params=["folder", "sftp"])
async def target(request, tmp_path):
    """The one suite both targets pass."""
    if request.param == "folder":
        yield FolderTarget(tmp_path / "copies")
        return
    target = SftpTarget(account(request.getfixturevalue("server"), url=url_of(request, tmp_path)))
    yield target
    await target.close()


def url_of(request, tmp_path) -> str:
    server = request.getfixturevalue("server")
    return f"sftp://root@127.0.0.1:{server.port}{tmp_path}/copies".replace(
        "root@", server.url.split("//")[1].split("@")[0] + "@"
    )


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source"
    path.write_bytes(bytes(range(256)) * 9000)
    return path


async def refusal(of) -> DomainError:
    with pytest.raises(DomainError) as caught:
        await of
    return caught.value


async def test_what_was_put_comes_back(target, source, tmp_path):
    await target.put("night/base.db", source)
    await target.put("files/ab/one", source)
    await target.fetch("night/base.db", tmp_path / "back")

    assert (tmp_path / "back").read_bytes() == source.read_bytes()
    assert await target.names("") == ["files/ab/one", "night/base.db"]
    assert await target.names("files") == ["files/ab/one"]
    assert await target.names("nothing/here") == []
    assert (tmp_path / "copies/night/base.db").stat().st_mode & 0o077 == 0


async def test_putting_again_replaces_the_whole_file(target, source, tmp_path):
    await target.put("a/b", source)
    source.write_bytes(b"shorter")
    await target.put("a/b", source)
    await target.fetch("a/b", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == b"shorter"


async def test_removing_takes_the_empty_folder_along_and_may_be_repeated(target, source, tmp_path):
    await target.put("a/one", source)
    await target.put("a/two", source)
    await target.remove("a/one")
    assert await target.names("") == ["a/two"]
    await target.remove("a/two")
    await target.remove("a/two")
    assert await target.names("") == []
    assert not (tmp_path / "copies/a").exists()


async def test_what_is_not_there_is_missing(target, tmp_path):
    error = await refusal(target.fetch("no/such", tmp_path / "back"))
    assert (type(error), error.code) == (NotFound, "backup_part_missing")


@pytest.mark.parametrize("name", ["../outside", "a/../../outside", "/etc/passwd"])
async def test_no_name_leads_out_of_the_target(target, source, name):
    assert (await refusal(target.put(name, source))).code == "backup_target_refuses"


async def test_an_upload_broken_off_leaves_nothing_that_counts(target, source, tmp_path):
    target._pace = 200_000
    task = asyncio.create_task(target.put("a/b", source))
    await asyncio.sleep(0.4)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await target.names("") == []


async def test_a_full_target_says_so_and_keeps_what_it_had(target, source, tmp_path):
    """Bad input: a full target."""
    need_root()
    place = tmp_path / "copies"
    place.mkdir(exist_ok=True)
    mounting = await asyncio.create_subprocess_exec(
        str(need("mount")), "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)
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
        await (await asyncio.create_subprocess_exec("umount", str(place))).wait()


async def test_a_machine_with_another_host_key_gets_nothing(server, source, tmp_path):
    """Somebody who answers at the address of our backup host is not that host yet."""
    other = keygen(tmp_path / "other").split()
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{server.port} {other[0]} {other[1]}\n")
    error = await refusal(SftpTarget(account(server, known_hosts=known)).put("a", source))
    assert error.code == "backup_host_unknown"
    known.write_text("")
    error = await refusal(SftpTarget(account(server, known_hosts=known)).put("a", source))
    assert error.code == "backup_host_unknown"
    assert list(server.root.iterdir()) == []


async def test_a_key_that_is_not_let_in_is_told_apart_from_a_missing_one(server, source, tmp_path):
    keygen(tmp_path / "stranger")
    for key in (tmp_path / "stranger", tmp_path / "missing"):
        error = await refusal(SftpTarget(account(server, key=key)).put("a", source))
        assert (type(error), error.code) == (Invalid, "backup_target_refuses")


async def test_a_machine_that_does_not_answer_is_unreachable(server, source):
    url = server.url.replace(str(server.port), str(free_port()))
    error = await refusal(SftpTarget(account(server, url=url)).put("a", source))
    assert (type(error), error.code) == (Unavailable, "backup_target_unreachable")


async def test_a_server_that_came_back_is_used_again(tmp_path, source):
    with private_sshd(tmp_path / "sshd") as server:
        target = SftpTarget(account(server))
        await target.put("one", source)
        server.stop()
        await target.close()
        assert (await refusal(target.put("two", source))).code == "backup_target_unreachable"
        server.start()
        await target.put("two", source)
        assert await target.names("") == ["one", "two"]
        await target.close()


@pytest.mark.parametrize(
    "url", ["sftp://host/path", "sftp://user:secret@host/path", "ftp://user@host/", "sftp:///x"]
)
def test_a_malformed_address_is_refused(url, tmp_path):
    with pytest.raises(Invalid) as caught:
        SftpAccount.of(url, tmp_path, tmp_path)
    assert caught.value.code == "backup_target_malformed"


def test_the_setting_chooses_the_target(tmp_path):
    def target(**backup):
        return chosen(Settings(home=tmp_path, backup=BackupSettings(**backup)))

    assert target().place == str(tmp_path / "backup")
    assert target(target="/mnt/disk").place == "/mnt/disk"
    ssh = {"ssh_key": tmp_path / "k", "ssh_known_hosts": tmp_path / "h"}
    assert target(target="sftp://b@nas:2022/x", **ssh).place == "sftp://b@nas:2022/x"
    with pytest.raises(Invalid) as caught:
        target(target="sftp://b@nas/x")
    assert caught.value.code == "backup_target_without_keys"
