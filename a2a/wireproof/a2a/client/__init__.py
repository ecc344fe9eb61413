"""The client of agents.

async with connect("https://agent.example") as agent:
    async for event in agent.stream("Plan a day in Rome"):
        print(event.text)
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence

from wireproof.a2a.caller import VERSIONS, Caller
from wireproof.a2a.client.discovery import CardCache
from wireproof.a2a.client.errors import (
    AgentRefused,
    AuthenticationFailed,
    BadAnswer,
    CardInvalid,
    CardNotFound,
    ClientError,
    ConnectionLost,
    DeadlineExceeded,
    InvalidRequest,
    NoInterface,
    TaskNotCancelable,
    TaskNotFound,
    Unreachable,
    UnsupportedOperation,
)
from wireproof.a2a.client.handle import TaskHandle
from wireproof.a2a.client.http import HTTPSettings
from wireproof.a2a.client.opening import Options, Target
from wireproof.a2a.client.remote import RemoteAgent
from wireproof.a2a.client.views import (
    Artifact,
    ArtifactUpdate,
    Event,
    Message,
    Part,
    PushConfig,
    StatusUpdate,
    Task,
    TaskPage,
)
from wireproof.a2a.client.wires import Times
from wireproof.a2a.signing import Trust
from wireproof.transports.client.http_exchange import ClientAuth

__all__ = [
    "AgentRefused",
    "Artifact",
    "ArtifactUpdate",
    "AuthenticationFailed",
    "BadAnswer",
    "CardCache",
    "CardInvalid",
    "CardNotFound",
    "ClientError",
    "ConnectionLost",
    "DeadlineExceeded",
    "Event",
    "InvalidRequest",
    "Message",
    "NoInterface",
    "Part",
    "PushConfig",
    "RemoteAgent",
    "StatusUpdate",
    "Task",
    "TaskHandle",
    "TaskNotCancelable",
    "TaskNotFound",
    "TaskPage",
    "Unreachable",
    "UnsupportedOperation",
    "connect",
]


def connect(
    target: Target,
    *,
    headers: Mapping[str, str] | None = None,
    auth: ClientAuth | None = None,
    tls: ssl.SSLContext | None = None,
    bindings: Sequence[str] = (),
    versions: Sequence[str] = VERSIONS,
    extensions: Sequence[str] = (),
    trust: Trust | None = None,
    cache: CardCache | None = None,
    caller: Caller | None = None,
    timeout_s: float = 60.0,
    quiet_s: float = 300.0,
) -> RemoteAgent:
    """A client of an agent, opened by `async with`.

    `target`: a host or URL, a card (URL, file or document), `ws://` or `grpc://` of an interface, a Python file or a
    command to spawn, or an `Agent` of this process. `headers` go with every request; `auth` makes credentials and
    answers challenges (`wireproof.auth.OAuthClient`; not closed here). `bindings`: the ones to prefer, else the card
    decides. `extensions`: URIs to activate. `trust`: only cards that one of its keys has signed are taken. `cache`:
    shared between clients. `caller`: who calls an agent of this process. `timeout_s`: for one answer, or the first
    event of a stream; `quiet_s`: between two signs of life of a stream.
    """
    settings = HTTPSettings(
        headers=dict(headers or {}),
        auth=auth,
        tls=tls,
        extensions=tuple(extensions),
        times=Times(answer=timeout_s, quiet=quiet_s),
    )
    options = Options(
        settings=settings,
        bindings=tuple(bindings),
        versions=tuple(versions),
        trust=trust,
        caller=caller or Caller(),
        cache=cache or CardCache(),
    )
    return RemoteAgent(target, options)
