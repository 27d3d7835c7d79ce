"""The rules of the house that no linter knows: what may stand in no file, and who may do what."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LONGEST_FUNCTION = 30
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
TEMPLATES = sorted((ROOT / "templates").rglob("*.*"))
MODULES = sorted((ROOT / "pulse").rglob("*.py"))

# Written so that this file does not hold what it forbids.
REGISTRIES = re.compile(r"pypi\.o[r]g|pythonhosted\.o[r]g|npmjs\.c[o]m|registry\.npmjs\.o[r]g|registry\.yarnpkg\.c[o]m")
MACHINES = re.compile(r"(?<![\w.:/-])/(?:root|work|opt|home/[a-z]+|Users/[a-z]+)(?:/|\b)")
ADDRESS = re.compile(r"https?://|git\+|--(?:extra-)?index-url|--find-links|--trusted-host|\"resolved\"|registry\s*=")

# Each with a line that it must find.
UNSAFE = {
    "a script in the page": (r"<script(?![^>]*\ssrc=)", "<script>go()</script>"),
    "a style in the page": (r"<style|\sstyle\s*=", '<p style="color: red">'),
    "a handler in the page": (r"\son[a-z]+\s*=|\shx-on", '<p onclick="go()" hx-on:click="go()">'),
    "script in an attribute": (r"[\"'](?:js|javascript):", "<p hx-vals='js:{a: b()}'>"),
    "a filter that is evaluated": (r"hx-trigger=[\"'][^\"']*\[", '<p hx-trigger="click[ctrlKey]">'),
    "text that is not escaped": (r"\|\s*safe\b|autoescape\s+false", "{{ name | safe }}"),
    "something from elsewhere": (
        r"<(?:script|link|img|iframe|source)\b[^>]*\s(?:src|href)=[\"'](?:https?:)?//",
        '<script src="//example.com/x.js"></script>',
    ),
}


def our_files() -> Iterator[Path]:
    """Every file that is, or is about to be, in the repository."""
    command = ("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    yield from (path for name in listed.split("\0") if name and (path := ROOT / name).is_file())


def lines(path: Path) -> Iterator[tuple[str, str]]:
    """Where each line of a text file stands, and the line."""
    text = path.read_bytes().decode("utf-8", "replace")
    for number, line in enumerate(text.splitlines(), 1):
        yield f"{path.relative_to(ROOT)}:{number}", line


def found(pattern: re.Pattern[str], paths: Iterator[Path] | list[Path]) -> list[str]:
    """The places where a pattern occurs."""
    return [f"{place}: {line.strip()[:80]}" for path in paths for place, line in lines(path) if pattern.search(line)]


def calls(tree: ast.Module) -> Iterator[str]:
    """What a module calls, as it is written there."""
    yield from (ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call))


def callers(pattern: str, among: list[Path]) -> set[str]:
    """The modules, by their path in `pulse/`, that call something whose name fits."""
    return {
        path.relative_to(ROOT / "pulse").as_posix()
        for path in among
        if any(re.fullmatch(pattern, name) for name in calls(ast.parse(path.read_text("utf-8"))))
    }


def test_no_file_names_a_registry():
    assert found(REGISTRIES, our_files()) == []


def test_no_file_names_a_place_on_somebodys_machine():
    assert found(MACHINES, our_files()) == []


def test_no_third_party_file_is_in_the_repository():
    ours = {path.relative_to(ROOT).as_posix() for path in our_files()}

    assert [name for name in ours if re.search(r"(^|/)(vendor|node_modules|\.venv)/|\.min\.(js|css)$", name)] == []


@pytest.mark.parametrize("lock", [*LOCKS, *sorted((ROOT / "requirements" / "assets").glob("*.json"))], ids=lambda path: path.name)
def test_a_lock_holds_no_address(lock: Path):
    assert found(ADDRESS, [lock]) == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_everything_in_a_lock_has_one_version_and_its_hashes(lock: Path):
    entries = re.split(r"\n(?=\S)", lock.read_text("utf-8").strip())

    assert [
        entry
        for entry in entries
        if not re.match(r"[a-z0-9-]+(\[[a-z,]+\])?==\S+[^\n]*(\n +--hash=sha256:[0-9a-f]{64}( \\)?)+$", entry)
    ] == []


def test_what_serves_is_tested_in_the_same_versions():
    run, dev = (
        {line.split()[0] for _, line in lines(ROOT / "requirements" / f"{name}.lock") if "==" in line} for name in ("run", "dev")
    )

    assert run
    assert run - dev == set()


@pytest.mark.parametrize("reason", UNSAFE)
def test_no_template_holds_what_the_content_policy_or_escaping_forbids(reason: str):
    pattern, example = UNSAFE[reason]

    assert re.search(pattern, example)
    assert found(re.compile(pattern, re.IGNORECASE), TEMPLATES) == []


def test_no_function_is_longer_than_a_glance():
    functions = (
        (path, node)
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path, node in functions
        if (node.end_lineno or node.lineno) - node.lineno >= LONGEST_FUNCTION
    ]

    assert long == []


def test_only_the_clock_asks_what_time_it_is():
    # The limiter counts in the epoch of the library that counts in Redis.
    allowed = {"clock.py", "api/limits.py"}

    assert callers(r"(datetime(\.datetime)?|date)\.(now|utcnow|today)|time\.time(_ns)?", MODULES) == allowed


def test_only_the_settings_read_the_environment():
    # The server takes our settings out of what it hands to every request.
    elsewhere = [path for path in MODULES if path.name not in {"config.py", "serving.py"}]

    assert found(re.compile(r"\bos\.environ\b|\bgetenv\b"), elsewhere) == []


def test_models_never_commit():
    models = [path for path in MODULES if path.parent.name == "models"]

    assert callers(r".*\.commit", models) == set()


def test_every_exception_from_the_linters_has_its_reason_beside_it():
    flag = re.compile(r"^(?!\s*#).*\n.*#\s*noqa(?!: [A-Z0-9, ]+ - \S)", re.MULTILINE)

    assert [path for path in [ROOT / "dev.py", *MODULES] if flag.search(path.read_text("utf-8"))] == []


def test_every_module_has_its_layer():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]

    assert all(contract["exhaustive"] for contract in contracts if contract["type"] == "layers")
