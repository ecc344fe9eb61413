"""Byte inputs that are no message, in the package, for every target: our own small corpus of hostile JSON."""

from __future__ import annotations

from typing import Final

NOT_JSON: Final[tuple[bytes, ...]] = (
    b"{",
    b"}",
    b"[",
    b'{"jsonrpc":"2.0","id":1,"method":"ping"',
    b'{"jsonrpc":"2.0","id":1,"method":"ping",}',
    b"{'jsonrpc':'2.0','id':1,'method':'ping'}",
    b'{"jsonrpc":"2.0" "id":1}',
    b"hello",
    b"nul",
    b"+1",
    b"01",
    b"1.",
    b".5",
    b'"unterminated',
    b'"\\x00"',
    b'{"a":undefined}',
    b"{1:2}",
    b"[1,]",
    b"// comment",
    b"<xml/>",
    b'{"jsonrpc":"2.0","id":1,"method":"ping"}}',
    b'{"jsonrpc":"2.0","id":1,"method":"ping"} {"jsonrpc":"2.0"}',
)
"""Text that no JSON parser may accept."""

NOT_UTF8: Final[tuple[bytes, ...]] = (
    b'{"jsonrpc":"2.0","id":1,"method":"\xff\xfe"}',
    b'{"jsonrpc":"2.0","id":1,"method":"\xc3("}',
    b'{"jsonrpc":"2.0","id":1,"method":"\xed\xa0\x80"}',
    b"\xff",
)
"""Bytes that are no UTF-8."""

NOT_A_MESSAGE: Final[tuple[bytes, ...]] = (
    b"{}",
    b"1",
    b"null",
    b"true",
    b'"text"',
    b'{"jsonrpc":"2.0"}',
    b'{"jsonrpc":"2.0","id":"x1","method":1}',
    b'{"jsonrpc":"2.0","id":"x2","method":null}',
    b'{"jsonrpc":"2.0","id":"x3","params":{}}',
)
"""Good JSON that is no JSON-RPC message."""


def deep(levels: int = 100_000) -> bytes:
    """A message nested this deep."""
    return b'{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":' + b"[" * levels + b"]" * levels + b"}}"
