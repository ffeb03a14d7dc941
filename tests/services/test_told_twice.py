"""Every standard procedure bears to be told twice: deliveries are made at least once. (R092, R033)

A scenario does a real act. When all is quiet, every delivery it led to is made due once more, as
if each acknowledgement had been lost, and nothing in the house may be different afterwards. A
procedure that no scenario reaches fails the last test: write its scenario here.
"""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from data.clock import new_id
from data.institution import Institution
from data.messages import Channel
from data.outbox import Delivery, OutboxEvent
from data.tables import metadata
from data.users import ResetRequest, RoleGrant, User
from integrations.sandbox.payments import SandboxPayments
from services.clinic import Clinic
from services.events import (
    AccountLocked,
    AdministratorMade,
    ContactChanged,
    CredentialsReset,
    DeliveryParked,
    ResetOverdue,
    SettingChanged,
    StaffSuspended,
)
from services.notify import Note
from services.policy import HOUSE, Role
from services.ports import Ports
from services.tasks import Wanted
from tests.factories import INSTITUTION, MONDAY, an_actor
from tests.services.appointments import scenarios as appointments
from tests.services.billing import scenarios as billing

MAY_GROW = {"audit_entry", "outbox_event", "outbox_delivery"}
"""What may tell that something was asked for again; it changes nothing for anybody."""


async def somebody(clinic, role: Role):
    """Return an actor who is also known to the directory."""
    actor = an_actor(role)
    name = str(actor.user_id)
    person = {"institution_id": INSTITUTION, "email": "ann@hospital.test", "username": name}
    times = {"created_at": MONDAY, "woken_at": MONDAY}
    async with clinic.database.transaction(write=True) as session:
        session.add(
            User(id=actor.user_id, owner_id=actor.user_id, display_name="Ann", **person, **times)
        )
        await session.flush()
        session.add(
            RoleGrant(user_id=actor.user_id, role=role, granted_by=actor.user_id, at=MONDAY)
        )
    return actor


def wanted(**more) -> Wanted:
    settled = {"kind": "asked", "key": str(new_id()), "values": {"words": "Call back"}}
    return Wanted(**{**settled, "role": Role.NURSE, "institution_id": INSTITUTION, **more})


async def a_setting_changes(clinic):
    async with clinic.transactions.open(HOUSE) as tx:
        tx.go_unnoted("a test")
        tx.announce(SettingChanged(key="policy.notify.max_tries"))


async def a_task_is_given_to_somebody(clinic):
    nurse = await somebody(clinic, Role.NURSE)
    await clinic.tasks.add(HOUSE, wanted(role=None, owner_id=nurse.user_id))


async def a_task_is_not_done_in_time(clinic):
    await somebody(clinic, Role.DEPARTMENT_HEAD)
    late = wanted(due_at=clinic.clock.now(), escalates_to=Role.DEPARTMENT_HEAD)
    await clinic.tasks.add(HOUSE, late)
    clinic.clock.forward(minutes=1)


async def somebody_who_has_a_task_is_suspended(clinic):
    nurse = await somebody(clinic, Role.NURSE)
    task = await clinic.tasks.add(HOUSE, wanted())
    await clinic.tasks.take(nurse, task)
    async with clinic.transactions.open(HOUSE) as tx:
        tx.go_unnoted("a test")
        tx.announce(StaffSuspended(user_id=nurse.user_id))


async def somebody_guesses_passwords(clinic):
    nurse = await somebody(clinic, Role.NURSE)
    async with clinic.transactions.open(HOUSE) as tx:
        tx.go_unnoted("a test")
        tx.announce(AccountLocked(user_id=nurse.user_id, until=tx.now + timedelta(minutes=15)))


async def a_password_is_reset(clinic):
    nurse = await somebody(clinic, Role.NURSE)
    async with clinic.transactions.open(HOUSE) as tx:
        tx.go_unnoted("a test")
        told = {"reset_by": new_id(), "factors": True}
        tx.announce(CredentialsReset(user_id=nurse.user_id, **told))


async def somebodys_contact_changes(clinic):
    nurse = await somebody(clinic, Role.NURSE)
    async with clinic.transactions.open(HOUSE) as tx:
        tx.go_unnoted("a test")
        tx.announce(ContactChanged(user_id=nurse.user_id, changed_by=new_id()))


async def somebody_is_made_an_administrator(clinic):
    nurse = await somebody(clinic, Role.NURSE)
    async with clinic.transactions.open(HOUSE) as tx:
        tx.go_unnoted("a test")
        told = {"role": Role.AUDIT_ADMIN, "made_by": new_id()}
        tx.announce(AdministratorMade(user_id=nurse.user_id, **told))


