"""Departments and those who work in them, with what allows them to. (科室, 医务人员)"""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from data.base import L1, L2, L3, L4, Base, Placed
from data.sealed import Blind, Sealed


class Department(Placed, Base):
    """A clinical department (诊疗科目) that the institution is licensed for. (R-ORG-2)"""

    __tablename__ = "department"

    code: Mapped[str] = mapped_column(info=L1)  # of the national catalogue, such as 03.04
    name: Mapped[str] = mapped_column(info=L1)
    is_pediatric: Mapped[bool] = mapped_column(default=False, info=L1)
    is_online: Mapped[bool] = mapped_column(default=True, info=L1)  # offered for visits here
    created_at: Mapped[datetime] = mapped_column(info=L2)
    deleted_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)  # licence gone
    version: Mapped[int] = mapped_column(init=False, info=L2)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        Index(
            "uq_department_code",
            *("institution_id", "code"),
            unique=True,
            sqlite_where=text("deleted_at IS NULL"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
    )


class Profession(StrEnum):
    """What somebody's licence says they are."""

    DOCTOR = "doctor"
    PHARMACIST = "pharmacist"
    NURSE = "nurse"


class CredentialState(StrEnum):
    """How far the review of somebody's papers has come. (资质审核, domain 5.9)"""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    HR_VERIFIED = "hr_verified"
    MEDICAL_AFFAIRS_APPROVED = "medical_affairs_approved"
    CA_ISSUED = "ca_issued"
    REGULATOR_FILED = "regulator_filed"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    REVOKED = "revoked"


class Clinician(Placed, Base):
    """What allows a member of staff to treat, dispense or nurse here. (R-STF-1, R-STF-4)"""

    __tablename__ = "clinician"

    owner_id: Mapped[UUID] = mapped_column(index=True, info=L2)  # their account
    profession: Mapped[Profession] = mapped_column(info=L1)
    name: Mapped[str] = mapped_column(info=L1)  # shown to the public (R-STF-3)
    title: Mapped[str] = mapped_column(default="", info=L1)  # 职称
    identity: Mapped[str] = mapped_column(Sealed("clinician.identity"), default="", info=L4)
    identity_index: Mapped[str] = mapped_column(
        Blind("identity", of="identity"), init=False, default="", index=True, info=L4
    )
    licence: Mapped[str] = mapped_column(default="", info=L1)  # 执业证书编码
    licence_valid_to: Mapped[date | None] = mapped_column(default=None, info=L1)
    qualification: Mapped[str] = mapped_column(default="", info=L3)  # 资格证书编码
    category: Mapped[str] = mapped_column(default="", info=L1)  # 执业类别
    scope: Mapped[str] = mapped_column(default="", info=L1)  # 执业范围
    practising_since: Mapped[date | None] = mapped_column(default=None, info=L3)
    main_institution: Mapped[str] = mapped_column(default="", info=L1)  # where registered
    certificate_serial: Mapped[str] = mapped_column(default="", info=L3)  # CA
    certificate_valid_to: Mapped[date | None] = mapped_column(default=None, info=L3)
    filing_number: Mapped[str] = mapped_column(default="", info=L3)  # with the regulator
    introduction: Mapped[str] = mapped_column(default="", info=L1)
    state: Mapped[CredentialState] = mapped_column(
        default=CredentialState.DRAFT, index=True, info=L2
    )
    state_reason: Mapped[str] = mapped_column(default="", info=L3)
    is_synthetic: Mapped[bool] = mapped_column(default=False, info=L2)
    created_at: Mapped[datetime] = mapped_column(info=L2)
    version: Mapped[int] = mapped_column(init=False, info=L2)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (Index("uq_clinician_profession", "owner_id", "profession", unique=True),)


class PaperKind(StrEnum):
    """What a paper in somebody's file shows."""

    LICENCE = "licence"
    QUALIFICATION = "qualification"
    REGISTER_EXTRACT = "register_extract"  # the national register, as HR found it
    HOSPITAL_CONSENT = "hospital_consent"  # of the hospital where they are registered
    MULTI_SITE_FILING = "multi_site_filing"  # 多机构备案
    EXPERIENCE = "experience"  # three years of independent practice
    TITLE = "title"
    PHOTO = "photo"


class CredentialPaper(Placed, Base):
    """One paper of evidence, and who has compared it with its source."""

    __tablename__ = "credential_paper"

    owner_id: Mapped[UUID] = mapped_column(index=True, info=L2)
    clinician_id: Mapped[UUID] = mapped_column(ForeignKey(Clinician.id), index=True, info=L2)
    kind: Mapped[PaperKind] = mapped_column(info=L2)
    file_id: Mapped[UUID] = mapped_column(info=L2)
    valid_to: Mapped[date | None] = mapped_column(default=None, info=L3)
    added_at: Mapped[datetime] = mapped_column(info=L2)
    verified_by: Mapped[UUID | None] = mapped_column(default=None, info=L3)
    verified_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)
    deleted_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)


class CredentialStep(Placed, Base):
    """One step of the review: who took it, and why."""

    __tablename__ = "credential_step"

    owner_id: Mapped[UUID] = mapped_column(index=True, info=L2)
    clinician_id: Mapped[UUID] = mapped_column(ForeignKey(Clinician.id), index=True, info=L2)
    came_from: Mapped[CredentialState] = mapped_column(info=L2)
    went_to: Mapped[CredentialState] = mapped_column(info=L2)
    taken_by: Mapped[UUID] = mapped_column(info=L3)
    taken_at: Mapped[datetime] = mapped_column(info=L2)
    note: Mapped[str] = mapped_column(default="", info=L3)


class DepartmentMember(Placed, Base):
    """That a clinician works in a department."""

    __tablename__ = "department_member"

    owner_id: Mapped[UUID] = mapped_column(index=True, info=L2)
    clinician_id: Mapped[UUID] = mapped_column(ForeignKey(Clinician.id), index=True, info=L2)
    department_id: Mapped[UUID] = mapped_column(ForeignKey(Department.id), index=True, info=L2)
    since: Mapped[datetime] = mapped_column(info=L2)
    deleted_at: Mapped[datetime | None] = mapped_column(default=None, info=L2)

    __table_args__ = (
        Index(
            "uq_department_member_pair",
            *("clinician_id", "department_id"),
            unique=True,
            sqlite_where=text("deleted_at IS NULL"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
    )
