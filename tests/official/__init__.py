"""The official MCP conformance suite, run and judged."""
