"""The door: what opens it, what it says when it stays shut, and when it stops listening."""

import asyncio
import statistics

import pytest
from sqlalchemy import select

from data.audit import AuditEntry
from data.clock import stopwatch
from data.errors import DomainError, Forbidden, Invalid, TooMany, Unauthenticated
from data.users import SessionStage, SignInGuard
from services.audit import Search
from services.events import AccountLocked, SessionOpened
from services.policy import ANYBODY, Role
from services.users.factors import Proof, ProofKind
from services.users.lockout import Guard
from services.users.standards import Standards
from services.users.steps import Caller
from tests.services.users.conftest import HERE, PASSWORD, totp


@pytest.fixture
async def doctor(hospital):
    return await hospital.hire("lihua", Role.DOCTOR)


async def refusal(knock) -> DomainError:
    with pytest.raises(DomainError) as refused:
        await knock
    return refused.value


async def test_staff_show_a_password_and_a_code(hospital, doctor):
    """S-AUTH-3: two factors for staff."""
    heard = []
    hospital.clinic.bus.watch(heard.append)

    step = await hospital.knock(doctor)
    assert step.stage is SessionStage.SECOND_FACTOR
    assert await hospital.clinic.sessions.actor_of(step.token) is None
    done = await hospital.clinic.sign_in.prove(step.token, totp(hospital.code()))

    assert done.done
    assert done.token not in {step.token, ""}
    actor = await hospital.clinic.sessions.actor_of(done.token, HERE.address)
    assert (actor.user_id, actor.address) == (doctor.id, HERE.address)
    assert [event.user_id for event in heard if isinstance(event, SessionOpened)] == [doctor.id]
    auditor = hospital.acting(Role.AUDIT_ADMIN)
    [entry], _ = await hospital.clinic.audit.page(auditor, Search(action="session:open"))
    assert (entry.actor_id, entry.address) == (doctor.id, HERE.address)


@pytest.mark.parametrize("typed", ["LiHua", "  lihua ", "ＬＩＨＵＡ"])
async def test_a_name_may_be_typed_as_it_comes(hospital, doctor, typed):
    step = await hospital.clinic.sign_in.begin(typed, PASSWORD, HERE)
    assert step.user_id == doctor.id


async def test_an_unknown_name_and_a_wrong_password_are_answered_alike(hospital, doctor):
    """R043: nothing at the door tells which names there are."""
    sign_in = hospital.clinic.sign_in
    unknown = await refusal(sign_in.begin("nobody", PASSWORD, HERE))
    wrong = await refusal(sign_in.begin(doctor.username, "Sommer-wind 8", HERE))

    assert (type(unknown), unknown.code, unknown.details) == (Unauthenticated, "sign_in_failed", {})
    assert (type(wrong), wrong.code, wrong.details) == (Unauthenticated, "sign_in_failed", {})


async def test_an_unknown_name_takes_as_long_as_a_wrong_password(hospital, doctor):
    """R043: the time tells nothing either."""
    taken = {"nobody": [], doctor.username: []}
    for _ in range(4):
        hospital.clock.forward(hours=1)
        for name, times in taken.items():
            began = stopwatch()
            await refusal(hospital.clinic.sign_in.begin(name, "Sommer-wind 8", HERE))
            times.append(stopwatch() - began)

    unknown, wrong = (statistics.median(times) for times in taken.values())
    assert 0.3 < unknown / wrong < 3  # without a hash it is a tenth


async def test_five_failures_lock_an_account_for_half_an_hour(hospital, doctor):
    """S-AUTH-2: 5 failures in 15 min, 30 min locked."""
    heard = []
    hospital.clinic.bus.watch(heard.append)
    for _ in range(5):
        refused = await refusal(hospital.knock(doctor, "Sommer-wind 8"))
        assert refused.code == "sign_in_failed"
        hospital.clock.forward(seconds=20)

    locked = await refusal(hospital.knock(doctor))

    assert (type(locked), locked.code) == (TooMany, "sign_in_locked")
    assert locked.details["minutes"] == 30
    [told] = [event for event in heard if isinstance(event, AccountLocked)]
    assert told.user_id == doctor.id
    hospital.clock.forward(minutes=29)
    assert (await refusal(hospital.knock(doctor))).code == "sign_in_locked"
    hospital.clock.forward(minutes=1)
    assert (await hospital.arrive(doctor)).done


async def test_failures_long_apart_lock_nobody(hospital, doctor):
    """S-AUTH-2: within 15 minutes."""
    for _ in range(9):
        assert (await refusal(hospital.knock(doctor, "x"))).code == "sign_in_failed"
        hospital.clock.forward(minutes=4)
    assert (await hospital.arrive(doctor)).done


