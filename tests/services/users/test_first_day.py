"""From a slip of paper with a temporary password to an open session. (S-AUTH-1, S-AUTH-3)"""

import pytest
from sqlalchemy import select

from data.errors import Invalid, Unauthenticated
from data.users import Password, RecoveryCode, SessionStage, TotpSecret
from services.policy import Role
from services.users.factors import Proof, ProofKind
from tests.services.users.authenticator import HERE as PARTY
from tests.services.users.authenticator import SecurityKey
from tests.services.users.conftest import HERE, PASSWORD, somebody, totp

OWN = "Herbst-mond 9"


@pytest.fixture
async def newcomer(hospital):
    """A doctor with a temporary password."""
    return await hospital.clinic.staff.add(hospital.security(), somebody("lihua", Role.DOCTOR))


async def begun(hospital, newcomer):
    sign_in = hospital.clinic.sign_in
    return await sign_in.begin(newcomer.username, newcomer.temporary_password, HERE)


async def enrolling(hospital, newcomer):
    step = await begun(hospital, newcomer)
    return await hospital.clinic.enrolment.choose_password(step.token, OWN)


async def test_a_newcomer_gets_a_password_an_app_and_codes_of_their_own(hospital, newcomer):
    """S-AUTH-1 (first-login change), S-AUTH-3 (second factor for staff)."""
    enrolment, sessions = hospital.clinic.enrolment, hospital.clinic.sessions

    step = await begun(hospital, newcomer)
    assert step.stage is SessionStage.NEW_PASSWORD
    assert await sessions.actor_of(step.token) is None

    step = await enrolment.choose_password(step.token, OWN)
    assert step.stage is SessionStage.ENROL
    assert await sessions.actor_of(step.token) is None

    secret = await enrolment.start_totp(step.token)
    assert secret.uri.startswith("otpauth://totp/Xinglin")
    assert secret.secret in secret.uri
    step = await enrolment.finish_totp(step.token, hospital.code(secret.secret))
    assert step.stage is SessionStage.RECOVERY_CODES
    assert await sessions.actor_of(step.token) is None

    codes = await enrolment.new_codes(step.token)
    assert len(set(codes)) == 10
    step = await enrolment.finish(step.token)

    assert step.done
    actor = await sessions.actor_of(step.token, HERE.address)
    assert actor is not None
    assert actor.user_id == newcomer.user_id
    assert actor.roles == {Role.DOCTOR}
    assert actor.confirmed_at == hospital.clock.now()


async def test_nothing_secret_is_kept_in_clear(hospital, newcomer):
    """S-CRY-1."""
    step = await enrolling(hospital, newcomer)
    secret = await hospital.clinic.enrolment.start_totp(step.token)
    step = await hospital.clinic.enrolment.finish_totp(step.token, hospital.code(secret.secret))
    codes = await hospital.clinic.enrolment.new_codes(step.token)

    async with hospital.clinic.database.transaction(write=False) as session:
        connection = await session.connection()
        kept = [
            *(await connection.exec_driver_sql("SELECT hash FROM password")).scalars(),
            *(await connection.exec_driver_sql("SELECT secret FROM totp_secret")).scalars(),
            *(await connection.exec_driver_sql("SELECT digest FROM recovery_code")).scalars(),
            *(await connection.exec_driver_sql("SELECT token_digest FROM session")).scalars(),
        ]
    everything = b"\n".join(one.encode() if isinstance(one, str) else bytes(one) for one in kept)
    for secret_thing in (OWN, secret.secret, step.token, *codes):
        assert secret_thing.encode() not in everything


async def test_a_passkey_can_be_the_second_factor(hospital, newcomer):
    """S-AUTH-3: one of them cryptographic."""
    enrolment, key = hospital.clinic.enrolment, SecurityKey()
    step = await enrolling(hospital, newcomer)

    options = await enrolment.start_passkey(step.token, PARTY)
    answer = Proof(ProofKind.PASSKEY, key.create(options), PARTY)
    step = await enrolment.finish_passkey(step.token, answer, "办公室的钥匙")
    await enrolment.new_codes(step.token)
    step = await enrolment.finish(step.token)

    assert step.done
    again = await hospital.clinic.sign_in.begin("lihua", OWN, HERE)
    assert again.stage is SessionStage.SECOND_FACTOR
    options = await hospital.clinic.sign_in.passkey_options(again.token, PARTY)
    proof = Proof(ProofKind.PASSKEY, key.get(options), PARTY)
    assert (await hospital.clinic.sign_in.prove(again.token, proof)).done


async def test_a_token_opens_its_own_step_and_only_once(hospital, newcomer):
    """R043: rotated at each step."""
    first = await begun(hospital, newcomer)
    enrolment = hospital.clinic.enrolment
    with pytest.raises(Unauthenticated, match="sign_in_stale"):
        await enrolment.start_totp(first.token)

    second = await enrolment.choose_password(first.token, OWN)

    assert second.token != first.token
    assert second.session_id == first.session_id
    with pytest.raises(Unauthenticated, match="sign_in_stale"):
        await enrolment.choose_password(first.token, "Winter-licht 8")


async def test_who_leaves_halfway_starts_again_after_ten_minutes(hospital, newcomer):
    step = await begun(hospital, newcomer)
    hospital.clock.forward(minutes=9)
    assert (await hospital.clinic.sign_in.stand(step.token)).stage is SessionStage.NEW_PASSWORD

    hospital.clock.forward(minutes=2)

    with pytest.raises(Unauthenticated, match="sign_in_stale"):
        await hospital.clinic.sign_in.stand(step.token)
    assert await hospital.clinic.sessions.expire() == 1


