"""The document is good enough for a machine: a client generated from it drives the running service."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pulse.config import Settings
from pulse.extensions import db
from tests.factories import Person, make_key
from tests.live import Server, serving
from tests.targets import replying, serve

GENERATOR = Path(sys.executable).with_name("openapi-python-client")
PROGRAM = """
import json, sys
from pulse_client import AuthenticatedClient
from pulse_client.api.incidents import incidents_index
from pulse_client.api.monitors import checks_run, monitors_create
from pulse_client.models import MonitorIn

base, token, url = sys.argv[1:]
client = AuthenticatedClient(base_url=base, token=token)
monitor = monitors_create.sync(client=client, body=MonitorIn(name="Shop", url=url))
checks = [checks_run.sync(client=client, monitor_id=monitor.id) for _ in range(2)]
incidents = incidents_index.sync(client=client)
refused = monitors_create.sync(client=client, body=MonitorIn(name="", url=url))
print(json.dumps({
    "monitor": monitor.name,
    "checks": [[check.status, check.http_status_code] for check in checks],
    "incidents": [[each.title, each.status] for each in incidents.data],
    "refused": [refused.code, refused.errors[0].field],
}, default=str))
"""


@pytest.fixture
def server(settings: Settings, migrated: str):
    """The web, as people run it."""
    assert migrated
    with serving(settings, PULSE_ALLOWED_NETWORKS="127.0.0.0/8") as running:
        yield running


def run(*command: str | Path, **variables: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | variables, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_generated_client_makes_a_monitor_checks_it_and_reads_incidents(server: Server, alice: Person, tmp_path: Path):
    document, config, package = tmp_path / "openapi.json", tmp_path / "config.yaml", tmp_path / "pulse_client"
    token = make_key(alice).token
    db.session.rollback()
    document.write_text(run(sys.executable, "-m", "pulse.cli", "openapi", PULSE_BASE_URL=server.url))
    config.write_text("post_hooks: []\n")

    run(
        GENERATOR,
        "generate",
        "--path",
        document,
        "--output-path",
        package,
        "--meta",
        "none",
        "--config",
        config,
        "--fail-on-warning",
    )
    base = json.loads(document.read_text())["servers"][0]["url"]
    with serve(replying(503)) as target:
        told = json.loads(run(sys.executable, "-c", PROGRAM, base, token, target.url, PYTHONPATH=str(tmp_path)))

    assert told == {
        "monitor": "Shop",
        "checks": [["down", 503], ["down", 503]],
        "incidents": [["Shop is down", "open"]],
        "refused": ["validation_failed", "name"],
    }
