"""The verbs of the command line and where each is done. Parsing only; every verb's work is imported when it is used."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Any, TypeAlias

from wireproof.cli.load import LoadError
from wireproof.cli.run import complain

ROOMS = {
    "wireproof.conformance.commands": ("check", "check-client", "fuzz", "replay", "compare"),
    "wireproof.cli.a2a_verbs": ("card", "send", "task", "auth", "config"),
}
"""Verbs that another module registers, by the module whose `register(subparsers)` does it."""

Verbs: TypeAlias = Any
"""What `ArgumentParser.add_subparsers` gives; argparse has no public name for it."""


def dispatch(arguments: Sequence[str]) -> int:
    """Parse and run. Exit codes: 0 good, 1 the work failed, 2 wrong call; `check` documents its own."""
    parser = _parser(arguments[0] if arguments else "")
    options = parser.parse_args(arguments)
    work: Callable[[argparse.Namespace], int] | None = getattr(options, "work", None)
    if work is None:
        parser.print_help(sys.stderr)
        return 2
    try:
        return work(options)
    except LoadError as error:
        return complain(error)
    except KeyboardInterrupt:
        return 130


def _parser(verb: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="wireproof", description="Tool servers over MCP, agents over A2A, and the judge of both."
    )
    parser.add_argument("--version", action="version", version=f"wireproof {version('wireproof')}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB")
    _add_run(verbs)
    _add_call(verbs)
    _add_completion(verbs)
    for module, names in ROOMS.items():
        if verb == "completion" or verb in names or verb in ("", "-h", "--help"):
            _register(module, verbs, required=verb in names)
    return parser


def _register(module: str, verbs: Verbs, *, required: bool) -> None:
    try:
        import_module(module).register(verbs)
    except ImportError as error:
        if required:
            raise LoadError(
                f"this verb needs more than the core ({error}): pip install 'wireproof[conformance,http]'"
            ) from error


def _add_completion(verbs: Verbs) -> None:
    completion = verbs.add_parser("completion", help="print a script that completes verbs and options in a shell")
    completion.add_argument("shell", choices=("bash", "zsh", "fish"))

    def show(options: argparse.Namespace) -> int:
        from wireproof.cli.completion import script

        sys.stdout.write(script(_parser("completion"), options.shell))
        return 0

    completion.set_defaults(work=show)


def _add_run(verbs: Verbs) -> None:
    run = verbs.add_parser("run", help="serve a file: on stdio as hosts spawn it, or on HTTP")
    run.add_argument("target", metavar="FILE[:NAME]", help="a Python file that holds a ToolServer, an Agent, or both")
    run.add_argument("--http", type=int, metavar="PORT", help="serve over HTTP; 0 takes a free port")
    run.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: loopback only)")
    run.add_argument("--allow-host", action="append", default=[], metavar="NAME", help="a Host header to let in")
    run.add_argument("--allow-origin", action="append", default=[], metavar="ORIGIN", help="an Origin to let in")
    run.add_argument("--unix", metavar="PATH", help="serve a tool server on a Unix socket, a JSON message a line")
    run.add_argument("--tcp", type=int, metavar="PORT", help="the same on a TCP port; only loopback may connect")
    run.add_argument("--grpc", type=int, metavar="PORT", help="serve the agent over gRPC too")
    run.add_argument("--ws", action="store_true", help="serve the agent over WebSocket too (the tool server always is)")
    run.add_argument(
        "--store", metavar="URL", help="where tasks live: memory://, sqlite:///FILE, postgresql://, redis://"
    )
    run.add_argument("--as-agent", action="store_true", help="serve a tool server as an A2A agent")
    run.add_argument("--as-tools", action="store_true", help="serve an agent as MCP tools")
    run.set_defaults(work=_run)


def _run(options: argparse.Namespace) -> int:
    from wireproof.cli.run import run

    return run(options)


def _add_call(verbs: Verbs) -> None:
    call = verbs.add_parser("call", help="call a tool of a server (a file, a command or a URL), or send to an agent")
    call.add_argument("target", help="a Python file, a URL (http, https, ws, wss), or a command in quotes")
    call.add_argument(
        "words", nargs="*", metavar="TOOL NAME=VALUE", help="the tool and its arguments; none lists the tools"
    )
    call.add_argument("--json", metavar="OBJECT", help="the arguments as one JSON object; @FILE reads a file")
    call.add_argument("-o", "--output", choices=("text", "json"), default=None, help="default: text on a terminal")
    call.add_argument("--timeout", type=float, default=60.0, metavar="SECONDS", help="time limit (default 60)")
    call.set_defaults(work=_call)


def _call(options: argparse.Namespace) -> int:
    from wireproof.cli.call import call

    return call(options)
