"""Copies go over SFTP to Debian's openssh-server, and only to the right machine.

What every backup target promises is in tests/contracts/test_backup_target.py.
"""

import pytest

from data.errors import DomainError, Invalid, Unavailable
from integrations.backup_targets import chosen
from integrations.sftp import SftpAccount, SftpTarget
from services.settings import BackupSettings, Settings
from tests.peers import free_port, need
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


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source"
    path.write_bytes(bytes(range(256)) * 9000)
    return path


async def refusal(of) -> DomainError:
    with pytest.raises(DomainError) as caught:
        await of
    return caught.value


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
    "url",
    [
        *("sftp://host/path", "sftp://user:secret@host/path", "ftp://user@host/", "sftp:///x"),
        *("sftp://user@host:port/x", "sftp://[host/x", "sftp://user@host:99999/x"),
    ],
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
