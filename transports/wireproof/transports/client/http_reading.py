"""What comes back over HTTP: messages are sorted into the answer that is waited for, and the rest.

Knows no connection and no method.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final

from wireproof.schemas.jsonrpc import Batch, Failure, Notification, Outcome, Refusal, Request, RequestId, Result, decode
from wireproof.transports.client.carrier import Answered, BadAnswer, HeaderFields
from wireproof.transports.client.event_source import StreamEvent
from wireproof.transports.client.http_connection import Incoming
from wireproof.transports.client.questions import Questions

log = logging.getLogger("wireproof.transports.client")


def media_type(response: Incoming) -> str:
    """The media type of a response, without parameters, in lower case; "" when it names none."""
    return (response.header("content-type") or "").partition(";")[0].strip(" \t").lower()


def is_answer_to(message: Result | Failure, id_: RequestId | None) -> bool:
    """Whether the ids are the same; 1 and "1" are not."""
    return type(message.id) is type(id_) and message.id == id_


class Reader:
    """Reads the messages of one exchange. `headers` are those of the exchange, for answers to its questions."""

    def __init__(self, questions: Questions, headers: HeaderFields, max_bytes: int) -> None:
        self._questions: Final = questions
        self._headers: Final = headers
        self._max: Final = max_bytes

    async def whole(self, body: bytes, id_: RequestId) -> Answered:
        """A body that is the answer, or a batch with it. Raises `BadAnswer`."""
        message = decode(body, max_bytes=self._max)
        if type(message) is Result and is_answer_to(message, id_):
            return Answered(message)
        answered = await self._take(message, id_)
        if answered is None:
            raise BadAnswer("the server's JSON body does not hold the answer to the request")
        return answered

    async def events(self, events: Iterable[StreamEvent], id_: RequestId | None) -> Answered | None:
        """Take events in order; the answer to `id_` when it is among them. Raises `BadAnswer`."""
        answered: Answered | None = None
        for event in events:
            if event.event == "message" and event.data:  # other events, and those that only carry an id, say nothing
                answered = await self._take(decode(event.data.encode(), max_bytes=self._max), id_) or answered
        return answered

    async def _take(self, message: Outcome, id_: RequestId | None) -> Answered | None:
        if isinstance(message, Notification):
            self._questions.endpoint.notice(message, self._questions)
        elif isinstance(message, Request):
            await self._questions.take(message, self._headers)
        elif isinstance(message, Batch):
            answered: Answered | None = None
            for item in message.items:
                answered = await self._take(item, id_) or answered
            return answered
        elif isinstance(message, Refusal):
            if id_ is not None:
                raise BadAnswer(f"the server's answer is no JSON-RPC message: {message.message}")
            log.warning("a message of the server is no JSON-RPC message and is ignored: %s", message.message)
        elif is_answer_to(message, id_) or (isinstance(message, Failure) and message.id is None and id_ is not None):
            return Answered(message)
        else:
            log.warning("the server answered with id %.80r, which is not the request's", message.id)
        return None
