"""Hourly sums of checks, how long each phase of a check took, and checks that outlive their monitor for a moment."""

from collections.abc import Generator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SUMS = [sa.column(name) for name in ("monitor_id", "hour", "up", "total", "timed")]
SUMS += [sa.column(f"response_ms_{name}") for name in ("sum", "min", "max")]
PHASES = ("dns_us", "connect_us", "tls_us", "first_byte_us")
MONITOR = "fk_checks_monitor_id_monitors"
HOUR = {
    "sqlite": "strftime('%Y-%m-%d %H:00:00.000000', checked_at)",
    "postgresql": "date_trunc('hour', checked_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'",
}
RECENT = {
    "sqlite": "strftime('%Y-%m-%d %H:00:00.000000', 'now', '-31 days')",
    "postgresql": "now() - interval '31 days'",
}


def upgrade() -> None:
    """Bring the schema up, and add up the checks there are."""
    op.create_table(
        "hourly_sums",
        sa.Column("monitor_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("up", NUMBER, nullable=False),
        sa.Column("total", NUMBER, nullable=False),
        sa.Column("timed", NUMBER, nullable=False),
        sa.Column("response_ms_sum", NUMBER, nullable=False),
        sa.Column("response_ms_min", NUMBER, nullable=True),
        sa.Column("response_ms_max", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("monitor_id", "hour", name=op.f("pk_hourly_sums")),
        sqlite_with_rowid=False,
    )
    add_up()
    for phase in PHASES:
        op.add_column("checks", sa.Column(phase, NUMBER, nullable=True))
    with kept_count(), op.batch_alter_table("checks", table_kwargs={"sqlite_autoincrement": True}) as batch_op:
        batch_op.drop_constraint(MONITOR, type_="foreignkey")
    where = {"sqlite_where": sa.text("up IS 0"), "postgresql_where": sa.text("up IS FALSE")}
    op.create_index("ix_checks_failed", "checks", ["monitor_id", "checked_at", "id"], unique=False, **where)


def add_up() -> None:
    """Sum the checks of the last month."""
    dialect = op.get_bind().dialect.name
    up, time = sa.column("up", sa.Boolean()), sa.column("response_time_ms")
    hour, recent = sa.literal_column(HOUR[dialect]), sa.literal_column(RECENT[dialect])
    counts = sa.func.count(sa.case((up, 1))), sa.func.count(), sa.func.count(time)
    times = sa.func.coalesce(sa.func.sum(time), 0), sa.func.min(time), sa.func.max(time)
    summed = sa.select(sa.column("monitor_id"), hour, *counts, *times).select_from(sa.table("checks"))
    summed = summed.where(sa.column("checked_at") >= recent).group_by(sa.column("monitor_id"), hour)
    op.execute(sa.table("hourly_sums", *SUMS).insert().from_select(SUMS, summed))


def downgrade() -> None:
    """Take it back down."""
    op.drop_index("ix_checks_failed", "checks")
    op.execute("DELETE FROM checks WHERE monitor_id NOT IN (SELECT id FROM monitors)")
    with kept_count(), op.batch_alter_table("checks", table_kwargs={"sqlite_autoincrement": True}) as batch_op:
        for phase in PHASES:
            batch_op.drop_column(phase)
        batch_op.create_foreign_key(MONITOR, "monitors", ["monitor_id"], ["id"], ondelete="CASCADE")
    op.drop_table("hourly_sums")


@contextmanager
def kept_count() -> Generator[None]:
    """Let ids go on where they were: SQLite makes the table anew, and would count from the newest row that is left."""
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        yield
        return
    count = connection.scalar(sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'checks'"))
    yield
    if count is not None:
        connection.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = 'checks'"))
        connection.execute(sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES ('checks', :count)"), {"count": count})
