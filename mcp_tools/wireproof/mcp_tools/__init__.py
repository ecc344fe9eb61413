"""Room: mcp_tools."""
