"""Every act leaves a trace that shows when it is tampered with."""

import json

import pytest
from sqlalchemy import event, select, text

from data.audit import AuditEntry
from data.errors import Conflict, Forbidden
from data.institution import Institution
from jobs.schedule import Chores
from services.audit import Search
from services.findings import Level
from services.policy import HOUSE, Action, Role, Subject
from services.tasks import Search as TaskSearch
from tests.factories import INSTITUTION, MONDAY, an_actor
from tests.web.people import signed_in


async def found(clinic, name="示范县人民医院(测试)"):
    async with clinic.transactions.open(HOUSE) as tx:
        tx.allow(Action.INSTITUTION_FOUND, Subject("institution"))
        row = Institution(id=INSTITUTION, name=name, uscc="121101019999000038", created_at=tx.now)
        tx.session.add(row)


async def tamper(session):
    """Take away what refuses changes, as only the database's own administrator could."""
    names = ["audit_entry_no_update", "audit_entry_no_delete"]
    if session.get_bind().dialect.name == "postgresql":
        names = ["audit_entry_no_change ON audit_entry"]
    for name in names:
        await session.execute(text(f"DROP TRIGGER {name}"))


async def cut_off(clinic, entries=1):
    """Anchor the trail and take its last entries away; return what was the last one's number."""
    await found(clinic)
    await clinic.audit.verify(HOUSE)
    last = await clinic.audit.anchor(HOUSE)
    async with clinic.database.transaction(write=True) as session:
        await tamper(session)
        await session.execute(text(f"DELETE FROM audit_entry WHERE seq > {last - entries}"))
    return last


async def test_an_act_is_chained_with_what_it_changed(clinic):
    """R016, S-AUD-1."""
    await found(clinic)
    admin = an_actor(Role.SYSTEM_ADMIN)
    async with clinic.transactions.open(admin) as tx:
        row = await tx.get(Institution, INSTITUTION)
        tx.allow(Action.INSTITUTION_CHANGE, Subject("institution", row.id, institution_id=row.id))
        row.name = "示范县中医院(测试)"

    auditor = an_actor(Role.AUDIT_ADMIN)
    entries, total = await clinic.audit.page(auditor, Search(action="institution:change"))

    assert total == 1
    [change] = entries[0].detail["changes"].values()
    assert change["name"] == ["示范县人民医院(测试)", "示范县中医院(测试)"]
    assert (await clinic.audit.verify(auditor)).whole


async def test_a_refusal_is_noted_though_nothing_was_done(clinic):
    """S-AUD-1: the result is part of the entry."""
    doctor = an_actor(Role.DOCTOR)
    with pytest.raises(Forbidden):
        async with clinic.transactions.open(doctor) as tx:
            tx.allow(Action.INSTITUTION_CHANGE, Subject("institution", INSTITUTION))

    entries, _ = await clinic.audit.page(an_actor(Role.AUDIT_ADMIN), Search(result="denied"))

    assert [(e.actor_id, e.action) for e in entries] == [(doctor.user_id, "institution:change")]


@pytest.mark.parametrize("column", ["subject", "purpose", "actor_id", "at", "detail", "result"])
async def test_a_changed_entry_breaks_the_chain(clinic, column):
    """S-AUD-1: append-only and chained."""
    await found(clinic)
    async with clinic.database.transaction(write=True) as session:
        await tamper(session)
        row = await session.scalar(select(AuditEntry))
        old = getattr(row, column)
        changed = {"detail": {"x": 1}, "at": MONDAY.replace(year=2025), "actor_id": INSTITUTION}
        setattr(row, column, changed.get(column, "denied" if column == "result" else f"{old}x"))

    verdict = await clinic.audit.verify(HOUSE)

    assert verdict.broken_at == 1


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_entry SET purpose = 'x'", "DELETE FROM audit_entry"]
)
async def test_the_database_refuses_to_forget(clinic, statement):
    await found(clinic)
    with pytest.raises(Exception, match="never changed"):
        async with clinic.database.transaction(write=True) as session:
            await session.execute(text(statement))


async def test_a_tail_that_was_cut_off_shows_against_the_anchor(clinic):
    await cut_off(clinic, 2)

    verdict = await clinic.audit.verify(HOUSE)

    assert verdict.broken_at is None
    assert verdict.beyond_anchor


@pytest.mark.parametrize(
    "change",
    ["result = 'x'", "key_version = 99", "detail = '{'", "at = 'rubbish'", "roles = 'nobody'"],
)
@pytest.mark.sqlite
async def test_an_entry_that_cannot_even_be_read_is_found_and_told(clinic, change):
    """S-AUD-1. Red before: the look failed with a traceback, and nobody was told."""
    await found(clinic)
    for _ in range(4):
        await clinic.audit.verify(HOUSE)
    async with clinic.database.transaction(write=True) as session:
        await tamper(session)
        await session.execute(text(f"UPDATE audit_entry SET {change} WHERE seq = 3"))

    await Chores(clinic, None).verify_audit()

    assert (await clinic.audit.verify(HOUSE)).broken_at == 3
    [finding] = [each for each in await clinic.health.look(HOUSE) if each.check == "trail"]
    assert (finding.level, finding.code) == (Level.RED, "broken")
    tasks, _ = await clinic.tasks.page(an_actor(Role.AUDIT_ADMIN), TaskSearch())
    assert [task.kind for task in tasks] == ["trail_broken"]


