"""The monitors for Prometheus: state, last response time and uptime, in its text format."""

from collections.abc import Iterator
from datetime import timedelta

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from pulse.abilities import Ability
from pulse.api.auth import caller
from pulse.api.operations import operation
from pulse.api.pages import Record, fetched
from pulse.clock import utcnow
from pulse.models.hourly_sum import HourlySum
from pulse.models.monitor import Monitor, State

bp = Blueprint("api_metrics", __name__)
LABELS = ("id", "name", "url")


@operation(bp, "GET", "/metrics", ability=Ability.CHECKS_READ, texts=(CONTENT_TYPE_LATEST.partition(";")[0],))
def show() -> Response:
    """Metrics of every monitor for Prometheus: up, paused, last response time and 24-hour uptime."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(MonitorCollector(monitors(), uptimes()))
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def monitors() -> list[Record]:
    """Return what is told of the team's monitors."""
    columns = (Monitor.id, Monitor.name, Monitor.url, Monitor.state.label("state"), Monitor.last_response_time_ms)
    return list(fetched(Monitor.of(caller().team_id).with_only_columns(*columns)))


def uptimes() -> dict[int, float]:
    """Return the share of checks that were up in the last 24 clock hours, the one under way included, by monitor."""
    up, total = func.sum(HourlySum.up).label("up"), func.sum(HourlySum.total).label("total")
    mine = select(HourlySum.monitor_id, up, total).join(Monitor, Monitor.id == HourlySum.monitor_id)
    mine = mine.where(Monitor.team_id == caller().team_id, HourlySum.hour > utcnow() - timedelta(days=1))
    return {row["monitor_id"]: row["up"] / row["total"] for row in fetched(mine.group_by(HourlySum.monitor_id)) if row["total"]}


class MonitorCollector(Collector):
    """The figures of a team's monitors, handed to the library that knows the format."""

    def __init__(self, rows: list[Record], shares: dict[int, float]) -> None:
        self._rows = rows
        self._shares = shares

    def collect(self) -> Iterator[Metric]:
        """Return each figure of all monitors."""
        up = GaugeMetricFamily("pulse_monitor_up", "1 if the last check was up, 0 if it was down.", labels=LABELS)
        paused = GaugeMetricFamily("pulse_monitor_paused", "1 while the monitor is paused.", labels=LABELS)
        time = GaugeMetricFamily("pulse_monitor_response_seconds", "Response time of the last check.", labels=LABELS)
        share = GaugeMetricFamily("pulse_monitor_uptime_ratio", "Up checks in the last 24 clock hours, 0 to 1.", labels=LABELS)
        for row in self._rows:
            labels = [str(row["id"]), row["name"], row["url"]]
            paused.add_metric(labels, row["state"] == State.PAUSED)
            if row["state"] in (State.UP, State.DOWN):
                up.add_metric(labels, row["state"] == State.UP)
            if row["last_response_time_ms"] is not None:
                time.add_metric(labels, row["last_response_time_ms"] / 1000)
            if row["id"] in self._shares:
                share.add_metric(labels, self._shares[row["id"]])
        yield from (up, paused, time, share)
