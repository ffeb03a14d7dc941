"""Say since when a sign-in is its owner's."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("user_account", schema=None) as batch_op:
        batch_op.add_column(sa.Column("own_since", sa.DateTime(timezone=True), nullable=True))
    op.execute(  # who has come in with a password of their own has had it for as long
        "UPDATE user_account SET own_since = created_at "
        "WHERE last_signed_in_at IS NOT NULL AND NOT must_change_password"
    )


def downgrade() -> None:
    with op.batch_alter_table("user_account", schema=None) as batch_op:
        batch_op.drop_column("own_since")
