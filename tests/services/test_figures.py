"""The few figures that home shows: each counted where its page is, for who may see that page."""

from datetime import timedelta

import pytest

from data.errors import Forbidden, Unavailable
from data.messages import Channel
from data.outbox import Delivery, OutboxEvent
from integrations.sandbox.messages import SandboxSms
from services.audit import Search
from services.clinic import Clinic
from services.facts import Noted
from services.findings import Level
from services.inbox import Tray
from services.notify import Note
from services.policy import HOUSE, Role
from services.ports import Ports
from services.settings import Settings
from tests.factories import INSTITUTION, OTHER_INSTITUTION, an_actor

ADMIN = an_actor(Role.SYSTEM_ADMIN)


async def test_what_the_last_look_found_is_told_without_another(clinic, clock):
    before = await clinic.health.brief(ADMIN)
    assert (before.levels, before.red, before.warn, before.backup) == ({}, 0, 0, None)

    looked = await clinic.health.look(HOUSE)
    brief = await clinic.health.brief(an_actor(Role.AUDIT_ADMIN))
    assert brief.red == sum(each.level is Level.RED for each in looked)
    assert brief.warn == sum(each.level is Level.WARN for each in looked) > 0
    assert brief.levels["backup"] is Level.WARN

    await clinic.facts.note(Noted.BACKUP)
    clock.forward(hours=1)
    assert (await clinic.health.brief(ADMIN)).backup.at == clock.now() - timedelta(hours=1)
    await clinic.facts.note(Noted.BACKUP_FAILED)
    failed = (await clinic.health.brief(ADMIN)).backup
    assert (failed.ok, failed.at) == (False, clock.now())
    clock.forward(hours=1)
    await clinic.facts.note(Noted.BACKUP)
    assert (await clinic.health.brief(ADMIN)).backup.ok


async def test_what_is_parked_is_counted(clinic, clock):
    assert await clinic.deliveries.parked_count(ADMIN) == 0
    async with clinic.database.transaction(write=True) as session:
        event = OutboxEvent(name="TaskRaised", payload="{}", at=clock.now())
        session.add(event)
        await session.flush()
        parked = {"handler": "a", "due_at": None, "parked_at": clock.now()}
        waiting = {"handler": "b", "due_at": clock.now()}
        session.add_all(Delivery(event_id=event.id, **each) for each in (parked, waiting))
    assert await clinic.deliveries.parked_count(ADMIN) == 1


class Silent(SandboxSms):
    """A provider that never answers."""

    async def send(self, message):
        raise Unavailable("counterpart_silent")


async def test_what_was_not_sent_is_counted_in_ones_own_institution(
    database, clock, keys, tmp_path
):
    ports = Ports(sms=Silent(Tray(database, clock)))
    clinic = Clinic.open(database, clock, keys, Settings(home=tmp_path, demo=True), ports)
    for place in (INSTITUTION, OTHER_INSTITUTION):
        to = {"address": "19900000001", "language": "en", "channels": frozenset({Channel.SMS})}
        await clinic.notify.send(HOUSE, Note("test", str(place), place, **to))
    assert await clinic.undelivered.count(ADMIN) == 0
    for _ in range(40):
        await clinic.bus.deliver()
        clock.forward(minutes=5)
    assert await clinic.undelivered.count(ADMIN) == 1
    with pytest.raises(Forbidden):
        await clinic.undelivered.count(an_actor(Role.SYSTEM_ADMIN, site_id=INSTITUTION))


@pytest.mark.parametrize("role", [Role.DOCTOR, Role.NURSE, Role.CASHIER])
async def test_who_may_not_see_a_page_gets_none_of_its_figures(clinic, role):
    """By the service, whatever a page asks for; and the try is in the trail. (R042)"""
    nobody = an_actor(role)
    for ask in (
        clinic.health.brief,
        clinic.deliveries.parked_count,
        clinic.undelivered.count,
        clinic.roster.standing,
    ):
        with pytest.raises(Forbidden):
            await ask(nobody)
    entries, _ = await clinic.audit.page(an_actor(Role.AUDIT_ADMIN), Search(result="denied"))
    noted = {"health:read", "delivery:read", "message:oversee", "staff:read"}
    assert {entry.action for entry in entries} == noted
