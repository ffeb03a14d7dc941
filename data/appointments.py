"""Time that can be booked and what is booked: shifts, places, appointments. (排班, 号源, 预约)"""

from datetime import date, datetime, time
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from data.base import L1, L2, L3, L4, Base, Placed


class VisitKind(Placed, Base):
    """A way of being seen, as data: what it needs, how long it may take, what it costs."""

    __tablename__ = "visit_kind"

    code: Mapped[str] = mapped_column(info=L1)  # video, voice, text, ...
    names: Mapped[dict[str, Any]] = mapped_column(info=L1)  # language -> name
    channels: Mapped[list[str]] = mapped_column(info=L1)  # audio, video, text
    price_item: Mapped[str] = mapped_column(info=L1)  # of the tariff
    needs_devices: Mapped[bool] = mapped_column(default=True, info=L1)
    accept_within: Mapped[int | None] = mapped_column(default=None, info=L1)
    """Minutes after the request in which it must be taken; None: until its place has passed."""
    lasts_at_most: Mapped[int | None] = mapped_column(default=None, info=L1)  # minutes
    most_rounds: Mapped[int | None] = mapped_column(default=None, info=L1)
    is_offered: Mapped[bool] = mapped_column(default=True, info=L1)
    version: Mapped[int] = mapped_column(init=False, info=L2)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (UniqueConstraint("institution_id", "code"),)


class DayPart(StrEnum):
    """Which session of the day (午别)."""

    MORNING = "am"
    AFTERNOON = "pm"
    EVENING = "eve"


class ShiftPattern(Placed, Base):
    """The same shift every week, from which the coming weeks are made. (排班模板)"""

    __tablename__ = "shift_pattern"

    clinician_id: Mapped[UUID] = mapped_column(index=True, info=L2)  # the account
    department_id: Mapped[UUID] = mapped_column(index=True, info=L2)
    kind: Mapped[str] = mapped_column(info=L1)
    weekday: Mapped[int] = mapped_column(info=L1)  # Monday is 0
    part: Mapped[DayPart] = mapped_column(info=L1)
    starts: Mapped[time] = mapped_column(info=L1)  # by the hospital's own clock
    ends: Mapped[time] = mapped_column(info=L1)
    slot_minutes: Mapped[int] = mapped_column(info=L1)
    capacity: Mapped[int] = mapped_column(info=L1)  # places in each slot
    quotas: Mapped[dict[str, Any]] = mapped_column(info=L2)  # channel -> places in each slot
    valid_from: Mapped[date] = mapped_column(info=L1)
    valid_to: Mapped[date | None] = mapped_column(default=None, info=L1)
    deleted_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    version: Mapped[int] = mapped_column(init=False, info=L2)

    __mapper_args__ = {"version_id_col": version}


class ShiftState(StrEnum):
    """What can be done with a shift. (domain 5.1)"""

    DRAFT = "draft"
    PUBLISHED = "published"
    SUSPENDED = "suspended"  # 停诊
    CLOSED = "closed"


class Shift(Placed, Base):
    """One clinician's time on one day, divided into slots. (排班)"""

    __tablename__ = "shift"

    clinician_id: Mapped[UUID] = mapped_column(index=True, info=L2)  # the account
    department_id: Mapped[UUID] = mapped_column(index=True, info=L2)
    kind: Mapped[str] = mapped_column(info=L1)
    day: Mapped[date] = mapped_column(index=True, info=L1)  # by the hospital's own calendar
    part: Mapped[DayPart] = mapped_column(info=L1)
    starts_at: Mapped[datetime] = mapped_column(index=True, info=L1)
    ends_at: Mapped[datetime] = mapped_column(info=L1)
    slot_minutes: Mapped[int] = mapped_column(info=L1)
    capacity: Mapped[int] = mapped_column(info=L1)
    quotas: Mapped[dict[str, Any]] = mapped_column(info=L2)
    opens_at: Mapped[datetime | None] = mapped_column(default=None, info=L1)  # release, 放号
    state: Mapped[ShiftState] = mapped_column(default=ShiftState.DRAFT, index=True, info=L1)
    state_reason: Mapped[str] = mapped_column(default="", info=L2)
    pattern_id: Mapped[UUID | None] = mapped_column(default=None, index=True, info=L2)
    given_by: Mapped[UUID | None] = mapped_column(default=None, info=L2)  # swapped from whom
    version: Mapped[int] = mapped_column(init=False, info=L2)

    __mapper_args__ = {"version_id_col": version}


class Leave(Placed, Base):
    """Time in which somebody does not work. (请假)"""

    __tablename__ = "leave_of_absence"

    owner_id: Mapped[UUID] = mapped_column(index=True, info=L2)  # whose account
    starts_at: Mapped[datetime] = mapped_column(info=L2)
    ends_at: Mapped[datetime] = mapped_column(info=L2)
    reason: Mapped[str] = mapped_column(default="", info=L3)
    entered_by: Mapped[UUID] = mapped_column(info=L3)
    deleted_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)


class Channel(StrEnum):
    """Through which door a place may be taken."""

    PORTAL = "portal"
    WINDOW = "window"  # by the desk
    SITE = "site"  # kept for inviting sites


class SlotState(StrEnum):
    """What has become of one place. (domain 5.1)"""

    FREE = "free"
    LOCKED = "locked"  # while somebody pays
    BOOKED = "booked"
    USED = "used"
    RELEASED = "released"  # given up with its shift


