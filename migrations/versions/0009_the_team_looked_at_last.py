"""The team that a person looked at last, where the next session begins."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Bring the schema up; whoever is signed in has a team they look at."""
    op.add_column("users", sa.Column("last_team_id", NUMBER, nullable=True))
    users = sa.table("users", sa.column("id"), sa.column("last_team_id"))
    sessions = sa.table("sessions", sa.column("user_id"), sa.column("team_id"), sa.column("last_seen_at"))
    mine = (sessions.c.user_id == users.c.id, sessions.c.team_id.is_not(None))
    latest = sa.select(sessions.c.team_id).where(*mine).order_by(sessions.c.last_seen_at.desc()).limit(1)
    op.execute(users.update().values(last_team_id=latest.scalar_subquery()))


def downgrade() -> None:
    """Take it back down."""
    op.drop_column("users", "last_team_id")
