"""The tab Alert Rules of the Alerts page: what opens an incident."""

from typing import Any

from flask import Blueprint, Response, flash, request, url_for
from flask_login import login_required
from sqlalchemy.orm import selectinload

from pulse.extensions import db
from pulse.htmx import go, render, wants_fragment
from pulse.models.alert_rule import GONE, AlertRule
from pulse.models.channel import Channel
from pulse.models.judging import dry_run
from pulse.models.monitor import Monitor
from pulse.models.refusals import Refused
from pulse.models.rule_fields import Severity
from pulse.web import elsewhere, refusal, visits
from pulse.web.forms.alerts import RuleForm
from pulse.web.overtaken import hold_as_seen
from pulse.web.visits import actor, team
from pulse.web.writers import writers_form, writers_only

bp = Blueprint("alert_rules", __name__, url_prefix="/alerts")

PAGE, PANEL = "alerts/rules.html", "alerts/_rules.html"
FORM, CONDITION = "alerts/rule_form.html", "alerts/_condition.html"
DELETE, TEST = "alerts/_delete_rule.html", "alerts/_test_rule.html"


@bp.get("")
@login_required
def index() -> Response:
    """List the team's alert rules."""
    return panel()


@bp.get("/rules/new")
@writers_only
def new() -> Response:
    """Show the form for a new rule; it is told to the channels there are."""
    channels = [each.id for each in db.session.scalars(Channel.of(team().id))]
    return asked(RuleForm(formdata=None, channel_ids=channels, priority=Severity.HIGH.value))


@bp.post("/rules/new")
@writers_form
def create() -> Response:
    """**Create Rule**."""
    form = RuleForm()
    if not form.judge():
        return form_page(form, status=422)
    try:
        rule = AlertRule.create(db.session, team(), form.fields(), actor())
    except Refused as refused:
        db.session.rollback()
        return refusal.refuse(form, refused, lambda status: form_page(form, status=status))
    db.session.commit()
    flash(f"{rule.name} was created. It applies to every check from now on.")
    return go(url_for(".index"))


@bp.get("/rules/<id:rule_id>/edit")
@writers_only
def edit(rule_id: int) -> Response:
    """Show the form for a change."""
    rule = find(rule_id)
    return asked(RuleForm.of(rule), rule)


@bp.post("/rules/<id:rule_id>/edit")
@writers_form
def save(rule_id: int) -> Response:
    """**Save**."""
    rule, form = find(rule_id), RuleForm()
    if not form.judge():
        return form_page(form, rule, 422)
    try:
        hold_as_seen(form, rule, GONE, lambda: offered(RuleForm.of(rule)))
        rule.change(db.session, form.fields(), actor())
    except Refused as refused:
        db.session.rollback()
        return refusal.refuse(form, refused, lambda status: form_page(form, find(rule_id), status))
    db.session.commit()
    flash(f"{rule.name} was saved.")
    return go(url_for(".index"))


@bp.get("/rules/<id:rule_id>/test")
@login_required
def test(rule_id: int) -> Response:
    """**Test Rule**: tell what it would make of its monitors as they stand. Nothing is opened, and nobody is told."""
    rule = find(rule_id)
    return dialog(TEST, rule=rule, findings=dry_run(db.session, rule))


@bp.get("/rules/<id:rule_id>/delete")
@writers_only
def confirm_delete(rule_id: int) -> Response:
    """Ask before a rule is deleted."""
    return dialog(DELETE, rule=find(rule_id))


@bp.post("/rules/<id:rule_id>/delete")
@writers_only
def delete(rule_id: int) -> Response:
    """**Delete Rule**."""
    rule = find(rule_id)
    name = rule.name
    rule.delete(db.session, actor())
    db.session.commit()
    visits.only_read()
    flash(f"{name} was deleted. Its open incidents stay open until they are resolved.")
    return panel() if wants_fragment() else go(url_for(".index"))


def find(rule_id: int) -> AlertRule:
    """Return the team's rule, or answer that it is another team's or nobody's."""
    return elsewhere.found("rule", lambda team_id: AlertRule.find(db.session, team_id, rule_id))


def panel() -> Response:
    """Answer the list."""
    return render(PAGE, PANEL, rules=rules())


def dialog(template: str, **context: Any) -> Response:
    """Answer a dialog: alone to htmx, with the list beneath it to everyone else."""
    return render(PAGE, template, dialog=template, rules=[] if wants_fragment() else rules(), **context)


def rules() -> list[AlertRule]:
    """Return the team's rules, each with its monitors and channels."""
    query = AlertRule.of(team().id).options(selectinload(AlertRule.monitors), selectinload(AlertRule.channels))
    return list(db.session.scalars(query))


def asked(form: RuleForm, rule: AlertRule | None = None) -> Response:
    """Answer the page with the form for the condition that the address names, or to htmx what that condition asks for."""
    form.turn_to(request.args.get("condition", ""))
    return render(FORM, CONDITION, form=offered(form), rule=rule)


def offered(form: RuleForm) -> RuleForm:
    """Give a form what the team can choose from."""
    form.offer(db.session.scalars(Monitor.of(team().id)).all(), db.session.scalars(Channel.of(team().id)).all())
    return form


def form_page(form: RuleForm, rule: AlertRule | None = None, status: int = 200) -> Response:
    """Answer the page with the form."""
    return render(FORM, FORM, status, form=offered(form), rule=rule)
