"""Hourly sums of checks, and planned outages."""

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Bring the schema up."""


def downgrade() -> None:
    """Take it back down."""
