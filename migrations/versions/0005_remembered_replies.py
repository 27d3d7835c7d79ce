"""Replies remembered for requests that are sent again."""

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Bring the schema up."""


def downgrade() -> None:
    """Take it back down."""
