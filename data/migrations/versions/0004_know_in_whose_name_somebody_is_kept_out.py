"""Know in whose name somebody is kept out"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Of whom is kept out already nobody knows in whose name: only security lets them in again.
    with op.batch_alter_table("user_account", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("kept_out_by", sa.String(), nullable=False, server_default="")
        )
    with op.batch_alter_table("user_account", schema=None) as batch_op:
        batch_op.alter_column("kept_out_by", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("user_account", schema=None) as batch_op:
        batch_op.drop_column("kept_out_by")
