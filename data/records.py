"""What a record holds before the visit: consents, triage, evidence. (知情同意, 预检)"""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from data.base import L1, L2, L3, L4, Base, Placed
from data.sealed import Sealed


class ConsentKind(StrEnum):
    """What somebody agrees to, each by itself. (R-CON-1, R-CON-2, 单独同意)"""

    TELE_CONSULT = "tele_consult"  # before every visit
    SENSITIVE_DATA = "sensitive_data"
    RECORDING = "recording"
    GUARDIAN = "guardian"
    LONG_PRESCRIPTION = "long_prescription"
    REMOTE_CONSULT = "remote_consult"
    THIRD_PARTIES = "third_parties"  # 处方流转与配送
    FACE = "face"
    RESEARCH = "research"


class ConsentText(Placed, Base):
    """One version of what is agreed to; never changed, only followed by another."""

    __tablename__ = "consent_text"

    kind: Mapped[ConsentKind] = mapped_column(index=True, info=L1)
    version: Mapped[int] = mapped_column(info=L1)
    bodies: Mapped[dict[str, Any]] = mapped_column(info=L1)  # language -> text
    digest: Mapped[bytes] = mapped_column(info=L1)  # of the bodies, as canonical JSON
    effective_from: Mapped[datetime] = mapped_column(info=L1)
    entered_by: Mapped[UUID] = mapped_column(info=L3)

    __table_args__ = (UniqueConstraint("institution_id", "kind", "version"),)


class Consent(Placed, Base):
    """That somebody has agreed, to which words, when and from where."""

    __tablename__ = "consent"

    owner_id: Mapped[UUID] = mapped_column(index=True, info=L2)  # who agreed
    patient_id: Mapped[UUID] = mapped_column(index=True, info=L2)  # for whom
    kind: Mapped[ConsentKind] = mapped_column(index=True, info=L3)
    text_id: Mapped[UUID] = mapped_column(ForeignKey(ConsentText.id), info=L2)
    text_digest: Mapped[bytes] = mapped_column(info=L2)
    appointment_id: Mapped[UUID | None] = mapped_column(default=None, index=True, info=L2)
    is_by_guardian: Mapped[bool] = mapped_column(default=False, info=L3)
    given_at: Mapped[datetime] = mapped_column(info=L2)
    address: Mapped[str] = mapped_column(default="", info=L4)  # IP
    device: Mapped[str] = mapped_column(default="", info=L3)
    withdrawn_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    withdrawn_by: Mapped[UUID | None] = mapped_column(default=None, info=L3)


class RedFlags(StrEnum):
    """What the questions about danger have brought."""

    NOT_ASKED = "not_asked"
    NONE = "none"
    FOUND = "found"


class Preparation(Placed, Base):
    """What a patient has got ready for one visit."""

    __tablename__ = "preparation"

    owner_id: Mapped[UUID | None] = mapped_column(default=None, index=True, info=L2)
    patient_id: Mapped[UUID] = mapped_column(index=True, info=L2)
    appointment_id: Mapped[UUID] = mapped_column(unique=True, info=L2)
    red_flags: Mapped[RedFlags] = mapped_column(default=RedFlags.NOT_ASKED, info=L4)
    answered_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    complaint: Mapped[str] = mapped_column(
        Sealed("preparation.complaint"), default="", info=L4
    )  # in the patient's words
    body_site: Mapped[str] = mapped_column(default="", info=L4)
    photos: Mapped[list[str]] = mapped_column(default_factory=list, info=L2)  # ids of files
    evidence_id: Mapped[UUID | None] = mapped_column(default=None, info=L2)
    where_now: Mapped[str] = mapped_column(Sealed("preparation.where_now"), default="", info=L4)
    call_back: Mapped[str] = mapped_column(Sealed("preparation.call_back"), default="", info=L4)
    devices: Mapped[str] = mapped_column(default="", info=L2)  # "", ok, skipped, failed
    device_report: Mapped[dict[str, Any]] = mapped_column(default_factory=dict, info=L2)
    started_at: Mapped[datetime] = mapped_column(info=L2)
    ready_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    taps: Mapped[int] = mapped_column(default=0, info=L2)  # what it cost the patient
    version: Mapped[int] = mapped_column(init=False, info=L2)

    __mapper_args__ = {"version_id_col": version}


class TriageAnswer(Placed, Base):
    """A sign of danger that somebody said yes to: kept, whatever became of the visit. (R-FU-4)"""

    __tablename__ = "triage_answer"

    patient_id: Mapped[UUID] = mapped_column(index=True, info=L2)
    preparation_id: Mapped[UUID] = mapped_column(ForeignKey(Preparation.id), index=True, info=L2)
    code: Mapped[str] = mapped_column(info=L4)
    at: Mapped[datetime] = mapped_column(info=L2)


class Evidence(Placed, Base):
    """An earlier diagnosis made where a doctor was present: without it nothing online. (R-FU-1)"""

    __tablename__ = "evidence"

    owner_id: Mapped[UUID | None] = mapped_column(default=None, index=True, info=L2)
    patient_id: Mapped[UUID] = mapped_column(index=True, info=L2)
    made_at_institution: Mapped[str] = mapped_column(info=L4)
    made_on: Mapped[date] = mapped_column(info=L4)
    diagnosis: Mapped[str] = mapped_column(Sealed("evidence.diagnosis"), info=L4)
    icd10: Mapped[str] = mapped_column(Sealed("evidence.icd10"), default="", info=L4)
    file_id: Mapped[UUID | None] = mapped_column(default=None, info=L2)
    his_visit: Mapped[str] = mapped_column(default="", info=L4)
    added_at: Mapped[datetime] = mapped_column(info=L2)
    deleted_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
