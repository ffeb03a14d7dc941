"""What somebody changes about their own account, and what needs a fresh proof first."""

import pytest

from data.errors import Conflict, Invalid, TooMany, Unauthenticated
from services.policy import Role
from services.users.factors import Proof, ProofKind
from tests.services.users.authenticator import HERE as PARTY
from tests.services.users.authenticator import SecurityKey
from tests.services.users.conftest import HERE, PASSWORD, somebody, totp

OWN = "Herbst-mond 9"


@pytest.fixture
async def doctor(hospital):
    return await hospital.hire("lihua", Role.DOCTOR, phone="13812341234", email="li@example.org")


async def test_people_see_their_own_account_in_clear(hospital, doctor):
    profile = await hospital.clinic.account.profile(await hospital.at_work(doctor))
    assert (profile.display_name, profile.phone, profile.email) == (
        "李小华",
        "13812341234",
        "li@example.org",
    )
    assert (profile.enrolled.totp, profile.enrolled.codes_left) == (True, 10)


async def test_a_new_password_ends_the_other_sessions(hospital, doctor):
    elsewhere = await hospital.arrive(doctor)
    actor = await hospital.at_work(doctor)

    await hospital.clinic.account.change_password(actor, PASSWORD, OWN)

    assert await hospital.clinic.sessions.actor_of(elsewhere.token) is None
    assert await hospital.clinic.sessions.actor_in(actor.session_id) is not None
    hospital.clock.forward(seconds=31)
    with pytest.raises(Unauthenticated, match="sign_in_failed"):
        await hospital.knock(doctor)
    hospital.clock.forward(seconds=31)
    assert (await hospital.knock(doctor, OWN)).user_id == doctor.id


async def test_a_reset_meanwhile_beats_the_change(hospital, doctor, monkeypatch):
    """Whoever is reset because somebody else has their password must not be undone by that one."""
    intruder = await hospital.at_work(doctor)
    credentials = hospital.clinic.account._credentials
    judged = credentials.judged

    async def judged_during_a_reset(*args, **more):
        await hospital.clinic.staff.reset(hospital.security(), doctor.id, factors=False)
        return await judged(*args, **more)

    monkeypatch.setattr(credentials, "judged", judged_during_a_reset)
    with pytest.raises(Conflict, match="changed_meanwhile"):
        await hospital.clinic.account.change_password(intruder, PASSWORD, OWN)
    hospital.clock.forward(seconds=31)
    with pytest.raises(Unauthenticated, match="sign_in_failed"):
        await hospital.knock(doctor, OWN)


async def test_the_old_password_is_guessed_five_times_at_most(hospital, doctor):
    """S-AUTH-2: an open screen is no place to guess at either."""
    actor = await hospital.at_work(doctor)
    for _ in range(5):
        with pytest.raises(Invalid, match="password_wrong"):
            await hospital.clinic.account.change_password(actor, "guess", OWN)
        hospital.clock.forward(seconds=20)
    with pytest.raises(TooMany, match="sign_in_locked"):
        await hospital.clinic.account.change_password(actor, PASSWORD, OWN)


async def test_a_weak_password_is_refused_here_too(hospital, doctor):
    actor = await hospital.at_work(doctor)
    with pytest.raises(Invalid, match="password_too_common"):
        await hospital.clinic.account.change_password(actor, PASSWORD, "Woaini5201314!")


async def test_what_secures_the_account_needs_a_fresh_proof(hospital, doctor):
    """SENSITIVE: five minutes."""
    actor, account = await hospital.at_work(doctor), hospital.clinic.account
    hospital.clock.forward(minutes=6)
    for act in (
        account.new_codes(actor),
        account.start_totp(actor),
        account.start_passkey(actor, PARTY),
    ):
        with pytest.raises(Unauthenticated, match="confirm_needed"):
            await act

    step = await hospital.clinic.sign_in.confirm(actor, totp(hospital.code()))

    fresh = await hospital.clinic.sessions.actor_of(step.token)
    assert len(await account.new_codes(fresh)) == 10


