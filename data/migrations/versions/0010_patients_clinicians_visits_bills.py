"""Patients, clinicians, visits, bills"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "booking_ban",
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_by", sa.Uuid(), nullable=True),
        sa.Column("lifted_because", sa.String(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_booking_ban")),
    )
    with op.batch_alter_table("booking_ban", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_booking_ban_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_booking_ban_patient_id"), ["patient_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_booking_ban_site_id"), ["site_id"], unique=False)

    op.create_table(
        "clinician",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("profession", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("identity", sa.LargeBinary(), nullable=False),
        sa.Column("identity_index", sa.String(length=32), nullable=False),
        sa.Column("licence", sa.String(), nullable=False),
        sa.Column("licence_valid_to", sa.Date(), nullable=True),
        sa.Column("qualification", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("practising_since", sa.Date(), nullable=True),
        sa.Column("main_institution", sa.String(), nullable=False),
        sa.Column("certificate_serial", sa.String(), nullable=False),
        sa.Column("certificate_valid_to", sa.Date(), nullable=True),
        sa.Column("filing_number", sa.String(), nullable=False),
        sa.Column("introduction", sa.String(), nullable=False),
        sa.Column("photo_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("state_reason", sa.String(), nullable=False),
        sa.Column("is_synthetic", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clinician")),
    )
    with op.batch_alter_table("clinician", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_clinician_identity_index"), ["identity_index"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_clinician_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_clinician_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_clinician_site_id"), ["site_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_clinician_state"), ["state"], unique=False)
        batch_op.create_index("uq_clinician_profession", ["owner_id", "profession"], unique=True)

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
        "department",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("is_pediatric", sa.Boolean(), nullable=False),
        sa.Column("is_online", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_department")),
    )
    with op.batch_alter_table("department", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_department_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_department_site_id"), ["site_id"], unique=False)
        batch_op.create_index(
            "uq_department_code",
            ["institution_id", "code"],
            unique=True,
            sqlite_where=sa.text("deleted_at IS NULL"),
            postgresql_where=sa.text("deleted_at IS NULL"),
        )

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
        "leave_of_absence",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("entered_by", sa.Uuid(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leave_of_absence")),
    )
    with op.batch_alter_table("leave_of_absence", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_leave_of_absence_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_leave_of_absence_owner_id"), ["owner_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_leave_of_absence_site_id"), ["site_id"], unique=False)

    op.create_table(
        "one_time_code",
        sa.Column("phone_index", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_one_time_code")),
    )
    with op.batch_alter_table("one_time_code", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_one_time_code_address"), ["address"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_one_time_code_phone_index"), ["phone_index"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_one_time_code_sent_at"), ["sent_at"], unique=False)

    op.create_table(
        "patient",
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("name_index", sa.String(length=32), nullable=False),
        sa.Column("document", sa.String(length=40), nullable=False),
        sa.Column("number", sa.LargeBinary(), nullable=False),
        sa.Column("number_index", sa.String(length=32), nullable=False),
        sa.Column("sex", sa.String(length=40), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=False),
        sa.Column("phone", sa.LargeBinary(), nullable=False),
        sa.Column("phone_index", sa.String(length=32), nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verified_by", sa.String(length=40), nullable=True),
        sa.Column("is_synthetic", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("restricted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient")),
    )
    with op.batch_alter_table("patient", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_patient_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_patient_name_index"), ["name_index"], unique=False)
        batch_op.create_index(batch_op.f("ix_patient_number_index"), ["number_index"], unique=False)
        batch_op.create_index(batch_op.f("ix_patient_phone_index"), ["phone_index"], unique=False)
        batch_op.create_index(batch_op.f("ix_patient_site_id"), ["site_id"], unique=False)
        batch_op.create_index(
            "uq_patient_number",
            ["institution_id", "document", "number_index"],
            unique=True,
            sqlite_where=sa.text("deleted_at IS NULL AND verified_at IS NOT NULL"),
            postgresql_where=sa.text("deleted_at IS NULL AND verified_at IS NOT NULL"),
        )

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
        "presence",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_beat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("away_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_step", sa.Integer(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_presence")),
        sa.UniqueConstraint("owner_id", name=op.f("uq_presence_owner_id")),
    )
    with op.batch_alter_table("presence", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_presence_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_presence_last_beat_at"), ["last_beat_at"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_presence_site_id"), ["site_id"], unique=False)

    op.create_table(
        "sales_order",
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("appointment_id", sa.Uuid(), nullable=True),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.Column("amount_fen", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pay_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sales_order")),
        sa.UniqueConstraint("appointment_id", name=op.f("uq_sales_order_appointment_id")),
    )
    with op.batch_alter_table("sales_order", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sales_order_created_at"), ["created_at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_sales_order_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_sales_order_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_sales_order_patient_id"), ["patient_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_sales_order_site_id"), ["site_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_sales_order_state"), ["state"], unique=False)

    op.create_table(
        "served_time",
        sa.Column("clinician_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_served_time")),
    )
    with op.batch_alter_table("served_time", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_served_time_clinician_id"), ["clinician_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_served_time_ended_at"), ["ended_at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_served_time_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_served_time_site_id"), ["site_id"], unique=False)

    op.create_table(
        "shift",
        sa.Column("clinician_id", sa.Uuid(), nullable=False),
        sa.Column("department_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("part", sa.String(length=40), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("slot_minutes", sa.Integer(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("quotas", sa.JSON(), nullable=False),
        sa.Column("opens_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("state_reason", sa.String(), nullable=False),
        sa.Column("pattern_id", sa.Uuid(), nullable=True),
        sa.Column("given_by", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shift")),
    )
    with op.batch_alter_table("shift", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_shift_clinician_id"), ["clinician_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_shift_day"), ["day"], unique=False)
        batch_op.create_index(batch_op.f("ix_shift_department_id"), ["department_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_shift_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_shift_pattern_id"), ["pattern_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_shift_site_id"), ["site_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_shift_starts_at"), ["starts_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_shift_state"), ["state"], unique=False)

    op.create_table(
        "shift_pattern",
        sa.Column("clinician_id", sa.Uuid(), nullable=False),
        sa.Column("department_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("part", sa.String(length=40), nullable=False),
        sa.Column("starts", sa.Time(), nullable=False),
        sa.Column("ends", sa.Time(), nullable=False),
        sa.Column("slot_minutes", sa.Integer(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("quotas", sa.JSON(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shift_pattern")),
    )
    with op.batch_alter_table("shift_pattern", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_shift_pattern_clinician_id"), ["clinician_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_shift_pattern_department_id"), ["department_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_shift_pattern_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_shift_pattern_site_id"), ["site_id"], unique=False)

    op.create_table(
        "tariff",
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("names", sa.JSON(), nullable=False),
        sa.Column("price_fen", sa.Integer(), nullable=False),
        sa.Column("effective_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entered_by", sa.Uuid(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tariff")),
        sa.UniqueConstraint(
            "institution_id", "item", "version", name=op.f("uq_tariff_institution_id_item_version")
        ),
    )
    with op.batch_alter_table("tariff", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_tariff_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_tariff_item"), ["item"], unique=False)
        batch_op.create_index(batch_op.f("ix_tariff_site_id"), ["site_id"], unique=False)

    op.create_table(
        "training",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("passed_on", sa.Date(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("file_id", sa.Uuid(), nullable=True),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_training")),
    )
    with op.batch_alter_table("training", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_training_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_training_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_training_site_id"), ["site_id"], unique=False)

    op.create_table(
        "visit_kind",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("names", sa.JSON(), nullable=False),
        sa.Column("channels", sa.JSON(), nullable=False),
        sa.Column("price_item", sa.String(), nullable=False),
        sa.Column("needs_devices", sa.Boolean(), nullable=False),
        sa.Column("accept_within", sa.Integer(), nullable=True),
        sa.Column("lasts_at_most", sa.Integer(), nullable=True),
        sa.Column("most_rounds", sa.Integer(), nullable=True),
        sa.Column("is_offered", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_kind")),
        sa.UniqueConstraint(
            "institution_id", "code", name=op.f("uq_visit_kind_institution_id_code")
        ),
    )
    with op.batch_alter_table("visit_kind", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_visit_kind_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_visit_kind_site_id"), ["site_id"], unique=False)

    op.create_table(
        "waitlist_entry",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("clinician_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("since_day", sa.Date(), nullable=False),
        sa.Column("until_day", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("slot_id", sa.Uuid(), nullable=True),
        sa.Column("offered_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waitlist_entry")),
    )
    with op.batch_alter_table("waitlist_entry", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_waitlist_entry_clinician_id"), ["clinician_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_waitlist_entry_created_at"), ["created_at"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_waitlist_entry_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_waitlist_entry_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_waitlist_entry_patient_id"), ["patient_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_waitlist_entry_site_id"), ["site_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_waitlist_entry_state"), ["state"], unique=False)

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
        "credential_paper",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("clinician_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verified_by", sa.Uuid(), nullable=True),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["clinician_id"], ["clinician.id"], name=op.f("fk_credential_paper_clinician_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credential_paper")),
    )
    with op.batch_alter_table("credential_paper", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_credential_paper_clinician_id"), ["clinician_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_credential_paper_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_credential_paper_owner_id"), ["owner_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_credential_paper_site_id"), ["site_id"], unique=False)

    op.create_table(
        "credential_step",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("clinician_id", sa.Uuid(), nullable=False),
        sa.Column("came_from", sa.String(length=40), nullable=False),
        sa.Column("went_to", sa.String(length=40), nullable=False),
        sa.Column("taken_by", sa.Uuid(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["clinician_id"], ["clinician.id"], name=op.f("fk_credential_step_clinician_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credential_step")),
    )
    with op.batch_alter_table("credential_step", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_credential_step_clinician_id"), ["clinician_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_credential_step_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_credential_step_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_credential_step_site_id"), ["site_id"], unique=False)

    op.create_table(
        "data_request",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("answered_by", sa.Uuid(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_data_request_patient_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_request")),
    )
    with op.batch_alter_table("data_request", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_data_request_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_data_request_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_data_request_patient_id"), ["patient_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_data_request_site_id"), ["site_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_data_request_state"), ["state"], unique=False)

    op.create_table(
        "department_member",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("clinician_id", sa.Uuid(), nullable=False),
        sa.Column("department_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["clinician_id"], ["clinician.id"], name=op.f("fk_department_member_clinician_id")
        ),
        sa.ForeignKeyConstraint(
            ["department_id"], ["department.id"], name=op.f("fk_department_member_department_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_department_member")),
    )
    with op.batch_alter_table("department_member", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_department_member_clinician_id"), ["clinician_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_department_member_department_id"), ["department_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_department_member_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_department_member_owner_id"), ["owner_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_department_member_site_id"), ["site_id"], unique=False)
        batch_op.create_index(
            "uq_department_member_pair",
            ["clinician_id", "department_id"],
            unique=True,
            sqlite_where=sa.text("deleted_at IS NULL"),
            postgresql_where=sa.text("deleted_at IS NULL"),
        )

    op.create_table(
        "identity_check",
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("method", sa.String(length=40), nullable=False),
        sa.Column("outcome", sa.String(length=40), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("checked_by", sa.Uuid(), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_identity_check_patient_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_check")),
    )
    with op.batch_alter_table("identity_check", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_identity_check_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_identity_check_patient_id"), ["patient_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_identity_check_site_id"), ["site_id"], unique=False)

    op.create_table(
        "patient_link",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("relation", sa.String(length=40), nullable=False),
        sa.Column("is_guardian", sa.Boolean(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_because", sa.String(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patient.id"], name=op.f("fk_patient_link_patient_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient_link")),
    )
    with op.batch_alter_table("patient_link", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_patient_link_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_patient_link_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_patient_link_patient_id"), ["patient_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_patient_link_site_id"), ["site_id"], unique=False)
        batch_op.create_index(
            "uq_patient_link_pair",
            ["owner_id", "patient_id"],
            unique=True,
            sqlite_where=sa.text("deleted_at IS NULL"),
            postgresql_where=sa.text("deleted_at IS NULL"),
        )

    op.create_table(
        "payment",
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("trade_number", sa.String(), nullable=False),
        sa.Column("channel_number", sa.String(), nullable=False),
        sa.Column("amount_fen", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["sales_order.id"], name=op.f("fk_payment_order_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment")),
        sa.UniqueConstraint("trade_number", name=op.f("uq_payment_trade_number")),
    )
    with op.batch_alter_table("payment", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_payment_channel_number"), ["channel_number"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_payment_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_payment_order_id"), ["order_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_payment_patient_id"), ["patient_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_payment_site_id"), ["site_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_payment_state"), ["state"], unique=False)

    op.create_table(
        "slot",
        sa.Column("shift_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("free_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("appointment_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["shift_id"], ["shift.id"], name=op.f("fk_slot_shift_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slot")),
        sa.UniqueConstraint("shift_id", "seq", name=op.f("uq_slot_shift_id_seq")),
    )
    with op.batch_alter_table("slot", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_slot_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_slot_shift_id"), ["shift_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_slot_site_id"), ["site_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_slot_starts_at"), ["starts_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_slot_state"), ["state"], unique=False)

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

    op.create_table(
        "appointment",
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("slot_id", sa.Uuid(), nullable=False),
        sa.Column("shift_id", sa.Uuid(), nullable=False),
        sa.Column("clinician_id", sa.Uuid(), nullable=False),
        sa.Column("department_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("state_reason", sa.String(), nullable=False),
        sa.Column("is_by_proxy", sa.Boolean(), nullable=False),
        sa.Column("price_fen", sa.Integer(), nullable=False),
        sa.Column("price_version", sa.Integer(), nullable=False),
        sa.Column("booked_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hold_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["slot_id"], ["slot.id"], name=op.f("fk_appointment_slot_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appointment")),
    )
    with op.batch_alter_table("appointment", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_appointment_clinician_id"), ["clinician_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_appointment_department_id"), ["department_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_appointment_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_appointment_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_appointment_patient_id"), ["patient_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_appointment_shift_id"), ["shift_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_appointment_site_id"), ["site_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_appointment_slot_id"), ["slot_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_appointment_starts_at"), ["starts_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_appointment_state"), ["state"], unique=False)
        batch_op.create_index(
            "uq_appointment_living_slot",
            ["slot_id"],
            unique=True,
            sqlite_where=sa.text("state IN ('created','confirmed','checked_in','in_consult')"),
            postgresql_where=sa.text("state IN ('created','confirmed','checked_in','in_consult')"),
        )

    op.create_table(
        "refund",
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("refund_number", sa.String(), nullable=False),
        sa.Column("amount_fen", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["sales_order.id"], name=op.f("fk_refund_order_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_refund_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund")),
        sa.UniqueConstraint("refund_number", name=op.f("uq_refund_refund_number")),
    )
    with op.batch_alter_table("refund", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_refund_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_refund_order_id"), ["order_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_refund_patient_id"), ["patient_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_refund_payment_id"), ["payment_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_refund_site_id"), ["site_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_refund_state"), ["state"], unique=False)

    op.create_table(
        "ticket",
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("appointment_id", sa.Uuid(), nullable=False),
        sa.Column("clinician_id", sa.Uuid(), nullable=False),
        sa.Column("department_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("slot_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("slot_ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("state_reason", sa.String(), nullable=False),
        sa.Column("checked_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("called_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("served_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("returns", sa.Integer(), nullable=False),
        sa.Column("behind", sa.Integer(), nullable=False),
        sa.Column("is_away", sa.Boolean(), nullable=False),
        sa.Column("told_near", sa.Boolean(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["appointment_id"], ["appointment.id"], name=op.f("fk_ticket_appointment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket")),
        sa.UniqueConstraint("appointment_id", name=op.f("uq_ticket_appointment_id")),
    )
    with op.batch_alter_table("ticket", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ticket_clinician_id"), ["clinician_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_ticket_department_id"), ["department_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_ticket_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_ticket_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_ticket_patient_id"), ["patient_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_ticket_site_id"), ["site_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_ticket_slot_at"), ["slot_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_ticket_state"), ["state"], unique=False)
        batch_op.create_index(
            "uq_ticket_serving",
            ["clinician_id"],
            unique=True,
            sqlite_where=sa.text("state = 'serving'"),
            postgresql_where=sa.text("state = 'serving'"),
        )

    op.create_table(
        "wait_forecast",
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("clinician_id", sa.Uuid(), nullable=False),
        sa.Column("ahead", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("came_to", sa.Integer(), nullable=True),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ticket_id"], ["ticket.id"], name=op.f("fk_wait_forecast_ticket_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wait_forecast")),
        sa.UniqueConstraint("ticket_id", name=op.f("uq_wait_forecast_ticket_id")),
    )
    with op.batch_alter_table("wait_forecast", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_wait_forecast_clinician_id"), ["clinician_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_wait_forecast_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_wait_forecast_made_at"), ["made_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_wait_forecast_site_id"), ["site_id"], unique=False)

    with op.batch_alter_table("user_account", schema=None) as batch_op:
        batch_op.create_index(
            "uq_user_account_patient_phone",
            ["institution_id", "phone_index"],
            unique=True,
            sqlite_where=sa.text("kind = 'patient'"),
            postgresql_where=sa.text("kind = 'patient'"),
        )


def downgrade() -> None:
    with op.batch_alter_table("user_account", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_user_account_patient_phone",
            sqlite_where=sa.text("kind = 'patient'"),
            postgresql_where=sa.text("kind = 'patient'"),
        )

    with op.batch_alter_table("wait_forecast", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_wait_forecast_site_id"))
        batch_op.drop_index(batch_op.f("ix_wait_forecast_made_at"))
        batch_op.drop_index(batch_op.f("ix_wait_forecast_institution_id"))
        batch_op.drop_index(batch_op.f("ix_wait_forecast_clinician_id"))

    op.drop_table("wait_forecast")
    with op.batch_alter_table("ticket", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_ticket_serving",
            sqlite_where=sa.text("state = 'serving'"),
            postgresql_where=sa.text("state = 'serving'"),
        )
        batch_op.drop_index(batch_op.f("ix_ticket_state"))
        batch_op.drop_index(batch_op.f("ix_ticket_slot_at"))
        batch_op.drop_index(batch_op.f("ix_ticket_site_id"))
        batch_op.drop_index(batch_op.f("ix_ticket_patient_id"))
        batch_op.drop_index(batch_op.f("ix_ticket_owner_id"))
        batch_op.drop_index(batch_op.f("ix_ticket_institution_id"))
        batch_op.drop_index(batch_op.f("ix_ticket_department_id"))
        batch_op.drop_index(batch_op.f("ix_ticket_clinician_id"))

    op.drop_table("ticket")
    with op.batch_alter_table("refund", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_refund_state"))
        batch_op.drop_index(batch_op.f("ix_refund_site_id"))
        batch_op.drop_index(batch_op.f("ix_refund_payment_id"))
        batch_op.drop_index(batch_op.f("ix_refund_patient_id"))
        batch_op.drop_index(batch_op.f("ix_refund_order_id"))
        batch_op.drop_index(batch_op.f("ix_refund_institution_id"))

    op.drop_table("refund")
    with op.batch_alter_table("appointment", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_appointment_living_slot",
            sqlite_where=sa.text("state IN ('created','confirmed','checked_in','in_consult')"),
            postgresql_where=sa.text("state IN ('created','confirmed','checked_in','in_consult')"),
        )
        batch_op.drop_index(batch_op.f("ix_appointment_state"))
        batch_op.drop_index(batch_op.f("ix_appointment_starts_at"))
        batch_op.drop_index(batch_op.f("ix_appointment_slot_id"))
        batch_op.drop_index(batch_op.f("ix_appointment_site_id"))
        batch_op.drop_index(batch_op.f("ix_appointment_shift_id"))
        batch_op.drop_index(batch_op.f("ix_appointment_patient_id"))
        batch_op.drop_index(batch_op.f("ix_appointment_owner_id"))
        batch_op.drop_index(batch_op.f("ix_appointment_institution_id"))
        batch_op.drop_index(batch_op.f("ix_appointment_department_id"))
        batch_op.drop_index(batch_op.f("ix_appointment_clinician_id"))

    op.drop_table("appointment")
    with op.batch_alter_table("triage_answer", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_triage_answer_site_id"))
        batch_op.drop_index(batch_op.f("ix_triage_answer_preparation_id"))
        batch_op.drop_index(batch_op.f("ix_triage_answer_patient_id"))
        batch_op.drop_index(batch_op.f("ix_triage_answer_institution_id"))

    op.drop_table("triage_answer")
    with op.batch_alter_table("slot", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_slot_state"))
        batch_op.drop_index(batch_op.f("ix_slot_starts_at"))
        batch_op.drop_index(batch_op.f("ix_slot_site_id"))
        batch_op.drop_index(batch_op.f("ix_slot_shift_id"))
        batch_op.drop_index(batch_op.f("ix_slot_institution_id"))

    op.drop_table("slot")
    with op.batch_alter_table("payment", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_payment_state"))
        batch_op.drop_index(batch_op.f("ix_payment_site_id"))
        batch_op.drop_index(batch_op.f("ix_payment_patient_id"))
        batch_op.drop_index(batch_op.f("ix_payment_order_id"))
        batch_op.drop_index(batch_op.f("ix_payment_institution_id"))
        batch_op.drop_index(batch_op.f("ix_payment_channel_number"))

    op.drop_table("payment")
    with op.batch_alter_table("patient_link", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_patient_link_pair",
            sqlite_where=sa.text("deleted_at IS NULL"),
            postgresql_where=sa.text("deleted_at IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_patient_link_site_id"))
        batch_op.drop_index(batch_op.f("ix_patient_link_patient_id"))
        batch_op.drop_index(batch_op.f("ix_patient_link_owner_id"))
        batch_op.drop_index(batch_op.f("ix_patient_link_institution_id"))

    op.drop_table("patient_link")
    with op.batch_alter_table("identity_check", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_identity_check_site_id"))
        batch_op.drop_index(batch_op.f("ix_identity_check_patient_id"))
        batch_op.drop_index(batch_op.f("ix_identity_check_institution_id"))

    op.drop_table("identity_check")
    with op.batch_alter_table("department_member", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_department_member_pair",
            sqlite_where=sa.text("deleted_at IS NULL"),
            postgresql_where=sa.text("deleted_at IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_department_member_site_id"))
        batch_op.drop_index(batch_op.f("ix_department_member_owner_id"))
        batch_op.drop_index(batch_op.f("ix_department_member_institution_id"))
        batch_op.drop_index(batch_op.f("ix_department_member_department_id"))
        batch_op.drop_index(batch_op.f("ix_department_member_clinician_id"))

    op.drop_table("department_member")
    with op.batch_alter_table("data_request", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_data_request_state"))
        batch_op.drop_index(batch_op.f("ix_data_request_site_id"))
        batch_op.drop_index(batch_op.f("ix_data_request_patient_id"))
        batch_op.drop_index(batch_op.f("ix_data_request_owner_id"))
        batch_op.drop_index(batch_op.f("ix_data_request_institution_id"))

    op.drop_table("data_request")
    with op.batch_alter_table("credential_step", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_credential_step_site_id"))
        batch_op.drop_index(batch_op.f("ix_credential_step_owner_id"))
        batch_op.drop_index(batch_op.f("ix_credential_step_institution_id"))
        batch_op.drop_index(batch_op.f("ix_credential_step_clinician_id"))

    op.drop_table("credential_step")
    with op.batch_alter_table("credential_paper", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_credential_paper_site_id"))
        batch_op.drop_index(batch_op.f("ix_credential_paper_owner_id"))
        batch_op.drop_index(batch_op.f("ix_credential_paper_institution_id"))
        batch_op.drop_index(batch_op.f("ix_credential_paper_clinician_id"))

    op.drop_table("credential_paper")
    with op.batch_alter_table("consent", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_consent_site_id"))
        batch_op.drop_index(batch_op.f("ix_consent_patient_id"))
        batch_op.drop_index(batch_op.f("ix_consent_owner_id"))
        batch_op.drop_index(batch_op.f("ix_consent_kind"))
        batch_op.drop_index(batch_op.f("ix_consent_institution_id"))
        batch_op.drop_index(batch_op.f("ix_consent_appointment_id"))

    op.drop_table("consent")
    with op.batch_alter_table("waitlist_entry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_waitlist_entry_state"))
        batch_op.drop_index(batch_op.f("ix_waitlist_entry_site_id"))
        batch_op.drop_index(batch_op.f("ix_waitlist_entry_patient_id"))
        batch_op.drop_index(batch_op.f("ix_waitlist_entry_owner_id"))
        batch_op.drop_index(batch_op.f("ix_waitlist_entry_institution_id"))
        batch_op.drop_index(batch_op.f("ix_waitlist_entry_created_at"))
        batch_op.drop_index(batch_op.f("ix_waitlist_entry_clinician_id"))

    op.drop_table("waitlist_entry")
    with op.batch_alter_table("visit_kind", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_visit_kind_site_id"))
        batch_op.drop_index(batch_op.f("ix_visit_kind_institution_id"))

    op.drop_table("visit_kind")
    with op.batch_alter_table("training", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_training_site_id"))
        batch_op.drop_index(batch_op.f("ix_training_owner_id"))
        batch_op.drop_index(batch_op.f("ix_training_institution_id"))

    op.drop_table("training")
    with op.batch_alter_table("tariff", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_tariff_site_id"))
        batch_op.drop_index(batch_op.f("ix_tariff_item"))
        batch_op.drop_index(batch_op.f("ix_tariff_institution_id"))

    op.drop_table("tariff")
    with op.batch_alter_table("shift_pattern", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_shift_pattern_site_id"))
        batch_op.drop_index(batch_op.f("ix_shift_pattern_institution_id"))
        batch_op.drop_index(batch_op.f("ix_shift_pattern_department_id"))
        batch_op.drop_index(batch_op.f("ix_shift_pattern_clinician_id"))

    op.drop_table("shift_pattern")
    with op.batch_alter_table("shift", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_shift_state"))
        batch_op.drop_index(batch_op.f("ix_shift_starts_at"))
        batch_op.drop_index(batch_op.f("ix_shift_site_id"))
        batch_op.drop_index(batch_op.f("ix_shift_pattern_id"))
        batch_op.drop_index(batch_op.f("ix_shift_institution_id"))
        batch_op.drop_index(batch_op.f("ix_shift_department_id"))
        batch_op.drop_index(batch_op.f("ix_shift_day"))
        batch_op.drop_index(batch_op.f("ix_shift_clinician_id"))

    op.drop_table("shift")
    with op.batch_alter_table("served_time", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_served_time_site_id"))
        batch_op.drop_index(batch_op.f("ix_served_time_institution_id"))
        batch_op.drop_index(batch_op.f("ix_served_time_ended_at"))
        batch_op.drop_index(batch_op.f("ix_served_time_clinician_id"))

    op.drop_table("served_time")
    with op.batch_alter_table("sales_order", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sales_order_state"))
        batch_op.drop_index(batch_op.f("ix_sales_order_site_id"))
        batch_op.drop_index(batch_op.f("ix_sales_order_patient_id"))
        batch_op.drop_index(batch_op.f("ix_sales_order_owner_id"))
        batch_op.drop_index(batch_op.f("ix_sales_order_institution_id"))
        batch_op.drop_index(batch_op.f("ix_sales_order_created_at"))

    op.drop_table("sales_order")
    with op.batch_alter_table("presence", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_presence_site_id"))
        batch_op.drop_index(batch_op.f("ix_presence_last_beat_at"))
        batch_op.drop_index(batch_op.f("ix_presence_institution_id"))

    op.drop_table("presence")
    with op.batch_alter_table("preparation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_preparation_site_id"))
        batch_op.drop_index(batch_op.f("ix_preparation_patient_id"))
        batch_op.drop_index(batch_op.f("ix_preparation_owner_id"))
        batch_op.drop_index(batch_op.f("ix_preparation_institution_id"))

    op.drop_table("preparation")
    with op.batch_alter_table("patient", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_patient_number",
            sqlite_where=sa.text("deleted_at IS NULL AND verified_at IS NOT NULL"),
            postgresql_where=sa.text("deleted_at IS NULL AND verified_at IS NOT NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_patient_site_id"))
        batch_op.drop_index(batch_op.f("ix_patient_phone_index"))
        batch_op.drop_index(batch_op.f("ix_patient_number_index"))
        batch_op.drop_index(batch_op.f("ix_patient_name_index"))
        batch_op.drop_index(batch_op.f("ix_patient_institution_id"))

    op.drop_table("patient")
    with op.batch_alter_table("one_time_code", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_one_time_code_sent_at"))
        batch_op.drop_index(batch_op.f("ix_one_time_code_phone_index"))
        batch_op.drop_index(batch_op.f("ix_one_time_code_address"))

    op.drop_table("one_time_code")
    with op.batch_alter_table("leave_of_absence", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_leave_of_absence_site_id"))
        batch_op.drop_index(batch_op.f("ix_leave_of_absence_owner_id"))
        batch_op.drop_index(batch_op.f("ix_leave_of_absence_institution_id"))

    op.drop_table("leave_of_absence")
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
    with op.batch_alter_table("department", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_department_code",
            sqlite_where=sa.text("deleted_at IS NULL"),
            postgresql_where=sa.text("deleted_at IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_department_site_id"))
        batch_op.drop_index(batch_op.f("ix_department_institution_id"))

    op.drop_table("department")
    with op.batch_alter_table("consent_text", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_consent_text_site_id"))
        batch_op.drop_index(batch_op.f("ix_consent_text_kind"))
        batch_op.drop_index(batch_op.f("ix_consent_text_institution_id"))

    op.drop_table("consent_text")
    with op.batch_alter_table("clinician", schema=None) as batch_op:
        batch_op.drop_index("uq_clinician_profession")
        batch_op.drop_index(batch_op.f("ix_clinician_state"))
        batch_op.drop_index(batch_op.f("ix_clinician_site_id"))
        batch_op.drop_index(batch_op.f("ix_clinician_owner_id"))
        batch_op.drop_index(batch_op.f("ix_clinician_institution_id"))
        batch_op.drop_index(batch_op.f("ix_clinician_identity_index"))

    op.drop_table("clinician")
    with op.batch_alter_table("booking_ban", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_booking_ban_site_id"))
        batch_op.drop_index(batch_op.f("ix_booking_ban_patient_id"))
        batch_op.drop_index(batch_op.f("ix_booking_ban_institution_id"))

    op.drop_table("booking_ban")
