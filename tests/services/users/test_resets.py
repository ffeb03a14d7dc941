"""No administrator becomes another one alone: a second person approves a reset. (S-AC-1, R042)"""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import select

from data.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from data.users import ResetRequest, SessionStage, User
from services.policy import HOUSE, Grant, Role
from services.tasks import Search, TaskState
from tests.services.users.conftest import HERE, PASSWORD, totp

APPROVALS = Search(kind="reset_approval")
WEEK = {"days": 8}


@pytest.fixture
async def auditor(hospital):
    """The audit administrator, who has worked here for a while."""
    return await hospital.at_home("shenji", Role.AUDIT_ADMIN)


@pytest.fixture
async def system(hospital):
    return await hospital.at_home("xitong", Role.SYSTEM_ADMIN)


@pytest.fixture
async def settled(hospital, auditor, system):
    """A house of three administrators, a week after its first day."""
    hospital.clock.forward(**WEEK)
    return hospital


def acting(hospital, who):
    return hospital.acting(who.role, user_id=who.id)


async def ask(hospital, who, *, factors=True, by=None):
    resets = hospital.clinic.staff
    assert await resets.reset(by or hospital.security(), who.id, factors=factors) is None
    await hospital.clinic.bus.deliver()


async def waiting(hospital, who):
    return await hospital.clinic.resets.page(acting(hospital, who))


async def test_until_a_second_person_approves_nothing_has_changed(settled, auditor, system):
    """Red before: the one who asked held the password of the audit administrator at once."""
    session = await settled.arrive(auditor)
    await ask(settled, auditor)

    assert await settled.clinic.sessions.actor_of(session.token) is not None
    assert (await settled.arrive(auditor)).done  # the old password, the old phone
    [request] = await waiting(settled, system)
    assert (request.username, request.asked_by, request.factors) == ("shenji", "anquan", True)
    dossier = await settled.clinic.roster.get(settled.security(), auditor.id)
    assert dossier.reset_waits_until == request.until
    assert (dossier.enrolled.totp, dossier.must_change_password) == (True, False)


async def test_where_there_are_three_the_third_approves_and_is_shown_the_password(
    settled, auditor, system
):
    """A house of three is not locked out; who asked never sees the password."""
    session = await settled.arrive(auditor)
    await ask(settled, auditor)
    [request] = await waiting(settled, system)
    third = acting(settled, system)
    [task], _ = await settled.clinic.tasks.page(third, APPROVALS)
    assert task.place == "/staff/resets"

    slip = await settled.clinic.resets.approve(third, request.id)

    assert slip.username == "shenji"
    assert await settled.clinic.sessions.actor_of(session.token) is None
    with pytest.raises(Unauthenticated, match="sign_in_failed"):
        await settled.knock(auditor, PASSWORD)
    settled.clock.forward(seconds=5)
    step = await settled.clinic.sign_in.begin("shenji", slip.temporary_password, HERE)
    assert step.stage is SessionStage.NEW_PASSWORD  # no second factor is left
    assert (await settled.clinic.tasks.one(third, task.id)).state is TaskState.DONE
    await settled.clinic.bus.deliver()
    checks = Search(kind="reset_check")
    assert (await settled.clinic.tasks.page(third, checks))[1] == 0  # it was checked beforehand


async def test_only_the_password_can_be_approved_as_well(settled, auditor, system):
    await ask(settled, auditor, factors=False)
    [request] = await waiting(settled, system)
    slip = await settled.clinic.resets.approve(acting(settled, system), request.id)
    step = await settled.knock(auditor, slip.temporary_password)
    assert step.stage is SessionStage.SECOND_FACTOR


async def test_neither_who_asked_nor_whose_it_is_has_the_second_key(settled, auditor):
    await ask(settled, auditor)
    request_id = await request_of(settled)
    for actor in (settled.security(), acting(settled, auditor)):
        assert await settled.clinic.resets.page(actor) == []
        for act in (
            settled.clinic.resets.approve(actor, request_id),
            settled.clinic.resets.refuse(actor, request_id, "it was me"),
        ):
            with pytest.raises(Forbidden):
                await act


async def request_of(hospital):
    async with hospital.clinic.database.transaction(write=False) as session:
        return await session.scalar(select(ResetRequest.id))


@pytest.mark.parametrize("role", [Role.SECURITY_ADMIN, Role.SYSTEM_ADMIN])
async def test_nor_has_whom_the_one_who_asked_has_just_made(settled, auditor, role):
    """An account, or a role, of less than a week's standing is no second person."""
    made = await settled.hire("xinren", Role.DOCTOR)
    await settled.clinic.staff.grant(settled.security(), made.id, Grant(role))
    await ask(settled, auditor)
    [request] = await settled.clinic.resets.page(
        settled.acting(Role.SYSTEM_ADMIN, user_id=(await _id_of(settled, "xitong")))
    )
    confederate = settled.acting(role, user_id=made.id)
    assert await settled.clinic.resets.page(confederate) == []
    with pytest.raises(Forbidden, match="second_person_needed"):
        await settled.clinic.resets.approve(confederate, request.id)


