"""Who waits for whom: tickets, who is there to serve, and how long visits really took. (候诊)"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from data.appointments import Appointment
from data.base import L2, L3, Base, Placed


class TicketState(StrEnum):
    """How far the waiting has come. (domain 5.3)"""

    EXPECTED = "expected"  # booked, not checked in yet
    WAITING = "waiting"
    CALLED = "called"
    SERVING = "serving"
    DONE = "done"
    MISSED = "missed"  # 过号
    LEFT = "left"
    NO_SHOW = "no_show"


class Ticket(Placed, Base):
    """One patient's place in one clinician's line."""

    __tablename__ = "ticket"

    owner_id: Mapped[UUID | None] = mapped_column(default=None, index=True, info=L2)
    patient_id: Mapped[UUID] = mapped_column(index=True, info=L2)
    appointment_id: Mapped[UUID] = mapped_column(ForeignKey(Appointment.id), unique=True, info=L2)
    clinician_id: Mapped[UUID] = mapped_column(index=True, info=L2)
    department_id: Mapped[UUID] = mapped_column(index=True, info=L2)
    number: Mapped[str] = mapped_column(info=L2)  # what the board calls, such as A017
    priority: Mapped[int] = mapped_column(default=2, info=L2)  # 1 goes first
    slot_at: Mapped[datetime] = mapped_column(index=True, info=L2)
    slot_ends_at: Mapped[datetime] = mapped_column(info=L2)
    state: Mapped[TicketState] = mapped_column(default=TicketState.EXPECTED, index=True, info=L2)
    state_reason: Mapped[str] = mapped_column(default="", info=L3)
    checked_in_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    called_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    calls: Mapped[int] = mapped_column(default=0, info=L2)
    served_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    closed_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    returns: Mapped[int] = mapped_column(default=0, info=L2)
    behind: Mapped[int] = mapped_column(default=0, info=L2)
    """How many who wait are still to go first, after coming back late."""
    is_away: Mapped[bool] = mapped_column(default=False, info=L2)  # to be called back
    told_near: Mapped[bool] = mapped_column(default=False, info=L2)
    attempt: Mapped[int] = mapped_column(default=1, info=L2)
    """The how manieth time the visit is tried: again after it broke down."""
    version: Mapped[int] = mapped_column(init=False, info=L2)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        Index(
            "uq_ticket_serving",
            "clinician_id",
            unique=True,
            sqlite_where=text("state = 'serving'"),
            postgresql_where=text("state = 'serving'"),
        ),
    )


class Presence(Placed, Base):
    """When a clinician was last seen at work. (在岗心跳)"""

    __tablename__ = "presence"

    owner_id: Mapped[UUID] = mapped_column(unique=True, info=L2)  # the clinician's account
    since: Mapped[datetime] = mapped_column(info=L2)
    last_beat_at: Mapped[datetime] = mapped_column(index=True, info=L2)
    away_since: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    told_step: Mapped[int] = mapped_column(default=0, info=L2)  # of the escalation


class ServedTime(Placed, Base):
    """How long one visit took: what waiting times are foretold from."""

    __tablename__ = "served_time"

    clinician_id: Mapped[UUID] = mapped_column(index=True, info=L2)
    kind: Mapped[str] = mapped_column(info=L2)
    seconds: Mapped[int] = mapped_column(info=L2)
    ended_at: Mapped[datetime] = mapped_column(index=True, info=L2)


class WaitForecast(Placed, Base):
    """A waiting time that was promised, and what it came to: the forecast's own error."""

    __tablename__ = "wait_forecast"

    ticket_id: Mapped[UUID] = mapped_column(ForeignKey(Ticket.id), unique=True, info=L2)
    clinician_id: Mapped[UUID] = mapped_column(index=True, info=L2)
    ahead: Mapped[int] = mapped_column(info=L2)
    made_at: Mapped[datetime] = mapped_column(index=True, info=L2)
    seconds: Mapped[int] = mapped_column(info=L2)
    came_to: Mapped[int | None] = mapped_column(default=None, info=L2)  # seconds
