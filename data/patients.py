"""Patients, who may act for them, and how it was made sure who they are. (就诊人)"""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, synonym

from data.base import L2, L3, L4, Base, Placed
from data.sealed import Blind, Sealed


class Sex(StrEnum):
    """Administrative gender as FHIR names it; GB/T 2261.1 has the numbers 1, 2, 0."""

    MALE = "male"
    FEMALE = "female"
    UNKNOWN = "unknown"


class IdentityDocument(StrEnum):
    """What shows who somebody is (CV02.01.101, 身份证件类别)."""

    RESIDENT_CARD = "01"
    HOUSEHOLD_REGISTER = "02"
    PASSPORT = "03"
    HONG_KONG_MACAO_PERMIT = "06"
    TAIWAN_PERMIT = "07"
    OTHER = "99"


class Relation(StrEnum):
    """What a patient is to the account's holder (GB/T 4761, 家庭关系)."""

    SELF = "01"
    SPOUSE = "10"
    SON = "20"
    DAUGHTER = "30"
    GRANDCHILD = "40"
    PARENT = "50"
    GRANDPARENT = "60"
    SIBLING = "70"
    OTHER = "80"


class IdentityMethod(StrEnum):
    """How it was made sure that a name and a number belong together."""

    NETWORK_IDENTITY = "network_identity"  # 国家网络身份认证
    INSURANCE_CODE = "insurance_code"  # 医保电子凭证
    FACE = "face"
    COUNTER = "counter"  # somebody of the hospital looked at the document


class IdentityOutcome(StrEnum):
    """What the check said."""

    MATCH = "match"
    MISMATCH = "mismatch"
    UNAVAILABLE = "unavailable"


class Patient(Placed, Base):
    """A person who is treated here. (R-PAT-1)"""

    __tablename__ = "patient"

    patient_id: Mapped[UUID] = synonym("id", init=False)  # it is about itself: rules ask for whom
    name: Mapped[str] = mapped_column(Sealed("patient.name"), info=L4)
    name_index: Mapped[str] = mapped_column(
        Blind("name", of="name"), init=False, index=True, info=L4
    )
    document: Mapped[IdentityDocument] = mapped_column(
        default=IdentityDocument.RESIDENT_CARD, info=L3
    )
    number: Mapped[str] = mapped_column(Sealed("patient.number"), info=L4)
    number_index: Mapped[str] = mapped_column(
        Blind("identity", of="number"), init=False, index=True, info=L4
    )
    sex: Mapped[Sex] = mapped_column(info=L4)
    birth_date: Mapped[date] = mapped_column(info=L4)
    phone: Mapped[str] = mapped_column(Sealed("patient.phone"), default="", info=L4)
    phone_index: Mapped[str] = mapped_column(
        Blind("phone", of="phone"), init=False, default="", index=True, info=L4
    )
    verified_at: Mapped[datetime | None] = mapped_column(default=None, info=L3)
    verified_by: Mapped[IdentityMethod | None] = mapped_column(default=None, info=L3)
    is_synthetic: Mapped[bool] = mapped_column(default=False, info=L2)
    created_at: Mapped[datetime] = mapped_column(info=L2)
    deleted_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    version: Mapped[int] = mapped_column(init=False, info=L2)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        Index(
            "uq_patient_number",
            *("institution_id", "document", "number_index"),
            unique=True,
            sqlite_where=text("deleted_at IS NULL AND verified_at IS NOT NULL"),
            postgresql_where=text("deleted_at IS NULL AND verified_at IS NOT NULL"),
        ),  # before that, whoever types a number first would keep its owner out
    )


class PatientLink(Placed, Base):
    """That an account acts for a patient: for oneself, or for one of the family. (R-PAT-2)"""

    __tablename__ = "patient_link"

    owner_id: Mapped[UUID] = mapped_column(index=True, info=L2)  # whose account
    patient_id: Mapped[UUID] = mapped_column(ForeignKey(Patient.id), index=True, info=L2)
    relation: Mapped[Relation] = mapped_column(info=L3)
    is_guardian: Mapped[bool] = mapped_column(default=False, info=L3)  # 监护人
    since: Mapped[datetime] = mapped_column(info=L2)
    deleted_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    ended_because: Mapped[str] = mapped_column(default="", info=L3)

    __table_args__ = (
        Index(
            "uq_patient_link_pair",
            *("owner_id", "patient_id"),
            unique=True,
            sqlite_where=text("deleted_at IS NULL"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
    )


class IdentityCheck(Placed, Base):
    """One attempt to make sure who a patient is, whatever came of it."""

    __tablename__ = "identity_check"

    patient_id: Mapped[UUID] = mapped_column(ForeignKey(Patient.id), index=True, info=L2)
    method: Mapped[IdentityMethod] = mapped_column(info=L3)
    outcome: Mapped[IdentityOutcome] = mapped_column(info=L3)
    reference: Mapped[str] = mapped_column(default="", info=L3)  # the provider's own number
    checked_by: Mapped[UUID | None] = mapped_column(default=None, info=L3)  # at the counter
    checked_at: Mapped[datetime] = mapped_column(info=L2)


class OneTimeCode(Base):
    """A code sent to a phone, good once and for minutes; the number is kept as its index alone."""

    __tablename__ = "one_time_code"

    phone_index: Mapped[str] = mapped_column(index=True, info=L4)
    address: Mapped[str] = mapped_column(index=True, info=L4)  # who asked: a network's, not one's
    digest: Mapped[bytes] = mapped_column(info=L4)
    sent_at: Mapped[datetime] = mapped_column(index=True, info=L2)
    until: Mapped[datetime] = mapped_column(info=L2)
    failures: Mapped[int] = mapped_column(default=0, info=L2)
    used_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)


class EntryLink(Placed, Base):
    """A link in a message that lets its receiver in, once, to one page. (一键直达)"""

    __tablename__ = "entry_link"

    owner_id: Mapped[UUID] = mapped_column(index=True, info=L2)  # whose account it opens
    digest: Mapped[bytes] = mapped_column(unique=True, info=L4)
    path: Mapped[str] = mapped_column(info=L2)
    sent_at: Mapped[datetime] = mapped_column(info=L2)
    until: Mapped[datetime] = mapped_column(index=True, info=L2)
    used_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
