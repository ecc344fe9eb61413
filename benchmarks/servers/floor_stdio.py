"""The floor over stdio: asyncio pipes, one parse and one dump a call, no protocol."""

from __future__ import annotations

import asyncio
import sys

from pydantic_core import from_json, to_json


async def main() -> None:
    """Answer until stdin ends."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 26)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    writer, _ = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, sys.stdout)
    while line := await reader.readline():
        message = from_json(line)
        if "id" not in message:
            continue
        given = message["params"].get("arguments", {"a": 0, "b": 0})
        total = given["a"] + given["b"]
        result = {"content": [{"type": "text", "text": str(total)}], "structuredContent": {"result": total}}
        writer.write(to_json({"jsonrpc": "2.0", "id": message["id"], "result": result}) + b"\n")


if __name__ == "__main__":
    asyncio.run(main())