class Slot(Placed, Base):
    """One place: one patient's time. Several may begin at the same minute."""

    __tablename__ = "slot"

    shift_id: Mapped[UUID] = mapped_column(ForeignKey(Shift.id), index=True, info=L2)
    seq: Mapped[int] = mapped_column(info=L1)
    starts_at: Mapped[datetime] = mapped_column(index=True, info=L1)
    ends_at: Mapped[datetime] = mapped_column(info=L1)
    channel: Mapped[Channel] = mapped_column(default=Channel.PORTAL, info=L2)
    state: Mapped[SlotState] = mapped_column(default=SlotState.FREE, index=True, info=L2)
    free_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    """When a place that was given back can be taken again: not at once, against scalpers."""
    appointment_id: Mapped[UUID | None] = mapped_column(default=None, info=L2)
    version: Mapped[int] = mapped_column(init=False, info=L2)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (UniqueConstraint("shift_id", "seq"),)


class AppointmentState(StrEnum):
    """How far an appointment has come. (domain 5.2)"""

    CREATED = "created"
    CONFIRMED = "confirmed"
    CHECKED_IN = "checked_in"
    IN_CONSULT = "in_consult"
    COMPLETED = "completed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"
    CANCELLED_BY_HOSPITAL = "cancelled_by_hospital"


class Appointment(Placed, Base):
    """A patient's place with a clinician. (预约)"""

    __tablename__ = "appointment"

    owner_id: Mapped[UUID | None] = mapped_column(default=None, index=True, info=L2)
    """The account that booked; None where the desk did for somebody without one."""
    patient_id: Mapped[UUID] = mapped_column(index=True, info=L2)
    slot_id: Mapped[UUID] = mapped_column(ForeignKey(Slot.id), index=True, info=L2)
    shift_id: Mapped[UUID] = mapped_column(index=True, info=L2)
    clinician_id: Mapped[UUID] = mapped_column(index=True, info=L2)
    department_id: Mapped[UUID] = mapped_column(index=True, info=L2)
    kind: Mapped[str] = mapped_column(info=L2)
    starts_at: Mapped[datetime] = mapped_column(index=True, info=L2)
    ends_at: Mapped[datetime] = mapped_column(info=L2)
    channel: Mapped[Channel] = mapped_column(info=L2)
    state: Mapped[AppointmentState] = mapped_column(
        default=AppointmentState.CREATED, index=True, info=L2
    )
    state_reason: Mapped[str] = mapped_column(default="", info=L3)
    is_by_proxy: Mapped[bool] = mapped_column(default=False, info=L3)  # 代诊 (R-PAT-2)
    price_fen: Mapped[int] = mapped_column(info=L2)  # as it was when booked (R-PRICE)
    price_version: Mapped[int] = mapped_column(info=L2)
    booked_by: Mapped[UUID] = mapped_column(info=L3)
    created_at: Mapped[datetime] = mapped_column(info=L2)
    hold_until: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    confirmed_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    checked_in_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    closed_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    attempt: Mapped[int] = mapped_column(default=1, info=L2)
    """The how manieth time the visit is tried: again after it broke down."""
    version: Mapped[int] = mapped_column(init=False, info=L2)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        Index(
            "uq_appointment_living_slot",
            "slot_id",
            unique=True,
            sqlite_where=text("state IN ('created','confirmed','checked_in','in_consult')"),
            postgresql_where=text("state IN ('created','confirmed','checked_in','in_consult')"),
        ),
    )


class WaitState(StrEnum):
    """What became of somebody's place on a wait-list."""

    WAITING = "waiting"
    OFFERED = "offered"
    TAKEN = "taken"
    LEFT = "left"
    LAPSED = "lapsed"


class WaitlistEntry(Placed, Base):
    """Somebody who takes a place if one becomes free. (候补)"""

    __tablename__ = "waitlist_entry"

    owner_id: Mapped[UUID] = mapped_column(index=True, info=L2)
    patient_id: Mapped[UUID] = mapped_column(index=True, info=L2)
    clinician_id: Mapped[UUID] = mapped_column(index=True, info=L2)
    kind: Mapped[str] = mapped_column(info=L2)
    since_day: Mapped[date] = mapped_column(info=L2)
    until_day: Mapped[date] = mapped_column(info=L2)
    state: Mapped[WaitState] = mapped_column(default=WaitState.WAITING, index=True, info=L2)
    slot_id: Mapped[UUID | None] = mapped_column(default=None, info=L2)
    offered_until: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    created_at: Mapped[datetime] = mapped_column(index=True, info=L2)
    version: Mapped[int] = mapped_column(init=False, info=L2)

    __mapper_args__ = {"version_id_col": version}


class BookingBan(Placed, Base):
    """Why somebody may not book for a while. (爽约黑名单)"""

    __tablename__ = "booking_ban"

    patient_id: Mapped[UUID] = mapped_column(index=True, info=L2)
    since: Mapped[datetime] = mapped_column(info=L2)
    until: Mapped[datetime] = mapped_column(info=L2)
    reason: Mapped[str] = mapped_column(info=L3)
    lifted_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    lifted_by: Mapped[UUID | None] = mapped_column(default=None, info=L3)
    lifted_because: Mapped[str] = mapped_column(default="", info=L4)
