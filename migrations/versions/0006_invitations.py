"""Invitations into a team, and the team that a session looks at."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Bring the schema up."""
    op.add_column("sessions", sa.Column("team_id", NUMBER, nullable=True))
    op.create_table(
        "invitations",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("team_id", NUMBER, nullable=False),
        sa.Column("invited_by_id", NUMBER, nullable=True),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("email_folded", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.CheckConstraint("role IN ('admin', 'member', 'viewer')", name=op.f("ck_invitations_role")),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_invitations_team_id_teams"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["invited_by_id"], ["users.id"], name=op.f("fk_invitations_invited_by_id_users"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
        sa.UniqueConstraint("digest", name=op.f("uq_invitations_digest")),
        sa.UniqueConstraint("team_id", "email_folded", name=op.f("uq_invitations_team_id_email_folded")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_invitations_team_id_id", "invitations", ["team_id", "id"], unique=False)
    for column in ("invited_by_id", "email_folded", "expires_at"):
        op.create_index(op.f(f"ix_invitations_{column}"), "invitations", [column], unique=False)


def downgrade() -> None:
    """Take it back down."""
    op.drop_table("invitations")
    op.drop_column("sessions", "team_id")
