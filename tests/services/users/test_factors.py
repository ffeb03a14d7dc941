"""A second factor is taken once, whoever else tries at the same moment. (S-AUTH-3, R043)"""

import asyncio

import pytest
from sqlalchemy import select

from data.clock import new_id
from data.errors import Conflict, Invalid
from data.users import RecoveryCode, SessionStage
from services.policy import ANYBODY, HOUSE, Role
from services.users.factors import Factors, Proof, ProofKind, RelyingParty
from services.users.standards import Standards
from tests.services.users.authenticator import HERE as PARTY
from tests.services.users.authenticator import SecurityKey
from tests.services.users.conftest import totp


@pytest.fixture
async def doctor(hospital):
    return await hospital.hire("lihua", Role.DOCTOR)


@pytest.fixture
def factors(hospital):
    return Factors(hospital.clinic.keys, Standards(hospital.clinic.policy))


def paper(code: str) -> Proof:
    return Proof(ProofKind.RECOVERY, code)


async def codes_of(hospital, doctor):
    actor = await hospital.at_work(doctor)
    return await hospital.clinic.account.new_codes(actor)


async def take(hospital, factors, doctor, proof):
    async with hospital.clinic.transactions.open(HOUSE) as tx:
        tx.go_unnoted("a test")
        return await factors.take(tx, doctor.id, proof)


@pytest.mark.parametrize("seconds", [-30, 0, 30])
async def test_a_code_of_now_or_beside_is_taken(hospital, factors, doctor, seconds):
    hospital.clock.forward(minutes=5)
    assert await take(hospital, factors, doctor, totp(hospital.code(seconds=seconds))) == ""


@pytest.mark.parametrize("seconds", [-60, 60])
async def test_a_code_of_another_time_is_not(hospital, factors, doctor, seconds):
    proof = totp(hospital.code(seconds=seconds))
    assert await take(hospital, factors, doctor, proof) == "second_factor_wrong"


async def test_a_code_may_be_typed_in_two_groups(hospital, factors, doctor):
    code = hospital.code()
    assert await take(hospital, factors, doctor, totp(f" {code[:3]} {code[3:]} ")) == ""


@pytest.mark.parametrize("typed", ["", "abc", "１２３４５６", "1234567", "\x00"])
async def test_what_is_no_code_is_wrong_and_nothing_worse(hospital, factors, doctor, typed):
    for kind in (ProofKind.TOTP, ProofKind.RECOVERY, ProofKind.PASSKEY, ProofKind.PASSWORD):
        proof = Proof(kind, typed, PARTY)
        async with hospital.clinic.transactions.open(HOUSE) as tx:
            tx.go_unnoted("a test")
            assert await factors.take(tx, doctor.id, proof, b"challenge") == "second_factor_wrong"


async def test_a_code_that_was_seen_is_worth_nothing(hospital, factors, doctor):
    """ASVS 2.8.4: neither again, nor an earlier one after a later one."""
    hospital.clock.forward(minutes=5)
    assert await take(hospital, factors, doctor, totp(hospital.code())) == ""
    for seen in (hospital.code(), hospital.code(seconds=-30)):
        assert await take(hospital, factors, doctor, totp(seen)) == "code_already_used"


async def test_of_two_with_one_code_at_once_one_comes_in(hospital, factors, doctor):
    """The database decides who was first, on PostgreSQL as well."""
    proof = totp(hospital.code())
    answers = await asyncio.gather(*(take(hospital, factors, doctor, proof) for _ in range(8)))
    assert sorted(answers) == ["", *["code_already_used"] * 7]


async def test_of_two_browsers_with_one_code_one_comes_in(hospital, doctor):
    hospital.clock.forward(minutes=1)
    tokens = [(await hospital.knock(doctor)).token for _ in range(2)]
    prove, proof = hospital.clinic.sign_in.prove, totp(hospital.code())

    answers = await asyncio.gather(*(prove(t, proof) for t in tokens), return_exceptions=True)

    done = [answer for answer in answers if not isinstance(answer, Exception)]
    assert len(done) == 1
    assert done[0].done


async def test_a_recovery_code_opens_once_and_says_so_the_second_time(hospital, doctor):
    """Bad input: a reused recovery code."""
    first, *_ = await codes_of(hospital, doctor)
    step = await hospital.knock(doctor)
    assert (await hospital.clinic.sign_in.prove(step.token, paper(first.lower()))).done

    step = await hospital.knock(doctor)
    with pytest.raises(Invalid) as refused:
        await hospital.clinic.sign_in.prove(step.token, paper(first))
    assert refused.value.code == "recovery_code_used"


async def test_of_many_with_one_recovery_code_at_once_one_comes_in(hospital, factors, doctor):
    first, *_ = await codes_of(hospital, doctor)
    proof = paper(first)
    answers = await asyncio.gather(*(take(hospital, factors, doctor, proof) for _ in range(8)))
    assert sorted(answers) == ["", *["recovery_code_used"] * 7]