async def nobody_decides_about_a_reset(clinic):
    auditor = await somebody(clinic, Role.AUDIT_ADMIN)
    system = await somebody(clinic, Role.SYSTEM_ADMIN)
    async with clinic.database.transaction(write=True) as session:
        (await session.get(User, auditor.user_id)).last_signed_in_at = MONDAY
        (await session.get(User, system.user_id)).own_since = MONDAY
    clinic.clock.forward(days=8)
    guard = an_actor(Role.SECURITY_ADMIN, confirmed_at=clinic.clock.now())
    assert await clinic.staff.reset(guard, auditor.user_id, factors=True) is None
    async with clinic.transactions.open(HOUSE) as tx:
        tx.go_unnoted("a test")
        request_id = await tx.session.scalar(select(ResetRequest.id))
        tx.announce(ResetOverdue(request_id=request_id))


async def somebody_breaks_the_glass(clinic):
    nurse = await somebody(clinic, Role.NURSE)
    proven = replace(nurse, confirmed_at=clinic.clock.now())
    await clinic.emergency.open(proven, new_id(), "unconscious, no relative present")


async def a_message_cannot_be_sent(clinic):
    over = frozenset({Channel.SMS})
    await clinic.notify.send(
        HOUSE, Note("test", "key", INSTITUTION, address="19900000001", channels=over)
    )


async def a_delivery_is_parked_and_replayed(clinic):
    await a_setting_changes(clinic)
    async with clinic.database.transaction(write=True) as session:
        session.add(Institution(id=INSTITUTION, name="甲", uscc="1", created_at=MONDAY))
        latest = select(Delivery).order_by(Delivery.id.desc()).limit(1)
        owed = (await session.scalars(latest)).one()
        owed.due_at, owed.parked_at = None, MONDAY
    async with clinic.transactions.open(HOUSE) as tx:
        tx.go_unnoted("a test")
        tx.announce(DeliveryParked(handler=owed.handler, of="SettingChanged"))
    await clinic.bus.deliver()
    await clinic.deliveries.replay(an_actor(Role.SYSTEM_ADMIN), owed.id)


SCENARIOS = (
    a_setting_changes,
    a_task_is_given_to_somebody,
    a_task_is_not_done_in_time,
    somebody_who_has_a_task_is_suspended,
    somebody_guesses_passwords,
    a_password_is_reset,
    somebodys_contact_changes,
    somebody_is_made_an_administrator,
    nobody_decides_about_a_reset,
    somebody_breaks_the_glass,
    a_message_cannot_be_sent,
    a_delivery_is_parked_and_replayed,
    *billing.SCENARIOS,
    *appointments.SCENARIOS,
)


@pytest.fixture
def clinic(database, clock, keys, settings):
    """A hospital that takes payments."""
    return Clinic.open(database, clock, keys, settings, Ports(payments=SandboxPayments(clock)))


async def play(clinic, scenario) -> None:
    """Act, and see everything through that follows from it."""
    await scenario(clinic)
    await clinic.bus.ring()
    await clinic.bus.deliver()


async def house_as_it_is(clinic) -> dict[str, list[str]]:
    """Return the content of every table that people's work is in."""
    async with clinic.database.transaction(write=False) as session:
        return {
            table.name: sorted(str(row) for row in await session.execute(select(table)))
            for table in metadata.tables.values()
            if table.name not in MAY_GROW
        }


async def told(clinic) -> set[tuple[str, str]]:
    """Return which handler has been told of which event, without trouble."""
    async with clinic.database.transaction(write=False) as session:
        query = select(OutboxEvent.name, Delivery.handler).join(
            OutboxEvent, OutboxEvent.id == Delivery.event_id
        )
        done = query.where(Delivery.due_at.is_(None), Delivery.error.is_(None))
        return {(row.name, row.handler) for row in await session.execute(done)}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
async def test_what_is_told_twice_is_done_once(clinic, scenario):
    await play(clinic, scenario)
    before, known = await house_as_it_is(clinic), await told(clinic)
    assert known

    clinic.clock.forward(minutes=1)
    async with clinic.database.transaction(write=True) as session:
        await session.execute(update(Delivery).values(due_at=clinic.clock.now(), attempts=0))
    await clinic.bus.deliver()

    assert await house_as_it_is(clinic) == before
    assert await told(clinic) == known
    assert await clinic.bus.parked() == 0


@pytest.mark.sqlite
async def test_no_procedure_is_left_out(clinic):
    for scenario in SCENARIOS:
        await play(clinic, scenario)
        clinic.clock.forward(days=1)

    every = {(event, name) for event, names in clinic.bus.handlers.items() for name in names}
    assert every - await told(clinic) == set()


async def test_a_handler_that_does_not_bear_it_is_found(clinic):
    """The test above would see it."""

    async def forgetful(event: SettingChanged) -> None:
        await clinic.tasks.add(HOUSE, wanted())

    clinic.bus.on(SettingChanged, forgetful)
    await play(clinic, a_setting_changes)
    before = await house_as_it_is(clinic)
    async with clinic.database.transaction(write=True) as session:
        await session.execute(update(Delivery).values(due_at=clinic.clock.now(), attempts=0))
    await clinic.bus.deliver()

    assert await house_as_it_is(clinic) != before