async def test_a_name_nobody_has_is_locked_like_any_other(hospital):
    for _ in range(5):
        await refusal(hospital.clinic.sign_in.begin("nobody", "x", HERE))
        hospital.clock.forward(seconds=20)
    refused = await refusal(hospital.clinic.sign_in.begin("nobody", "x", HERE))
    assert refused.code == "sign_in_locked"


async def test_each_failure_makes_the_next_try_wait_longer(hospital, doctor):
    """S-AUTH-2: exponential delay."""
    waits = []
    for _ in range(4):
        await refusal(hospital.knock(doctor, "x"))
        refused = await refusal(hospital.knock(doctor))
        assert (type(refused), refused.code) == (TooMany, "sign_in_too_fast")
        waits.append(refused.details["retry_after"])
        hospital.clock.forward(seconds=refused.details["retry_after"])
    assert waits == [1, 2, 4, 8]
    assert (await hospital.arrive(doctor)).done


async def test_a_sign_in_forgets_the_failures_before_it(hospital, doctor):
    for _ in range(3):
        for _ in range(4):
            await refusal(hospital.knock(doctor, "x"))
            hospital.clock.forward(seconds=20)
        assert (await hospital.arrive(doctor)).done


async def test_a_right_password_does_not_buy_more_codes(hospital, doctor):
    """S-AUTH-2: who has the password only may guess five codes, not five a password."""
    refused = None
    for tries in range(1, 20):  # noqa: B007 - counted
        hospital.clock.forward(seconds=20)
        try:
            step = await hospital.knock(doctor)
            await hospital.clinic.sign_in.prove(step.token, totp("000000"))
        except Invalid:
            continue
        except TooMany as error:
            refused = error
            break
    assert refused is not None
    assert refused.code == "sign_in_locked"
    assert tries == 6


async def test_guesses_at_the_same_moment_do_not_get_past_the_limit(hospital, doctor):
    """S-AUTH-2: a try counts before it is judged."""
    guesses = [hospital.knock(doctor, f"guess {n}") for n in range(12)]
    answers = await asyncio.gather(*guesses, return_exceptions=True)

    judged = [answer for answer in answers if answer.code == "sign_in_failed"]
    assert len(judged) == 1
    assert {a.code for a in answers} == {"sign_in_failed", "sign_in_too_fast"}


async def test_an_address_that_tries_many_names_is_shut_out(hospital, doctor, guard):
    """S-AUTH-2: account and address."""
    spray = Caller("198.51.100.9")
    for number in range(50):
        await fail(hospital, guard, f"name{number}", spray)
        hospital.clock.forward(seconds=10)

    assert (await refusal(hospital.knock(doctor, caller=spray))).code == "sign_in_locked"
    assert (await hospital.arrive(doctor)).done  # from elsewhere


async def test_a_household_with_a_network_of_its_own_counts_as_one_address(hospital, doctor, guard):
    """S-AUTH-2: whoever has an IPv6 connection could try from 2^64 addresses."""
    for number in range(50):
        await fail(hospital, guard, f"name{number}", Caller(f"2001:db8:0:1::{number:x}"))
        hospital.clock.forward(seconds=10)

    same, other = Caller("2001:db8:0:1:ffff::1"), Caller("2001:db8:0:2::1")
    assert (await refusal(hospital.knock(doctor, caller=same))).code == "sign_in_locked"
    assert (await hospital.arrive(doctor, caller=other)).done


async def test_a_whole_clinic_behind_one_address_is_not(hospital, doctor, guard):
    for number in range(60):
        await fail(hospital, guard, f"name{number}", HERE)
        hospital.clock.forward(seconds=31)
    assert (await hospital.arrive(doctor)).done


@pytest.fixture
def guard(hospital):
    return Guard(hospital.clinic.keys, Standards(hospital.clinic.policy))


async def fail(hospital, guard, name, caller):
    """What a wrong password leaves behind, without the time that hashing one takes."""
    async with hospital.clinic.transactions.open(ANYBODY) as tx:
        tx.go_unnoted("a test")
        await guard.knock(tx, name, caller.address)


async def test_the_hospital_sets_its_own_limit(hospital, doctor):
    """policy.auth is read when it counts, not when we start."""
    policy = hospital.clinic.policy
    await policy.change(hospital.security(), "policy.auth.fail_limit", 3, "after an incident")
    await hospital.clinic.bus.deliver()
    for _ in range(3):
        await refusal(hospital.knock(doctor, "x"))
        hospital.clock.forward(seconds=20)
    assert (await refusal(hospital.knock(doctor))).code == "sign_in_locked"


