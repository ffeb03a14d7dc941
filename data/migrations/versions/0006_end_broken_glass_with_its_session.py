"""End broken glass with its session"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("emergency_access", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("closed_because", sa.String(), nullable=False, server_default="")
        )
        batch_op.create_index(
            batch_op.f("ix_emergency_access_session_id"), ["session_id"], unique=False
        )
    with op.batch_alter_table("emergency_access", schema=None) as batch_op:
        batch_op.alter_column("closed_because", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("emergency_access", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_emergency_access_session_id"))
        batch_op.drop_column("closed_because")
