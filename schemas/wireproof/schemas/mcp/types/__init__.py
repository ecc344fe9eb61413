"""Every MCP message of every revision as typed dictionaries; the marks of `rules` say how revisions differ.

Static types for decoded JSON. Nothing is checked here: `wireproof.schemas.mcp.validator` does that.
"""

from __future__ import annotations

from wireproof.schemas.mcp.types import (
    basics,
    content,
    elicitation,
    envelopes,
    failures,
    lifecycle,
    prompts,
    resources,
    retries,
    sampling,
    tasks,
    tools,
    unions,
    utilities,
)

MODULES = (
    basics,
    content,
    elicitation,
    envelopes,
    failures,
    lifecycle,
    prompts,
    resources,
    retries,
    sampling,
    tasks,
    tools,
    unions,
    utilities,
)
"""Where the types are, by topic."""
