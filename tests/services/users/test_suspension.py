"""Who lets in again whom somebody kept out: security anybody, others whom they kept out. (R042)"""

import pytest

from data.errors import Forbidden, Unauthenticated
from data.users import UserState
from services.audit import Search
from services.policy import Role
from services.rules import ADMINISTRATORS
from tests.services.users.conftest import somebody

WHY = "asked about it on Monday"


@pytest.fixture
async def doctor(hospital):
    return await hospital.hire("lihua", Role.DOCTOR)


async def suspend(hospital, who, role):
    await hospital.clinic.staff.suspend(hospital.acting(role), who.id, "a reason of ours")


async def state_of(hospital, who):
    return (await hospital.clinic.roster.get(hospital.security(), who.id)).member


@pytest.mark.parametrize("role", [Role.HR, Role.MEDICAL_AFFAIRS, Role.SYSTEM_ADMIN])
async def test_whom_security_keeps_out_only_security_lets_in(hospital, doctor, role):
    """Red before: personnel could undo what security had done about an incident."""
    await suspend(hospital, doctor, Role.SECURITY_ADMIN)
    with pytest.raises(Forbidden):
        await hospital.clinic.staff.reactivate(hospital.acting(role), doctor.id, WHY)
    assert (await state_of(hospital, doctor)).state is UserState.SUSPENDED

    await hospital.clinic.staff.reactivate(hospital.security(), doctor.id, WHY)
    assert (await state_of(hospital, doctor)).state is UserState.ACTIVE
    entries, _ = await hospital.clinic.audit.page(
        hospital.acting(Role.AUDIT_ADMIN), Search(action="staff:reactivate")
    )
    assert [entry.result for entry in entries] == ["done", "denied"]


@pytest.mark.parametrize("role", [Role.HR, Role.MEDICAL_AFFAIRS])
async def test_personnel_and_medical_affairs_lift_what_their_own_office_put_on(
    hospital, doctor, role
):
    """A colleague of the same office may: whoever did it is on leave some day."""
    other = (Role.MEDICAL_AFFAIRS, Role.HR)[role is Role.MEDICAL_AFFAIRS]
    await suspend(hospital, doctor, role)
    with pytest.raises(Forbidden, match="suspended_by_another"):
        await hospital.clinic.staff.reactivate(hospital.acting(other), doctor.id, WHY)
    await hospital.clinic.staff.reactivate(hospital.acting(role), doctor.id, WHY)
    assert (await hospital.arrive(doctor)).done


async def test_who_is_kept_out_by_two_is_let_in_by_neither_alone(hospital, doctor):
    await suspend(hospital, doctor, Role.HR)
    await suspend(hospital, doctor, Role.MEDICAL_AFFAIRS)
    for role in (Role.HR, Role.MEDICAL_AFFAIRS):
        with pytest.raises(Forbidden, match="suspended_by_another"):
            await hospital.clinic.staff.reactivate(hospital.acting(role), doctor.id, WHY)
    both = hospital.acting(Role.HR, Role.MEDICAL_AFFAIRS)
    await hospital.clinic.staff.reactivate(both, doctor.id, WHY)
    assert (await state_of(hospital, doctor)).kept_out_by == frozenset()


async def test_suspending_once_more_takes_nothing_from_what_security_did(hospital, doctor):
    await suspend(hospital, doctor, Role.SECURITY_ADMIN)
    await suspend(hospital, doctor, Role.HR)
    with pytest.raises(Forbidden, match="suspended_by_another"):
        await hospital.clinic.staff.reactivate(hospital.acting(Role.HR), doctor.id, WHY)
    kept_out_by = (await state_of(hospital, doctor)).kept_out_by
    assert kept_out_by == {Role.SECURITY_ADMIN, Role.HR}


async def test_whom_the_house_put_to_sleep_only_security_wakes(hospital, doctor):
    """S-AC-1: an account that nobody used for months comes back when security has looked."""
    hospital.clock.forward(days=91)
    await hospital.clinic.dormancy.look()
    with pytest.raises(Forbidden, match="suspended_by_another"):
        await hospital.clinic.staff.reactivate(hospital.acting(Role.HR), doctor.id, WHY)
    await hospital.clinic.staff.reactivate(hospital.security(), doctor.id, WHY)


@pytest.mark.parametrize("role", sorted(ADMINISTRATORS - {Role.SECURITY_ADMIN}))
async def test_nobody_else_has_a_say(hospital, doctor, role):
    await suspend(hospital, doctor, Role.HR)
    with pytest.raises(Forbidden):
        await hospital.clinic.staff.reactivate(hospital.acting(role), doctor.id, WHY)


async def test_letting_in_and_seeing_whole_need_a_fresh_proof(hospital, doctor):
    """R-STF-2: as suspending does. Red before for seeing a name and a number whole."""
    await suspend(hospital, doctor, Role.SECURITY_ADMIN)
    actor, staff, roster = hospital.security(), hospital.clinic.staff, hospital.clinic.roster
    hospital.clock.forward(minutes=6)
    for act in (staff.reactivate(actor, doctor.id, WHY), roster.unmask(actor, doctor.id, WHY)):
        with pytest.raises(Unauthenticated, match="confirm_needed"):
            await act


async def test_a_rule_of_treatment_is_changed_with_a_fresh_proof(hospital):
    """R-STF-2: what a prescription may be is no less than how long a password is."""
    affairs, policy = hospital.acting(Role.MEDICAL_AFFAIRS), hospital.clinic.policy
    hospital.clock.forward(minutes=6)
    with pytest.raises(Unauthenticated, match="confirm_needed"):
        await policy.change(affairs, "policy.rx.max_items", 4, WHY)
    fresh = hospital.acting(Role.MEDICAL_AFFAIRS)
    await policy.change(fresh, "policy.rx.max_items", 4, WHY)


async def test_a_newcomer_is_kept_out_by_nobody(hospital):
    added = await hospital.clinic.staff.add(hospital.security(), somebody("xinren", Role.NURSE))
    dossier = await hospital.clinic.roster.get(hospital.security(), added.user_id)
    assert dossier.member.kept_out_by == frozenset()
