"""The agent verbs: `card get`, `send`, `task …`, `config show`, as the A2A CLI specification names them.

Parsing only. Spec: a2a-cli 0.2 sections 7, 10 (tiers 1 and 2; `check` is what it calls `conformance`).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from wireproof.cli.commands import Verbs


class PartFlag(argparse.Action):
    """`--text`, `--file` and `--data` in the order given; `--media-type` belongs to the one before it."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Take one flag."""
        parts: list[tuple[str, str, str]] = getattr(namespace, "parts", None) or []
        if self.dest == "media_type":
            if not parts or parts[-1][2]:
                parser.error("--media-type belongs to the --text, --file or --data before it")
            parts[-1] = (parts[-1][0], parts[-1][1], str(values))
        else:
            parts.append((self.dest, str(values), ""))
        namespace.parts = parts


def register(verbs: Verbs) -> None:
    """Add the verbs."""
    card = verbs.add_parser("card", help="look at an Agent Card").add_subparsers(metavar="VERB", required=True)
    get = _verb(card, "get", "show_card", "fetch and show an Agent Card")
    get.add_argument("--extended", action="store_true", help="the card for callers who are known")
    get.add_argument("--validate", action="store_true", help="check it against the data model")
    send = _verb(verbs, "send", "send", "send a message to an agent; wait for what comes of it")
    send.add_argument("message", nargs="?", help="the message's text")
    for name, text in (("text", "a text part"), ("file", "a file, or a URL of one"), ("data", "JSON of a file, or -")):
        send.add_argument(f"--{name}", dest=name, action=PartFlag, metavar="VALUE", help=text)
    send.add_argument("--media-type", dest="media_type", action=PartFlag, help="of the part before it")
    _continuing(send)
    send.add_argument(
        "--async", "--return-immediately", "--no-wait", dest="async", action="store_true", help="don't wait"
    )
    send.add_argument("--wait", action="store_true", help="wait (the default)")
    send.add_argument("--stream", action="store_true", help="follow the events; JSON Lines with -o json")
    send.add_argument("--history", type=int, metavar="N", help="messages of the history to show")
    send.add_argument("--skill", metavar="ID", help="a skill of the card")
    task = verbs.add_parser("task", help="look at tasks, follow, cancel").add_subparsers(metavar="VERB", required=True)
    _add_task_verbs(task)
    auth = verbs.add_parser("auth", help="log in to agents by OAuth").add_subparsers(metavar="VERB", required=True)
    login = _verb(auth, "login", "login", "get a token by the card's OAuth flow, and keep it for later calls")
    login.add_argument("--flow", choices=("device-code", "client-credentials"), help="default: what the card offers")
    login.add_argument("--client-id", metavar="ID", help="the client that the authorization server knows")
    login.add_argument("--client-secret", metavar="SECRET", help="better: A2ACLI_CLIENT_SECRET, which nobody else sees")
    login.add_argument("--scope", action="append", metavar="SCOPE", help="repeat it; default: those of the card")
    login.add_argument("--scheme", metavar="NAME", help="the card's scheme, where it has several")
    _verb(auth, "logout", "logout", "forget the token for an agent")
    config = verbs.add_parser("config", help="the settings of the agent verbs").add_subparsers(
        metavar="VERB", required=True
    )
    _verb(config, "show", "show_config", "each setting, and where it comes from")


def _add_task_verbs(task: Verbs) -> None:
    get = _with_id(_verb(task, "get", "get_task", "a task's state and artifacts"))
    get.add_argument("--history", type=int, metavar="N", help="messages of the history to show")
    get.add_argument("--wait", "--watch", dest="wait", action="store_true", help="until it ends or waits for you")
    _with_id(_verb(task, "cancel", "cancel_task", "ask the agent to stop"))
    subscribe = _with_id(_verb(task, "subscribe", "subscribe", "follow a task's events"))
    subscribe.add_argument("--stream", action="store_true", help="JSON Lines with -o json, as the events come")
    listed = _verb(task, "list", "list_tasks", "your tasks, the newest first")
    listed.add_argument("--context-id", metavar="ID", help="of one context")
    listed.add_argument("--state", metavar="STATE", help="in one state, such as TASK_STATE_WORKING")
    listed.add_argument("--page-size", type=int, metavar="N", help="tasks of one page")
    listed.add_argument("--page-token", metavar="TOKEN", help="where the page before ended")
    download = _with_id(_verb(task, "download", "download", "save a task's artifacts"))
    download.add_argument("--dir", default=".", metavar="FOLDER", help="where to (default: here)")
    download.add_argument("--force", action="store_true", help="replace files that are there")
    push = task.add_parser("push-config", help="webhooks of a task").add_subparsers(metavar="VERB", required=True)
    create = _with_id(_verb(push, "create", "create_webhook", "have a webhook told"))
    create.add_argument("--url", required=True, help="where notifications go")
    create.add_argument("--token", help="comes back with each notification")
    create.add_argument("--auth-scheme", help="of the Authorization header to send there")
    create.add_argument("--auth-credentials", help="of the Authorization header to send there")
    for name, work, text in (
        ("get", "get_webhook", "one of them"),
        ("delete", "delete_webhook", "have it told no more"),
    ):
        _with_id(_verb(push, name, work, text)).add_argument("config_id", help="the webhook's id")
    _with_id(_verb(push, "list", "list_webhooks", "all of them"))


def _with_id(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("task", metavar="TASK_ID", help="the task's id")
    return parser


def _continuing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--context-id", metavar="ID", help="start a task in this context")
    parser.add_argument("--task-id", metavar="ID", help="go on with this task")
    parser.add_argument("--metadata", metavar="JSON", help="an object that goes with the message")


def _verb(verbs: Verbs, name: str, work: str, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    add = parser.add_argument
    add("-a", "--agent-card", metavar="REF", help="a host or origin, a card's URL or file, or a Python file")
    add("-o", "--output", choices=("text", "json"), help="default: text")
    add("--transport", action="append", metavar="BINDING", help="JSONRPC, HTTP+JSON or GRPC; repeat it, best first")
    add("--a2a-version", metavar="VERSION", help="default: 1.0; 0.3 only when asked for")
    add("--bearer", metavar="TOKEN", help="the token to show")
    add("--api-key", metavar="KEY", help="the key to show, where the card says")
    add("--svc-param", action="append", metavar="NAME:VALUE", help="a service parameter of every request")
    add("--timeout", metavar="DURATION", help="how long to wait in all, such as 30s or 5m")
    add("--poll-interval", metavar="DURATION", help="between two looks at a task (default: 2s)")
    add("--insecure", action="store_true", help="do not verify TLS; for development only")
    add("--config", metavar="FILE", help="settings, one A2ACLI_NAME=value a line")
    add("--verbose", action="store_true", help="the whole of what was exchanged, for people")
    add("--debug", action="store_true", help="what the tool does, on stderr")
    parser.set_defaults(work=_deferred(work))
    return parser


def _deferred(work: str) -> Callable[[argparse.Namespace], int]:
    def run(options: argparse.Namespace) -> int:
        from wireproof.cli import a2a_work

        return a2a_work.run(work, options)

    return run
