"""Patients, who acts for them, and the codes they come in by."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
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
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verified_by", sa.String(length=40), nullable=True),
        sa.Column("is_synthetic", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
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