async def test_the_last_recovery_code_asks_for_new_ones(hospital, doctor):
    codes = await codes_of(hospital, doctor)
    async with hospital.clinic.database.transaction(write=True) as session:
        for row in await session.scalars(select(RecoveryCode)):
            row.used_at = hospital.clock.now()
    step = await hospital.arrive(doctor)
    assert len(codes) == 10
    assert step.stage is SessionStage.RECOVERY_CODES


async def test_a_code_of_one_person_is_nothing_for_another(hospital, factors, doctor):
    first, *_ = await codes_of(hospital, doctor)
    nurse = await hospital.hire("hushi", Role.NURSE)
    assert await take(hospital, factors, nurse, paper(first)) == "second_factor_wrong"


async def test_letters_that_look_like_digits_are_forgiven(hospital, factors, doctor):
    codes = await codes_of(hospital, doctor)
    code = next(code for code in codes if set("01") & set(code))
    typed = code.replace("0", "o").replace("1", "l").replace("-", " ")
    assert await take(hospital, factors, doctor, paper(typed)) == ""


async def with_key(hospital, doctor, key):
    actor = await hospital.at_work(doctor)
    account = hospital.clinic.account
    made = key.create(await account.start_passkey(actor, PARTY))
    await account.finish_passkey(actor, Proof(ProofKind.PASSKEY, made, PARTY), "钥匙")
    return actor


async def test_a_passkey_signs_in_beside_the_app(hospital, doctor):
    key = SecurityKey()
    await with_key(hospital, doctor, key)

    step = await hospital.knock(doctor)
    options = await hospital.clinic.sign_in.passkey_options(step.token, PARTY)
    proof = Proof(ProofKind.PASSKEY, key.get(options), PARTY)

    assert (await hospital.clinic.sign_in.prove(step.token, proof)).done


async def test_an_answer_of_a_passkey_is_good_for_its_own_question(hospital, doctor):
    """WebAuthn: an answer that was overheard opens nothing."""
    key = SecurityKey()
    await with_key(hospital, doctor, key)
    sign_in = hospital.clinic.sign_in
    first = await hospital.knock(doctor)
    overheard = key.get(await sign_in.passkey_options(first.token, PARTY))

    second = await hospital.knock(doctor)
    await sign_in.passkey_options(second.token, PARTY)
    with pytest.raises(Invalid, match="second_factor_wrong"):
        await sign_in.prove(second.token, Proof(ProofKind.PASSKEY, overheard, PARTY))
    hospital.clock.forward(seconds=20)
    with pytest.raises(Invalid, match="second_factor_wrong"):  # the question is used up
        await sign_in.prove(second.token, Proof(ProofKind.PASSKEY, overheard, PARTY))


@pytest.mark.parametrize(
    "party",
    [
        RelyingParty("xinglin.test", ("https://evil.test",)),
        RelyingParty("evil.test", PARTY.origins),
    ],
)
async def test_a_passkey_answers_to_us_alone(hospital, factors, doctor, party):
    """WebAuthn: origin and host are checked, so a look-alike page gets nothing."""
    key = SecurityKey()
    await with_key(hospital, doctor, key)
    async with hospital.clinic.transactions.open(HOUSE) as tx:
        tx.go_unnoted("a test")
        options, challenge = await factors.challenge(tx, doctor.id, PARTY)
        proof = Proof(ProofKind.PASSKEY, key.get(options), party)
        assert await factors.take(tx, doctor.id, proof, challenge) == "second_factor_wrong"


async def test_a_copied_passkey_shows_by_its_counter(hospital, factors, doctor):
    """WebAuthn 6.1.1: a counter that goes back means there are two of them."""
    key = SecurityKey()
    await with_key(hospital, doctor, key)
    results = []
    for count in (5, 6, 4):
        key.count = count
        async with hospital.clinic.transactions.open(HOUSE) as tx:
            tx.go_unnoted("a test")
            options, challenge = await factors.challenge(tx, doctor.id, PARTY)
            proof = Proof(ProofKind.PASSKEY, key.get(options), PARTY)
            results.append(await factors.take(tx, doctor.id, proof, challenge))
    assert results == ["", "", "second_factor_wrong"]


async def test_a_passkey_belongs_to_one_account(hospital, doctor):
    key = SecurityKey()
    await with_key(hospital, doctor, key)
    nurse = await hospital.hire("hushi", Role.NURSE)
    actor = await hospital.at_work(nurse)
    made = key.create(await hospital.clinic.account.start_passkey(actor, PARTY))
    with pytest.raises(Conflict, match="passkey_known"):
        await hospital.clinic.account.finish_passkey(
            actor, Proof(ProofKind.PASSKEY, made, PARTY), "钥匙"
        )


async def test_without_a_passkey_none_is_asked_for(hospital, doctor):
    step = await hospital.knock(doctor)
    with pytest.raises(Invalid, match="passkey_none"):
        await hospital.clinic.sign_in.passkey_options(step.token, PARTY)


async def test_who_is_nobody_has_no_factor(hospital, factors):
    async with hospital.clinic.transactions.open(ANYBODY) as tx:
        tx.go_unnoted("a test")
        assert await factors.take(tx, new_id(), totp("123456")) == "second_factor_wrong"
        assert not (await factors.enrolled(tx, new_id())).any