async def test_security_lets_somebody_in_again(hospital, doctor):
    """S-AUTH-2: unlock by an administrator."""
    for _ in range(5):
        await refusal(hospital.knock(doctor, "x"))
        hospital.clock.forward(seconds=20)
    dossier = await hospital.clinic.roster.get(hospital.security(), doctor.id)
    assert dossier.locked_until is not None

    with pytest.raises(Forbidden):
        await hospital.clinic.staff.unlock(hospital.acting(Role.HR), doctor.id)
    await hospital.clinic.staff.unlock(hospital.security(), doctor.id)

    assert (await hospital.arrive(doctor)).done


async def test_a_suspended_person_is_told_only_after_the_right_password(hospital, doctor):
    await hospital.clinic.staff.suspend(hospital.security(), doctor.id, "left the house")
    assert (await refusal(hospital.knock(doctor, "x"))).code == "sign_in_failed"
    hospital.clock.forward(seconds=5)
    refused = await refusal(hospital.knock(doctor))
    assert (type(refused), refused.code) == (Forbidden, "account_suspended")


async def test_an_account_without_a_role_opens_nothing(hospital, doctor):
    [grant] = (await hospital.clinic.roster.get(hospital.security(), doctor.id)).member.grants
    await hospital.clinic.staff.withdraw(hospital.security(), doctor.id, grant)
    assert (await refusal(hospital.knock(doctor))).code == "account_without_role"


async def test_every_failure_is_in_the_audit_trail(hospital, doctor):
    """S-AUD-1: who, from where, with what result; a name nobody has as well."""
    await refusal(hospital.knock(doctor, "x"))
    await refusal(hospital.clinic.sign_in.begin("nobody", "x", HERE))

    auditor = hospital.acting(Role.AUDIT_ADMIN)
    search = Search(action="session:open", result="denied")
    entries, total = await hospital.clinic.audit.page(auditor, search)

    assert total == 2
    assert {entry.subject for entry in entries} == {"user_account", f"user_account:{doctor.id}"}
    assert {(entry.address, entry.purpose) for entry in entries} == {
        (HERE.address, "sign_in_failed")
    }
    assert "nobody" not in str(entries)


async def test_the_trail_of_the_guard_holds_no_typed_name(hospital):
    """People type their password into the field of the name."""
    await refusal(hospital.clinic.sign_in.begin("Sommer-wind 9", "x", HERE))
    async with hospital.clinic.database.transaction(write=False) as session:
        connection = await session.connection()
        keys = (await connection.exec_driver_sql("SELECT key FROM sign_in_guard")).scalars().all()
        details = (await session.scalars(AuditEntry.__table__.select())).all()
    assert keys
    assert "sommer" not in f"{keys}{details}".casefold()


async def test_who_has_no_second_factor_confirms_by_password_only_then(hospital, doctor):
    actor = await hospital.at_work(doctor)
    with pytest.raises(Invalid, match="second_factor_needed"):
        await hospital.clinic.sign_in.confirm(actor, Proof(ProofKind.PASSWORD, PASSWORD))


async def test_a_confirmation_counts_and_changes_the_token(hospital, doctor):
    """R042: re-authentication, with a new token."""
    step = await hospital.arrive(doctor)
    sessions = hospital.clinic.sessions
    hospital.clock.forward(minutes=10)
    actor = await sessions.actor_of(step.token)
    before = actor.confirmed_at

    again = await hospital.clinic.sign_in.confirm(actor, totp(hospital.code()))

    assert await sessions.actor_of(step.token) is None
    confirmed = await sessions.actor_of(again.token)
    assert confirmed.session_id == actor.session_id
    assert confirmed.confirmed_at == hospital.clock.now() > before
    assert (await sessions.actor_in(step.session_id)).confirmed_at == hospital.clock.now()


async def test_wrong_confirmations_lock_too(hospital, doctor):
    actor = await hospital.at_work(doctor)
    for _ in range(5):
        assert (
            await refusal(hospital.clinic.sign_in.confirm(actor, totp("000000")))
        ).code == "second_factor_wrong"
        hospital.clock.forward(seconds=20)
    assert (
        await refusal(hospital.clinic.sign_in.confirm(actor, totp(hospital.code())))
    ).code == "sign_in_locked"


async def test_failures_of_long_ago_are_forgotten(hospital, doctor):
    await refusal(hospital.knock(doctor, "x"))
    hospital.clock.forward(hours=23)
    await hospital.clinic.sign_in.tidy()
    assert len(await guards(hospital)) == 2  # the name and the address

    hospital.clock.forward(hours=2)
    await hospital.clinic.sign_in.tidy()
    assert await guards(hospital) == []


async def guards(hospital):
    async with hospital.clinic.database.transaction(write=False) as session:
        return list(await session.scalars(select(SignInGuard)))
