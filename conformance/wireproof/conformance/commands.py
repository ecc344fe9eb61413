"""The command line of the judge: `check`, `check-client`, `fuzz`, `replay` and `compare`. Holds no rules.

Exit codes: 0 nothing failed; 1 something failed, or the baseline is stale; 2 a wrong call; 3 nothing could be judged;
4 the time limit cut the run short.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    Verbs: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # pyright: ignore[reportPrivateUsage]

WRONG_CALL = 2
SPAWN = "start this, and fill the same {port} into it and the URL"
ALLOW = "call it, whatever its name says"
TARGET = "a URL (http, https, ws, wss, grpc), a command in quotes, a Python file, or HOST-CONFIG.json#NAME"
CONTRACT = (
    "The client is started once for each play, with the address of a server as its last argument: a URL, or over stdio "
    "the words of a command to spawn. It is to list the tools, call the tool add with a=2 and b=3, and exit with 0 "
    "when the answer is 5, else with another number. WIREPROOF_REVISION names the revision that the server speaks."
)
EXITS = (
    "Exit codes: 0 nothing failed; 1 something failed or the baseline is stale; 2 a wrong call; "
    "3 nothing could be judged; 4 the time limit cut the run short."
)


def register(verbs: Verbs) -> None:
    """Add the verbs of the judge to the command line."""
    _add_check(verbs)
    _add_check_client(verbs)
    _add_fuzz(verbs)
    _add_replay(verbs)
    _add_compare(verbs)


def complain(error: Exception) -> int:
    """Say on stderr what is wrong with the call."""
    print(f"wireproof: {error}", file=sys.stderr)  # noqa: T201
    return WRONG_CALL


def _add_check_client(verbs: Verbs) -> None:
    check = verbs.add_parser(
        "check-client",
        help="play the server for a client, and judge the client",
        description=f"{CONTRACT} {EXITS}",
    )
    check.add_argument("--command", required=True, metavar="COMMAND", help="starts the client; words are added to it")
    for name, what in (("check", "check or requirement"), ("area", "area"), ("revision", "protocol revision")):
        check.add_argument(f"--{name}", action="append", default=[], metavar="NAME", help=f"only this {what}")
    check.add_argument("--transport", action="append", default=[], metavar="NAME", help="only http or stdio")
    check.add_argument("--report", action="append", default=[], metavar="FILE", help="as for check")
    check.add_argument("--baseline", metavar="FILE", help="YAML of expected failures; one that passes fails the run")
    check.add_argument("--quiet", action="store_true", help="print the summary only")
    check.add_argument("--time-limit", type=_seconds, default=240.0, metavar="SECONDS", help="for all of it (240)")
    check.set_defaults(work=_check_client)


def _check_client(options: argparse.Namespace) -> int:
    from wireproof.conformance.judging import run_check_client_verb

    try:
        return run_check_client_verb(options)
    except (OptionError, OSError) as error:
        return complain(error)


def _add_selection(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--check", action="append", default=[], metavar="ID", help="only this check or requirement")
    verb.add_argument("--area", action="append", default=[], metavar="NAME", help="only this area")
    verb.add_argument("--revision", action="append", default=[], metavar="DATE", help="only this protocol revision")
    verb.add_argument("--transport", action="append", default=[], metavar="NAME", help="only this transport")
    verb.add_argument("--allow-tool", action="append", default=[], metavar="NAME", help=ALLOW)
    verb.add_argument("--bearer", metavar="TOKEN", help="send this token (HTTP); @FILE reads it from a file")
    verb.add_argument("--time-limit", type=_seconds, default=120.0, metavar="SECONDS", help="for all of it (120)")


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= 86_400:
        raise argparse.ArgumentTypeError("seconds between 0 and 86400")
    return value


def _add_check(verbs: Verbs) -> None:
    check = verbs.add_parser(
        "check",
        help="judge a server or an agent by the specifications",
        description=EXITS,
        epilog=f"TARGET is {TARGET}.",
    )
    check.add_argument("target", metavar="TARGET", help=TARGET)
    _add_selection(check)
    check.add_argument(
        "--report",
        action="append",
        default=[],
        metavar="FILE",
        help="also write FILE; .json .xml .tap .sarif .md .html .svg say the format, FORMAT:FILE names it, - is stdout",
    )
    check.add_argument(
        "--spawn", metavar="COMMAND", help="start this for a URL with {port} in it; both get the same port"
    )
    check.add_argument("--baseline", metavar="FILE", help="YAML of expected failures; one that passes fails the run")
    check.add_argument("--quiet", action="store_true", help="print the summary only")
    check.add_argument("--list", action="store_true", help="print the checks that are selected, and judge nothing")
    check.set_defaults(work=_check)


def _check(options: argparse.Namespace) -> int:
    from wireproof.conformance.judging import run_check_verb
    from wireproof.conformance.target import UnknownTarget

    try:
        return run_check_verb(options)
    except (UnknownTarget, OptionError) as error:
        return complain(error)


class OptionError(ValueError):
    """An option that cannot be used; the message says what can."""


def bearer_of(text: str | None) -> str | None:
    """The token of `--bearer`, read from a file when it is `@FILE`. Raises `OptionError`."""
    if text is None or not text.startswith("@"):
        return text
    from pathlib import Path

    try:
        return Path(text[1:]).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise OptionError(f"cannot read the token from {text[1:]}: {error.strerror}") from error


def _add_fuzz(verbs: Verbs) -> None:
    fuzz = verbs.add_parser(
        "fuzz",
        help="throw generated inputs at a tool server and shrink what goes wrong",
        description="Exit codes: 0 nothing found; 1 something found and saved; 2 a wrong call; 3 nothing to fuzz.",
    )
    fuzz.add_argument("target", metavar="TARGET", help=TARGET)
    fuzz.add_argument("--examples", type=_count, default=10_000, metavar="N", help="inputs to send (10000)")
    fuzz.add_argument("--seed", type=int, default=0, metavar="S", help="the same seed gives the same inputs (0)")
    fuzz.add_argument("--save", default="cassettes", metavar="FOLDER", help="where failures are saved (cassettes)")
    fuzz.add_argument("--allow-tool", action="append", default=[], metavar="NAME", help=ALLOW)
    _add_reach(fuzz)
    fuzz.add_argument("--time-limit", type=_seconds, default=120.0, metavar="SECONDS", help="for all of it (120)")
    fuzz.set_defaults(work=_fuzz)


def _count(text: str) -> int:
    value = int(text)
    if not 0 < value <= 100_000_000:
        raise argparse.ArgumentTypeError("a number from 1 to 100000000")
    return value


def _add_reach(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--bearer", metavar="TOKEN", help="send this token (HTTP); @FILE reads it from a file")
    verb.add_argument("--spawn", metavar="COMMAND", help=SPAWN)


def _fuzz(options: argparse.Namespace) -> int:
    from wireproof.conformance.fuzzing.verbs import run_fuzz_verb
    from wireproof.conformance.target import UnknownTarget

    try:
        return run_fuzz_verb(options)
    except (UnknownTarget, OptionError) as error:
        return complain(error)


def _add_replay(verbs: Verbs) -> None:
    replay = verbs.add_parser(
        "replay",
        help="send the messages of a saved failure again",
        description="Exit codes: 0 it does not fail any more; 1 it fails; 2 a wrong call; 3 no target.",
    )
    replay.add_argument("cassette", metavar="CASSETTE", help="a file that fuzz saved")
    replay.add_argument("target", metavar="TARGET", nargs="?", help="another target than the recorded one")
    _add_reach(replay)
    replay.set_defaults(work=_replay)


def _replay(options: argparse.Namespace) -> int:
    from wireproof.conformance.fuzzing.verbs import run_replay_verb
    from wireproof.conformance.target import UnknownTarget

    try:
        return run_replay_verb(options)
    except (UnknownTarget, OptionError) as error:
        return complain(error)


def _add_compare(verbs: Verbs) -> None:
    compare = verbs.add_parser(
        "compare",
        help="run the same checks against two targets and show where they differ",
        description=f"{EXITS} Here 1 means that they differ.",
    )
    compare.add_argument("left", metavar="A", help=TARGET)
    compare.add_argument("right", metavar="B", help=TARGET)
    _add_selection(compare)
    compare.set_defaults(work=_compare)


def _compare(options: argparse.Namespace) -> int:
    from wireproof.conformance.comparing import run_compare_verb
    from wireproof.conformance.target import UnknownTarget

    try:
        return run_compare_verb(options)
    except (UnknownTarget, OptionError) as error:
        return complain(error)


__all__ = ["OptionError", "bearer_of", "complain", "register"]
