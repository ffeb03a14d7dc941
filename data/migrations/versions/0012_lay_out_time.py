"""Ways of being seen, shifts, leave and places."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
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


def downgrade() -> None:
    with op.batch_alter_table("slot", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_slot_state"))
        batch_op.drop_index(batch_op.f("ix_slot_starts_at"))
        batch_op.drop_index(batch_op.f("ix_slot_site_id"))
        batch_op.drop_index(batch_op.f("ix_slot_shift_id"))
        batch_op.drop_index(batch_op.f("ix_slot_institution_id"))
    op.drop_table("slot")
    with op.batch_alter_table("visit_kind", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_visit_kind_site_id"))
        batch_op.drop_index(batch_op.f("ix_visit_kind_institution_id"))
    op.drop_table("visit_kind")
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
    with op.batch_alter_table("leave_of_absence", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_leave_of_absence_site_id"))
        batch_op.drop_index(batch_op.f("ix_leave_of_absence_owner_id"))
        batch_op.drop_index(batch_op.f("ix_leave_of_absence_institution_id"))
    op.drop_table("leave_of_absence")