async def test_the_app_counts_only_once_it_has_shown_a_code(hospital, newcomer):
    step = await enrolling(hospital, newcomer)
    new = await hospital.clinic.enrolment.start_totp(step.token)

    with pytest.raises(Invalid, match="second_factor_wrong"):
        await hospital.clinic.enrolment.finish_totp(step.token, "000000")

    assert await hospital.clinic.enrolment.finish_totp(step.token, hospital.code(new.secret))
    async with hospital.clinic.database.transaction(write=False) as session:
        kept = list(await session.scalars(select(TotpSecret)))
    assert [row.secret for row in kept if row.confirmed_at] == [new.secret]


async def test_a_mistyped_code_or_a_reload_leaves_the_secret_that_the_app_has(hospital, newcomer):
    """And a way in that was given up leaves nothing: the next one has a secret of its own."""
    step = await enrolling(hospital, newcomer)
    enrolment = hospital.clinic.enrolment
    scanned = await enrolment.start_totp(step.token)
    assert await enrolment.start_totp(step.token) == scanned
    hospital.clock.forward(minutes=11)
    again = await hospital.clinic.sign_in.begin("lihua", OWN, HERE)
    other = await enrolment.start_totp(again.token)
    assert other != scanned
    with pytest.raises(Invalid, match="second_factor_wrong"):
        await enrolment.finish_totp(again.token, hospital.code(scanned.secret))
    assert await enrolment.finish_totp(again.token, hospital.code(other.secret))


async def test_the_code_that_enrolled_does_not_sign_in(hospital, newcomer):
    """ASVS 2.8.4: a time-based code is used once."""
    step = await enrolling(hospital, newcomer)
    secret = await hospital.clinic.enrolment.start_totp(step.token)
    code = hospital.code(secret.secret)
    await hospital.clinic.enrolment.finish_totp(step.token, code)

    again = await hospital.clinic.sign_in.begin("lihua", OWN, HERE)
    with pytest.raises(Invalid, match="code_already_used"):
        await hospital.clinic.sign_in.prove(again.token, totp(code))


async def test_nobody_goes_on_without_recovery_codes(hospital, newcomer):
    step = await enrolling(hospital, newcomer)
    secret = await hospital.clinic.enrolment.start_totp(step.token)
    step = await hospital.clinic.enrolment.finish_totp(step.token, hospital.code(secret.secret))

    with pytest.raises(Unauthenticated, match="sign_in_stale"):
        await hospital.clinic.enrolment.finish(step.token)

    first = await hospital.clinic.enrolment.new_codes(step.token)
    assert await hospital.clinic.enrolment.new_codes(step.token) == first, "they may be on paper"
    assert len(set(first)) == 10
    async with hospital.clinic.database.transaction(write=False) as session:
        rows = list(await session.scalars(select(RecoveryCode)))
    assert len([row for row in rows if row.deleted_at is None]) == 10
    assert (await hospital.clinic.enrolment.finish(step.token)).done


async def test_the_temporary_password_is_no_choice(hospital, newcomer):
    """S-AUTH-1: the last passwords do not come back."""
    step = await begun(hospital, newcomer)
    with pytest.raises(Invalid) as refusal:
        await hospital.clinic.enrolment.choose_password(step.token, newcomer.temporary_password)
    assert refusal.value.code in {"password_used_before", "password_too_plain"}


async def test_a_password_of_three_months_is_changed_at_the_door(hospital):
    """S-AUTH-1: staff change at the latest after 90 days; the last five do not come back."""
    doctor = await hospital.hire("lihua", Role.DOCTOR)
    hospital.clock.forward(days=89)
    assert (await hospital.arrive(doctor)).done

    hospital.clock.forward(days=2)
    step = await hospital.arrive(doctor)

    assert step.stage is SessionStage.NEW_PASSWORD
    with pytest.raises(Invalid, match="password_used_before"):
        await hospital.clinic.enrolment.choose_password(step.token, PASSWORD)
    assert (await hospital.clinic.enrolment.choose_password(step.token, OWN)).done


async def test_the_sixth_password_back_may_return(hospital):
    """S-AUTH-1: history of 5."""
    doctor = await hospital.hire("lihua", Role.DOCTOR)
    actor, account = await hospital.at_work(doctor), hospital.clinic.account
    now = PASSWORD
    for number in range(5):
        if number == 4:
            with pytest.raises(Invalid, match="password_used_before"):
                await account.change_password(actor, now, PASSWORD)
        later = f"Sommer-wind 7{number}"
        await account.change_password(actor, now, later)
        now = later

    await account.change_password(actor, now, PASSWORD)

    async with hospital.clinic.database.transaction(write=False) as session:
        kept = select(Password).where(Password.user_id == doctor.id)
        assert len(list(await session.scalars(kept))) == 7


async def test_an_administrators_own_password_is_longer(hospital):
    """S-AUTH-1: 10 characters for administrators."""
    new = somebody("xitong", Role.SYSTEM_ADMIN)
    added = await hospital.clinic.staff.add(hospital.security(), new)
    step = await hospital.clinic.sign_in.begin("xitong", added.temporary_password, HERE)

    with pytest.raises(Invalid, match="password_too_short"):
        await hospital.clinic.enrolment.choose_password(step.token, "vK9!tzpqm")
