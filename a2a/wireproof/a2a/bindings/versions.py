"""The edge of each version: a request comes in as 1.0, and answers go out in the caller's own version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from wireproof.a2a.caller import V0_3, V1_0
from wireproof.a2a.card import Interface
from wireproof.a2a.errors import of_bad_message
from wireproof.schemas.a2a.reading import BadMessage
from wireproof.schemas.jsonrpc import JSONObject, JSONValue


class Edge(Protocol):
    """How one version looks on the wire."""

    def request(self, operation: str, params: JSONObject) -> JSONObject:
        """The params of 1.0. Raises `A2AError`."""
        ...

    def result(self, operation: str, result: JSONValue) -> JSONValue:
        """The result in this version, as JSON-RPC carries it."""
        ...

    def event(self, event: JSONObject) -> JSONObject:
        """One event of a stream, as JSON-RPC carries it."""
        ...

    def hybrid_card(self, card: JSONObject, interfaces: Sequence[Interface]) -> JSONObject:
        """The card, readable for callers of this version too."""
        ...


class _Edge10:
    def request(self, operation: str, params: JSONObject) -> JSONObject:
        return params

    def result(self, operation: str, result: JSONValue) -> JSONValue:
        return result

    def event(self, event: JSONObject) -> JSONObject:
        return event

    def hybrid_card(self, card: JSONObject, interfaces: Sequence[Interface]) -> JSONObject:
        return card


class _Edge03:
    """JSON-RPC of 0.3: bare documents with a `kind`."""

    def request(self, operation: str, params: JSONObject) -> JSONObject:
        from wireproof.schemas.a2a.v03 import request_from_03

        try:
            return request_from_03(operation, params)
        except BadMessage as bad:
            raise of_bad_message(bad) from None

    def result(self, operation: str, result: JSONValue) -> JSONValue:
        from wireproof.schemas.a2a.v03 import result_to_03

        return result_to_03(operation, result)

    def event(self, event: JSONObject) -> JSONObject:
        from wireproof.schemas.a2a.v03 import event_to_03

        return event_to_03(event)

    def hybrid_card(self, card: JSONObject, interfaces: Sequence[Interface]) -> JSONObject:
        from wireproof.schemas.a2a.v03 import card_to_03

        return card_to_03(card)


class _Edge03Proto(_Edge03):
    """gRPC and HTTP+JSON of 0.3: documents as its proto has them."""

    def request(self, operation: str, params: JSONObject) -> JSONObject:
        from wireproof.schemas.a2a.v03_proto import request_from_03_proto

        try:
            return request_from_03_proto(operation, params)
        except BadMessage as bad:
            raise of_bad_message(bad) from None

    def result(self, operation: str, result: JSONValue) -> JSONValue:
        from wireproof.schemas.a2a.v03_proto import result_to_03_proto

        return result_to_03_proto(operation, result)

    def event(self, event: JSONObject) -> JSONObject:
        from wireproof.schemas.a2a.v03_proto import event_to_03_proto

        return event_to_03_proto(event)


_EDGES: Final[dict[str, Edge]] = {V1_0: _Edge10(), V0_3: _Edge03()}
_PROTO_EDGES: Final[dict[str, Edge]] = {V1_0: _EDGES[V1_0], V0_3: _Edge03Proto()}


def edge_of(version: str) -> Edge:
    """The edge of a version that is spoken, for JSON-RPC on whatever wire."""
    return _EDGES[version]


def proto_edge_of(version: str) -> Edge:
    """The edge of a version that is spoken, for gRPC and HTTP+JSON."""
    return _PROTO_EDGES[version]
