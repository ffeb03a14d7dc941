"""How far a role at one site reaches: over its site, not over who counts beyond it. (R042)"""

from dataclasses import replace

import pytest

from data.errors import Forbidden, NotFound
from data.users import User, UserKind
from services.institution import NewSite
from services.policy import Grant, Role
from services.users.registrar import StaffDetails
from tests.services.users.conftest import somebody

WHY = "has left us"


@pytest.fixture
async def sites(hospital):
    system = hospital.acting(Role.SYSTEM_ADMIN)
    names = ("北院", "南院")
    return [await hospital.clinic.institutions.add_site(system, NewSite(each)) for each in names]


@pytest.fixture
def local(hospital, sites):
    """The security administrator of the northern site."""
    return hospital.acting(Role.SECURITY_ADMIN, site_id=sites[0])


@pytest.fixture
async def nurse(hospital):
    """Somebody who works in the whole house, and has no site of their own."""
    return await hospital.hire("hushi", Role.NURSE)


async def test_a_role_is_given_at_ones_own_site_only(hospital, local, nurse, sites):
    staff = hospital.clinic.staff
    for site_id in (None, sites[1]):
        with pytest.raises(Forbidden):
            await staff.grant(local, nurse.id, Grant(Role.SECURITY_ADMIN, site_id))
    await staff.grant(local, nurse.id, Grant(Role.SECURITY_ADMIN, sites[0]))
    await staff.grant(hospital.security(), nurse.id, Grant(Role.DISPENSER))


async def test_a_colleague_is_taken_in_at_ones_own_site_only(hospital, local, sites):
    staff = hospital.clinic.staff
    with pytest.raises(Forbidden):
        await staff.add(local, somebody("waibu", Role.SECURITY_ADMIN))
    at_home = StaffDetails("李小华", site_id=sites[0])
    new = replace(somebody("bendi"), details=at_home, grants={Grant(Role.NURSE, sites[0])})
    await staff.add(local, new)


async def test_a_role_in_the_whole_house_is_not_a_sites_to_take(hospital, local, nurse):
    with pytest.raises(Forbidden):
        await hospital.clinic.staff.withdraw(local, nurse.id, Grant(Role.NURSE))
    await hospital.clinic.staff.withdraw(hospital.security(), nurse.id, Grant(Role.NURSE))


async def test_an_account_that_counts_in_the_whole_house_is_not_a_sites_to_open(
    hospital, local, nurse
):
    """Whoever resets a password holds the account: it must not reach further than they do."""
    with pytest.raises(Forbidden):
        await hospital.clinic.staff.reset(local, nurse.id, factors=True)
    with pytest.raises(Forbidden):
        await hospital.clinic.staff.suspend(local, nurse.id, WHY)
    await hospital.clinic.staff.reset(hospital.security(), nurse.id, factors=True)


async def test_the_staff_office_has_nothing_to_say_about_a_patients_account(hospital):
    """S-PI-1: whoever manages staff sees no patient's name and number by guessing an id."""
    clinic, now = hospital.clinic, hospital.clock.now()
    security = hospital.security()
    async with clinic.database.transaction(write=True) as session:
        patient = User(
            owner_id=security.user_id,
            institution_id=hospital.id,
            kind=UserKind.PATIENT,
            username="patient",
            display_name="王小明",
            phone="13800000001",
            created_at=now,
            woken_at=now,
        )
        session.add(patient)
    for ask in (
        clinic.roster.get(security, patient.id),
        clinic.roster.unmask(security, patient.id, WHY),
        clinic.staff.suspend(security, patient.id, WHY),
        clinic.staff.reset(security, patient.id, factors=True),
        clinic.staff.unlock(security, patient.id),
        clinic.staff.grant(security, patient.id, Grant(Role.NURSE)),
    ):
        with pytest.raises(NotFound):
            await ask
