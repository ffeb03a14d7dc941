"""Let a second person approve resets"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reset_request",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("factors", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reset_request")),
    )
    with op.batch_alter_table("reset_request", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_reset_request_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_reset_request_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_reset_request_site_id"), ["site_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_reset_request_state"), ["state"], unique=False)

    with op.batch_alter_table("user_account", schema=None) as batch_op:
        batch_op.add_column(sa.Column("former_phone", sa.LargeBinary(), nullable=True))
        batch_op.add_column(
            sa.Column("former_email", sa.String(), nullable=False, server_default="")
        )
        batch_op.add_column(sa.Column("contact_since", sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table("user_account", schema=None) as batch_op:
        batch_op.alter_column("former_email", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("user_account", schema=None) as batch_op:
        batch_op.drop_column("contact_since")
        batch_op.drop_column("former_email")
        batch_op.drop_column("former_phone")

    with op.batch_alter_table("reset_request", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_reset_request_state"))
        batch_op.drop_index(batch_op.f("ix_reset_request_site_id"))
        batch_op.drop_index(batch_op.f("ix_reset_request_owner_id"))
        batch_op.drop_index(batch_op.f("ix_reset_request_institution_id"))

    op.drop_table("reset_request")
