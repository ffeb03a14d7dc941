"""A temporary password lives a day, and opens the way in once. (S-AUTH-1, R016)"""

import pytest

from data.errors import Forbidden, Unauthenticated
from data.users import SessionStage
from services.audit import Search
from services.i18n import LANGUAGES, say
from services.policy import Role
from tests.services.users.conftest import HERE, somebody, totp

OWN = "Herbst-mond 9"


@pytest.fixture
async def newcomer(hospital):
    return await hospital.clinic.staff.add(hospital.security(), somebody("lihua", Role.DOCTOR))


async def begin(hospital, who):
    sign_in = hospital.clinic.sign_in
    return await sign_in.begin(who.username, who.temporary_password, HERE)


async def test_a_slip_of_paper_from_the_day_before_yesterday_opens_nothing(hospital, newcomer):
    """Red before: it was good for as long as nobody used it."""
    hospital.clock.forward(hours=24, minutes=1)
    with pytest.raises(Forbidden, match="temporary_password_expired"):
        await begin(hospital, newcomer)
    auditor = hospital.acting(Role.AUDIT_ADMIN)
    entries, _ = await hospital.clinic.audit.page(auditor, Search(action="session:open"))
    assert entries[0].purpose == "temporary_password_expired"


async def test_it_is_good_until_its_day_is_over(hospital, newcomer):
    hospital.clock.forward(hours=23, minutes=59)
    assert (await begin(hospital, newcomer)).stage is SessionStage.NEW_PASSWORD


async def test_how_long_is_for_the_house_to_say(hospital, newcomer):
    """policy.auth.temporary_hours, also for slips that were handed out before."""
    rule = "policy.auth.temporary_hours"
    await hospital.clinic.policy.change(hospital.security(), rule, value=2, reason="small house")
    hospital.clock.forward(hours=3)
    with pytest.raises(Forbidden, match="temporary_password_expired"):
        await begin(hospital, newcomer)


async def test_who_copied_the_slip_comes_too_late(hospital, newcomer):
    """Once somebody stands at their new password nobody else gets there; they themselves do."""
    step = await begin(hospital, newcomer)
    with pytest.raises(Forbidden, match="temporary_password_spent"):
        await begin(hospital, newcomer)
    step = await hospital.clinic.enrolment.choose_password(step.token, OWN)
    assert step.stage is SessionStage.ENROL
    assert (await hospital.clinic.sign_in.begin("lihua", OWN, HERE)).stage is SessionStage.ENROL


async def test_who_left_the_page_for_too_long_asks_for_another(hospital, newcomer):
    """The way in ends after ten minutes, and the slip with it."""
    step = await begin(hospital, newcomer)
    hospital.clock.forward(minutes=11)
    with pytest.raises(Unauthenticated, match="sign_in_stale"):
        await hospital.clinic.enrolment.choose_password(step.token, OWN)
    with pytest.raises(Forbidden, match="temporary_password_spent"):
        await begin(hospital, newcomer)
    staff = hospital.clinic.staff
    again = await staff.reset(hospital.security(), newcomer.user_id, factors=False)
    step = await hospital.clinic.sign_in.begin("lihua", again, HERE)
    assert step.stage is SessionStage.NEW_PASSWORD


async def test_of_two_who_both_wait_with_their_phone_one_goes_on(hospital):
    """The second factor stays where only the password was lost: it is spent behind it."""
    doctor = await hospital.hire("lihua", Role.DOCTOR)
    slip = await hospital.clinic.staff.reset(hospital.security(), doctor.id, factors=False)
    first, second = [await hospital.knock(doctor, slip) for _ in range(2)]
    sign_in = hospital.clinic.sign_in
    step = await sign_in.prove(first.token, totp(hospital.code()))
    assert step.stage is SessionStage.NEW_PASSWORD
    hospital.clock.forward(seconds=31)
    with pytest.raises(Forbidden, match="temporary_password_spent"):
        await sign_in.prove(second.token, totp(hospital.code()))


async def test_a_wrong_slip_is_told_nothing_of_that(hospital, newcomer):
    """Only who has the password learns that it has expired."""
    hospital.clock.forward(hours=25)
    with pytest.raises(Unauthenticated, match="sign_in_failed"):
        await hospital.clinic.sign_in.begin(newcomer.username, "guess-guess-guess", HERE)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", ["temporary_password_expired", "temporary_password_spent"])
def test_the_sentence_says_whom_to_ask(language, code):
    asked = {"zh_CN": "安全管理员", "en": "security administrator"}[language]
    assert asked in say(language, f"error.{code}")
