"""Who may let people in, who may not, and that somebody always can. (S-AC-1, R-STF-5, R042)"""

import asyncio

import pytest
from sqlalchemy import select

from data.clock import new_id
from data.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from data.users import RoleGrant, User, UserState
from services.audit import Search
from services.events import CredentialsReset, RolesChanged, StaffAdded, StaffSuspended
from services.institution import NewSite
from services.policy import Grant, Role
from services.rules import ADMINISTRATORS
from services.users import dormancy
from services.users.registrar import StaffDetails
from tests.services.users.conftest import HERE, PASSWORD, somebody, totp


@pytest.fixture
async def doctor(hospital):
    return await hospital.hire("lihua", Role.DOCTOR)


@pytest.fixture
def heard(hospital):
    events = []
    hospital.clinic.bus.watch(events.append)
    return events


async def member(hospital, user_id):
    return (await hospital.clinic.roster.get(hospital.security(), user_id)).member


async def test_security_adds_a_colleague(hospital, heard):
    new = somebody("LiHua", Role.DOCTOR, staff_number="D-017", phone="138 1234 1234")
    added = await hospital.clinic.staff.add(hospital.security(), new)

    kept = await member(hospital, added.user_id)
    assert (kept.username, kept.staff_number, kept.phone) == ("lihua", "D-017", "138****1234")
    assert kept.grants == {Grant(Role.DOCTOR)}
    [told] = [event for event in heard if isinstance(event, StaffAdded)]
    assert (told.user_id, told.institution_id) == (added.user_id, hospital.id)


async def test_nobody_else_does(hospital):
    """R042: least privilege."""
    for role in set(Role) - {Role.SECURITY_ADMIN, Role.HOUSE}:
        with pytest.raises((Forbidden, Unauthenticated)):
            await hospital.clinic.staff.add(hospital.acting(role), somebody("lihua", Role.DOCTOR))


async def test_adding_needs_a_fresh_proof(hospital):
    actor = hospital.security()
    hospital.clock.forward(minutes=6)
    with pytest.raises(Unauthenticated, match="confirm_needed"):
        await hospital.clinic.staff.add(actor, somebody("lihua", Role.DOCTOR))


async def test_a_user_name_is_plain(hospital):
    for username in ("", "ab", "李华", "li hua", "9lives", "x" * 33, "li@hua"):
        with pytest.raises(Invalid, match="username_malformed"):
            await hospital.clinic.staff.add(hospital.security(), somebody(username, Role.DOCTOR))


MALFORMED = [
    ({"display_name": "  "}, "name_needed"),
    ({"display_name": "长" * 101}, "name_too_long"),
    ({"phone": "138123"}, "phone_malformed"),
    ({"email": "nobody"}, "email_malformed"),
    ({"language": "tlh"}, "language_unknown"),
    ({"site_id": new_id()}, "site_unknown"),
]


async def test_what_is_malformed_is_refused(hospital):
    for details, code in MALFORMED:
        with pytest.raises(Invalid, match=code):
            await hospital.clinic.staff.add(
                hospital.security(), somebody("lihua", Role.DOCTOR, **details)
            )


async def test_names_and_numbers_are_given_once(hospital, doctor):
    """S-AUTH-1: a unique id for each person."""
    add, security = hospital.clinic.staff.add, hospital.security()
    with pytest.raises(Conflict, match="username_taken"):
        await add(security, somebody("LIHUA", Role.NURSE))
    await add(security, somebody("hushi", Role.NURSE, staff_number="N-1"))
    with pytest.raises(Conflict, match="staff_number_taken"):
        await add(security, somebody("hushi2", Role.NURSE, staff_number="N-1"))


async def test_of_two_who_want_a_name_at_once_one_gets_it(hospital):
    adding = [
        hospital.clinic.staff.add(hospital.security(), somebody("lihua", Role.DOCTOR))
        for _ in range(4)
    ]
    answers = await asyncio.gather(*adding, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, Exception)]
    assert [type(answer) for answer in refused] == [Conflict] * 3


