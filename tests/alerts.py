"""Alert rules, channels and planned outages, made the way the product makes them."""

from datetime import datetime
from typing import Any, cast

from sqlalchemy import select

from pulse.extensions import db, services
from pulse.models.alert_rule import AlertRule
from pulse.models.channel import Channel, ChannelFields, Made
from pulse.models.delivery import Delivery
from pulse.models.planned_outage import OutageFields, PlannedOutage
from pulse.models.rule_fields import RuleFields
from tests.factories import Person


def make_rule(person: Person, **fields: Any) -> AlertRule:
    """Create a rule in the person's team: any failed check opens an incident, unless other fields are given."""
    whole = cast("RuleFields", {"name": "Rule", "condition": "check_failed", "value": 1} | fields)
    rule = AlertRule.create(db.session, person.team, whole, person.actor)
    db.session.commit()
    return rule


def only_rule(person: Person, **fields: Any) -> AlertRule:
    """Create a rule in place of all that the team has."""
    for each in db.session.scalars(AlertRule.of(person.team_id)).all():
        each.delete(db.session, person.actor)
    return make_rule(person, **fields)


def make_channel(person: Person, **fields: Any) -> Made:
    """Create a channel in the person's team: mail to an address, unless other fields are given."""
    whole = cast("ChannelFields", {"name": "Ops", "type": "email", "target": "ops@example.com"} | fields)
    vault, guard = services().vault, services().guard
    made = Channel.create(db.session, person.team, whole, vault=vault, guard=guard, by=person.actor)
    db.session.commit()
    return made


def plan_outage(person: Person, begins: datetime, ends: datetime, **fields: Any) -> PlannedOutage:
    """Plan an outage of all monitors, once, in UTC, unless other fields are given; times without a zone."""
    whole = {"title": "Upgrade", "repeats": "once", "timezone": "UTC", "monitor_ids": None, "begins": begins, "ends": ends}
    outage = PlannedOutage.create(db.session, person.team, cast("OutageFields", whole | fields), person.actor)
    db.session.commit()
    return outage


def deliveries() -> list[Delivery]:
    """Return all there are, in order, as they are now."""
    db.session.rollback()
    return list(db.session.scalars(select(Delivery).order_by(Delivery.id)))
