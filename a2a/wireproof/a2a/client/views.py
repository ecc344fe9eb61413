"""Typed views over documents of the wire: thin, frozen, nothing copied; `.wire` is what came.

Spec: A2A 1.0 sections 4.1 and 4.2.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from wireproof.a2a.parts import data_of, text_of
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_object
from wireproof.tasks.records import Status

TERMINAL: Final = frozenset(f"TASK_STATE_{status.name}" for status in Status if status.is_terminal)
INTERRUPTED: Final = frozenset({"TASK_STATE_INPUT_REQUIRED", "TASK_STATE_AUTH_REQUIRED"})


@dataclass(frozen=True, slots=True)
class View:
    """A document of the wire."""

    wire: JSONObject

    @property
    def metadata(self) -> Mapping[str, JSONValue]:
        """The metadata; {} for none."""
        found: JSONValue = self.wire.get("metadata")
        return found if is_object(found) else {}

    def _text(self, name: str) -> str:
        found: JSONValue = self.wire.get(name)
        return found if isinstance(found, str) else ""


@dataclass(frozen=True, slots=True)
class Part(View):
    """One part of a message or artifact: text, bytes, a URL, or data."""

    @property
    def text(self) -> str | None:
        """The text; None when this is no text."""
        return self.wire.get("text")

    @property
    def data(self) -> JSONValue:
        """The structured value; None when there is none (see `has_data`)."""
        return self.wire.get("data")

    @property
    def has_data(self) -> bool:
        """Whether this is data; its value may be null."""
        return "data" in self.wire

    @property
    def raw(self) -> bytes | None:
        """The bytes of a file; None when this is no file with bytes. Raises `ValueError` for bad base64."""
        found: JSONValue = self.wire.get("raw")
        if not isinstance(found, str):
            return None
        try:
            return base64.b64decode(found.replace("-", "+").replace("_", "/") + "=" * (-len(found) % 4), validate=True)
        except binascii.Error as error:
            raise ValueError("the part's bytes are no base64") from error

    @property
    def url(self) -> str | None:
        """Where a file can be fetched."""
        return self.wire.get("url")

    @property
    def filename(self) -> str:
        """The file's name; "" for none."""
        return self._text("filename")

    @property
    def media_type(self) -> str:
        """The media type; "" for none."""
        return self._text("mediaType")


@dataclass(frozen=True, slots=True)
class _WithParts(View):
    @property
    def parts(self) -> Sequence[Part]:
        """The parts."""
        return [Part(each) for each in self.wire.get("parts", ())]

    @property
    def text(self) -> str:
        """The texts of all parts, one a line."""
        return text_of(self.wire.get("parts", ()))

    @property
    def data(self) -> JSONValue:
        """The value of the first data part; None for none."""
        return data_of(self.wire.get("parts", ()))


@dataclass(frozen=True, slots=True)
class Message(_WithParts):
    """A message of either side."""

    @property
    def id(self) -> str:
        """Its `messageId`."""
        return self._text("messageId")

    @property
    def context_id(self) -> str:
        """The context it belongs to; "" for none."""
        return self._text("contextId")

    @property
    def task_id(self) -> str:
        """The task it belongs to; "" for none."""
        return self._text("taskId")

    @property
    def is_of_agent(self) -> bool:
        """Whether the agent wrote it."""
        return self.wire.get("role") == "ROLE_AGENT"


@dataclass(frozen=True, slots=True)
class Artifact(_WithParts):
    """A result of a task."""

    @property
    def id(self) -> str:
        """Its `artifactId`."""
        return self._text("artifactId")

    @property
    def name(self) -> str:
        """Its name; "" for none."""
        return self._text("name")

    @property
    def description(self) -> str:
        """What it is; "" for none."""
        return self._text("description")


