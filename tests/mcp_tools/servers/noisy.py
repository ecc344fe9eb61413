"""A server whose code does everything that must not reach the wire."""

from __future__ import annotations

import asyncio
import ctypes
import os
import subprocess
import sys

from wireproof.mcp_tools import Context, ToolServer

print("printed while loading")
os.write(1, b"written to fd 1 while loading\n")

server: ToolServer[None] = ToolServer("noisy")


@server.tool
def shout() -> str:
    """Write to stdout in every way there is."""
    print("printed in a tool", flush=True)
    sys.__stdout__.write("through the first stdout\n")
    os.write(1, b"written to fd 1\n")
    subprocess.run(["/bin/sh", "-c", "echo from a child; cat; echo done"], check=True)
    ctypes.CDLL(None).puts(b"from C")
    ctypes.CDLL(None).fflush(None)
    return "quiet"


@server.tool
def read_stdin() -> str:
    """Try to steal from the wire."""
    return repr(sys.stdin.read(1))


@server.tool
async def wait(ctx: Context[None]) -> str:
    """Wait until it is cancelled, saying first that it began."""
    await ctx.progress(1)
    await asyncio.Event().wait()
    return "never"


@server.tool
async def slow(seconds: float) -> str:
    """Answer after a while."""
    await asyncio.sleep(seconds)
    return "slow but sure"


@server.tool
async def big(size: int) -> str:
    """Answer with that many characters."""
    return "x" * size


@server.tool
def block() -> str:
    """Hold a worker thread for ever."""
    import threading

    threading.Event().wait()
    return "never"
