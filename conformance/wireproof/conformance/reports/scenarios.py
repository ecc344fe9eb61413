"""Which of our checks judge what a scenario of the official MCP suite judges. Data only."""

from __future__ import annotations

from typing import Final

SCENARIOS: Final[dict[str, tuple[str, ...]]] = {
    "server-initialize": ("version.initialize.result", "version.initialize.echo"),
    "ping": ("version.ping",),
    "logging-set-level": ("logging.level",),
    "completion-complete": ("completion.values",),
    "tools-list": ("tools.list.shape", "tools.input-schema.object", "tools.names"),
    "tools-list-deterministic-order": ("tools.order",),
    "tools-call-simple-text": ("tools.call.shape",),
    "tools-call-image": ("tools.call.shape", "tools.binary"),
    "tools-call-audio": ("tools.call.shape", "tools.binary"),
    "tools-call-embedded-resource": ("tools.call.shape",),
    "tools-call-mixed-content": ("tools.call.shape",),
    "tools-call-with-progress": ("progress.rules",),
    "json-schema-2020-12": ("tools.schemas.valid",),
    "resources-list": ("resources.list.shape", "resources.uris"),
    "resources-read-text": ("resources.read.shape",),
    "resources-read-binary": ("resources.read.shape", "resources.read.base64"),
    "resources-templates-read": ("resources.templates",),
    "resources-subscribe": ("resources.subscribe",),
    "resources-unsubscribe": ("resources.subscribe",),
    "sep-2164-resource-not-found": ("resources.unknown", "resources.unknown.not-empty"),
    "prompts-list": ("prompts.list.shape",),
    "prompts-get-simple": ("prompts.get.shape",),
    "prompts-get-with-args": ("prompts.get.shape",),
    "dns-rebinding-protection": ("http.host", "http.origin"),
    "http-header-validation": (
        "http.header.version.missing",
        "http.header.version.differs",
        "http.header.method.missing",
        "http.header.method.differs",
        "http.header.name.missing",
        "http.header.name.differs",
    ),
    "http-custom-header-server-validation": ("http.header.param",),
    "caching": ("caching.hints", "caching.ttl", "caching.scope"),
    "server-stateless": (
        "version.discover",
        "version.meta.required",
        "version.unsupported",
        "version.removed-methods",
        "subscription.ack",
        "subscription.id",
    ),
    "input-required-result-tampered-state": ("mrtr.tampered",),
    "input-required-result-missing-input-response": ("mrtr.again",),
    "input-required-result-capability-check": ("mrtr.undeclared",),
    "server-session-lifecycle": ("session.unknown", "session.delete", "session.missing"),
}
"""Scenario → checks. A scenario that is not here has no counterpart in this suite."""
