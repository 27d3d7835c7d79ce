"""Who uses a key: counts by hour, clients, and what its owner was told."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
ADDED = (("expiry_told", NUMBER), ("network_told_at", MOMENT), ("moves_dismissed_at", MOMENT))


def upgrade() -> None:
    """Bring the schema up."""
    for name, kind in ADDED:
        op.add_column("api_keys", sa.Column(name, kind, nullable=True))
    op.create_table(
        "key_uses",
        sa.Column("token_id", NUMBER, nullable=False),
        sa.Column("hour", MOMENT, nullable=False),
        sa.Column("operation", sa.String(), nullable=False),
        sa.Column("status", NUMBER, nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("ability", sa.String(), nullable=False),
        sa.Column("count", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["token_id"], ["tokens.id"], name=op.f("fk_key_uses_token_id_tokens"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_id", "hour", "operation", "status", "code", name=op.f("pk_key_uses")),
    )
    op.create_index(op.f("ix_key_uses_hour"), "key_uses", ["hour"], unique=False)
    op.create_table(
        "key_clients",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("token_id", NUMBER, nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("user_agent", sa.String(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("first_seen_at", MOMENT, nullable=False),
        sa.Column("last_seen_at", MOMENT, nullable=False),
        sa.Column("count", NUMBER, nullable=False),
        sa.Column("last_operation", sa.String(), nullable=False),
        sa.Column("last_status", NUMBER, nullable=False),
        sa.Column("last_code", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["token_id"], ["tokens.id"], name=op.f("fk_key_clients_token_id_tokens"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_key_clients")),
        sa.UniqueConstraint("token_id", "address", "user_agent", name=op.f("uq_key_clients_token_id_address_user_agent")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_key_clients_last_seen_at", "key_clients", ["last_seen_at"], unique=False)


def downgrade() -> None:
    """Take it back down."""
    op.drop_table("key_clients")
    op.drop_table("key_uses")
    for name, _ in ADDED:
        op.drop_column("api_keys", name)
