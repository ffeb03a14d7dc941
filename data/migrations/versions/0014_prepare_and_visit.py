"""Consents, what is got ready before a visit, and the visit."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "consent_text",
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("bodies", sa.JSON(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("effective_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entered_by", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_text")),
        sa.UniqueConstraint(
            "institution_id",
            "kind",
            "version",
            name=op.f("uq_consent_text_institution_id_kind_version"),
        ),
    )
    with op.batch_alter_table("consent_text", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_consent_text_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_consent_text_kind"), ["kind"], unique=False)
        batch_op.create_index(batch_op.f("ix_consent_text_site_id"), ["site_id"], unique=False)
    op.create_table(
        "encounter",
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("appointment_id", sa.Uuid(), nullable=False),
        sa.Column("clinician_id", sa.Uuid(), nullable=False),
        sa.Column("department_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accept_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("termination", sa.String(length=40), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("referral", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_encounter")),
        sa.UniqueConstraint("appointment_id", name=op.f("uq_encounter_appointment_id")),
    )
    with op.batch_alter_table("encounter", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_encounter_clinician_id"), ["clinician_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_encounter_department_id"), ["department_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_encounter_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_encounter_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_encounter_patient_id"), ["patient_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_encounter_site_id"), ["site_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_encounter_starts_at"), ["starts_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_encounter_state"), ["state"], unique=False)
    op.create_table(
        "evidence",
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("made_at_institution", sa.String(), nullable=False),
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.Column("diagnosis", sa.LargeBinary(), nullable=False),
        sa.Column("icd10", sa.LargeBinary(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=True),
        sa.Column("his_visit", sa.String(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence")),
    )
    with op.batch_alter_table("evidence", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_evidence_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_evidence_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_evidence_patient_id"), ["patient_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_evidence_site_id"), ["site_id"], unique=False)
    op.create_table(
        "preparation",
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("appointment_id", sa.Uuid(), nullable=False),
        sa.Column("red_flags", sa.String(length=40), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("complaint", sa.LargeBinary(), nullable=False),
        sa.Column("body_site", sa.String(), nullable=False),
        sa.Column("photos", sa.JSON(), nullable=False),
        sa.Column("evidence_id", sa.Uuid(), nullable=True),
        sa.Column("where_now", sa.LargeBinary(), nullable=False),
        sa.Column("call_back", sa.LargeBinary(), nullable=False),
        sa.Column("devices", sa.String(), nullable=False),
        sa.Column("device_report", sa.JSON(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ready_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("taps", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_preparation")),
        sa.UniqueConstraint("appointment_id", name=op.f("uq_preparation_appointment_id")),
    )
    with op.batch_alter_table("preparation", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_preparation_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_preparation_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_preparation_patient_id"), ["patient_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_preparation_site_id"), ["site_id"], unique=False)
    op.create_table(
        "consent",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("text_id", sa.Uuid(), nullable=False),
        sa.Column("text_digest", sa.LargeBinary(), nullable=False),
        sa.Column("appointment_id", sa.Uuid(), nullable=True),
        sa.Column("is_by_guardian", sa.Boolean(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.Uuid(), nullable=True),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["text_id"], ["consent_text.id"], name=op.f("fk_consent_text_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    with op.batch_alter_table("consent", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_consent_appointment_id"), ["appointment_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_consent_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_consent_kind"), ["kind"], unique=False)
        batch_op.create_index(batch_op.f("ix_consent_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_consent_patient_id"), ["patient_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_consent_site_id"), ["site_id"], unique=False)
    op.create_table(
        "triage_answer",
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("preparation_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["preparation_id"], ["preparation.id"], name=op.f("fk_triage_answer_preparation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_triage_answer")),
    )
    with op.batch_alter_table("triage_answer", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_triage_answer_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_triage_answer_patient_id"), ["patient_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_triage_answer_preparation_id"), ["preparation_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_triage_answer_site_id"), ["site_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("triage_answer", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_triage_answer_site_id"))
        batch_op.drop_index(batch_op.f("ix_triage_answer_preparation_id"))
        batch_op.drop_index(batch_op.f("ix_triage_answer_patient_id"))
        batch_op.drop_index(batch_op.f("ix_triage_answer_institution_id"))
    op.drop_table("triage_answer")
    with op.batch_alter_table("consent", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_consent_site_id"))
        batch_op.drop_index(batch_op.f("ix_consent_patient_id"))
        batch_op.drop_index(batch_op.f("ix_consent_owner_id"))
        batch_op.drop_index(batch_op.f("ix_consent_kind"))
        batch_op.drop_index(batch_op.f("ix_consent_institution_id"))
        batch_op.drop_index(batch_op.f("ix_consent_appointment_id"))
    op.drop_table("consent")
    with op.batch_alter_table("preparation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_preparation_site_id"))
        batch_op.drop_index(batch_op.f("ix_preparation_patient_id"))
        batch_op.drop_index(batch_op.f("ix_preparation_owner_id"))
        batch_op.drop_index(batch_op.f("ix_preparation_institution_id"))
    op.drop_table("preparation")
    with op.batch_alter_table("evidence", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_evidence_site_id"))
        batch_op.drop_index(batch_op.f("ix_evidence_patient_id"))
        batch_op.drop_index(batch_op.f("ix_evidence_owner_id"))
        batch_op.drop_index(batch_op.f("ix_evidence_institution_id"))
    op.drop_table("evidence")
    with op.batch_alter_table("encounter", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_encounter_state"))
        batch_op.drop_index(batch_op.f("ix_encounter_starts_at"))
        batch_op.drop_index(batch_op.f("ix_encounter_site_id"))
        batch_op.drop_index(batch_op.f("ix_encounter_patient_id"))
        batch_op.drop_index(batch_op.f("ix_encounter_owner_id"))
        batch_op.drop_index(batch_op.f("ix_encounter_institution_id"))
        batch_op.drop_index(batch_op.f("ix_encounter_department_id"))
        batch_op.drop_index(batch_op.f("ix_encounter_clinician_id"))
    op.drop_table("encounter")
    with op.batch_alter_table("consent_text", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_consent_text_site_id"))
        batch_op.drop_index(batch_op.f("ix_consent_text_kind"))
        batch_op.drop_index(batch_op.f("ix_consent_text_institution_id"))
    op.drop_table("consent_text")
