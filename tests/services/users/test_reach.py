"""How far a role at one site reaches: over its site, not over who counts beyond it. (R042)"""

from dataclasses import replace

import pytest

from data.clock import new_id
from data.errors import Conflict, Forbidden, NotFound
from data.users import User, UserKind
from services.institution import NewSite
from services.policy import Grant, Role
from services.tasks import Search
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


def a_nurse_at(site_id, **at):
    """A nurse of one site, placed there or where `placed` says."""
    details = StaffDetails("李小华", site_id=at.get("placed", site_id))
    return replace(somebody("bendi"), details=details, grants={Grant(Role.NURSE, site_id)})


async def test_a_role_is_given_at_ones_own_site_only(hospital, local, nurse, sites):
    staff = hospital.clinic.staff
    for site_id in (None, sites[1]):
        with pytest.raises(Forbidden):
            await staff.grant(local, nurse.id, Grant(Role.SECURITY_ADMIN, site_id))
    at_home = await staff.add(local, a_nurse_at(sites[0]))
    await staff.grant(local, at_home.user_id, Grant(Role.SECURITY_ADMIN, sites[0]))
    with pytest.raises(Forbidden):  # theirs is a role in the whole house: not a site's to touch
        await staff.grant(local, nurse.id, Grant(Role.DISPENSER, sites[0]))
    await staff.grant(hospital.security(), nurse.id, Grant(Role.DISPENSER))


async def test_a_colleague_is_taken_in_at_ones_own_site_only(hospital, local, sites):
    staff = hospital.clinic.staff
    with pytest.raises(Forbidden):
        await staff.add(local, somebody("waibu", Role.SECURITY_ADMIN))
    for placed in (None, sites[1]):
        with pytest.raises(Forbidden):
            await staff.add(local, a_nurse_at(sites[0], placed=placed))
    await staff.add(local, a_nurse_at(sites[0]))


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
    staff, sessions = hospital.clinic.staff, hospital.clinic.sessions
    version = (await hospital.clinic.roster.get(local, nurse.id)).member.version
    for act in (
        staff.suspend(local, nurse.id, WHY),
        staff.reactivate(local, nurse.id, WHY),
        staff.unlock(local, nurse.id),
        staff.change(local, nurse.id, StaffDetails("李小华", email="me@evil.test"), version),
        sessions.revoke_all(local, nurse.id),
        hospital.clinic.roster.unmask(local, nurse.id, WHY),
    ):
        with pytest.raises(Forbidden):
            await act
    await staff.reset(hospital.security(), nurse.id, factors=True)


async def test_an_account_of_the_site_with_a_role_in_the_whole_house_is_not_a_sites_either(
    hospital, local, sites
):
    """It is what they may do that counts, not where their desk stands."""
    staff = hospital.clinic.staff
    added = await staff.add(local, a_nurse_at(sites[0]))
    await staff.unlock(local, added.user_id)
    await staff.grant(hospital.security(), added.user_id, Grant(Role.SYSTEM_ADMIN))
    for act in (
        staff.reset(local, added.user_id, factors=False),
        staff.unlock(local, added.user_id),
        staff.suspend(local, added.user_id, WHY),
        staff.reactivate(local, added.user_id, WHY),
        staff.withdraw(local, added.user_id, Grant(Role.NURSE, sites[0])),
        staff.grant(local, added.user_id, Grant(Role.CASHIER, sites[0])),
        staff.change(local, added.user_id, StaffDetails("李小华", site_id=sites[0]), 1),
    ):
        with pytest.raises(Forbidden):
            await act


async def test_nobody_is_moved_to_a_site_beyond_ones_reach(hospital, local, sites):
    staff = hospital.clinic.staff
    added = await staff.add(local, a_nurse_at(sites[0]))
    for elsewhere in (None, sites[1]):
        with pytest.raises(Forbidden):
            await staff.change(local, added.user_id, StaffDetails("李小华", site_id=elsewhere), 1)


async def test_the_house_itself_is_not_one_sites_to_change(hospital, sites):
    """Rules, papers and sites of the whole institution: a role at one site reads them."""
    house, at = hospital.clinic, {"site_id": sites[0]}
    system = hospital.acting(Role.SYSTEM_ADMIN, **at)
    local = hospital.acting(Role.SECURITY_ADMIN, **at)
    papers = await house.institutions.read(system)
    for act in (
        house.policy.change(local, "policy.auth.fail_limit", 10, WHY),
        house.policy.change(system, "policy.backup.max_age_hours", 100, WHY),
        house.institutions.change(system, papers.details, papers.version),
        house.institutions.add_site(system, NewSite("西院")),
    ):
        with pytest.raises(Forbidden):
            await act
    assert not any(each.may_change for each in await house.policy.page(system))


async def test_the_last_who_answers_for_the_whole_house_stays(hospital, local, sites):
    """S-AC-1: a site's administrator could not let the others in again."""
    staff, hr = hospital.clinic.staff, hospital.acting(Role.HR)
    added = await staff.add(local, a_nurse_at(sites[0]))
    await staff.grant(local, added.user_id, Grant(Role.SECURITY_ADMIN, sites[0]))
    with pytest.raises(Conflict, match="last_security_admin"):
        await staff.suspend(hr, hospital.security_id, WHY)
    await staff.suspend(hr, added.user_id, WHY)  # the house has one still


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
    assert await clinic.roster.usernames(security, [patient.id]) == {}
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


async def test_who_is_signed_in_at_a_site_is_for_that_sites_security_administrator(
    hospital, local, sites
):
    at_home = await hospital.hire("beihushi", Role.NURSE, site_id=sites[0])
    elsewhere = await hospital.hire("nanhushi", Role.NURSE, site_id=sites[1])
    for colleague in (at_home, elsewhere):
        await hospital.arrive(colleague)
    local = replace(local, confirmed_at=hospital.clock.now())
    sessions = hospital.clinic.sessions

    [visit] = await sessions.of(local, at_home.id)
    assert await sessions.of(local, elsewhere.id) == []
    await sessions.revoke(local, [visit.id])
    assert await sessions.of(local, at_home.id) == []


async def test_a_glass_broken_at_a_site_is_judged_there_or_in_the_whole_house(hospital, sites):
    colleague = await hospital.hire("nanyisheng", Role.DOCTOR, site_id=sites[1])
    doctor = await hospital.at_work(colleague)
    emergency = hospital.clinic.emergency
    access = await emergency.open(doctor, new_id(), "患者昏迷送诊，需要查看既往过敏史")
    await hospital.clinic.bus.deliver()
    north, south, whole = (
        hospital.acting(Role.AUDIT_ADMIN, site_id=site) for site in (*sites, None)
    )

    assert (await emergency.page(north))[1] == 0
    assert (await hospital.clinic.tasks.page(north, Search()))[1] == 0
    with pytest.raises(Forbidden):
        await emergency.one(north, access.id)
    for auditor in (south, whole):
        assert (await emergency.page(auditor))[1] == 1
        assert (await hospital.clinic.tasks.page(auditor, Search()))[1] == 1
