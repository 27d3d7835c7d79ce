"""Pulse: uptime monitoring, and the best place to manage API keys in.

`pulse.app` plugs the web together, `pulse.checker` makes the checks, `pulse.cli` is the command that runs both.
"""
