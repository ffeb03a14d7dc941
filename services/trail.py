"""Writes the audit trail: which acts, and what they changed, at the end of each unit of work."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import Connection, Table, event, insert, inspect, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import ORMExecuteState, Session

from data.audit import FIRST, AuditEntry, AuditResult, sealed
from data.base import Base, level_of
from data.clock import Clock, new_id
from data.crypto import Keys
from services.rules import Actor, Subject

CHAIN_LOCK = 0x617564697400  # "audit": PostgreSQL lets one unit at a time lengthen the chain
SHOWN_UP_TO = 3  # columns of a higher data level are named in the trail, their values are not
KEPT_APART = frozenset({"audit_entry", "outbox_event", "outbox_delivery", "timer", "answered"})

ENTRIES = cast("Table", AuditEntry.__table__)
HEAD = select(ENTRIES.c.seq, ENTRIES.c.mac).order_by(ENTRIES.c.seq.desc()).limit(1)
APPEND = insert(ENTRIES)

Changes = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that was done, or was refused."""

    action: str
    subject: Subject
    result: AuditResult
    purpose: str
    detail: dict[str, Any]


class Trail:
    """The one who may append to the audit chain."""

    def __init__(self, keys: Keys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    def append(
        self, connection: Connection, actor: Actor, acts: list[Act], changes: Changes
    ) -> None:
        """Chain the acts to what is there; `changes` are noted with the first of them.

        On the connection, not by the session: this is written by every unit of work there is,
        and mapping the rows first would take longer than all the rest.
        """
        if not acts:
            return
        seq, before = self._head(connection)
        rows = []
        for number, act in enumerate(acts, start=1):
            detail = {**act.detail, "changes": changes} if number == 1 and changes else act.detail
            row = self._row(actor, act, seq + number, detail)
            before = row["mac"] = sealed(row, before, self._keys)
            rows.append(row)
        connection.execute(APPEND, rows)

    def _head(self, connection: Connection) -> tuple[int, str]:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({CHAIN_LOCK})")
        last = connection.execute(HEAD).first()
        return (last.seq, last.mac) if last else (0, FIRST)

    def _row(self, actor: Actor, act: Act, seq: int, detail: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": new_id(),
            "seq": seq,
            "at": self._clock.now(),
            "institution_id": act.subject.institution_id or actor.institution_id,
            "site_id": act.subject.site_id,
            "actor_id": actor.user_id,
            "roles": ",".join(sorted(actor.roles)),
            "session_id": actor.session_id,
            "address": actor.address,
            "action": str(act.action),
            "subject": str(act.subject),
            "result": act.result,
            "purpose": act.purpose,
            "detail": detail,
            "key_version": self._keys.version,
        }


@dataclass(slots=True)
class Watch:
    """What a unit of work has changed so far."""

    changes: Changes = field(default_factory=dict)
    """By row, as `{"staff:<id>": {"state": ["active", ...]}}`."""
    wrote: bool = False
    """Something was changed, whether by a row or by a statement."""


@contextmanager
def watch_changes(session: AsyncSession) -> Iterator[Watch]:
    """Watch what the unit of work changes."""
    session.info["watch"] = watch = Watch()
    yield watch


@event.listens_for(Session, "do_orm_execute")
def _note_statement(state: ORMExecuteState) -> None:
    watch: Watch | None = state.session.info.get("watch")
    if watch is not None and (state.is_insert or state.is_update or state.is_delete):
        watch.wrote = True


@event.listens_for(Session, "before_flush")
def _note_changes(session: Session, _context: object, _instances: object) -> None:
    watch: Watch | None = session.info.get("watch")
    if watch is None:
        return
    changes = watch.changes
    watch.wrote |= bool(session.new or session.deleted)
    for row in filter(_followed, session.new):
        changes.setdefault(_name(row), {})["added"] = True
    for row in filter(_followed, session.dirty):
        if changed := _columns_changed(row):
            watch.wrote = True
            _merge(changes.setdefault(_name(row), {}), changed)
    for row in filter(_followed, session.deleted):
        changes.setdefault(_name(row), {})["deleted"] = True


def _merge(noted: dict[str, Any], changed: dict[str, Any]) -> None:
    """Add what one more flush has changed: from what was there first, to what is there now."""
    for column, change in changed.items():
        earlier = noted.get(column)
        noted[column] = [earlier[0], change[1]] if isinstance(earlier, list) else change


def _followed(row: object) -> bool:
    return isinstance(row, Base) and row.__tablename__ not in KEPT_APART


def _name(row: Base) -> str:
    return f"{row.__tablename__}:{row.id}"


def _columns_changed(row: Base) -> dict[str, Any]:
    state = inspect(row)
    changed: dict[str, Any] = {}
    for column in state.mapper.column_attrs:
        history = state.attrs[column.key].history
        if not history.has_changes():
            continue
        if level_of(column.columns[0]) > SHOWN_UP_TO:
            changed[column.key] = "changed"
        else:
            old = history.deleted[0] if history.deleted else None
            changed[column.key] = [_brief(old), _brief(history.added[0] if history.added else None)]
    return changed


def _brief(value: object) -> object:
    if value is None or isinstance(value, bool | int):
        return value
    return str(value)[:200]
