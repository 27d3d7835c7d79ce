"""Who uses a key."""

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Bring the schema up."""


def downgrade() -> None:
    """Take it back down."""