async def _id_of(hospital, username):
    return await hospital.clinic.staff.named(hospital.security(), username)


async def test_another_security_administrator_comes_before_the_other_two(hospital, auditor, system):
    second = await hospital.at_home("anquan2", Role.SECURITY_ADMIN)
    hospital.clock.forward(**WEEK)
    await ask(hospital, auditor)
    assert await waiting(hospital, system) == []
    [request] = await waiting(hospital, second)
    with pytest.raises(Forbidden, match="second_person_needed"):
        await hospital.clinic.resets.approve(acting(hospital, system), request.id)
    await hospital.clinic.resets.approve(acting(hospital, second), request.id)


async def test_of_two_security_administrators_one_is_helped_by_the_other_roles(
    hospital, auditor, system
):
    second = await hospital.at_home("anquan2", Role.SECURITY_ADMIN)
    hospital.clock.forward(**WEEK)
    await ask(hospital, second)
    assert len(await waiting(hospital, system)) == len(await waiting(hospital, auditor)) == 1
    assert (await hospital.clinic.tasks.page(acting(hospital, auditor), APPROVALS))[1] == 1
    hospital.clock.forward(hours=5)  # nobody did: the task goes to both
    await hospital.clinic.bus.ring()
    await hospital.clinic.bus.deliver()
    assert (await hospital.clinic.tasks.page(acting(hospital, system), APPROVALS))[1] == 1


async def test_who_refuses_leaves_all_as_it_was(settled, auditor, system):
    await ask(settled, auditor)
    [request] = await waiting(settled, system)
    third = acting(settled, system)
    with pytest.raises(Invalid, match="reason_needed"):
        await settled.clinic.resets.refuse(third, request.id, " ")
    await settled.clinic.resets.refuse(third, request.id, "she asked for nothing")
    assert (await settled.arrive(auditor)).done
    with pytest.raises(Conflict, match="reset_settled"):
        await settled.clinic.resets.approve(third, request.id)
    assert (await settled.clinic.tasks.page(third, APPROVALS))[1] == 0
    await ask(settled, auditor)  # may be asked for again


async def test_after_a_day_it_lapses(settled, auditor, system):
    await ask(settled, auditor)
    [request] = await waiting(settled, system)
    settled.clock.forward(hours=24, minutes=1)
    with pytest.raises(Conflict, match="reset_settled"):
        await settled.clinic.resets.approve(acting(settled, system), request.id)
    await settled.clinic.bus.ring()
    await settled.clinic.bus.deliver()
    assert await waiting(settled, system) == []
    assert (await settled.clinic.tasks.page(acting(settled, system), APPROVALS))[1] == 0
    assert (await settled.arrive(auditor)).done


async def test_it_is_asked_for_once_and_approved_once(settled, auditor, system):
    await ask(settled, auditor)
    with pytest.raises(Conflict, match="reset_waits_already"):
        await settled.clinic.staff.reset(settled.security(), auditor.id, factors=False)
    [request] = await waiting(settled, system)
    third = acting(settled, system)
    approving = [settled.clinic.resets.approve(third, request.id) for _ in range(2)]
    answers = await asyncio.gather(*approving, return_exceptions=True)
    assert [getattr(each, "code", "") for each in answers].count("reset_settled") == 1


async def test_approving_needs_a_fresh_proof(settled, auditor, system):
    await ask(settled, auditor)
    [request] = await waiting(settled, system)
    stale = replace(acting(settled, system), confirmed_at=None)
    with pytest.raises(Unauthenticated, match="confirm_needed"):
        await settled.clinic.resets.approve(stale, request.id)


async def test_taking_the_role_away_first_does_not_help(settled, auditor, system):
    """Who was an administrator this week is one still."""
    security = settled.security()
    await settled.clinic.staff.withdraw(security, auditor.id, Grant(Role.AUDIT_ADMIN))
    await settled.clinic.staff.grant(security, auditor.id, Grant(Role.NURSE))
    await ask(settled, auditor)
    assert len(await waiting(settled, system)) == 1


async def suspend(hospital, who):
    await hospital.clinic.staff.suspend(hospital.security(), who.id, "an incident")


async def withdraw(hospital, who):
    """Red before: who had lost the role still reset others by what they had asked."""
    await hospital.clinic.staff.grant(hospital.security(), who.id, Grant(Role.NURSE))
    await hospital.clinic.staff.withdraw(hospital.security(), who.id, Grant(who.role))


