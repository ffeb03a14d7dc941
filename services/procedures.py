"""The standard operating procedures, read off the program itself, and a checklist a role. (SOP)

What the house does by itself stands in `Clinic.follow_procedures`; what people then do stands in
`DUTIES` below. Both are shown together, under a version that is a fingerprint of their content:
who was trained on another version knows it. (R092, R097)
"""

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

from services.bus import Bus
from services.events import Event
from services.i18n import LANGUAGES, has, say
from services.policy import Action, Actor, Role, Subject
from services.rules import STAFF
from services.transaction import Transactions

ROUTINES = ("daily", "weekly", "yearly")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that the house does by itself."""

    handler: str

    @property
    def key(self) -> str:
        """The key of its sentence: `step.<module>.<what it does>`."""
        *_, module, _, method = self.handler.split(".")  # services.notify.Notify.deliver
        return f"step.{module}.{method}"

    def said(self, language: str) -> str:
        """Say it: by the catalogue, or by the first sentence of the handler's docstring."""
        return say(language, self.key) if has(self.key, language) else first_sentence(self.doc)

    @property
    def doc(self) -> str:
        return found(self.handler).__doc__ or ""


@dataclass(frozen=True, slots=True)
class Duty:
    """One thing that people do: when an event has happened, or as a routine."""

    roles: frozenset[Role]
    when: str
    """The name of an event, or daily, weekly, yearly."""
    key: str
    place: str = ""
    """The path of the page where it is done, if it is done on one."""


@dataclass(frozen=True, slots=True)
class Procedure:
    """What is done when something has happened, or as a routine."""

    when: str
    steps: tuple[Step, ...] = ()
    duties: tuple[Duty, ...] = ()

    @property
    def key(self) -> str:
        return f"routine.{self.when}" if self.when in ROUTINES else f"event.{self.when}"

    def said(self, language: str) -> str:
        """Say when it is: by the catalogue, or by the first sentence of the event's docstring."""
        if has(self.key, language):
            return say(language, self.key)
        return first_sentence(Event.catalogue[self.when].__doc__ or self.when)


def roles(*named: Role) -> frozenset[Role]:
    return frozenset(named)


DUTIES: tuple[Duty, ...] = (
    Duty(STAFF, "daily", "duty.tasks", "/tasks"),
    Duty(roles(Role.SYSTEM_ADMIN), "daily", "duty.health", "/health"),
    Duty(roles(Role.SYSTEM_ADMIN), "daily", "duty.deliveries", "/deliveries"),
    Duty(roles(Role.SECURITY_ADMIN), "daily", "duty.locked_accounts", "/staff"),
    Duty(roles(Role.AUDIT_ADMIN), "daily", "duty.refusals", "/audit"),
    Duty(roles(Role.SYSTEM_ADMIN), "weekly", "duty.backup", "/health"),
    Duty(roles(Role.AUDIT_ADMIN), "weekly", "duty.trail", "/audit"),
    Duty(roles(Role.SECURITY_ADMIN), "yearly", "duty.accounts", "/staff"),
    Duty(roles(Role.SYSTEM_ADMIN), "yearly", "duty.infrastructure", "/health"),
    Duty(roles(Role.SYSTEM_ADMIN), "yearly", "duty.emergency_drill"),
    Duty(roles(Role.DATA_PROTECTION), "yearly", "duty.impact_assessment"),
    Duty(STAFF, "TaskRaised", "duty.take_task"),
    Duty(roles(Role.MEDICAL_AFFAIRS), "TaskEscalated", "duty.overdue"),
    Duty(roles(Role.SYSTEM_ADMIN), "MessageFailed", "duty.channel"),
    Duty(roles(Role.SECURITY_ADMIN), "AccountLocked", "duty.locked"),
    Duty(roles(Role.SECURITY_ADMIN), "CredentialsReset", "duty.credentials"),
    Duty(roles(Role.HR, Role.SECURITY_ADMIN), "StaffSuspended", "duty.suspended"),
    Duty(
        roles(Role.MEDICAL_AFFAIRS, Role.AUDIT_ADMIN), "EmergencyAccessOpened", "duty.broken_glass"
    ),
)


class Procedures:
    """The book of procedures."""

    def __init__(self, transactions: Transactions, bus: Bus) -> None:
        self._transactions = transactions
        self._bus = bus

    @cached_property
    def table(self) -> tuple[Procedure, ...]:
        """Every procedure, routines first; read once everybody has said what they listen to."""
        return table(self._bus.handlers)

    @cached_property
    def version(self) -> str:
        """The fingerprint of the whole book."""
        return fingerprint(self.table)

    async def page(self, actor: Actor) -> tuple[Procedure, ...]:
        """Return every procedure, routines first."""
        async with self._transactions.read(actor) as tx:
            tx.allow(Action.PROCEDURE_READ, Subject("procedure"))
        return self.table

    async def checklist(self, actor: Actor, role: Role | None = None) -> tuple[Procedure, ...]:
        """Return what a role does, and what the house does around it; by default the actor's."""
        wanted = {role} if role else actor.roles
        return tuple(
            Procedure(
                each.when, each.steps, tuple(duty for duty in each.duties if duty.roles & wanted)
            )
            for each in await self.page(actor)
            if any(duty.roles & wanted for duty in each.duties)
        )


def table(handlers: Mapping[str, tuple[str, ...]]) -> tuple[Procedure, ...]:
    """Put together what the house does and what people do."""
    moments = [*ROUTINES, *(name for name in Event.catalogue if _matters(name, handlers))]
    return tuple(
        Procedure(
            moment,
            tuple(Step(handler) for handler in handlers.get(moment, ())),
            tuple(duty for duty in DUTIES if duty.when == moment),
        )
        for moment in moments
    )


def _matters(event: str, handlers: Mapping[str, tuple[str, ...]]) -> bool:
    return bool(handlers.get(event)) or any(duty.when == event for duty in DUTIES)


def fingerprint(procedures: tuple[Procedure, ...]) -> str:
    """Return twelve digits that are others as soon as a step, a duty or a sentence is another."""
    said = [
        [
            [each.said(language) for language in LANGUAGES],
            [step.said(language) for step in each.steps for language in LANGUAGES],
            [
                [sorted(duty.roles), *(say(language, duty.key) for language in LANGUAGES)]
                for duty in each.duties
            ],
        ]
        for each in procedures
    ]
    content = json.dumps(said, ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def found(handler: str) -> Any:
    """Return the function that a name in the outbox stands for."""
    parts = handler.split(".")
    for length in range(len(parts) - 1, 0, -1):
        module = sys.modules.get(".".join(parts[:length]))
        if module is not None:
            return reduce(getattr, parts[length:], module)
    raise LookupError(handler)


def first_sentence(docstring: str) -> str:
    """Return the first sentence of a docstring, on one line."""
    text = " ".join(docstring.split())
    return text.partition(". ")[0].rstrip(".") + "." if text else ""
