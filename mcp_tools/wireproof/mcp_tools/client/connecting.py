"""`connect`: from a target to a client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from wireproof.mcp_tools.client.client import Client
from wireproof.mcp_tools.client.handlers import Elicit, Handlers, Roots, Sample
from wireproof.mcp_tools.client.settings import CLIENT_INFO, Mode, OnLog, OnNotification, Settings
from wireproof.mcp_tools.client.targets import Target, WireOptions, opener_of
from wireproof.schemas.caller import LOCAL, Principal
from wireproof.schemas.jsonrpc import JSONObject
from wireproof.transports.exchange import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    import os

    from wireproof.auth import ClientAuth


def connect(
    target: Target,
    *,
    mode: Mode = "auto",
    timeout_s: float = 60.0,
    max_timeout_s: float = 600.0,
    connect_timeout_s: float = 30.0,
    elicit: Elicit | None = None,
    sample: Sample | None = None,
    sample_tools: bool = False,
    roots: Roots | None = None,
    on_log: OnLog | None = None,
    log_level: str | None = None,
    on_notification: OnNotification | None = None,
    headers: Mapping[str, str] | None = None,
    auth: ClientAuth | None = None,
    env: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
    principal: Principal = LOCAL,
    info: JSONObject | None = None,
    limits: Limits = DEFAULT_LIMITS,
    **settings: Any,
) -> Client:
    """A client of the server at `target`, opened by `async with`.

    `target`: a URL (http, https, ws, wss), a file, a command (text or list), an entry of a host's configuration, or a
    `ToolServer` in this process. `mode` pins a revision. `timeout_s` is the limit of a call without progress,
    `max_timeout_s` with it. `elicit`, `sample` and `roots` answer the server's questions and are declared as
    capabilities. `headers` and `auth` are for URLs, `env` and `cwd` for commands, `principal` for a server in this
    process: whom it takes its caller to be. `settings`: the other fields of
    `Settings` (`validate`, `cache`, `restart`, `rounds`, `pages`, `probe_timeout_s`, `elicit_urls` aside).

    Raises `BadTarget` at once; everything else when it is opened.
    """
    handlers = Handlers(elicit=elicit, sample=sample, sample_tools=sample_tools, roots=roots)
    options = WireOptions(
        headers=headers or {},
        auth=auth,
        env=env or {},
        cwd=None if cwd is None else str(cwd),
        principal=principal,
        limits=limits,
    )
    chosen = Settings(
        mode=mode,
        timeout_s=timeout_s,
        max_timeout_s=max_timeout_s,
        connect_timeout_s=connect_timeout_s,
        handlers=handlers,
        info=dict(CLIENT_INFO) if info is None else info,
        log_level=log_level,
        on_log=on_log,
        on_notification=on_notification,
        limits=limits,
        **settings,
    )
    return Client(opener_of(target, options), chosen)
