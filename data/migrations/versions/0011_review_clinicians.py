"""Departments, and what allows people to treat in them."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
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


def downgrade() -> None:
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
    with op.batch_alter_table("department", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_department_code",
            sqlite_where=sa.text("deleted_at IS NULL"),
            postgresql_where=sa.text("deleted_at IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_department_site_id"))
        batch_op.drop_index(batch_op.f("ix_department_institution_id"))
    op.drop_table("department")
    with op.batch_alter_table("clinician", schema=None) as batch_op:
        batch_op.drop_index("uq_clinician_profession")
        batch_op.drop_index(batch_op.f("ix_clinician_state"))
        batch_op.drop_index(batch_op.f("ix_clinician_site_id"))
        batch_op.drop_index(batch_op.f("ix_clinician_owner_id"))
        batch_op.drop_index(batch_op.f("ix_clinician_institution_id"))
        batch_op.drop_index(batch_op.f("ix_clinician_identity_index"))
    op.drop_table("clinician")
