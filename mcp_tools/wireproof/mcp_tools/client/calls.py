"""What a client knows of tools: the headers of their arguments, the readers of their results, how a task ends."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from wireproof.mcp_tools.client.param_headers import BadHeaderAnnotation, ParamHeader, header_fields, param_headers
from wireproof.mcp_tools.client.results import Tool
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_object

if TYPE_CHECKING:
    from wireproof.mcp_tools.client.client import Client
    from wireproof.mcp_tools.client.rebuild import Read

log = logging.getLogger("wireproof.mcp_tools.client")


class ToolBook:
    """The tools as they were last listed. What was not listed is called all the same, without headers and reader."""

    def __init__(self, *, validate: bool) -> None:
        self._validate: Final = validate
        self._headers: dict[str, tuple[ParamHeader, ...]] = {}
        self._schemas: dict[str, JSONObject] = {}
        self._readers: dict[str, Read] = {}

    def learn(self, tools: Sequence[Tool], *, strict: bool) -> list[Tool]:
        """Note a whole list. `strict` leaves out tools whose header annotations break the rules (HTTP)."""
        kept: list[Tool] = []
        self._headers = {}
        schemas: dict[str, JSONObject] = {}
        for tool in tools:
            try:
                headers = param_headers(tool.input_schema)
            except BadHeaderAnnotation as reason:
                if strict:
                    log.warning("the tool %r is left out: %s", tool.name, reason)
                    continue
                headers = ()
            kept.append(tool)
            if headers:
                self._headers[tool.name] = headers
            if tool.output_schema is not None:
                schemas[tool.name] = tool.output_schema
        self._readers = {name: read for name, read in self._readers.items() if self._schemas[name] == schemas.get(name)}
        self._schemas = schemas
        return kept

    def fields(self, tool: str, arguments: JSONValue) -> list[tuple[str, str]]:
        """The `Mcp-Param-*` fields of a call."""
        headers = self._headers.get(tool)
        return header_fields(headers, arguments) if headers and is_object(arguments) else []

    def reader(self, tool: str) -> Read | None:
        """The reader of its structured results; None when no schema is known."""
        if tool not in self._readers:
            schema = self._schemas.get(tool)
            if schema is None:
                return None
            from wireproof.mcp_tools.client.rebuild import reader_of

            self._readers[tool] = reader_of(tool, schema, validate=self._validate)
        return self._readers[tool]


async def follow(client: Client, created: JSONObject, *, timeout_s: float | None) -> JSONObject:
    """The final result of a call that was answered with a task."""
    from wireproof.mcp_tools.client.tasks import handle_of

    return await handle_of(client, created).outcome(timeout_s=timeout_s)
