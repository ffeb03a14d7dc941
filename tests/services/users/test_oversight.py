"""A reset is told to the person it happened to, and looked at by somebody else. (S-AC-1, R042)"""

import pytest
from sqlalchemy import select

from data.errors import Forbidden
from data.messages import Channel, Message
from integrations.sandbox.messages import SandboxMailer, SandboxSms
from services.clinic import Clinic
from services.i18n import say
from services.inbox import Tray
from services.policy import Grant, Role
from services.ports import Ports
from services.tasks import Search, TaskState
from services.users.registrar import StaffDetails
from tests.services.users.conftest import HOSPITAL, Hospital, somebody

RESETS = Search(kind="reset_check")


@pytest.fixture
async def hospital(database, clock, keys, settings):
    """The hospital of the other tests, with a mail server and text messages (both sandboxes)."""
    tray = Tray(database, clock)
    ports = Ports(mailer=SandboxMailer(tray), sms=SandboxSms(tray))
    demo = settings.model_copy(update={"demo": True})
    clinic = Clinic.open(database, clock, keys, demo, ports)
    first = somebody("anquan", Role.SECURITY_ADMIN, display_name="周安全")
    institution_id, [added] = await clinic.founding.found(HOSPITAL, [first])
    await clinic.policy.load()
    yield Hospital(clinic, clock, institution_id, added.user_id)
    await clinic.close()


@pytest.fixture
async def doctor(hospital):
    reached = {"phone": "19900000001", "email": "li@hospital.test", "language": "en"}
    return await hospital.hire("lihua", Role.DOCTOR, **reached)


async def reset(hospital, who, *, factors=False, by=None):
    await hospital.clinic.staff.reset(by or hospital.security(), who.id, factors=factors)
    for _ in range(3):
        await hospital.clinic.bus.deliver()


async def told(hospital, who):
    """Over which channels somebody was told of what."""
    async with hospital.clinic.database.transaction(write=False) as session:
        rows = await session.scalars(select(Message).where(Message.owner_id == who.id))
        return {(row.channel, row.template) for row in rows}


@pytest.mark.parametrize("factors", [True, False])
async def test_whose_password_was_reset_hears_of_it_over_everything_they_have(
    hospital, doctor, factors
):
    """Red before: the event told nobody, and whoever was taken over found out last."""
    await reset(hospital, doctor, factors=factors)

    template = "factors_reset" if factors else "password_reset"
    assert await told(hospital, doctor) == {(channel, template) for channel in Channel}
    caught, _ = await hospital.clinic.inbox.page(hospital.acting(Role.DOCTOR))
    assert {each.address for each in caught} == {"19900000001", "li@hospital.test"}
    texts = {say("en", f"message.{template}.{over}") for over in ("mail", "sms")}
    assert {each.text for each in caught} == texts


async def test_who_has_no_phone_and_no_address_reads_it_at_the_next_sign_in(hospital):
    nurse = await hospital.hire("hushi", Role.NURSE)
    await reset(hospital, nurse)
    assert await told(hospital, nurse) == {(Channel.IN_APP, "password_reset")}
    assert await hospital.clinic.bus.parked() == 0


async def test_another_administrator_checks_a_reset(hospital, doctor):
    """S-AC-1: the one who did it neither sees the check nor closes it."""
    other = await hospital.hire("anquan2", Role.SECURITY_ADMIN)
    await reset(hospital, doctor)
    colleague = hospital.acting(Role.SECURITY_ADMIN, user_id=other.id)
    tasks = hospital.clinic.tasks

    [task], _ = await tasks.page(colleague, RESETS)
    assert task.subject == f"user_account:{doctor.id}"
    assert task.values["username"] == "lihua"
    assert (await tasks.page(hospital.security(), RESETS))[1] == 0
    with pytest.raises(Forbidden):
        await tasks.close(hospital.security(), task.id, "that was me, all fine")
    closed = await tasks.close(colleague, task.id, "asked Dr Li by phone: it was her wish")
    assert closed.state is TaskState.DONE


async def test_where_there_is_one_security_administrator_the_auditor_checks(hospital, doctor):
    await reset(hospital, doctor)
    auditor = hospital.acting(Role.AUDIT_ADMIN)
    assert (await hospital.clinic.tasks.page(auditor, RESETS))[1] == 0
    hospital.clock.forward(hours=25)
    await hospital.clinic.bus.ring()
    await hospital.clinic.bus.deliver()
    assert (await hospital.clinic.tasks.page(auditor, RESETS))[1] == 1


@pytest.mark.parametrize(
    ("whose", "checker"),
    [
        (Role.AUDIT_ADMIN, Role.SYSTEM_ADMIN),
        (Role.SYSTEM_ADMIN, Role.AUDIT_ADMIN),
        (Role.SECURITY_ADMIN, Role.AUDIT_ADMIN),
    ],
)
@pytest.mark.parametrize("wanted", [True, False])
async def test_the_third_administrator_checks_at_once_what_became_of_the_second(
    hospital, whose, checker, wanted
):
    """S-AC-1, R042: whoever resets an administrator could be two of the three."""
    if not wanted:
        rule = "policy.auth.check_resets"
        await hospital.clinic.policy.change(hospital.security(), rule, value=False, reason="small")
    second = await hospital.hire("dier", whose)
    await reset(hospital, second, factors=True)
    third = hospital.acting(checker)
    [task], total = await hospital.clinic.tasks.page(third, RESETS)
    assert (total, task.subject) == (1, f"user_account:{second.id}")
    taken_over = hospital.acting(whose, user_id=second.id)
    assert (await hospital.clinic.tasks.page(taken_over, RESETS))[1] == 0


