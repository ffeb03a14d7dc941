"""The institution and its sites: what is written about them, and who may write it. (R-ORG-1)"""

import asyncio
from dataclasses import replace
from datetime import date

import pytest

from data.errors import Conflict, Forbidden, Invalid, NotFound
from services.institution import (
    NewInstitution,
    NewSite,
    checked_phone,
    checked_uscc,
    founded,
    uscc_check_digit,
)
from services.policy import ANYBODY, HOUSE, Role
from tests.factories import an_actor

HOSPITAL = NewInstitution(
    name="示范县人民医院(测试)",
    uscc="12330000470003281H",
    licence_number="PDY00271X35010017A1001",
    licence_valid_to=date(2027, 12, 31),
    phone="0571-87654321",
)


@pytest.fixture
async def system(clinic):
    """The system administrator of an institution that has been founded."""
    async with clinic.transactions.open(HOUSE) as tx:
        row = await founded(tx, HOSPITAL)
    return an_actor(Role.SYSTEM_ADMIN, institution_id=row.id)


@pytest.mark.parametrize("code", ["91110000600037341L", "12330000470003281H"])
def test_a_social_credit_code_has_a_check_digit(code):
    """GB 32100-2015."""
    assert uscc_check_digit(code) == code[17]
    assert checked_uscc(f" {code.lower()} ") == code


def test_every_single_wrong_character_shows():
    """GB 32100-2015: mod 31 with weights that are powers of three."""
    code = "91110000600037341L"
    for place in range(18):
        wrong = "1" if code[place] != "1" else "2"
        with pytest.raises(Invalid, match="uscc_check_digit_wrong"):
            checked_uscc(code[:place] + wrong + code[place + 1 :])


@pytest.mark.parametrize("code", ["", "9111", "9111000060003734IL", "91110000600037341L0", "９１"])
def test_what_is_no_code_is_malformed(code):
    with pytest.raises(Invalid, match="uscc_malformed"):
        checked_uscc(code)


@pytest.mark.parametrize(
    "phone",
    ["", "13812341234", "138 1234 1234", "0571-87654321", "010-62345678-12", "120", "12345"],
)
def test_phones_of_the_mainland_are_taken(phone):
    assert checked_phone(phone) == phone.replace(" ", "")


@pytest.mark.parametrize("phone", ["23812341234", "138123", "+8613812341234", "abc", "0571"])
def test_other_phones_are_not(phone):
    with pytest.raises(Invalid, match="phone_malformed"):
        checked_phone(phone)


async def test_anybody_may_read_who_we_are(clinic, system):
    house = await clinic.institutions.read(ANYBODY)
    assert (house.id, house.details) == (system.institution_id, HOSPITAL)


async def test_before_the_founding_there_is_nothing_to_read(clinic):
    with pytest.raises(NotFound, match="institution_not_founded"):
        await clinic.institutions.read(ANYBODY)


async def test_the_system_administrator_changes_it(clinic, system):
    version = (await clinic.institutions.read(system)).version
    new = replace(HOSPITAL, name=" 示范县  中医院 ", licence_valid_to=date(2028, 1, 1))

    await clinic.institutions.change(system, new, version)

    house = await clinic.institutions.read(system)
    assert (house.details.name, house.details.licence_valid_to) == (
        "示范县 中医院",
        date(2028, 1, 1),
    )
    with pytest.raises(Conflict, match="changed_meanwhile"):  # Bad input: a stale page
        await clinic.institutions.change(system, HOSPITAL, version)


@pytest.mark.parametrize("role", [Role.SECURITY_ADMIN, Role.AUDIT_ADMIN, Role.HR, Role.DOCTOR])
async def test_nobody_else_changes_anything(clinic, system, role):
    """R042."""
    other = an_actor(role, institution_id=system.institution_id)
    with pytest.raises(Forbidden):
        await clinic.institutions.change(other, HOSPITAL, 1)
    with pytest.raises(Forbidden):
        await clinic.institutions.add_site(other, NewSite("北院"))


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"name": " "}, "name_needed"),
        ({"uscc": "12330000470003281J"}, "uscc_check_digit_wrong"),
        ({"phone": "abc"}, "phone_malformed"),
    ],
)
async def test_what_is_malformed_changes_nothing(clinic, system, wrong, code):
    with pytest.raises(Invalid) as refused:
        await clinic.institutions.change(system, replace(HOSPITAL, **wrong), 1)
    assert refused.value.code == code
    assert (await clinic.institutions.read(system)).details == HOSPITAL


async def test_sites_open_change_and_close(clinic, system):
    """One institution, several places of work (院区)."""
    institutions = clinic.institutions
    north = await institutions.add_site(system, NewSite("北院", "解放路 1 号", "0571-87654322"))
    await institutions.add_site(system, NewSite("南院"))
    [first, _] = await institutions.sites(system)
    assert (first.id, first.details.address) == (north, "解放路 1 号")

    await institutions.change_site(system, north, NewSite("新北院"), first.version)
    with pytest.raises(Conflict, match="changed_meanwhile"):
        await institutions.change_site(system, north, NewSite("旧北院"), first.version)
    await institutions.close_site(system, north)

    assert [place.details.name for place in await institutions.sites(system)] == ["南院"]
    everything = await institutions.sites(system, closed=True)
    assert {place.details.name for place in everything if place.closed_at} == {"新北院"}
    with pytest.raises(Forbidden):  # what is deleted is not changed any more
        await institutions.close_site(system, north)


async def test_a_name_is_one_sites_alone(clinic, system):
    institutions = clinic.institutions
    adding = [institutions.add_site(system, NewSite("北院")) for _ in range(4)]
    answers = await asyncio.gather(*adding, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, Conflict)]
    assert [answer.code for answer in refused] == ["site_name_taken"] * 3

    south = await institutions.add_site(system, NewSite("南院"))
    with pytest.raises(Conflict, match="site_name_taken"):
        await institutions.change_site(system, south, NewSite("北院"), 1)
    await institutions.change_site(system, south, NewSite("南院", "解放路 2 号"), 1)


async def test_a_site_of_another_institution_is_out_of_reach(clinic, system):
    site = await clinic.institutions.add_site(system, NewSite("北院"))
    stranger = an_actor(Role.SYSTEM_ADMIN)
    with pytest.raises(Forbidden):
        await clinic.institutions.close_site(stranger, site)
    assert await clinic.institutions.sites(stranger) == []


async def test_demo_settings_do_not_open_a_real_hospital(clinic, system):
    """A demo shows everybody's messages: it must never stand over real patients."""
    await clinic.institutions.require_one_world(demo=False)
    with pytest.raises(Forbidden, match="demo_over_real_house"):
        await clinic.institutions.require_one_world(demo=True)
