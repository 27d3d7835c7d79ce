"""Journeys through the API by machine: every phase and check of the tool, and what one call makes, others are called with."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pulse.abilities import Ability
from pulse.config import Settings
from pulse.extensions import db
from pulse.plans import Plan
from tests.factories import make_key
from tests.live import Server, serving

TOOL = Path(sys.executable).with_name("schemathesis")
LEFT_OUT = "positive_data_acceptance,ensure_resource_availability"
"""A schema cannot say all that a rule does, as that only a POST has a body; and the reply to a repeated `Idempotency-Key` tells
of what may be deleted since. Both have tests of their own."""
CONFIG = """
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 414, 415, 422, 429]
"""
SPARED = "^/key"
"""These end the key that all the others are called with."""


@pytest.fixture(scope="module")
def server(settings: Settings, migrated: str):
    """The web, as people run it."""
    assert migrated
    with serving(settings, PULSE_UNAUTHENTICATED_LIMIT="100000 per minute") as running:
        yield running


@pytest.mark.parametrize("tenant", ["alice", "charlie"])
@pytest.mark.parametrize("phase", ["examples,coverage", "stateful"])
def test_no_journey_finds_a_flaw(server: Server, request: pytest.FixtureRequest, tmp_path: Path, tenant: str, phase: str):
    person = request.getfixturevalue(tenant)
    person.set_plan(Plan.TEAM)
    token = make_key(person, *Ability).token
    db.session.rollback()
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG)
    options = ("--phases", phase, "--checks", "all", "--exclude-checks", LEFT_OUT, "--exclude-path-regex", SPARED)
    bounded = ("--max-examples", "15", "--max-time", "20", "--generation-database", "none", "--no-color")
    asked = ("--header", f"Authorization: Bearer {token}", f"{server.url}/api/v1/openapi.json")

    done = subprocess.run(
        (TOOL, "--config-file", config, "run", *options, *bounded, *asked),
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"HOME": str(tmp_path)},
        cwd=tmp_path,
        timeout=150,
    )

    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    assert token not in done.stdout