async def test_some_roles_are_nobodys_to_give(hospital, doctor):
    for role in (Role.PATIENT, Role.PROXY, Role.VISITOR, Role.HOUSE, Role.HIS):
        with pytest.raises(Invalid, match="role_not_for_staff"):
            await hospital.clinic.staff.grant(hospital.security(), doctor.id, Grant(role))


async def test_the_three_powers_are_three_people(hospital):
    """S-AC-1: 三权分立, at once and one after the other."""
    for first in sorted(ADMINISTRATORS):
        one = await hospital.hire(str(first), first)
        for second in ADMINISTRATORS - {first}:
            with pytest.raises(Conflict, match="roles_clash"):
                await hospital.clinic.staff.add(
                    hospital.security(), somebody("both", first, second)
                )
            with pytest.raises(Conflict, match="roles_clash"):
                await hospital.clinic.staff.grant(hospital.security(), one.id, Grant(second))
        assert (await member(hospital, one.id)).grants == {Grant(first)}


async def test_two_grants_at_once_do_not_join_two_powers(hospital, doctor):
    """S-AC-1, on PostgreSQL as well."""
    granting = [
        hospital.clinic.staff.grant(hospital.security(), doctor.id, Grant(role))
        for role in (Role.SYSTEM_ADMIN, Role.AUDIT_ADMIN)
    ]
    answers = await asyncio.gather(*granting, return_exceptions=True)
    assert sorted(str(type(answer)) for answer in answers) == sorted(
        [str(Conflict), str(type(None))]
    )


async def test_nobody_changes_their_own_roles(hospital):
    """S-AC-1."""
    mine = hospital.security_id
    with pytest.raises(Forbidden):
        await hospital.clinic.staff.grant(hospital.security(), mine, Grant(Role.DOCTOR))
    with pytest.raises(Forbidden):
        await hospital.clinic.staff.withdraw(hospital.security(), mine, Grant(Role.SECURITY_ADMIN))
    with pytest.raises(Forbidden):
        await hospital.clinic.staff.suspend(hospital.security(), mine, "holidays")


async def test_a_changed_role_counts_at_once(hospital, doctor, heard):
    """R-STF-5: open sessions end, so that nobody goes on with what they no longer are."""
    step = await hospital.arrive(doctor)
    await hospital.clinic.staff.grant(hospital.security(), doctor.id, Grant(Role.QUALITY))

    assert await hospital.clinic.sessions.actor_of(step.token) is None
    assert [event.user_id for event in heard if isinstance(event, RolesChanged)] == [doctor.id]
    actor = await hospital.at_work(doctor)
    assert actor.roles == {Role.DOCTOR, Role.QUALITY}

    await hospital.clinic.staff.withdraw(hospital.security(), doctor.id, Grant(Role.DOCTOR))
    assert (await hospital.at_work(doctor)).roles == {Role.QUALITY}


async def test_a_role_may_hold_at_one_site(hospital, doctor):
    """A nurse of one site is none at another."""
    system = hospital.acting(Role.SYSTEM_ADMIN)
    site = await hospital.clinic.institutions.add_site(system, NewSite("北院"))
    here = Grant(Role.NURSE, site)
    await hospital.clinic.staff.grant(hospital.security(), doctor.id, here)
    with pytest.raises(Conflict, match="role_held_already"):
        await hospital.clinic.staff.grant(hospital.security(), doctor.id, here)

    assert here in (await hospital.at_work(doctor)).grants
    with pytest.raises(NotFound, match="role_not_held"):
        await hospital.clinic.staff.withdraw(hospital.security(), doctor.id, Grant(Role.NURSE))
    await hospital.clinic.staff.withdraw(hospital.security(), doctor.id, here)
    assert (await hospital.at_work(doctor)).grants == {Grant(Role.DOCTOR)}


async def test_who_gave_and_took_a_role_is_kept(hospital, doctor):
    """S-AUD-1."""
    security = hospital.security()
    await hospital.clinic.staff.withdraw(security, doctor.id, Grant(Role.DOCTOR))
    async with hospital.clinic.database.transaction(write=False) as session:
        [row] = await session.scalars(select(RoleGrant).where(RoleGrant.user_id == doctor.id))
    assert (row.withdrawn_by, row.deleted_at) == (security.user_id, hospital.clock.now())
    auditor = hospital.acting(Role.AUDIT_ADMIN)
    entries, _ = await hospital.clinic.audit.page(auditor, Search(action="staff:grant"))
    assert entries[0].detail["withdrawn"] == "doctor"