@pytest.mark.parametrize("stop", [suspend, withdraw])
async def test_who_asked_and_is_stopped_meanwhile_asks_for_nothing(hospital, auditor, stop):
    second = await hospital.at_home("anquan2", Role.SECURITY_ADMIN)
    third = await hospital.at_home("anquan3", Role.SECURITY_ADMIN)
    hospital.clock.forward(**WEEK)
    await ask(hospital, auditor, by=acting(hospital, second))
    await stop(hospital, second)
    [request] = await waiting(hospital, third)
    with pytest.raises(Conflict, match="reset_settled"):
        await hospital.clinic.resets.approve(acting(hospital, third), request.id)
    assert (await hospital.arrive(auditor)).done


async def test_who_was_reset_alone_is_no_second_person(hospital, auditor):
    """Red before: whoever made an administrator who never came was two of the three themselves."""
    puppet = await hospital.hire("xitong", Role.SYSTEM_ADMIN)
    hospital.clock.forward(**WEEK)
    slip = await hospital.clinic.staff.reset(hospital.security(), puppet.id, factors=True)
    assert slip, "nobody has worked as this person: one alone resets them"
    hospital.clock.forward(seconds=31)
    step = await hospital.clinic.sign_in.begin("xitong", slip, HERE)
    assert step.stage is SessionStage.NEW_PASSWORD
    with pytest.raises(Conflict, match="nobody_to_approve"):
        await ask(hospital, auditor)


async def test_a_week_after_a_reset_one_is_the_second_person_again(settled, auditor, system):
    await ask(settled, system)
    [request] = await waiting(settled, auditor)
    slip = await settled.clinic.resets.approve(acting(settled, auditor), request.id)
    settled.clock.forward(seconds=31)
    step = await settled.clinic.sign_in.begin("xitong", slip.temporary_password, HERE)
    step = await settled.clinic.enrolment.choose_password(step.token, "Winter-wind 8")
    secret = await settled.clinic.enrolment.start_totp(step.token)
    code = settled.code(secret.secret)
    step = await settled.clinic.enrolment.finish_totp(step.token, code)
    await settled.clinic.enrolment.new_codes(step.token)
    assert (await settled.clinic.enrolment.finish(step.token)).done
    with pytest.raises(Conflict, match="nobody_to_approve"):
        await ask(settled, auditor)
    settled.clock.forward(**WEEK)
    await ask(settled, auditor)
    assert len(await waiting(settled, system)) == 1


async def test_a_reset_at_the_machine_overtakes_what_waits(settled, auditor, system):
    """Red before: a later approval made the password void that was handed over."""
    await ask(settled, auditor)
    [request] = await waiting(settled, system)
    console = replace(HOUSE, institution_id=settled.id, address="console:root")
    password = await settled.clinic.staff.reset(console, auditor.id, factors=True)
    with pytest.raises(Conflict, match="reset_settled"):
        await settled.clinic.resets.approve(acting(settled, system), request.id)
    assert await waiting(settled, system) == []
    assert (await settled.clinic.tasks.page(acting(settled, system), APPROVALS))[1] == 0
    settled.clock.forward(seconds=31)
    step = await settled.clinic.sign_in.begin("shenji", password, HERE)
    assert step.stage is SessionStage.NEW_PASSWORD


async def test_where_nobody_could_approve_it_is_said_and_the_machine_helps(hospital, auditor):
    """xinglin staff unlock: whoever is at the machine itself has all of it anyway."""
    with pytest.raises(Conflict, match="nobody_to_approve"):
        await hospital.clinic.staff.reset(hospital.security(), auditor.id, factors=True)
    console = replace(HOUSE, institution_id=hospital.id, address="console:root")
    password = await hospital.clinic.staff.reset(console, auditor.id, factors=True)
    step = await hospital.clinic.sign_in.begin("shenji", password, HERE)
    assert step.stage is SessionStage.NEW_PASSWORD


async def test_a_slip_that_was_never_used_is_renewed_without_a_second_person(hospital):
    """Nobody has worked as this person yet; the third administrator checks it afterwards."""
    system = await hospital.hire("xitong", Role.SYSTEM_ADMIN)
    hospital.clock.forward(**WEEK)
    assert await hospital.clinic.staff.reset(hospital.security(), system.id, factors=False)


async def test_an_invented_request_is_none(settled, system):
    with pytest.raises(NotFound):
        await settled.clinic.resets.approve(acting(settled, system), settled.id)


async def test_the_others_of_the_house_are_reset_by_one_person_still(settled):
    doctor = await settled.hire("lihua", Role.DOCTOR)
    await settled.arrive(doctor)
    slip = await settled.clinic.staff.reset(settled.security(), doctor.id, factors=False)
    settled.clock.forward(seconds=31)
    step = await settled.knock(doctor, slip)
    assert (await settled.clinic.sign_in.prove(step.token, totp(settled.code()))).stage is (
        SessionStage.NEW_PASSWORD
    )
    async with settled.clinic.database.transaction(write=False) as session:
        assert (await session.get(User, doctor.id)).must_change_password