async def test_an_anchor_is_not_written_over_a_tail_that_was_cut_off(clinic, clock):
    """S-AUD-1: the next minute's anchor must not make the shorter trail the true one."""
    last = await cut_off(clinic, 2)
    clock.forward(minutes=10)
    chores = Chores(clinic, None)

    for _ in range(2):
        with pytest.raises(Conflict, match="trail_not_as_anchored"):
            await chores.anchor()

    verdict = await clinic.audit.verify(HOUSE)
    assert verdict.beyond_anchor or verdict.broken_at == last
    [finding] = [each for each in await clinic.health.look(HOUSE) if each.check == "trail"]
    assert (finding.level, finding.code) == (Level.RED, "broken")


async def test_a_trail_that_grew_again_after_it_was_cut_is_not_believed(clinic):
    """As long as before, and yet not the trail of then: the entry that was anchored is another."""
    await cut_off(clinic)
    for _ in range(3):
        await clinic.audit.verify(HOUSE)
    with pytest.raises(Conflict, match="trail_not_as_anchored"):
        await clinic.audit.anchor(HOUSE)


async def test_a_trail_that_was_written_anew_shows_against_the_anchor(clinic):
    """Whoever has the key could forge a chain that is whole in itself; the anchor knows better."""
    await found(clinic)
    await clinic.audit.anchor(HOUSE)
    line = json.loads(clinic.settings.anchor_file.read_text())
    clinic.settings.anchor_file.write_text(json.dumps({**line, "mac": "0" * 64}) + "\n")

    assert (await clinic.audit.verify(HOUSE)).broken_at == line["seq"]


async def test_an_unchanged_head_is_anchored_once(clinic):
    await found(clinic)
    for _ in range(3):
        await clinic.audit.anchor(HOUSE)

    assert len(clinic.settings.anchor_file.read_text().splitlines()) == 1


@pytest.mark.sqlite
async def test_whoever_searches_the_trail_holds_up_nobody(clinic):
    """R034: a large trail is searched by a reader; the one writer only notes that it was."""
    await found(clinic)
    asked = []

    def listen(connection, cursor, statement, *_):
        asked.append(statement)

    engine = clinic.database._writer._engine
    event.listen(engine, "before_cursor_execute", listen)
    await clinic.audit.page(an_actor(Role.AUDIT_ADMIN), Search(text="found"))
    event.remove(engine, "before_cursor_execute", listen)

    assert any("INSERT INTO audit_entry" in each for each in asked)
    assert [each for each in asked if "count(" in each or "LIKE" in each] == []


async def test_a_look_into_the_trail_stands_on_the_next_page_not_on_its_own(clinic):
    """S-AUD-1: looking is noted, and does not push what was looked for off the page."""
    await found(clinic)
    auditor = an_actor(Role.AUDIT_ADMIN)
    first, total = await clinic.audit.page(auditor, Search())
    again, one_more = await clinic.audit.page(auditor, Search())

    assert ([entry.action for entry in first], total) == ([], 0)
    assert ([entry.action for entry in again], one_more) == (["audit:read"], 1)


async def test_whoever_may_not_look_into_the_trail_sees_nothing_and_is_noted(clinic):
    with pytest.raises(Forbidden):
        await clinic.audit.page(an_actor(Role.DOCTOR), Search())

    refused, _ = await clinic.audit.page(an_actor(Role.AUDIT_ADMIN), Search(result="denied"))
    assert [entry.action for entry in refused] == ["audit:read"]


async def test_looks_into_the_trail_are_left_out_where_asked_but_not_refused_ones(clinic):
    """R016: every look is an entry; twenty a page of one's own hide what others did."""
    await found(clinic)
    auditor, act = an_actor(Role.AUDIT_ADMIN), an_actor(Role.SYSTEM_ADMIN)
    for name in ("一", "二", "三"):
        async with clinic.transactions.open(act) as tx:
            subject = Subject("institution", INSTITUTION, institution_id=INSTITUTION)
            tx.allow(Action.INSTITUTION_CHANGE, subject, purpose=name)
        await clinic.audit.page(auditor, Search())
    with pytest.raises(Forbidden):
        await clinic.audit.page(an_actor(Role.DOCTOR), Search())

    search = Search(hides_looks=True)
    first, total = await clinic.audit.page(auditor, search, limit=2)
    second, again = await clinic.audit.page(auditor, search, offset=2, limit=2)

    assert (total, again) == (4, 4)
    assert [entry.action for entry in first] == ["audit:read", "institution:change"]
    assert [entry.result for entry in first] == ["denied", "done"]
    assert [entry.purpose for entry in (*first[1:], *second)] == ["三", "二", "一"]
    assert (await clinic.audit.page(auditor, Search()))[1] == 9


async def test_an_entry_names_the_accounts_of_staff_and_of_nobody_else(clinic):
    """R016: who, by the name they are known by here; a patient's is not shown. (Decision 23)"""
    auditor = await signed_in(clinic, Role.AUDIT_ADMIN, name="shenji")
    guard = await signed_in(clinic, Role.SECURITY_ADMIN, name="anquan")
    nurse = await signed_in(clinic, Role.NURSE, name="hushi")
    patient = await signed_in(clinic, Role.PATIENT, name="19900000001")
    await clinic.staff.suspend(guard.actor, nurse.actor.user_id, "on leave")
    with pytest.raises(Forbidden):
        await clinic.audit.page(patient.actor, Search())
    await clinic.audit.verify(HOUSE)

    entries, _ = await clinic.audit.page(auditor.actor, Search())

    told = {entry.action: (entry.by, entry.about) for entry in entries}
    assert told["staff:suspend"] == ("anquan", "hushi")
    assert told["audit:read"] == ("", "")
