"""What reading the specification said of each failure of a peer, by check."""

from __future__ import annotations

from typing import Final

HAND: Final[dict[str, str]] = {
    "framing.bad-json.answered": (
        "JSON-RPC 2.0, section 5, wants a response to everything that is no notification, with a null id "
        "where none can be read. The process says nothing on stdout, so a client that waits for an answer "
        "waits for ever."
    ),
    "framing.bad-utf8.answered": (
        "JSON-RPC 2.0, section 5, wants a response to everything that is no notification, with a null id "
        "where none can be read. The process says nothing on stdout, so a client that waits for an answer "
        "waits for ever."
    ),
    "framing.invalid-request.answered": (
        "JSON-RPC 2.0, section 5, wants a response to everything that is no notification, with a null id "
        "where none can be read. The process says nothing on stdout, so a client that waits for an answer "
        "waits for ever."
    ),
    "framing.invalid-request.code": (
        "JSON-RPC 2.0, section 5.1: what is JSON and no request object is -32600; -32700 is for text that is "
        "no JSON, -32602 for the parameters of a request."
    ),
    "framing.method-not-found": ("JSON-RPC 2.0, section 5.1: a method that does not exist is -32601."),
    "framing.batch.received": (
        "2025-03-26, basic, Batching: implementations MUST support receiving batches. The server agreed to "
        "this very revision in its initialize result."
    ),
    "http.header.version.differs": (
        "2026-07-28, Streamable HTTP, Protocol Version Header: values that do not match MUST be rejected with"
        " 400 and HeaderMismatch (-32020). It is a 400, with another error: the server chose its era by the "
        "header alone and did not look at _meta."
    ),
    "http.origin": (
        "Every revision since 2025-03-26: the Origin header of all incoming connections MUST be validated. "
        "The server answers a page of http://evil.example like any other caller."
    ),
    "http.host": (
        "No page says so: a rule of this suite, shown as a warning. With a foreign Origin taken too, a page "
        "can reach the server by DNS rebinding."
    ),
    "life.eof.drains": (
        "No page says so: a rule of this suite, shown as a warning. Requests that were read and not yet "
        "answered are dropped when stdin ends."
    ),
    "life.term.streams": ("No page says so: a rule of this suite, shown as a warning."),
    "logging.level": ("Logging, Error Handling, of the session revisions: an invalid level SHOULD be -32602."),
    "paging.bad-cursor": (
        "Pagination, Error Handling: an invalid cursor SHOULD result in -32602. The cursor is ignored and the"
        " first page comes again."
    ),
    "prompts.arguments": ("Prompts, Error Handling: missing required arguments SHOULD be -32602."),
    "prompts.unknown": ("Prompts, Error Handling: an invalid prompt name SHOULD be -32602."),
    "resources.unknown.legacy": (
        "Resources, Error Handling, of the session revisions: not found SHOULD be -32002; -32602 is the code "
        "of 2026-07-28."
    ),
    "session.unknown": (
        "2025-03-26 and later, Session Management: requests with the id of a session that ended MUST get 404,"
        " which tells the client to begin again. A 400 does not."
    ),
    "session.delete": (
        "2025-03-26 and later, Session Management: after a session ended the server MUST respond with 404."
    ),
    "subscription.end": (
        "2026-07-28, Subscriptions, Graceful Closure: a server that ends a subscription SHOULD respond to its"
        " request. The process ended and the request was never answered."
    ),
    "tools.unknown": (
        "Tools, Error Handling: an unknown tool is listed under protocol errors; it came as a result with isError."
    ),
    "use.cancelled-calls": (
        "No page says so: a rule of this suite, shown as a warning. Confirmed by a script of its own: with 30"
        " calls, each cancelled at once, the process ends with anyio.BrokenResourceError and the exit code 1."
    ),
    "use.leak": (
        "No page says so: a rule of this suite, shown as a warning. Resident memory went on growing in every "
        "window of 600 requests."
    ),
    "a2a.card.cache": (
        "A2A 1.0, 8.6.1: the card SHOULD come with Cache-Control and max-age, and with an ETag. It comes with neither."
    ),
    "a2a.push.inside": (
        "A2A 1.0, 13.2: webhook URLs SHOULD be validated against SSRF: private ranges and metadata services are "
        "named there. The configuration is taken and would be called."
    ),
    "a2a.send.no-parts": (
        "A2A 1.0, 5.7: required fields MUST be there, and a required list has at least one element. The message goes "
        "to the author's code, which fails, and a failed task is kept."
    ),
    "a2a.version.patch": (
        "A2A 1.0, 3.6: patch numbers MUST NOT be considered in negotiation. 1.0.9 is refused although 1.0 is spoken."
    ),
    "a2a.wire.bad-json": (
        "A2A 1.0, 5.4 and 9.5: a payload that is no JSON is -32700. An empty body is none, and the answer is -32602, "
        "which is for the parameters of a request."
    ),
    "a2a.wire.bad-utf8": (
        "A2A 1.0, 14.1.1: JSON text MUST be UTF-8, and 9.5 has -32700 for what cannot be parsed. The agent either "
        "answers with an internal error, as if the fault were its own, or takes the bytes with replacement characters "
        "in the place of what was sent."
    ),
    "a2a.wire.large": (
        "A2A 1.0, 13.4: agents SHOULD limit the sizes of messages. A message of 64 MiB is read, kept and sent back."
    ),
    "a2a.wire.no-object": (
        "JSON-RPC 2.0, section 5.1: what is JSON and no request object is -32600; -32602 is for the parameters of one."
    ),
}
