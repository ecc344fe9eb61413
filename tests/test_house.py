"""The house: its rooms, who may import whom, what a core install weighs, and what nobody may commit."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = {path.parent.name for path in ROOT.glob("*/wireproof/*/__init__.py")}
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())

MAY_IMPORT: dict[str, set[str]] = {
    "schemas": set(),
    "transports": {"schemas"},
    "tasks": {"schemas"},
    "auth": {"schemas"},
    "mcp_tools": {"schemas", "transports", "tasks", "auth"},
    "a2a": {"schemas", "transports", "tasks", "auth"},
    "conformance": {"schemas"},
    "bridges": ROOMS - {"cli", "conformance"},
    "cli": ROOMS,
}
TRANSPORTS_MAY_NAME = {"wireproof.schemas.jsonrpc", "wireproof.schemas.caller"}


def imported(path: Path) -> set[str]:
    """Every module of ours that a file imports, wherever in the file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module)
            if node.module == "wireproof":
                found |= {f"wireproof.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.startswith("wireproof.")}


def files_of(room: str) -> list[Path]:
    return sorted((ROOT / room / "wireproof" / room).rglob("*.py"))


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_a_room_imports_only_the_rooms_it_may(room: str) -> None:
    wrong = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in files_of(room)
        for name in imported(path)
        if name.split(".")[1] not in MAY_IMPORT[room] | {room}
    }
    assert wrong == set()


def test_transports_know_the_envelope_and_the_caller_and_no_protocol() -> None:
    wrong = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in files_of("transports")
        for name in imported(path)
        if name.startswith("wireproof.schemas") and name not in TRANSPORTS_MAY_NAME
    }
    assert wrong == set()


def test_every_room_has_its_rule() -> None:
    assert set(MAY_IMPORT) == ROOMS


def listed(text: str) -> set[str]:
    return {part.rpartition("/")[2] for part in text.split(":")}


LISTS: dict[str, set[str]] = {
    "editable": set(PYPROJECT["tool"]["hatch"]["build"]["dev-mode-dirs"]),
    "wheel": {name.split("/")[0] for name in PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]},
    "mypy": set(PYPROJECT["tool"]["mypy"]["files"]),
    "mypy_path": listed(PYPROJECT["tool"]["mypy"]["mypy_path"]),
    "pyright": set(PYPROJECT["tool"]["pyright"]["include"]),
    "pyright paths": set(PYPROJECT["tool"]["pyright"]["extraPaths"]),
    "ruff": set(PYPROJECT["tool"]["ruff"]["src"]) - {"."},
    "coverage": set(PYPROJECT["tool"]["coverage"]["run"]["source"]),
}


@pytest.mark.parametrize(("where", "rooms"), LISTS.items(), ids=LISTS.keys())
def test_every_room_is_known_to_every_tool(where: str, rooms: set[str]) -> None:
    assert rooms == ROOMS


def test_a_room_is_a_portion_of_the_namespace_and_carries_its_types() -> None:
    for room in ROOMS:
        assert not (ROOT / room / "__init__.py").exists()
        assert not (ROOT / room / "wireproof" / "__init__.py").exists()
        assert (ROOT / room / "wireproof" / room / "py.typed").exists()


def test_every_folder_of_tests_is_a_package() -> None:
    folders = {path.parent for path in (ROOT / "tests").rglob("test_*.py")}
    assert [folder for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_our_room_a2a_is_never_taken_for_the_reference_sdk() -> None:
    spec = PathFinder.find_spec("a2a", [str(ROOT), *sys.path])
    assert spec is None or spec.origin is None or not Path(spec.origin).is_relative_to(ROOT / "a2a")


def needed(requirement: str) -> set[str]:
    """The distributions that a requirement brings in this environment, without extras."""
    from importlib.metadata import requires

    from packaging.requirements import Requirement

    found: set[str] = set()
    waiting = [requirement]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        for line in requires(name) or []:
            parsed = Requirement(line)
            if parsed.marker is None or parsed.marker.evaluate({"extra": ""}):
                waiting.append(parsed.name.lower().replace("_", "-"))
    return found


def test_a_core_install_is_at_most_twelve_distributions() -> None:
    found = needed("wireproof")
    assert len(found) <= 12, sorted(found)


def tracked() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listing.returncode != 0:
        pytest.skip("this is no git checkout")
    return [ROOT / name for name in listing.stdout.decode().split("\0") if name]


def test_no_machine_path_and_no_registry_host_is_committed() -> None:
    hosts = ["py" + "pi.org", "files.python" + "hosted.org", "registry.npm" + "js.org"]
    words = [f"{ROOT.parent}{os.sep}", *hosts]
    wrong = []
    for path in tracked():
        if path.is_file() and path.suffix not in (".png", ".ico"):
            text = path.read_text(errors="ignore")
            wrong += [f"{path.relative_to(ROOT)}: {word}" for word in words if word in text]
    assert wrong == []


def test_nothing_unpickles_evaluates_or_runs_a_shell() -> None:
    wrong = []
    for room in ROOMS:
        for path in files_of(room):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import) and any(alias.name in ("pickle", "marshal") for alias in node.names):
                    wrong.append(f"{path.relative_to(ROOT)}: {ast.unparse(node)}")
                if isinstance(node, ast.Call) and ast.unparse(node.func) in ("eval", "exec"):
                    wrong.append(f"{path.relative_to(ROOT)}: {ast.unparse(node)[:60]}")
                if isinstance(node, ast.keyword) and node.arg == "shell" and ast.unparse(node.value) == "True":
                    wrong.append(f"{path.relative_to(ROOT)}: shell=True")
    assert wrong == []
