"""Whose a thing is, as far as a permission may depend on that; and how to make such things.

A maker puts one thing into the database as the case says and returns its id. A thing that cannot
be deleted is left out for `DELETED`: an id of something that has never been there is as good.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import update

from data.clock import new_id
from data.config import PolicyChange
from data.files import FileStore
from data.institution import Institution, Site
from data.messages import Channel, Message, MessageState
from data.outbox import Delivery, OutboxEvent
from data.patients import IdentityDocument, Patient, PatientLink, Relation, Sex
from data.tasks import Task
from data.users import (
    EmergencyAccess,
    Passkey,
    ResetRequest,
    RoleGrant,
    Session,
    SessionStage,
    User,
    UserState,
)
from services.clinic import Clinic
from services.policy import Actor, Role, Subject
from services.uploads import Place
from tests.factories import INSTITUTION, OTHER_INSTITUTION, an_actor

SITE, OTHER_SITE, FOREIGN_SITE = UUID(int=20), UUID(int=21), UUID(int=22)
RULE = "policy.backup.max_age_hours"
"""A rule of the house that a system administrator may change, from 2 to 168 hours."""


class Whose(StrEnum):
    OWN = "my own"
    ANOTHERS = "another's, at my site"
    OTHER_SITE = "another's, at another site"
    OTHER_HOUSE = "another's, in another institution"
    DELETED = "a deleted one, at my site"


PLACES = {
    Whose.OTHER_SITE: (INSTITUTION, OTHER_SITE),
    Whose.OTHER_HOUSE: (OTHER_INSTITUTION, FOREIGN_SITE),
}


@dataclass(frozen=True, slots=True)
class Case:
    """One cell: who asks, about whose thing."""

    clinic: Clinic
    actor: Actor
    role: Role
    whose: Whose
    another: UUID = field(default_factory=new_id)

    @property
    def institution_id(self) -> UUID:
        return PLACES.get(self.whose, (INSTITUTION, SITE))[0]

    @property
    def site_id(self) -> UUID:
        return PLACES.get(self.whose, (INSTITUTION, SITE))[1]

    @property
    def owner_id(self) -> UUID:
        return self.actor.user_id if self.whose is Whose.OWN else self.another

    @property
    def deleted(self) -> bool:
        return self.whose is Whose.DELETED

    @property
    def place(self) -> dict[str, UUID]:
        return {"institution_id": self.institution_id, "site_id": self.site_id}

    def subject(self) -> Subject:
        """Return what the policy is asked about, whatever the service makes of it."""
        mine = {"owner_id": self.owner_id, "clinician_id": self.owner_id}
        return Subject("thing", "1", **self.place, **mine, deleted=self.deleted)

    async def keep(self, *rows: object) -> None:
        async with self.clinic.database.transaction(write=True) as session:
            for row in rows:
                session.add(row)
                await session.flush()


Maker = Callable[[Case], Awaitable[UUID]]


async def sites(clinic: Clinic) -> None:
    """Open the sites of both institutions; the first is there already."""
    now = clinic.clock.now()
    async with clinic.database.transaction(write=True) as session:
        house = Institution(id=OTHER_INSTITUTION, name="别家", uscc="X" * 18, created_at=now)
        session.add(house)
        await session.flush()
        session.add_all(
            Site(id=site, institution_id=house_id, name=str(site), created_at=now)
            for site, house_id in {
                SITE: INSTITUTION,
                OTHER_SITE: INSTITUTION,
                FOREIGN_SITE: OTHER_INSTITUTION,
            }.items()
        )


async def account(case: Case) -> UUID:
    """One's own account, or a new one of another; accounts are never deleted."""
    if case.whose is Whose.OWN or case.deleted:
        return case.actor.user_id if case.whose is Whose.OWN else new_id()
    now = case.clinic.clock.now()
    person = User(
        id=case.another,
        owner_id=case.another,
        username=f"user-{case.another}",
        display_name="测试人员",
        created_at=now,
        woken_at=now,
        **case.place,
    )
    await case.keep(person)
    return case.another


