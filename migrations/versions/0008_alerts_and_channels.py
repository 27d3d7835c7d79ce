"""Alert rules in full, channels and what is delivered to them, planned outages, and when certificates end."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
CERTIFICATE = ("certificate_expires_at", "certificate_read_at")
PAIRS = (
    ("alert_rule_monitors", ("alert_rule_id", "alert_rules"), ("monitor_id", "monitors")),
    ("alert_rule_channels", ("alert_rule_id", "alert_rules"), ("channel_id", "channels")),
    ("planned_outage_monitors", ("planned_outage_id", "planned_outages"), ("monitor_id", "monitors")),
)


def upgrade() -> None:
    """Bring the schema up; every team gets a channel to its Owner, to which its rules are bound."""
    for column in rule_columns():
        op.add_column("alert_rules", column)
    op.execute("UPDATE alert_rules SET threshold = value")
    op.drop_column("alert_rules", "value")
    op.add_column("incidents", sa.Column("good_checks", NUMBER, nullable=False, server_default="0"))
    for name in CERTIFICATE:
        op.add_column("monitors", sa.Column(name, MOMENT, nullable=True))
    create_channels()
    create_deliveries()
    create_planned_outages()
    for pair in PAIRS:
        create_pair(*pair)
    op.execute(
        "INSERT INTO channels (team_id, name, type, shown, active, created_at)"
        " SELECT id, 'Owner', 'email', 'owner', true, created_at FROM teams"
    )
    op.execute(
        "INSERT INTO alert_rule_channels (alert_rule_id, channel_id)"
        " SELECT alert_rules.id, channels.id FROM alert_rules JOIN channels ON channels.team_id = alert_rules.team_id"
    )


def rule_columns() -> tuple[sa.Column[Any], ...]:
    """Return what rules know besides; where it must be something, older rules get the default."""
    return (
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("operator", sa.String(), nullable=True),
        sa.Column("threshold", sa.Float(), nullable=False, server_default="2"),
        sa.Column("span", sa.String(), nullable=True),
        sa.Column("covers_all", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("cooldown_minutes", NUMBER, nullable=False, server_default="0"),
    )


def create_channels() -> None:
    """Make the table of channels."""
    op.create_table(
        "channels",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("team_id", NUMBER, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("shown", sa.String(), nullable=False),
        sa.Column("target_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("secret_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("last_tried_at", MOMENT, nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_channels_team_id_teams"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channels")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_channels_team_id_id", "channels", ["team_id", "id"], unique=False)


def create_deliveries() -> None:
    """Make the table of what is to be told."""
    foreign = (("channel_id", "channels"), ("incident_id", "incidents"))
    op.create_table(
        "deliveries",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("channel_id", NUMBER, nullable=False),
        sa.Column("incident_id", NUMBER, nullable=True),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("payload", sa.String(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("attempts", NUMBER, nullable=False),
        sa.Column("delivered_at", MOMENT, nullable=True),
        sa.Column("dropped_at", MOMENT, nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        *(
            sa.ForeignKeyConstraint([name], [f"{table}.id"], name=op.f(f"fk_deliveries_{name}_{table}"), ondelete="CASCADE")
            for name, table in foreign
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sqlite_autoincrement=True,
    )
    waiting = sa.text("delivered_at IS NULL AND dropped_at IS NULL")
    op.create_index("ix_deliveries_due_at", "deliveries", ["due_at"], sqlite_where=waiting, postgresql_where=waiting)
    op.create_index("ix_deliveries_channel_id_id", "deliveries", ["channel_id", "id"], unique=False)
    op.create_index("ix_deliveries_incident_id_id", "deliveries", ["incident_id", "id"], unique=False)


def create_planned_outages() -> None:
    """Make the table of planned outages."""
    op.create_table(
        "planned_outages",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("team_id", NUMBER, nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("repeats", sa.String(), nullable=False),
        sa.Column("begins", sa.String(), nullable=False),
        sa.Column("ends", sa.String(), nullable=False),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("covers_all", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name=op.f("fk_planned_outages_team_id_teams"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_planned_outages")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_planned_outages_team_id_id", "planned_outages", ["team_id", "id"], unique=False)


def create_pair(name: str, *sides: tuple[str, str]) -> None:
    """Make a table that pairs two others, found from both ends."""
    op.create_table(
        name,
        *(sa.Column(column, NUMBER, nullable=False) for column, _ in sides),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_{name}_{column}_{table}"), ondelete="CASCADE")
            for column, table in sides
        ),
        sa.PrimaryKeyConstraint(*(column for column, _ in sides), name=op.f(f"pk_{name}")),
    )
    op.create_index(op.f(f"ix_{name}_{sides[1][0]}"), name, [sides[1][0]], unique=False)


def downgrade() -> None:
    """Take it back down; of rules only those that the older version knows are left."""
    for name, *_ in PAIRS:
        op.drop_table(name)
    for name in ("deliveries", "planned_outages", "channels"):
        op.drop_table(name)
    for name in CERTIFICATE:
        op.drop_column("monitors", name)
    op.drop_column("incidents", "good_checks")
    op.execute("DELETE FROM alert_rules WHERE condition <> 'check_failed'")
    op.add_column("alert_rules", sa.Column("value", NUMBER, nullable=False, server_default="2"))
    op.execute("UPDATE alert_rules SET value = threshold")
    for column in rule_columns():
        op.drop_column("alert_rules", column.name)
