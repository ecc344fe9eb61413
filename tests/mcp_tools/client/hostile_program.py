"""A stdio server that is good until a tool is called, whose name says what it does then. Standard library only."""

from __future__ import annotations

import json
import os
import sys
import time

META = {"io.modelcontextprotocol/serverInfo": {"name": "hostile", "version": "1"}}


def say(id_: object, result: object) -> None:
    print(json.dumps({"jsonrpc": "2.0", "id": id_, "result": result}), flush=True)


def raw(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def tool(id_: int, name: str) -> None:
    good = {"content": [{"type": "text", "text": "good"}], "resultType": "complete"}
    if name == "good":
        say(id_, good)
    elif name == "exit":
        print("out of memory", file=sys.stderr, flush=True)
        os._exit(7)
    elif name == "half_line":
        raw(b'{"jsonrpc":"2.0","id":%d,"result":{"cont' % id_)
        os._exit(8)
    elif name == "close_output":
        os.close(1)
        time.sleep(60)
    elif name == "silence":
        return
    elif name == "ten_megabytes":
        raw(b'{"jsonrpc":"2.0","id":%d,"result":{"content":[],"x":"' % id_ + b"x" * 10_000_000 + b'"}}\n')
    elif name == "invalid_utf8":
        raw(b'{"jsonrpc":"2.0","id":%d,"result":{"content":[{"type":"text","text":"\xff"}]}}\n' % id_)
    elif name == "lying_ids":
        say(id_ + 1000, good)
        say(str(id_), good)
        raw(b"Listening on port 80!\n")
    elif name == "not_an_object":
        say(id_, "good")
    elif name == "wrong_shape":
        say(id_, {"content": "good", "structuredContent": 5, "isError": "no"})
    elif name == "asks_again_for_ever":
        say(id_, {"resultType": "input_required", "requestState": "s", "inputRequests": {}})
    elif name == "floods":
        for number in range(20_000):
            token = {"progressToken": id_, "progress": number}
            raw(json.dumps({"jsonrpc": "2.0", "method": "notifications/progress", "params": token}).encode() + b"\n")
        say(id_, good)
    elif name == "asks_what_nobody_offers":
        raw(b'{"jsonrpc":"2.0","id":"q","method":"roots/list"}\n')
        answer = json.loads(sys.stdin.readline())
        say(id_, {"content": [{"type": "text", "text": str(answer["error"]["code"])}], "resultType": "complete"})


def main() -> None:
    for line in sys.stdin:
        message = json.loads(line)
        id_, method, params = message.get("id"), message["method"], message.get("params", {})
        if method == "server/discover":
            say(id_, {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}, "_meta": META})
        elif method == "tools/list":
            page = int(params.get("cursor", "0")) + 1
            say(id_, {"tools": [], "nextCursor": str(page), "ttlMs": 0, "cacheScope": "private"})
        elif method == "prompts/list":
            say(id_, {"prompts": [], "nextCursor": "again"})
        elif method == "resources/list":
            say(id_, {"resources": "none"})
        elif method == "tools/call":
            tool(id_, params["name"])


main()
