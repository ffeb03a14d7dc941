"""One unit of work on behalf of one actor: look up, allow, change, announce; all of it or none."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from data.audit import AuditResult
from data.clock import Clock
from data.database import Database
from data.errors import DomainError, Forbidden, NotFound, Unauthenticated
from services.bus import Bus
from services.events import Event
from services.idempotency import keep
from services.lanes import named
from services.permissions import SENSITIVE
from services.policy import CONFIRMED_FOR, EMERGENCY, Action, Actor, Subject, allow, is_confirmed
from services.trail import Act, Trail, Watch, watch_changes

log = logging.getLogger(__name__)

T = TypeVar("T")

Thing = Subject | Any
"""A `Subject`, or a row that one can be read from."""


class UnnotedError(RuntimeError):
    """A unit of work was about to change something that nobody had asked leave for: a defect."""


class Reading:
    """What may be asked inside `Transactions.read`."""

    def __init__(
        self, session: AsyncSession, actor: Actor, now: datetime, confirmed_for: timedelta
    ) -> None:
        self.session = session
        self.actor = actor
        self.now = now
        self._confirmed_for = confirmed_for

    def allow(self, action: Action, thing: Thing) -> None:
        """Go on only if the actor may do this to `thing`."""
        allow(self.actor, action, _subject(thing), self.now, self._confirmed_for)

    async def get(self, entity: type[T], key: UUID) -> T:
        """Return the row, or raise `NotFound`."""
        return _found(await self.session.get(entity, key), entity, key)


class Transaction(Reading):
    """What may be asked and done inside `Transactions.open`."""

    def __init__(
        self, session: AsyncSession, actor: Actor, now: datetime, confirmed_for: timedelta
    ) -> None:
        super().__init__(session, actor, now, confirmed_for)
        self.acts: list[Act] = []
        self.events: list[Event] = []
        self.timers: list[tuple[str, datetime, Event | None]] = []
        self.answers: list[Any] = []
        self.unnoted_because = ""

    def allow(self, action: Action, thing: Thing, *, purpose: str = "", **detail: Any) -> None:
        """Go on only if the actor may do this to `thing`, and note that it was done, and why."""
        subject = _subject(thing)
        ground = allow(self.actor, action, subject, self.now, self._confirmed_for)
        why = purpose
        if ground == "emergency":  # whoever judges it asks for this patient's looks
            why, detail = f"{EMERGENCY}{purpose}", {**detail, "patient": str(subject.patient_id)}
        self.acts.append(Act(action, subject, AuditResult.DONE, why, detail))

    def allow_often(self, action: Action, thing: Thing, because: str) -> None:
        """As `allow`, without an entry in the trail: it happens all day long, and tells nothing."""
        super().allow(action, thing)
        self.go_unnoted(because)

    def go_unnoted(self, because: str) -> None:
        """Let this unit pass without an entry in the trail: it is bookkeeping, and nobody's act."""
        self.unnoted_because = because

    def answer(self, value: T) -> T:
        """Say, and return, what the actor is told: kept with the change if they asked by key."""
        if self.actor.demand is not None:
            self.answers.append(value)
        return value

    async def get(self, entity: type[T], key: UUID) -> T:
        """Return the row, kept from others until we are done, or raise `NotFound`."""
        # `of`: PostgreSQL cannot lock what an outer join may not have found.
        found = await self.session.get(entity, key, with_for_update={"of": entity})
        return _found(found, entity, key)

    def announce(self, *events: Event) -> None:
        """Tell the other modules and the open pages, if and when this is committed."""
        self.events.extend(events)

    def later(self, key: str, due_at: datetime, event: Event) -> None:
        """Announce `event` at `due_at`, even if we are down meanwhile; the same key moves it."""
        self.timers.append((key, due_at, event))

    def forget(self, key: str) -> None:
        """Take back what `later` set for this key, if it has not happened yet."""
        self.timers.append((key, self.now, None))


