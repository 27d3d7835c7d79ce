"""Invitations into a team."""

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Bring the schema up."""


def downgrade() -> None:
    """Take it back down."""
