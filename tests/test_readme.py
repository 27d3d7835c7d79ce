"""What README says is true."""

import re
from pathlib import Path

import click
import pytest

from pulse.abilities import Ability
from pulse.api.operations import OPERATIONS
from pulse.cli import pulse
from pulse.config import Settings

README = Path("README.md").read_text("utf-8")


@pytest.mark.parametrize("field", Settings.model_fields)
def test_every_setting_is_told(field):
    assert f"`PULSE_{field.upper()}`" in README


def test_no_setting_is_told_that_does_not_exist():
    told = set(re.findall(r"\bPULSE_([A-Z_]+)\b", README))

    assert told <= {field.upper() for field in Settings.model_fields}


def commands(group: click.Group, path: str = "pulse") -> list[str]:
    found: list[str] = []
    for name, command in group.commands.items():
        found += commands(command, f"{path} {name}") if isinstance(command, click.Group) else [f"{path} {name}"]
    return found


@pytest.mark.parametrize("command", commands(pulse))
def test_every_command_is_told(command):
    assert f"`{command}" in README


def test_every_ability_that_an_operation_needs_has_its_line():
    needed = {operation.ability for operation in OPERATIONS.values() if operation.ability}

    assert {ability for ability in Ability if f"| `{ability}` |" in README} == needed


def test_every_file_it_leads_to_is_there():
    linked = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)

    assert linked
    assert [each for each in linked if not Path(each).exists()] == []


def test_the_map_names_what_is_there():
    named = re.findall(r"^  (\S+?)/? {2,}", README.partition("## Map of the code")[2].partition("## Commands")[0], re.MULTILINE)

    assert named
    assert [each for each in named if not (Path("pulse") / each).exists()] == []
