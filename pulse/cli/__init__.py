"""The command `pulse`: for whoever runs the service, on its own machine."""

import os

import click

from pulse.cli import accounts, backup, running
from pulse.cli.base import Commands


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def pulse() -> None:
    """Run and manage Pulse. Settings come from PULSE_… environment variables; the README lists them."""


for command in (*running.COMMANDS, *accounts.COMMANDS, *backup.COMMANDS):
    pulse.add_command(command)


def main() -> None:
    """Run the command that the arguments name."""
    # Whatever a command writes (database, outbox, backup) is its owner's alone.
    os.umask(0o077)
    pulse(prog_name="pulse")