async def test_a_second_reset_is_a_second_check(hospital, doctor):
    other = await hospital.hire("anquan2", Role.SECURITY_ADMIN)
    await reset(hospital, doctor)
    await reset(hospital, doctor, factors=True)
    colleague = hospital.acting(Role.SECURITY_ADMIN, user_id=other.id)
    assert (await hospital.clinic.tasks.page(colleague, RESETS))[1] == 2


async def test_a_hospital_may_do_without_the_check(hospital, doctor):
    """policy.auth.check_resets; the person is told all the same."""
    rule = "policy.auth.check_resets"
    await hospital.clinic.policy.change(hospital.security(), rule, value=False, reason="too small")
    await reset(hospital, doctor)
    auditor = hospital.acting(Role.AUDIT_ADMIN, Role.SECURITY_ADMIN)
    assert (await hospital.clinic.tasks.page(auditor, RESETS))[1] == 0
    assert len(await told(hospital, doctor)) == 3


@pytest.fixture
async def auditor(hospital):
    """Somebody who has worked here for more than a week, as has the third."""
    reached = {"phone": "19900000002", "email": "sun@hospital.test", "language": "en"}
    who = await hospital.hire("shenji", Role.AUDIT_ADMIN, **reached)
    await hospital.at_home("xitong", Role.SYSTEM_ADMIN)
    await hospital.arrive(who)
    hospital.clock.forward(days=8)
    return who


async def move(hospital, who, phone, email):
    member = (await hospital.clinic.roster.get(hospital.security(), who.id)).member
    details = StaffDetails("李小华", phone=phone, email=email, language="en")
    change = hospital.clinic.staff.change
    await change(hospital.acting(Role.HR), who.id, details, member.version)
    for _ in range(3):
        await hospital.clinic.bus.deliver()


async def letters(hospital, template):
    """To which numbers and addresses one kind of message went."""
    caught, _ = await hospital.clinic.inbox.page(hospital.acting(Role.DOCTOR))
    texts = {say("en", f"message.{template}.{over}") for over in ("mail", "sms")}
    return sorted(each.address for each in caught if each.text in texts)


async def test_who_is_to_be_reset_hears_of_it_before_it_happens(hospital, auditor):
    """S-AC-1: the one person who knows whether they asked, while nothing has changed yet."""
    await reset(hospital, auditor, factors=True)
    assert await told(hospital, auditor) == {(channel, "reset_asked") for channel in Channel}
    assert await letters(hospital, "reset_asked") == ["19900000002", "sun@hospital.test"]


async def test_another_number_and_address_are_told_to_the_old_ones(hospital, auditor):
    """Red before: who wanted the account changed first where its owner would hear of it."""
    await move(hospital, auditor, "19900000066", "thief@hospital.test")
    assert await letters(hospital, "contact_changed") == [
        *("19900000002", "19900000066", "sun@hospital.test", "thief@hospital.test")
    ]
    assert (Channel.IN_APP, "contact_changed") in await told(hospital, auditor)


async def test_a_reset_is_told_where_its_owner_was_reached_before(hospital, auditor):
    """Also after a second change: nobody gets rid of the old ones in a month."""
    await move(hospital, auditor, "19900000066", "thief@hospital.test")
    await move(hospital, auditor, "19900000077", "")
    await reset(hospital, auditor, factors=True)
    asked = await letters(hospital, "reset_asked")
    assert asked == ["19900000002", "19900000077", "sun@hospital.test"]


async def test_after_a_month_the_old_ones_are_nobodys(hospital, auditor):
    await move(hospital, auditor, "19900000066", "new@hospital.test")
    hospital.clock.forward(days=31)
    await reset(hospital, auditor, factors=True)
    assert await letters(hospital, "reset_asked") == ["19900000066", "new@hospital.test"]


async def test_details_that_change_nothing_there_warn_nobody(hospital, auditor):
    await move(hospital, auditor, "19900000002", "sun@hospital.test")
    assert await letters(hospital, "contact_changed") == []


@pytest.mark.parametrize("is_new", [True, False])
@pytest.mark.parametrize(
    ("role", "checker"),
    [
        (Role.AUDIT_ADMIN, Role.SYSTEM_ADMIN),
        (Role.SYSTEM_ADMIN, Role.AUDIT_ADMIN),
        (Role.SECURITY_ADMIN, Role.AUDIT_ADMIN),
    ],
)
async def test_another_administrator_checks_who_was_made_one(hospital, role, checker, is_new):
    """S-AC-1. Red before: security made an audit administrator of its own, and nobody was asked."""
    house, made = hospital.clinic, somebody("xinren", role)
    if is_new:
        user_id = (await house.staff.add(hospital.security(), made)).user_id
    else:
        user_id = (await hospital.hire("xinren", Role.NURSE)).id
        await house.staff.grant(hospital.security(), user_id, Grant(role))
    await house.bus.deliver()
    asked = Search(kind="administrator_check")
    [task], total = await house.tasks.page(hospital.acting(checker), asked)
    assert (total, task.subject, task.values["username"]) == (
        *(1, f"user_account:{user_id}"),
        "xinren",
    )
    assert (await house.tasks.page(hospital.security(), asked))[1] == 0


async def test_nobody_checks_who_was_made_anything_else(hospital):
    await hospital.clinic.staff.add(hospital.security(), somebody("xinren", Role.NURSE))
    await hospital.clinic.bus.deliver()
    everybody = hospital.acting(Role.AUDIT_ADMIN, Role.SYSTEM_ADMIN)
    assert (await hospital.clinic.tasks.page(everybody, Search(kind="administrator_check")))[1] == 0