class Transactions:
    """Where every use case begins."""

    def __init__(self, database: Database, bus: Bus, trail: Trail, clock: Clock) -> None:
        self._database = database
        self._bus = bus
        self._trail = trail
        self._clock = clock
        self.confirmed_for: Callable[[UUID | None], timedelta] = lambda _: CONFIRMED_FOR
        """How long a re-authentication counts in an institution; the house rules say it."""

    def ask_first(self, actor: Actor, action: Action) -> None:
        """Ask who is there before the form of a sensitive act is filled in, not after.

        Raise `Unauthenticated("confirm_needed")` as the act itself would.
        """
        confirmed_for = self.confirmed_for(actor.institution_id)
        if action in SENSITIVE and not is_confirmed(actor, self._clock.now(), confirmed_for):
            raise Unauthenticated("confirm_needed")

    @asynccontextmanager
    async def read(self, actor: Actor) -> AsyncIterator[Reading]:
        """Look without leaving a trace; looking into a record is an act, so `open` that."""
        try:
            async with self._database.transaction(write=False) as session:
                confirmed_for = self.confirmed_for(actor.institution_id)
                yield Reading(session, actor, self._clock.now(), confirmed_for)
        except (Forbidden, Unauthenticated) as refusal:
            await self._note_refusal(actor, refusal)
            raise

    @asynccontextmanager
    async def open(self, actor: Actor) -> AsyncIterator[Transaction]:
        """Act: audited, with its events and timers kept in the same unit of work.

        Raise `UnnotedError`, and keep nothing, for a change without a `tx.allow`.
        """
        try:
            async with self._database.transaction(write=True) as session:
                confirmed_for = self.confirmed_for(actor.institution_id)
                transaction = Transaction(session, actor, self._clock.now(), confirmed_for)
                with watch_changes(session) as watch:
                    yield transaction
                    await session.run_sync(self._complete, transaction, watch)
                events = tuple(transaction.events)
                session.info["after"].append(lambda: self._bus.tell(*events))
        except (Forbidden, Unauthenticated) as refusal:
            await self._note_refusal(actor, refusal)
            raise

    async def answer(self, actor: Actor, value: T) -> T:
        """Say, and return, what the actor is told, where no unit of work makes it true."""
        if actor.demand is not None:
            async with self.open(actor) as tx:
                tx.answer(value)
        return value

    def _complete(self, session: Session, transaction: Transaction, watch: Watch) -> None:
        session.flush()
        changed = watch.wrote or transaction.events or transaction.timers
        if changed and not (transaction.acts or transaction.unnoted_because):
            raise UnnotedError(*watch.changes)
        connection = session.connection()
        self._bus.keep(connection, transaction.events, transaction.timers)
        self._trail.append(connection, transaction.actor, transaction.acts, watch.changes)
        if (demand := transaction.actor.demand) is not None:
            for value in transaction.answers:
                keep(connection, demand, value, transaction.now)

    async def _note_refusal(self, actor: Actor, refusal: DomainError) -> None:
        """Write down that somebody was refused; the refusal stands even if that fails."""
        action = refusal.details.get("action")
        if action is None:
            return  # not by the policy table: a wrong password has its own entry
        subject = Subject(str(refusal.details.get("subject", "")))
        act = Act(Action(str(action)), subject, AuditResult.DENIED, refusal.code, {})
        try:
            async with self._database.transaction(write=True) as session:
                await session.run_sync(
                    lambda sync: self._trail.append(sync.connection(), actor, [act], {})
                )
        except Exception as trouble:  # noqa: BLE001 - whatever it is, a no stays a no
            log.warning("a refusal could not be noted: %s", named(trouble))


def _subject(thing: Thing) -> Subject:
    return thing if isinstance(thing, Subject) else Subject.of(thing)


def _found(row: T | None, entity: type[T], key: UUID) -> T:
    if row is None:
        raise NotFound("not_found", what=entity.__name__, key=str(key))
    return row
