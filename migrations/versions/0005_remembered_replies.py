"""Replies remembered for requests that are sent again."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Bring the schema up."""
    op.create_table(
        "remembered_replies",
        sa.Column("key_id", NUMBER, nullable=False),
        sa.Column("name_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("request_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", NUMBER, nullable=True),
        sa.Column("headers", sa.JSON(), nullable=True),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["key_id"], ["api_keys.id"], name=op.f("fk_remembered_replies_key_id_api_keys"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key_id", "name_digest", name=op.f("pk_remembered_replies")),
    )
    op.create_index(op.f("ix_remembered_replies_claimed_at"), "remembered_replies", ["claimed_at"], unique=False)


def downgrade() -> None:
    """Take it back down."""
    op.drop_table("remembered_replies")