async def patient(case: Case) -> UUID:
    """Somebody who is treated; one's own is one that one's account acts for."""
    row = Patient(
        id=case.another,
        name="测试患者",
        number=f"T{case.another.hex[:12]}".upper(),
        document=IdentityDocument.PASSPORT,
        sex=Sex.FEMALE,
        birth_date=date(1990, 1, 1),
        phone="19900000001",
        created_at=case.clinic.clock.now(),
        deleted_at=case.clinic.clock.now() if case.deleted else None,
        **case.place,
    )
    await case.keep(row)
    if case.whose is Whose.OWN:
        link = PatientLink(
            owner_id=case.actor.user_id,
            patient_id=case.another,
            relation=Relation.SPOUSE,
            since=case.clinic.clock.now(),
            **case.place,
        )
        await case.keep(link)
        case.clinic.sessions.forget_user(case.actor.user_id)
    return case.another


def acting_for(case: Case, patient_id: UUID) -> Actor:
    """Return who asks, as their session knows them once they act for a patient."""
    own = frozenset({patient_id}) if case.whose is Whose.OWN else frozenset()
    return replace(case.actor, patient_ids=own)


async def suspended(case: Case) -> UUID:
    """An account that the asker's own office keeps out now."""
    user_id = await account(case)
    async with case.clinic.database.transaction(write=True) as session:
        state = {"state": UserState.SUSPENDED, "kept_out_by": str(case.role)}
        await session.execute(update(User).where(User.id == user_id).values(**state))
    return user_id


async def nurse(case: Case) -> UUID:
    """An account with the role of a nurse at its site."""
    user_id, now = await account(case), case.clinic.clock.now()
    if not case.deleted:
        at = {"site_id": case.site_id, "at": now}
        await case.keep(RoleGrant(user_id=user_id, role=Role.NURSE, granted_by=user_id, **at))
    return user_id


async def reset(case: Case) -> UUID:
    """A reset that waits for a second person, as the asker may be; none is ever deleted."""
    if case.deleted:
        return new_id()
    owner, now = await nurse(case), case.clinic.clock.now()
    async with case.clinic.database.transaction(write=True) as session:
        long_ago = update(RoleGrant).where(RoleGrant.user_id == case.actor.user_id)
        await session.execute(long_ago.values(at=now - timedelta(days=30)))
        theirs = update(User).where(User.id == case.actor.user_id)
        await session.execute(theirs.values(own_since=now - timedelta(days=30)))
    row = ResetRequest(
        owner_id=owner,
        asked_by=await a_guard(case),
        asked_at=now,
        until=now + timedelta(hours=1),
        factors=True,
        **case.place,
    )
    await case.keep(row)
    return row.id


async def a_guard(case: Case) -> UUID:
    """Somebody else, who may reset sign-ins in that place."""
    asker = await signed_up(case)
    now = case.clinic.clock.now()
    role = str(Role.SECURITY_ADMIN)
    await case.keep(RoleGrant(user_id=asker, role=role, granted_by=asker, at=now))
    return asker


async def signed_up(case: Case) -> UUID:
    """Somebody else, who has an account here."""
    other = replace(case, whose=Whose.ANOTHERS, another=new_id())
    return await account(other)


async def visit(case: Case) -> UUID:
    """Somebody's session; a deleted one is over."""
    if case.whose is not Whose.OWN and not case.deleted:
        await account(case)
    owner, now = case.actor.user_id if case.deleted else case.owner_id, case.clinic.clock.now()
    row = Session(
        user_id=owner,
        owner_id=owner,
        token_digest=new_id().bytes,
        stage=SessionStage.OPEN,
        proven=True,
        opened_at=now,
        last_seen_at=now,
        ends_at=now + timedelta(hours=1),
        ended_at=now if case.deleted else None,
        **case.place,
    )
    await case.keep(row)
    return row.id


async def visitor(case: Case) -> UUID:
    """Somebody who is signed in."""
    if case.deleted:
        return new_id()
    await visit(case)
    return case.owner_id


