"""The other faces of the judge: the library, the pytest plugin, and `compare`."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import wireproof.conformance
from tests.conformance.judged import wireproof as run
from tests.conformance.peers import stdio_target
from wireproof.conformance import Verdict, check

FEW = {"areas": ["tools", "paging"], "revisions": ["2026-07-28"]}


def test_the_library_gives_a_report():
    seen: list[str] = []
    report = check(stdio_target("picture-base64").command, progress=lambda result: seen.append(result.check), **FEW)
    assert [result.check for result in report.failures()] == ["tools.binary"]
    assert seen == [result.check for result in report.results]
    assert report.exit_code == 1
    assert {row.verdict for row in report.requirements if row.requirement.id == "mcp.content.base64"} == {Verdict.FAIL}


def test_every_name_of_the_library_is_there():
    for name in wireproof.conformance.__all__:
        assert getattr(wireproof.conformance, name) is not None


PLUGIN_TEST = """
def test_good(wireproof_check):
    report = wireproof_check({good!r}, areas=["tools"], revisions=["2026-07-28"])
    assert report.protocol == "mcp"

def test_bad(wireproof_check):
    wireproof_check({bad!r}, areas=["tools"], revisions=["2026-07-28"])
"""


def pytest_in(folder: Path, *arguments: str) -> str:
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "wireproof.conformance.pytest_plugin",
        "-p",
        "no:cacheprovider",
        "-q",
    ]
    done = subprocess.run([*words, *arguments], check=False, capture_output=True, text=True, cwd=folder, timeout=50)
    return done.stdout + done.stderr


def test_the_fixture_fails_a_test_with_the_exchange(tmp_path: Path):
    good, bad = (shlex.join(stdio_target(wrong).command) for wrong in ("", "picture-base64"))
    (tmp_path / "test_server.py").write_text(PLUGIN_TEST.format(good=good, bad=bad))
    said = pytest_in(tmp_path)
    assert "1 failed, 1 passed" in said, said
    assert "tools.binary@stdio/2026-07-28" in said
    assert "received" in said


def test_the_option_adds_a_test_for_each_check(tmp_path: Path):
    target = shlex.join(stdio_target("picture-base64").command)
    said = pytest_in(tmp_path, "--wireproof", target, "--wireproof-area", "tools", "-rf")
    assert "FAILED" in said, said
    assert said.count("tools.binary@") >= 5
    said = pytest_in(tmp_path, "--wireproof", "no-such-command-here")
    assert "could not be started" in said, said
    assert "Traceback" not in said


def test_compare_shows_where_two_targets_differ():
    good, bad = (shlex.join(stdio_target(wrong).command) for wrong in ("", "picture-base64"))
    options = ["--area", "tools", "--revision", "2026-07-28"]
    same, differ = run("compare", good, good, *options), run("compare", good, bad, *options)
    assert (same.code, differ.code) == (0, 1)
    assert "No check ended differently" in same.out
    lines = [line.split() for line in differ.out.splitlines() if line.startswith("tools.binary ")]
    assert lines == [["tools.binary", "2026-07-28", "pass", "fail"]]
    assert run("compare", good, "no-such-command-here", *options).code == 3
