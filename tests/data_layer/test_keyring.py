"""The master key is well kept, and a sheet of paper brings it back."""

import os
import random
import stat
from itertools import pairwise

import pytest

from data.crypto import Keys
from data.errors import Conflict, DomainError, Invalid, NotFound
from data.keyring import ALPHABET, KeyFile, Keyring, Share

NOWHERE: dict[str, str] = {}


@pytest.fixture
def ring(tmp_path):
    return Keyring(tmp_path / "master.key", NOWHERE)


def refusal(of, *args) -> DomainError:
    with pytest.raises(DomainError) as caught:
        of(*args)
    return caught.value


def test_a_new_key_is_readable_by_its_owner_alone(ring):
    file, _ = ring.create()

    assert stat.S_IMODE(ring.path.stat().st_mode) == 0o400
    assert stat.S_IMODE(ring.wrapped_path.stat().st_mode) == 0o400
    assert ring.load() == file
    assert sorted(path.name for path in ring.path.parent.iterdir()) == [
        "master.key",
        "recovery.json",
    ]


def test_a_key_is_never_replaced_by_creating_one(ring):
    ring.create()
    before = ring.path.read_bytes()

    assert refusal(ring.create).code == "master_key_exists"
    assert isinstance(refusal(ring.create), Conflict)
    assert ring.path.read_bytes() == before


@pytest.mark.parametrize("mode", [0o440, 0o404, 0o644, 0o420, 0o401])
def test_a_key_others_could_read_is_refused_with_its_mode(ring, mode):
    ring.create()
    ring.path.chmod(mode)

    error = refusal(ring.load)
    assert error.code == "master_key_readable_by_others"
    assert error.details["mode"] == f"{mode:04o}"


def test_a_missing_key_is_missing_not_a_traceback(ring):
    assert refusal(ring.load).code == "master_key_missing"
    assert isinstance(refusal(ring.load), NotFound)


@pytest.mark.parametrize(
    "text",
    [
        *("", "xinglin-keys 1\n", "abc", "00" * 31, "00" * 33, "xinglin-keys 1\n1 " + "0" * 62),
        *("xinglin-keys 2\n1 " + "0" * 64, "xinglin-keys 1\n0 " + "0" * 64),
        *("xinglin-keys 1\n256 " + "0" * 64, "钥匙"),
        f"xinglin-keys 1\n1 {'0' * 64}\n2 {'0' * 64}",
    ],
)
def test_a_malformed_key_is_refused(ring, text):
    ring.path.write_text(text)
    ring.path.chmod(0o400)

    assert refusal(ring.load).code == "master_key_malformed"


def test_systemd_hands_the_key_over_before_any_file(ring, tmp_path):
    ring.create()
    given = KeyFile.new()
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "master.key").write_text(given.text())
    environment = {"CREDENTIALS_DIRECTORY": str(folder), "XINGLIN_MASTER": "00" * 32}

    assert Keyring(ring.path, environment).load() == given


def test_the_variable_may_hold_the_digits_of_one_key(ring):
    loaded = Keyring(ring.path, {"XINGLIN_MASTER": "ab" * 32}).load()

    assert loaded.keys("gm") == Keys(bytes.fromhex("ab" * 32), profile="gm")


def test_an_older_version_still_opens_what_it_sealed(ring):
    file, _ = ring.create()
    sealed = file.keys().seal("field", b"x")
    ring.replace(file.rotated())

    keys = ring.load().keys()
    assert keys.version == 2
    assert keys.open("field", sealed) == b"x"
    assert keys.seal("field", b"x")[1] == 2


def test_an_interrupted_write_leaves_the_old_key(ring, monkeypatch):
    file, _ = ring.create()
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(OSError, match="No space"):
        ring.replace(file.rotated())
    monkeypatch.undo()

    assert ring.load() == file
    assert not list(ring.path.parent.glob(".*"))


def test_paper_alone_opens_what_travels_with_the_backup(ring):
    file, share = ring.create()

    assert ring.verify(share.text) == file
    assert share.key.hex() not in ring.wrapped()
    assert dict(file.masters)[1].hex() not in ring.wrapped()


def test_the_share_may_be_typed_as_people_type(ring):
    file, share = ring.create()
    text = share.text

    for typed in (
        text.lower(),
        text.replace("-", " "),
        text.replace("-", ""),
        "\n".join(share.groups),
        text.replace("0", "O").replace("1", "l"),
    ):
        assert ring.verify(typed) == file


def test_every_wrong_sign_is_found_and_its_group_named():
    """All 31 other signs at all 70 places."""
    share = Share.new()
    groups = share.groups
    for place, group in enumerate(groups):
        for at, sign in enumerate(group):
            for other in ALPHABET.replace(sign, ""):
                typed = list(groups)
                typed[place] = group[:at] + other + group[at + 1 :]
                error = refusal(Share.read, "-".join(typed))
                assert (error.code, error.details["groups"]) == (
                    "recovery_share_typo",
                    str(place + 1),
                )


def test_swapped_signs_and_swapped_groups_are_found():
    groups = Share.new().groups
    for place, group in enumerate(groups):
        for at, (one, other) in enumerate(pairwise(group)):
            if one != other:
                typed = list(groups)
                typed[place] = group[:at] + other + one + group[at + 2 :]
                assert refusal(Share.read, " ".join(typed)).details["groups"] == str(place + 1)
    for first, second in pairwise(range(14)):
        typed = list(groups)
        typed[first], typed[second] = typed[second], typed[first]
        assert refusal(Share.read, " ".join(typed)).details["groups"] == (
            f"{first + 1}, {second + 1}"
        )


def test_a_missing_group_and_a_missing_sign_are_told_apart():
    share = Share.new()
    error = refusal(Share.read, "-".join(share.groups[:-1]))
    assert (error.code, error.details["groups"]) == ("recovery_share_incomplete", 13)

    short = [*share.groups[:4], share.groups[4][:-1], *share.groups[5:]]
    assert refusal(Share.read, "-".join(short)).details["groups"] == "5"
    assert refusal(Share.read, "").code == "recovery_share_incomplete"


def test_random_shares_survive_paper():
    chance = random.Random(20260302)  # the same shares each time
    for _ in range(300):
        share = Share(chance.randbytes(32))
        assert Share.read(share.text) == share
        assert len(share.text) == 14 * 5 + 13


def test_another_houses_share_is_told_by_its_number(ring):
    ring.create()
    other = Share.new()

    error = refusal(ring.verify, other.text)
    assert error.code == "recovery_share_wrong"
    assert error.details["number"] == other.number


def test_a_damaged_wrapping_is_not_taken_for_a_wrong_share(ring):
    _, share = ring.create()
    wrapped = ring.wrapped()
    flipped = wrapped[:60] + ("A" if wrapped[60] != "A" else "B") + wrapped[61:]
    for damaged in (wrapped[:-20], flipped, "{}"):
        assert refusal(share.unwrap, damaged).code == "recovery_wrapping_damaged"
    assert isinstance(refusal(share.unwrap, "{}"), Invalid)


def test_verifying_without_a_share_says_that_none_was_made(ring):
    assert refusal(ring.verify, Share.new().text).code == "recovery_share_never_made"
