"""The form of the Billing tab."""

from wtforms import SelectField

from pulse.plans import Plan
from pulse.web.forms.base import BaseForm, choices


class ChoosePlanForm(BaseForm):
    """One of the buttons that choose a plan."""

    plan = SelectField("Plan", choices=choices(*((plan.value, plan.label) for plan in Plan)))
