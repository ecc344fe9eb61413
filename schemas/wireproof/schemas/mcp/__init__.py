"""The MCP messages of every revision, as data and validators."""