async def test_a_passkey_confirms(hospital, doctor):
    actor, account, key = await hospital.at_work(doctor), hospital.clinic.account, SecurityKey()
    made = key.create(await account.start_passkey(actor, PARTY))
    await account.finish_passkey(actor, Proof(ProofKind.PASSKEY, made, PARTY), "  钥匙 ")
    [kept] = (await account.profile(actor)).passkeys
    assert kept.label == "钥匙"

    hospital.clock.forward(minutes=6)
    options = await hospital.clinic.sign_in.confirm_options(actor, PARTY)
    proof = Proof(ProofKind.PASSKEY, key.get(options), PARTY)
    step = await hospital.clinic.sign_in.confirm(actor, proof)

    fresh = await hospital.clinic.sessions.actor_of(step.token)
    assert fresh.confirmed_at == hospital.clock.now()
    await account.remove_passkey(fresh, kept.id)
    assert (await account.profile(fresh)).passkeys == ()


async def test_a_new_app_replaces_the_one_before(hospital, doctor):
    actor, account = await hospital.at_work(doctor), hospital.clinic.account
    secret = await account.start_totp(actor)
    with pytest.raises(Invalid, match="second_factor_wrong"):
        await account.finish_totp(actor, hospital.code())
    await account.finish_totp(actor, hospital.code(secret.secret))

    hospital.clock.forward(minutes=1)
    step = await hospital.knock(doctor)
    with pytest.raises(Invalid, match="second_factor_wrong"):
        await hospital.clinic.sign_in.prove(step.token, totp(hospital.code()))
    hospital.clock.forward(seconds=20)
    proof = totp(hospital.code(secret.secret))
    assert (await hospital.clinic.sign_in.prove(step.token, proof)).done


async def test_the_last_second_factor_stays(hospital):
    """S-AUTH-3: mandatory for staff."""
    added = await hospital.clinic.staff.add(hospital.security(), somebody("hushi", Role.NURSE))
    enrolment, key = hospital.clinic.enrolment, SecurityKey()
    step = await hospital.clinic.sign_in.begin("hushi", added.temporary_password, HERE)
    step = await enrolment.choose_password(step.token, OWN)
    made = key.create(await enrolment.start_passkey(step.token, PARTY))
    proof = Proof(ProofKind.PASSKEY, made, PARTY)
    step = await enrolment.finish_passkey(step.token, proof, "")
    await enrolment.new_codes(step.token)
    step = await enrolment.finish(step.token)
    actor = await hospital.clinic.sessions.actor_of(step.token)
    [kept] = (await hospital.clinic.account.profile(actor)).passkeys

    with pytest.raises(Conflict, match="last_factor"):
        await hospital.clinic.account.remove_passkey(actor, kept.id)


async def test_nobody_removes_the_passkey_of_another(hospital, doctor):
    actor, account, key = await hospital.at_work(doctor), hospital.clinic.account, SecurityKey()
    made = key.create(await account.start_passkey(actor, PARTY))
    await account.finish_passkey(actor, Proof(ProofKind.PASSKEY, made, PARTY), "")
    [kept] = (await account.profile(actor)).passkeys
    nurse = await hospital.at_work(await hospital.hire("hushi", Role.NURSE))

    with pytest.raises(Invalid, match="passkey_none"):
        await account.remove_passkey(nurse, kept.id)


async def test_people_choose_their_language(hospital, doctor):
    actor = await hospital.at_work(doctor)
    await hospital.clinic.account.speak(actor, "en")
    assert (await hospital.clinic.account.profile(actor)).language == "en"
    with pytest.raises(Invalid, match="language_unknown"):
        await hospital.clinic.account.speak(actor, "tlh")


async def test_people_choose_how_large_pages_are_written(hospital, doctor):
    actor, account = await hospital.at_work(doctor), hospital.clinic.account
    assert (await account.nameplate(actor)).text_size is None  # as their browser has been set
    for size in (3, 0):
        await account.write_larger(actor, size)
        assert (await account.nameplate(actor)).text_size == size
    for size in (-1, 4):
        with pytest.raises(Invalid, match="text_size_unknown"):
            await account.write_larger(actor, size)


async def test_who_is_not_signed_in_has_no_account(hospital, doctor):
    nobody = hospital.acting(Role.VISITOR, user_id=doctor.id)
    with pytest.raises(Unauthenticated, match="sign_in_needed"):
        await hospital.clinic.account.profile(nobody)