async def test_a_suspended_person_is_out_at_once(hospital, doctor, heard):
    """R-STF-5: within 60 seconds; here with the commit."""
    step = await hospital.arrive(doctor)
    await hospital.clinic.staff.suspend(hospital.security(), doctor.id, "licence expired")

    assert await hospital.clinic.sessions.actor_of(step.token) is None
    assert [event.user_id for event in heard if isinstance(event, StaffSuspended)] == [doctor.id]
    with pytest.raises(Forbidden, match="account_suspended"):
        await hospital.arrive(doctor)

    await hospital.clinic.staff.reactivate(hospital.security(), doctor.id, "licence renewed")
    assert (await hospital.arrive(doctor)).done


async def test_who_is_half_in_when_suspended_gets_no_further(hospital, doctor):
    hospital.clock.forward(minutes=1)
    step = await hospital.knock(doctor)
    await hospital.clinic.staff.suspend(hospital.security(), doctor.id, "licence expired")
    with pytest.raises(Unauthenticated, match="sign_in_stale"):
        await hospital.clinic.sign_in.prove(step.token, totp(hospital.code()))


async def test_a_suspension_has_a_reason(hospital, doctor):
    with pytest.raises(Invalid, match="reason_needed"):
        await hospital.clinic.staff.suspend(hospital.security(), doctor.id, " x ")


async def test_the_last_security_administrator_stays(hospital):
    """S-AC-1: somebody can always let others in."""
    hr = hospital.acting(Role.HR)
    with pytest.raises(Conflict, match="last_security_admin"):
        await hospital.clinic.staff.suspend(hr, hospital.security_id, "left the house")

    second = await hospital.hire("anquan2", Role.SECURITY_ADMIN)
    await hospital.clinic.staff.suspend(hr, hospital.security_id, "left the house")
    acting = hospital.acting(Role.SECURITY_ADMIN)
    with pytest.raises(Conflict, match="last_security_admin"):
        await hospital.clinic.staff.withdraw(acting, second.id, Grant(Role.SECURITY_ADMIN))


async def test_the_last_two_do_not_lock_each_other_out(hospital):
    """S-AC-1: at the same moment, on PostgreSQL as well."""
    second = await hospital.hire("anquan2", Role.SECURITY_ADMIN)
    hr = hospital.acting(Role.HR)
    suspending = [
        hospital.clinic.staff.suspend(hr, user_id, "left the house")
        for user_id in (hospital.security_id, second.id)
    ]
    answers = await asyncio.gather(*suspending, return_exceptions=True)
    assert [getattr(answer, "code", "") for answer in answers].count("last_security_admin") == 1


async def test_details_change_and_a_stale_page_does_not(hospital, doctor):
    """Bad input: a stale page."""
    version = (await member(hospital, doctor.id)).version
    change, hr = hospital.clinic.staff.change, hospital.acting(Role.HR)
    await change(hr, doctor.id, StaffDetails("李华华", phone="13912341234"), version)
    assert (await member(hospital, doctor.id)).name == "李*华"
    with pytest.raises(Conflict, match="changed_meanwhile"):
        await change(hr, doctor.id, StaffDetails("李小华"), version)


async def test_signing_in_makes_no_page_stale(hospital, doctor):
    version = (await member(hospital, doctor.id)).version
    await hospital.arrive(doctor)
    details = StaffDetails("李华华")
    await hospital.clinic.staff.change(hospital.security(), doctor.id, details, version)


