"""What was sealed is opened as it was or not at all, by every profile and every older key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.crypto import MASTER_SIZE, PROFILES, Keys, new_master
from data.errors import DomainError, Invalid

MASTER = bytes(range(32))
NEXT = bytes(range(1, 33))
PROFILE_NAMES = sorted(PROFILES)


def keys(profile: str = "standard", **more: object) -> Keys:
    return Keys(MASTER, profile=profile, **more)


@pytest.mark.parametrize("profile", PROFILE_NAMES)
@given(text=st.binary(max_size=300), bound=st.binary(max_size=40))
def test_what_is_sealed_comes_back(profile, text, bound):
    """S-CRY-1."""
    sealed = keys(profile).seal("field", text, bound)
    assert keys(profile).open("field", sealed, bound) == text
    assert not (len(text) > 3 and text in sealed)


@pytest.mark.parametrize("profile", PROFILE_NAMES)
def test_no_bit_can_be_changed_unseen(profile):
    """Nor the head, which says by which key and cipher: every bit of it, one after the other."""
    sealed = keys(profile).seal("field", "张三".encode(), b"row 7")
    for place in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[place // 8] ^= 1 << place % 8
        with pytest.raises(Invalid):
            keys(profile).open("field", bytes(changed), b"row 7")


@pytest.mark.parametrize("profile", PROFILE_NAMES)
def test_no_end_can_be_cut_off_unseen(profile):
    sealed = keys(profile).seal("field", b"110101199003070011")
    for length in range(len(sealed)):
        with pytest.raises(Invalid):
            keys(profile).open("field", sealed[:length])


def test_a_value_opens_only_where_it_belongs():
    """Neither as another field's, nor moved to another row, nor by another hospital."""
    sealed = keys().seal("field:phone", b"13800000000", b"row 7")
    for label, bound, holder in (
        ("field:name", b"row 7", keys()),
        ("field:phone", b"row 8", keys()),
        ("field:phone", b"row 7", Keys(NEXT)),
    ):
        with pytest.raises(Invalid, match="sealed_value_damaged"):
            holder.open(label, sealed, bound)


def test_the_same_text_is_never_sealed_the_same_way_twice():
    assert len({keys().seal("field", b"same") for _ in range(100)}) == 100


@pytest.mark.parametrize("profile", PROFILE_NAMES)
def test_old_values_open_after_a_rotation_and_new_ones_use_the_new_key(profile):
    old = keys().seal("field", b"text")
    rotated = Keys(NEXT, version=2, profile=profile, older=((1, MASTER),))

    assert rotated.open("field", old) == b"text"
    new = rotated.seal("field", b"text")
    with pytest.raises(Invalid, match="key_version_unknown"):
        keys().open("field", new)
    assert Keys(NEXT, version=2).open("field", new) == b"text"
    with pytest.raises(Invalid, match="key_version_unknown"):
        Keys(NEXT, version=2).open("field", old)


def test_every_use_has_a_key_of_its_own():
    labels = ("db", "audit", "session", "backup", "file", "blind:phone", "blind:name")
    derived = {keys().key(label) for label in labels}
    assert len(derived) == len(labels)
    assert MASTER not in derived
    assert {len(key) for key in derived} == {MASTER_SIZE}
    assert not derived & {Keys(NEXT).key(label) for label in labels}


def test_a_derived_key_is_for_ever_the_same():
    """A change here would lock every hospital out of its own data."""
    expected = "993f8061868be8db4340c487ccd365d2d46040dbae6580cf6a7d2610b951c4b5"
    assert keys().key("db").hex() == expected


def test_a_blind_index_is_equal_for_equal_values_of_one_field_only():
    assert keys().blind("phone", "13800000000") == keys().blind("phone", "13800000000")
    others = (
        keys().blind("phone", "13800000001"),
        keys().blind("name", "13800000000"),
        Keys(NEXT).blind("phone", "13800000000"),
    )
    assert keys().blind("phone", "13800000000") not in others


@pytest.mark.parametrize("master", [b"", bytes(31), bytes(33)])
def test_a_master_of_the_wrong_length_is_refused(master):
    with pytest.raises(Invalid, match="master_key_malformed"):
        Keys(master)
    with pytest.raises(Invalid, match="master_key_malformed"):
        Keys(MASTER, older=((0, master),))


def test_an_unknown_profile_is_refused():
    with pytest.raises(Invalid, match="crypto_profile_unknown"):
        Keys(MASTER, profile="rot13")


def test_a_new_master_is_a_new_one():
    assert len({new_master() for _ in range(50)}) == 50


@pytest.mark.parametrize(
    ("profile", "message", "digest"),
    [
        # GB/T 32905-2016 appendix A.1, and FIPS 180-4's example for "abc"
        ("gm", b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
        ("standard", b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ],
)
def test_hashes_are_those_of_the_standards(profile, message, digest):
    assert PROFILES[profile].digest(message).hex() == digest


def test_the_national_cipher_is_sm4_gcm_as_rfc_8998_has_it():
    """RFC 8998, appendix A.1."""
    key = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
    text = bytes.fromhex(
        "AAAAAAAAAAAAAAAABBBBBBBBBBBBBBBBCCCCCCCCCCCCCCCCDDDDDDDDDDDDDDDD"
        "EEEEEEEEEEEEEEEEFFFFFFFFFFFFFFFFEEEEEEEEEEEEEEEEAAAAAAAAAAAAAAAA"
    )
    bound = bytes.fromhex("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2")
    nonce = bytes.fromhex("00001234567800000000ABCD")
    sealed = PROFILES["gm"].seal(key, nonce, text, bound)
    assert sealed.hex().upper() == (
        "17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735"
        "D82710CA5C22F0CCFA7CBF93D496AC15A56834CBCF98C397B4024A2691233B8D"
        "83DE3541E4C2B58177E065A9BF7B62EC"
    )


@given(sealed=st.binary(max_size=80))
def test_anything_that_was_not_sealed_is_refused_with_a_code(sealed):
    with pytest.raises(DomainError):
        keys().open("field", sealed)
