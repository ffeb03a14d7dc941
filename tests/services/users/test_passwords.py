"""What may be a password, and what is kept of one. (S-AUTH-1)"""

import asyncio

import pytest

from data.crypto import Keys
from data.errors import Invalid, TooMany
from services.policy_settings import PolicySettings
from services.users.passwords import MOST_WAITING, Cost, Hasher, check, faults
from services.users.standards import Standards
from tests.conftest import MASTER

STANDARDS = Standards(PolicySettings(None, None))


@pytest.fixture
def hasher():
    hasher = Hasher(Keys(MASTER))
    yield hasher
    hasher.close()


@pytest.mark.parametrize(
    "good", ["Sommer-wind 7", "杏林春暖满园Q7", "vK9!tzpq", "dark.Horse.42.staple"]
)
def test_a_good_password_has_no_fault(good):
    """S-AUTH-1."""
    assert faults(good, "lihua", STANDARDS, admin=False) == []


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ("vK9!tzp", "password_too_short"),
        ("vK9!" * 40, "password_too_long"),
        ("kqmwzntrvb", "password_too_plain"),
        ("kqmwz7ntrv", "password_too_plain"),
        ("xLiHua!93kq", "password_contains_username"),
        ("P@ssw0rd2024", "password_too_common"),
        ("Woaini5201314!", "password_too_common"),
        ("Yiyuan@2024", "password_too_common"),
        ("Abcd1234!", "password_too_common"),
        ("1qaz@WSX3edc", "password_too_common"),
        ("Qwer!234", "password_too_common"),
        ("AAaa1111!", "password_too_common"),
        ("Admin@123", "password_too_common"),
    ],
)
def test_a_bad_password_is_refused_with_its_reason(bad, code):
    """S-AUTH-1: length, three of four classes, no common word, not the user name."""
    with pytest.raises(Invalid) as refusal:
        check(bad, "lihua", STANDARDS, admin=False)
    assert refusal.value.code == code


def test_an_administrators_password_is_longer():
    """S-AUTH-1: at least 10 for administrators."""
    assert faults("vK9!tzpqm", "lihua", STANDARDS, admin=False) == []
    [fault] = faults("vK9!tzpqm", "lihua", STANDARDS, admin=True)
    assert (fault.code, fault.details) == ("password_too_short", {"least": 10})


async def test_only_the_password_itself_matches_what_is_kept(hasher):
    kept = await hasher.hash("vK9!tzpq")

    assert "vK9" not in kept
    assert await hasher.verify(kept, "vK9!tzpq")
    assert not await hasher.verify(kept, "vK9!tzpQ")
    assert not await hasher.verify(None, "vK9!tzpq")
    assert not await hasher.verify(None, "nobody has this password")


async def test_a_stolen_table_is_worthless_without_the_pepper(hasher):
    kept = await hasher.hash("vK9!tzpq")
    thief = Hasher(Keys(bytes(32)))

    assert not await thief.verify(kept, "vK9!tzpq")
    thief.close()


async def test_an_older_key_still_opens_and_is_renewed(hasher):
    kept = await hasher.hash("vK9!tzpq")
    rotated = Hasher(Keys(bytes(range(1, 33)), version=2, older=((1, MASTER),)))

    assert await rotated.verify(kept, "vK9!tzpq")
    assert rotated.outdated(kept)
    assert not hasher.outdated(kept)
    rotated.close()


async def test_a_cheaper_hash_of_old_is_renewed(hasher):
    old = Hasher(Keys(MASTER), Cost(memory_kib=64, passes=1))
    kept = await old.hash("vK9!tzpq")

    assert hasher.outdated(kept)
    assert await hasher.verify(kept, "vK9!tzpq")
    old.close()


async def test_a_flood_is_turned_away_and_the_loop_goes_on(hasher):
    """R032: bounded, and refused with a time to come back."""
    kept = await hasher.hash("vK9!tzpq")
    crowd = [asyncio.ensure_future(hasher.verify(kept, "x")) for _ in range(MOST_WAITING + 5)]
    await asyncio.sleep(0)

    answers = await asyncio.gather(*crowd, return_exceptions=True)

    refused = [answer for answer in answers if isinstance(answer, TooMany)]
    assert len(refused) == 5
    assert {(refusal.code, refusal.details["retry_after"]) for refusal in refused} == {
        ("sign_in_busy", 2)
    }
    assert hasher.waiting == 0
    assert await hasher.verify(kept, "vK9!tzpq")
