"""One unit of work on behalf of one actor: allowed, audited, announced; all of it or none."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from data.audit import AuditEntry
from data.clock import new_id
from data.errors import DomainError, Forbidden, NotFound, Unauthenticated
from data.institution import Institution
from data.outbox import Delivery, OutboxEvent, Timer
from services.audit import Search
from services.events import SettingChanged
from services.policy import ANYBODY, HOUSE, Action, Grant, Role, Subject
from services.transaction import UnnotedError
from tests.factories import INSTITUTION, MONDAY, OTHER_INSTITUTION, an_actor

HOUSE_ITSELF = Subject("institution", INSTITUTION, institution_id=INSTITUTION)


async def found(clinic, **columns):
    async with clinic.transactions.open(HOUSE) as tx:
        tx.allow(Action.INSTITUTION_FOUND, Subject("institution"))
        row = {"name": "示范医院", "uscc": "1", **columns}
        tx.session.add(Institution(id=INSTITUTION, created_at=tx.now, **row))


async def count(clinic, table):
    async with clinic.database.transaction(write=False) as session:
        return await session.scalar(select(func.count()).select_from(table))


async def entries(clinic, **search):
    found, _ = await clinic.audit.page(an_actor(Role.AUDIT_ADMIN), Search(**search))
    return found


async def test_change_trail_and_events_are_kept_together_or_not_at_all(clinic):
    """R016: no change without its entry, no entry without its change."""
    admin = an_actor(Role.SYSTEM_ADMIN)
    await found(clinic)
    before = await count(clinic, AuditEntry), await count(clinic, OutboxEvent)

    with pytest.raises(ZeroDivisionError):
        async with clinic.transactions.open(admin) as tx:
            tx.allow(Action.INSTITUTION_CHANGE, HOUSE_ITSELF)
            (await tx.get(Institution, INSTITUTION)).name = "另一家"
            tx.announce(SettingChanged(key="x"))
            raise ZeroDivisionError

    assert (await count(clinic, AuditEntry), await count(clinic, OutboxEvent)) == before
    async with clinic.transactions.read(admin) as tx:
        assert (await tx.get(Institution, INSTITUTION)).name == "示范医院"


async def changed_by_a_row(tx):
    (await tx.get(Institution, INSTITUTION)).name = "另一家"


async def changed_by_a_statement(tx):
    await tx.session.execute(update(Institution).values(name="另一家"))


async def an_event(tx):
    tx.announce(SettingChanged(key="x"))


async def a_timer(tx):
    tx.later("key", tx.now, SettingChanged(key="x"))


CHANGES = (changed_by_a_row, changed_by_a_statement, an_event, a_timer)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
async def test_nothing_is_changed_without_leave(clinic, change):
    """R016, R042: a use case that forgot to ask fails, whoever acts, and leaves nothing behind."""
    await found(clinic)
    before = await count(clinic, AuditEntry)
    with pytest.raises(UnnotedError) as defect:
        async with clinic.transactions.open(HOUSE) as tx:
            await change(tx)

    assert not isinstance(defect.value, DomainError)  # a person is told of a defect, with a number
    assert await count(clinic, OutboxEvent) == await count(clinic, Timer) == 0
    assert await count(clinic, AuditEntry) == before
    async with clinic.transactions.read(HOUSE) as tx:
        assert (await tx.get(Institution, INSTITUTION)).name == "示范医院"


async def test_who_only_looks_or_says_why_nobody_need_know_may_go(clinic):
    await found(clinic)
    before = await count(clinic, AuditEntry)
    async with clinic.transactions.open(HOUSE) as tx:
        row = await tx.get(Institution, INSTITUTION)
        assert row.name == "示范医院"
        row.name = "示范医院"  # the same again is no change
    async with clinic.transactions.open(HOUSE) as tx:
        tx.go_unnoted("a test")
        await changed_by_a_row(tx)
    assert await count(clinic, AuditEntry) == before


async def test_a_refused_act_changes_nothing_even_if_it_began(clinic):
    await found(clinic)
    nurse = an_actor(Role.NURSE)
    with pytest.raises(Forbidden):
        async with clinic.transactions.open(nurse) as tx:
            (await tx.get(Institution, INSTITUTION)).name = "另一家"
            await tx.session.flush()
            tx.allow(Action.INSTITUTION_CHANGE, HOUSE_ITSELF)

    async with clinic.transactions.read(nurse) as tx:
        assert (await tx.get(Institution, INSTITUTION)).name == "示范医院"
    [refusal] = await entries(clinic, result="denied")
    assert (refusal.actor_id, refusal.action) == (nurse.user_id, "institution:change")


async def test_a_refusal_to_look_is_noted_too(clinic):
    doctor = an_actor(Role.DOCTOR)
    with pytest.raises(Forbidden):
        async with clinic.transactions.read(doctor) as tx:
            tx.allow(Action.STAFF_READ, HOUSE_ITSELF)
    assert [entry.action for entry in await entries(clinic, result="denied")] == ["staff:read"]


async def test_nobody_acts_across_institutions(clinic):
    """R042."""
    await found(clinic)
    with pytest.raises(Forbidden):
        async with clinic.transactions.open(
            an_actor(Role.SYSTEM_ADMIN, institution_id=OTHER_INSTITUTION)
        ) as tx:
            tx.allow(Action.INSTITUTION_CHANGE, HOUSE_ITSELF)


async def test_whoever_is_not_signed_in_is_asked_to(clinic):
    with pytest.raises(Unauthenticated, match="sign_in_needed"):
        async with clinic.transactions.open(ANYBODY) as tx:
            tx.allow(Action.INSTITUTION_CHANGE, HOUSE_ITSELF)


async def test_a_sensitive_act_needs_a_fresh_proof_of_who_one_is(clinic, clock):
    """S-AUTH: five minutes, and not by a clock that was set back either."""
    subject = Subject("staff", new_id(), institution_id=INSTITUTION, owner_id=new_id())

    async def grant(confirmed_at):
        async with clinic.transactions.open(
            an_actor(Role.SECURITY_ADMIN, confirmed_at=confirmed_at)
        ) as tx:
            tx.allow(Action.STAFF_GRANT, subject)

    await grant(clock.now())
    await grant(clock.now() - timedelta(minutes=5))
    for at in (
        None,
        clock.now() - timedelta(minutes=5, seconds=1),
        clock.now() + timedelta(days=1),
    ):
        with pytest.raises(Unauthenticated, match="confirm_needed"):
            await grant(at)


async def test_broken_glass_opens_and_says_so_in_the_trail(clinic):
    """S-AC: a reason, and a mark for the review."""
    patient = new_id()
    doctor = an_actor(Role.DOCTOR, emergencies=frozenset({patient}))
    chart = Subject("chart", new_id(), institution_id=INSTITUTION, patient_id=patient)
    async with clinic.transactions.open(doctor) as tx:
        tx.allow(Action.CHART_READ, chart, purpose="unconscious")
    [entry] = await entries(clinic, action="chart:read")
    assert entry.purpose == "emergency: unconscious"

    for other in (None, new_id()):
        with pytest.raises(Forbidden):
            async with clinic.transactions.open(doctor) as tx:
                tx.allow(Action.CHART_READ, replace(chart, patient_id=other))


async def test_what_is_missing_is_said_with_its_kind(clinic):
    with pytest.raises(NotFound) as caught:
        async with clinic.transactions.open(HOUSE) as tx:
            await tx.get(Institution, INSTITUTION)
    assert caught.value.details["what"] == "Institution"


async def test_two_who_change_one_thing_wait_for_each_other(clinic):
    """`tx.get` keeps a row from others until we are done: no change is lost."""
    await found(clinic, name="0")
    admin = an_actor(Role.SYSTEM_ADMIN)

    async def add_one():
        async with clinic.transactions.open(admin) as tx:
            tx.allow(Action.INSTITUTION_CHANGE, HOUSE_ITSELF)
            row = await tx.get(Institution, INSTITUTION)
            row.name = str(int(row.name) + 1)

    await asyncio.gather(*(add_one() for _ in range(12)))

    async with clinic.transactions.read(admin) as tx:
        assert (await tx.get(Institution, INSTITUTION)).name == "12"
    assert (await clinic.audit.verify(HOUSE)).whole  # R016: one chain, however many at once


async def test_a_row_with_a_neighbour_can_be_kept_from_others(clinic):
    """PostgreSQL refuses to lock the far side of an outer join: only the row itself is locked."""

    async def hear(event):
        pass

    clinic.bus.on(SettingChanged, hear)
    async with clinic.transactions.open(HOUSE) as tx:
        tx.go_unnoted("a test")
        tx.announce(event := SettingChanged(key="x"))
    async with clinic.database.transaction(write=False) as session:
        query = select(Delivery.id).where(Delivery.event_id == event.event_id)
        delivery_id = (await session.scalars(query)).first()

    async with clinic.transactions.open(HOUSE) as tx:
        assert (await tx.get(Delivery, delivery_id)).event.name == "SettingChanged"


@pytest.mark.sqlite
async def test_a_refusal_stands_even_if_it_cannot_be_noted(clinic, monkeypatch):
    """R034: a full line must not turn a no into a yes, or into another error."""
    monkeypatch.setattr("data.writer.LONGEST_LINE", 0)
    with pytest.raises(Forbidden):
        async with clinic.transactions.read(an_actor(Role.DOCTOR)) as tx:
            tx.allow(Action.STAFF_READ, HOUSE_ITSELF)


@pytest.mark.sqlite
@pytest.mark.may_wait
async def test_whoever_is_cancelled_while_their_refusal_is_noted_is_cancelled(clinic):
    """R034: a page that is closed in that moment must not go on as if it were merely refused."""
    holding, done = asyncio.Event(), asyncio.Event()

    async def hold_the_line():
        async with clinic.database.transaction(write=True):
            holding.set()
            await done.wait()

    async def be_refused():
        async with clinic.transactions.read(an_actor(Role.DOCTOR)) as tx:
            tx.allow(Action.STAFF_READ, HOUSE_ITSELF)

    async with asyncio.TaskGroup() as work:
        work.create_task(hold_the_line())
        await holding.wait()
        refused = work.create_task(be_refused())
        while not clinic.database.waiting:
            await asyncio.sleep(0)
        refused.cancel()
        await asyncio.wait([refused])
        done.set()

    assert refused.cancelled()


async def test_a_value_that_changes_twice_in_a_unit_is_noted_from_the_first_to_the_last(clinic):
    """R016: what the trail says was there before is what was there before the act."""
    await found(clinic, name="甲")
    async with clinic.transactions.open(an_actor(Role.SYSTEM_ADMIN)) as tx:
        tx.allow(Action.INSTITUTION_CHANGE, HOUSE_ITSELF)
        row = await tx.get(Institution, INSTITUTION)
        for name in ("乙", "丙"):
            row.name = name
            await tx.session.flush()

    [entry] = await entries(clinic, action="institution:change")
    assert entry.detail["changes"][f"institution:{INSTITUTION}"]["name"] == ["甲", "丙"]


async def test_the_trail_names_what_changed_but_not_what_identifies_a_person(clinic):
    """S-LOG, R016: values above level 3 stay out of the trail."""
    await found(clinic)
    site_role = an_actor(Role.SYSTEM_ADMIN, user_id=new_id())
    async with clinic.transactions.open(site_role) as tx:
        tx.allow(Action.INSTITUTION_CHANGE, HOUSE_ITSELF)
        row = await tx.get(Institution, INSTITUTION)
        row.phone = "010-1"
    [entry] = await entries(clinic, action="institution:change")
    assert entry.detail["changes"] == {f"institution:{INSTITUTION}": {"phone": ["", "010-1"]}}
    assert entry.actor_id == site_role.user_id
    assert entry.at == MONDAY


async def test_the_chain_has_no_gap_when_some_fail(clinic):
    """R016: entries of units of work that were rolled back leave no hole in the numbers."""
    await found(clinic)

    async def act(number):
        async with clinic.transactions.open(an_actor(Role.SYSTEM_ADMIN)) as tx:
            tx.allow(Action.INSTITUTION_CHANGE, HOUSE_ITSELF, purpose=str(number))
            if number % 3 == 0:
                raise ZeroDivisionError

    await asyncio.gather(*(act(number) for number in range(30)), return_exceptions=True)

    verdict = await clinic.audit.verify(HOUSE)
    assert verdict.whole
    assert verdict.entries == 1 + 20 + 1


def test_a_grant_at_a_site_is_another_than_one_in_the_house():
    assert Grant(Role.NURSE) != Grant(Role.NURSE, new_id())


@pytest.mark.sqlite
async def test_the_house_rules_say_how_long_a_proof_counts(clinic, clock):
    """policy.auth.confirm_minutes: what a hospital sets is what counts."""
    officer = an_actor(Role.SECURITY_ADMIN, confirmed_at=clock.now())
    clock.forward(minutes=4)
    await clinic.policy.change(officer, "policy.auth.confirm_minutes", 2, "盘点后收紧")

    with pytest.raises(Unauthenticated, match="confirm_needed"):
        async with clinic.transactions.open(officer) as tx:
            tx.allow(Action.STAFF_ADD, Subject("staff", institution_id=INSTITUTION))
