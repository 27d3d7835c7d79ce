"""The form of the Billing tab."""

from pulse.web.forms.base import BaseForm, TextField


class ChoosePlanForm(BaseForm):
    """A button that chooses a plan: names the team and the plan it was shown for, so that a stale page changes nothing."""

    team_id = TextField("Team")
    replacing = TextField("Current plan")