async def passkey(case: Case) -> UUID:
    """One of two passkeys; a deleted one is one's own."""
    if case.whose is not Whose.OWN and not case.deleted:
        await account(case)
    owner, now = case.actor.user_id if case.deleted else case.owner_id, case.clinic.clock.now()
    rows = [
        Passkey(
            user_id=owner,
            label="测试",
            credential_id=new_id().bytes,
            public_key=b"key",
            created_at=now,
            deleted_at=now if case.deleted and number == 0 else None,
        )
        for number in range(2)
    ]
    await case.keep(*rows)
    return rows[0].id


async def task(case: Case) -> UUID:
    """A task for whoever has the asker's role at its place."""
    if case.deleted:
        return new_id()
    row = Task(
        kind="matrix",
        key=str(new_id()),
        owner_id=case.owner_id,
        role=case.role,
        raised_by=case.another,
        raised_at=case.clinic.clock.now(),
        **case.place,
    )
    await case.keep(row)
    return row.id


async def delivery(case: Case) -> UUID:
    """A parked delivery: the machine's, and so nobody's; a deleted one has been made."""
    now = case.clinic.clock.now()
    event = OutboxEvent(name="Matrix", payload="{}", at=now)
    row = Delivery(
        event_id=event.id, handler="matrix", due_at=None, parked_at=None if case.deleted else now
    )
    await case.keep(event, row)
    return row.id


async def rule_change(case: Case) -> UUID:
    """The latest change of a house rule; changes are never deleted."""
    if case.deleted:
        return new_id()
    policy = case.clinic.policy
    hours = policy.number(RULE, case.institution_id)
    admin = an_actor(Role.SYSTEM_ADMIN, institution_id=case.institution_id)
    change_id = await policy.change(admin, RULE, hours % 100 + 3, "for the matrix")
    async with case.clinic.database.transaction(write=True) as session:
        place = update(PolicyChange).where(PolicyChange.id == change_id)
        await session.execute(place.values(site_id=case.site_id))
    return change_id


async def file(case: Case) -> UUID:
    """A file that somebody handed in; a deleted one is shredded, and one's own."""

    async def content():
        yield case.whose.encode()

    store = FileStore(case.clinic.settings.files, case.clinic.keys)
    owner = case.actor.user_id if case.deleted else case.owner_id
    stored = await store.put(content(), case.institution_id)
    place = Place(owner, site_id=case.site_id, media_type="image/png")
    now = case.clinic.clock.now()
    async with case.clinic.database.transaction(write=True) as session:
        row = await store.keep(session, stored, place, now)
        await session.flush()
        if case.deleted:
            await store.shred(session, row, now)
        return row.id


async def message(case: Case) -> UUID:
    """An unread message; messages are never deleted."""
    if case.deleted:
        return new_id()
    row = Message(
        key=str(new_id()),
        template="matrix",
        channel=Channel.IN_APP,
        owner_id=case.owner_id,
        state=MessageState.SENT,
        queued_at=case.clinic.clock.now(),
        **case.place,
    )
    await case.keep(row)
    return row.id


async def unsent(case: Case) -> UUID:
    """A message that could not be sent; messages are never deleted."""
    if case.deleted:
        return new_id()
    row = Message(
        key=str(new_id()),
        template="test",
        channel=Channel.SMS,
        owner_id=case.owner_id,
        state=MessageState.FAILED,
        queued_at=case.clinic.clock.now(),
        **case.place,
    )
    await case.keep(row)
    return row.id


async def broken_glass(case: Case) -> UUID:
    """A record that somebody has opened in an emergency; this is never deleted."""
    if case.deleted:
        return new_id()
    now = case.clinic.clock.now()
    row = EmergencyAccess(
        owner_id=await account(case),
        patient_id=new_id(),
        reason="for the matrix",
        opened_at=now,
        until=now + timedelta(hours=1),
        **case.place,
    )
    await case.keep(row)
    return row.id


async def site(case: Case) -> UUID:
    """The site itself, as it was opened; for a deleted one another, which has been given up."""
    now = case.clinic.clock.now()
    if case.deleted:
        gone = Site(institution_id=INSTITUTION, name=str(new_id()), created_at=now, deleted_at=now)
        await case.keep(gone)
        return gone.id
    async with case.clinic.database.transaction(write=True) as session:
        as_new = update(Site).where(Site.id == case.site_id)
        await session.execute(as_new.values(deleted_at=None, version=1))
    return case.site_id