async def test_a_lost_password_is_replaced_for_one_sign_in(hospital, doctor, heard):
    step = await hospital.arrive(doctor)
    password = await hospital.clinic.staff.reset(hospital.security(), doctor.id, factors=False)

    assert await hospital.clinic.sessions.actor_of(step.token) is None
    [told] = [event for event in heard if isinstance(event, CredentialsReset)]
    assert (told.user_id, told.reset_by) == (doctor.id, hospital.security_id)
    hospital.clock.forward(seconds=31)
    with pytest.raises(Unauthenticated, match="sign_in_failed"):
        await hospital.knock(doctor, PASSWORD)
    hospital.clock.forward(seconds=31)
    step = await hospital.knock(doctor, password)
    assert step.stage == "second_factor"  # who finds the slip of paper lacks the phone
    step = await hospital.clinic.sign_in.prove(step.token, totp(hospital.code()))
    assert step.stage == "new_password"


async def test_a_lost_phone_means_to_enrol_again(hospital, doctor):
    password = await hospital.clinic.staff.reset(hospital.security(), doctor.id, factors=True)
    step = await hospital.clinic.sign_in.begin(doctor.username, password, HERE)
    step = await hospital.clinic.enrolment.choose_password(step.token, "Herbst-mond 9")
    assert step.stage == "enrol"


async def test_personnel_cannot_take_over_an_account(hospital, doctor):
    """R042: a new password is security's to give."""
    for role in (Role.HR, Role.SYSTEM_ADMIN, Role.AUDIT_ADMIN, Role.MEDICAL_AFFAIRS):
        with pytest.raises(Forbidden):
            await hospital.clinic.staff.reset(hospital.acting(role), doctor.id, factors=True)
    with pytest.raises(Forbidden):
        await hospital.clinic.staff.reset(hospital.security(), hospital.security_id, factors=False)


async def test_another_institutions_security_has_no_say(hospital, doctor):
    """Each institution answers for its own accounts."""
    stranger = hospital.acting(Role.SECURITY_ADMIN)
    stranger = type(stranger)(
        stranger.user_id, stranger.grants, new_id(), confirmed_at=hospital.clock.now()
    )
    with pytest.raises(Forbidden):
        await hospital.clinic.staff.grant(stranger, doctor.id, Grant(Role.NURSE))
    with pytest.raises(Forbidden):
        await hospital.clinic.staff.suspend(stranger, doctor.id, "left the house")
    with pytest.raises(Forbidden):
        await hospital.clinic.roster.get(stranger, doctor.id)


async def test_accounts_asleep_for_three_months_are_disabled(hospital, doctor):
    """S-AC-1: dormant 90 days; whoever signs in stays, and so does the last who guards."""
    nurse = await hospital.hire("hushi", Role.NURSE)
    hospital.clock.forward(days=89)
    await hospital.arrive(nurse)
    assert await hospital.clinic.dormancy.look() == 0

    hospital.clock.forward(days=2)

    assert await hospital.clinic.dormancy.look() == 1
    async with hospital.clinic.database.transaction(write=False) as session:
        states = dict((await session.execute(select(User.username, User.state))).all())
    assert states == {
        "anquan": UserState.ACTIVE,
        "lihua": UserState.DORMANT,
        "hushi": UserState.ACTIVE,
    }
    with pytest.raises(Forbidden, match="account_dormant"):
        await hospital.knock(doctor)
    await hospital.clinic.staff.reactivate(hospital.security(), doctor.id, "back from abroad")
    assert await hospital.clinic.dormancy.look() == 0
    assert (await hospital.arrive(doctor)).stage == "new_password"


async def test_the_sleeping_are_disabled_a_few_at_a_time_until_none_is_left(hospital, monkeypatch):
    """One unit for all of them would keep everybody who works now waiting."""
    monkeypatch.setattr(dormancy, "BATCH", 1)
    for name in ("hushi1", "hushi2", "hushi3"):
        await hospital.hire(name, Role.NURSE)
    hospital.clock.forward(days=100)
    assert await hospital.clinic.dormancy.look() == 3
    assert await hospital.clinic.dormancy.look() == 0


async def test_of_two_sleeping_guards_one_stays(hospital):
    await hospital.hire("anquan2", Role.SECURITY_ADMIN)
    hospital.clock.forward(days=100)
    assert await hospital.clinic.dormancy.look() == 1
    assert await hospital.clinic.dormancy.look() == 0