@dataclass(frozen=True, slots=True)
class _WithStatus(View):
    @property
    def _status(self) -> JSONObject:
        found: JSONValue = self.wire.get("status")
        return found if is_object(found) else {}

    @property
    def state(self) -> str:
        """The state as the wire has it, e.g. `TASK_STATE_WORKING`."""
        return str(self._status.get("state", "TASK_STATE_UNSPECIFIED"))

    @property
    def message(self) -> Message | None:
        """What the agent says with this status."""
        found: JSONValue = self._status.get("message")
        return Message(found) if is_object(found) else None

    @property
    def text(self) -> str:
        """The text that the agent says with this status; "" for none."""
        return self.message.text if self.message is not None else ""

    @property
    def has_ended(self) -> bool:
        """Whether the task is in a terminal state."""
        return self.state in TERMINAL

    @property
    def is_interrupted(self) -> bool:
        """Whether the task waits for its caller: input or authorization."""
        return self.state in INTERRUPTED

    @property
    def wants_input(self) -> bool:
        """Whether the agent asks something; `text` is the question."""
        return self.state == "TASK_STATE_INPUT_REQUIRED"

    @property
    def context_id(self) -> str:
        """The context of the task."""
        return self._text("contextId")


@dataclass(frozen=True, slots=True)
class Task(_WithStatus):
    """A task as it was when this came."""

    @property
    def id(self) -> str:
        """Its id."""
        return self._text("id")

    @property
    def task_id(self) -> str:
        """Its id, under the name that events have for it."""
        return self._text("id")

    @property
    def artifacts(self) -> Sequence[Artifact]:
        """The results so far."""
        return [Artifact(each) for each in self.wire.get("artifacts", ())]

    @property
    def history(self) -> Sequence[Message]:
        """The messages, oldest first, as far as the agent tells them."""
        return [Message(each) for each in self.wire.get("history", ())]

    @property
    def result(self) -> str:
        """The text of all artifacts, one a line; the text of the status where there is none."""
        texts = [text for artifact in self.artifacts if (text := artifact.text)]
        return "\n".join(texts) if texts else self.text


@dataclass(frozen=True, slots=True)
class StatusUpdate(_WithStatus):
    """An event: the task is in this status now."""

    @property
    def task_id(self) -> str:
        """The task's id."""
        return self._text("taskId")


@dataclass(frozen=True, slots=True)
class ArtifactUpdate(View):
    """An event: a result, or more of one."""

    @property
    def task_id(self) -> str:
        """The task's id."""
        return self._text("taskId")

    @property
    def context_id(self) -> str:
        """The context of the task."""
        return self._text("contextId")

    @property
    def artifact(self) -> Artifact:
        """The result, or the parts that are added to it."""
        return Artifact(self.wire.get("artifact", {}))

    @property
    def text(self) -> str:
        """The text of these parts."""
        return self.artifact.text

    @property
    def append(self) -> bool:
        """Whether the parts are added to those that came before."""
        return self.wire.get("append") is True

    @property
    def last_chunk(self) -> bool:
        """Whether the artifact is whole now."""
        return self.wire.get("lastChunk") is True


Event: TypeAlias = Task | Message | StatusUpdate | ArtifactUpdate


@dataclass(frozen=True, slots=True)
class TaskPage:
    """One page of `list_tasks`. `next_page_token` is "" on the last one; `total` counts all that match."""

    tasks: Sequence[Task]
    next_page_token: str
    total: int


@dataclass(frozen=True, slots=True)
class PushConfig(View):
    """A webhook of a task."""

    @property
    def id(self) -> str:
        """Its id."""
        return self._text("id")

    @property
    def task_id(self) -> str:
        """The task's id."""
        return self._text("taskId")

    @property
    def url(self) -> str:
        """Where notifications go."""
        return self._text("url")


def event_of(wire: JSONObject) -> Event:
    """The view of a canonical StreamResponse or SendMessageResponse."""
    ((name, value),) = (
        (key, wire[key]) for key in ("task", "message", "statusUpdate", "artifactUpdate") if key in wire
    )
    kinds: Mapping[str, type[Event]] = {
        "task": Task,
        "message": Message,
        "statusUpdate": StatusUpdate,
        "artifactUpdate": ArtifactUpdate,
    }
    return kinds[name](value)
