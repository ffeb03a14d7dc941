"""Entry links"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "entry_link",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("institution_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entry_link")),
        sa.UniqueConstraint("digest", name=op.f("uq_entry_link_digest")),
    )
    with op.batch_alter_table("entry_link", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_entry_link_institution_id"), ["institution_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_entry_link_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_entry_link_site_id"), ["site_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_entry_link_until"), ["until"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("entry_link", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_entry_link_until"))
        batch_op.drop_index(batch_op.f("ix_entry_link_site_id"))
        batch_op.drop_index(batch_op.f("ix_entry_link_owner_id"))
        batch_op.drop_index(batch_op.f("ix_entry_link_institution_id"))

    op.drop_table("entry_link")
