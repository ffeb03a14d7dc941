"""The visit itself. (问诊)"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from data.base import L2, L3, L4, Base, Placed
from data.sealed import Sealed


class EncounterState(StrEnum):
    """How far a visit has come. (domain 5.4)"""

    REQUESTED = "requested"
    ACCEPTED = "accepted"
    IN_PROGRESS = "in_progress"
    ENDED = "ended"
    RECORD_SIGNED = "record_signed"
    TERMINATED = "terminated"
    TIMEOUT_REFUND = "timeout_refund"
    TECH_FAILED = "tech_failed"
    CANCELLED = "cancelled"  # its appointment was, before anybody took it


class Termination(StrEnum):
    """Why a visit was broken off. (R-FU-3)"""

    FIRST_VISIT = "FIRST_VISIT"
    CONDITION_CHANGED = "CONDITION_CHANGED"
    NEED_EXAM = "NEED_EXAM"
    EMERGENCY = "EMERGENCY"
    IDENTITY_MISMATCH = "IDENTITY_MISMATCH"
    OUT_OF_SCOPE = "OUT_OF_SCOPE"
    MINOR_NO_GUARDIAN = "MINOR_NO_GUARDIAN"
    TECH_FAILURE = "TECH_FAILURE"
    PATIENT_REQUEST = "PATIENT_REQUEST"
    ABUSE = "ABUSE"
    OTHER = "OTHER"


class Encounter(Placed, Base):
    """One visit of one patient with one clinician."""

    __tablename__ = "encounter"

    owner_id: Mapped[UUID | None] = mapped_column(default=None, index=True, info=L2)
    patient_id: Mapped[UUID] = mapped_column(index=True, info=L2)
    appointment_id: Mapped[UUID] = mapped_column(unique=True, info=L2)
    clinician_id: Mapped[UUID] = mapped_column(index=True, info=L2)
    department_id: Mapped[UUID] = mapped_column(index=True, info=L2)
    kind: Mapped[str] = mapped_column(info=L2)
    state: Mapped[EncounterState] = mapped_column(
        default=EncounterState.REQUESTED, index=True, info=L2
    )
    requested_at: Mapped[datetime] = mapped_column(info=L2)
    starts_at: Mapped[datetime] = mapped_column(index=True, info=L2)  # of the place
    accept_by: Mapped[datetime] = mapped_column(info=L2)
    accepted_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    started_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    ended_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    closed_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    termination: Mapped[Termination | None] = mapped_column(default=None, info=L3)
    attempt: Mapped[int] = mapped_column(default=1, info=L2)
    """The how manieth time the visit is tried: again after it broke down."""
    referral: Mapped[str] = mapped_column(Sealed("encounter.referral"), default="", info=L4)
    version: Mapped[int] = mapped_column(init=False, info=L2)

    __mapper_args__ = {"version_id_col": version}
