"""Metrics of the whole service for its operator's Prometheus, answered on the machine itself and nowhere else."""

from collections.abc import Iterator
from ipaddress import ip_address

from flask import Blueprint, Response, abort, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pulse.clock import utcnow
from pulse.extensions import services
from pulse.models.api_key import ApiKey
from pulse.models.claim import next_due
from pulse.models.delivery import Delivery
from pulse.models.incident import Incident
from pulse.models.monitor import Monitor
from pulse.models.outbox import Message

bp = Blueprint("metrics", __name__)

FORWARDED = ("Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP")
"""What a proxy adds: a request with one of these comes from elsewhere, whatever its address says."""
COUNTED = {
    "pulse_incidents_active": (
        "Incidents that are not resolved.",
        select(func.count(Incident.id)).where(Incident.resolved_at.is_(None)),
    ),
    "pulse_api_keys_live": ("API keys that are not deleted.", select(func.count(ApiKey.id)).where(ApiKey.revoked_at.is_(None))),
    "pulse_emails_waiting": ("Emails that are not sent yet.", select(func.count(Message.id))),
    "pulse_notifications_waiting": (
        "Notifications that no channel has accepted yet.",
        select(func.count(Delivery.id)).where(Delivery.delivered_at.is_(None), Delivery.dropped_at.is_(None)),
    ),
}
"""By a figure's name: what it says, and the query that counts it."""


@bp.get("/metrics")
def show() -> Response:
    """Tell how the service does; to anyone but the machine itself there is nothing here."""
    if not is_local():
        abort(404)
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    with services().reader.connection() as connection, Session(connection) as session:
        registry.register(ServiceCollector(session))
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def is_local() -> bool:
    """Tell whether this request was made on the machine itself."""
    try:
        return ip_address(request.remote_addr or "").is_loopback and not any(name in request.headers for name in FORWARDED)
    except ValueError:
        return False


class ServiceCollector(Collector):
    """What all processes of the service share: what is in its database."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def collect(self) -> Iterator[Metric]:
        """Return each figure."""
        monitors = GaugeMetricFamily("pulse_monitors", "Monitors of all teams, by state.", labels=("state",))
        for state, number in Monitor.counts(self._session).items():
            monitors.add_metric([state.value], number)
        yield monitors
        due = next_due(self._session)
        overdue = max(0.0, (utcnow() - due).total_seconds()) if due else 0.0
        yield GaugeMetricFamily("pulse_checks_overdue_seconds", "How long the check that is due longest has waited.", overdue)
        counts = self._session.execute(select(*(query.scalar_subquery() for _, query in COUNTED.values()))).one()
        for (name, (about, _)), number in zip(COUNTED.items(), counts, strict=True):
            yield GaugeMetricFamily(name, about, number)
