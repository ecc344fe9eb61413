"""A skill: a typed function, compiled when it is registered. Spec: A2A 1.0 section 4.4.5 (AgentSkill)."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypedDict

from wireproof.a2a.errors import invalid
from wireproof.a2a.turn import Turn
from wireproof.schemas.docstring import read_docstring
from wireproof.schemas.jsonrpc import JSONObject, is_object
from wireproof.schemas.signature import ArgumentsInvalid, Inputs, compile_inputs, type_hints
from wireproof.tasks.kinds import Retry

DEFAULT_MODES: Final = ("text/plain", "application/json")


class SkillOptions(TypedDict, total=False):
    """How a skill is shown and run."""

    id: str
    name: str
    description: str
    tags: Sequence[str]
    examples: Sequence[str]
    input_modes: Sequence[str]
    output_modes: Sequence[str]
    task: bool
    time_limit: float | None
    retry: Retry


@dataclass(frozen=True, slots=True)
class Skill:
    """A registered skill. `makes_task` False: it answers with a Message."""

    id: str
    name: str
    description: str
    tags: tuple[str, ...]
    examples: tuple[str, ...]
    input_modes: tuple[str, ...]
    output_modes: tuple[str, ...]
    makes_task: bool
    time_limit: float | None
    retry: Retry
    function: Callable[..., Any] = field(repr=False)
    inputs: Inputs = field(repr=False)
    turn_parameter: str | None = None
    text_parameter: str | None = None

    @property
    def is_generator(self) -> bool:
        """True for an async generator function, whose updates are told as they are yielded."""
        return inspect.isasyncgenfunction(self.function)

    def card(self) -> JSONObject:
        """The AgentSkill."""
        shown: JSONObject = {
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "tags": list(self.tags),
        }
        if self.examples:
            shown["examples"] = list(self.examples)
        if self.input_modes:
            shown["inputModes"] = list(self.input_modes)
        if self.output_modes:
            shown["outputModes"] = list(self.output_modes)
        return shown

    def arguments(self, turn: Turn) -> dict[str, Any]:
        """What the function is called with. Raises `A2AError` (invalid params) when the message does not fit."""
        found: dict[str, Any] = {} if self.turn_parameter is None else {self.turn_parameter: turn}
        if not self.inputs.names:
            return found
        given = turn.data
        if not is_object(given):
            given = {} if self.text_parameter is None or not turn.text else {self.text_parameter: turn.text}
        try:
            return found | self.inputs.validate(given)
        except ArgumentsInvalid as error:
            raise invalid("message.parts", f"do not fit the skill {self.id!r}: {error}") from None

    async def call(self, turn: Turn) -> Any:
        """Call a function that is no generator. `Any`: its value is the author's."""
        arguments = self.arguments(turn)
        if inspect.iscoroutinefunction(self.function):
            return await self.function(**arguments)
        from anyio.to_thread import run_sync

        value: Any = await run_sync(lambda: self.function(**arguments))
        return await value if inspect.isawaitable(value) else value

    def updates(self, turn: Turn) -> AsyncGenerator[Any, None]:
        """The updates of a generator function."""
        generator: AsyncGenerator[Any, None] = self.function(**self.arguments(turn))
        return generator


def compile_skill(function: Callable[..., Any], options: SkillOptions) -> Skill:
    """Compile a function. Raises `SignatureError` for one that cannot be called with a message."""
    hints = type_hints(function)
    names = list(inspect.signature(function).parameters)
    turn_parameter = next((name for name in names if hints.get(name) is Turn), None)
    if turn_parameter is None and names == ["turn"] and "turn" not in hints:
        turn_parameter = "turn"
    inputs = compile_inputs(function, skip=[turn_parameter] if turn_parameter else (), hints=hints)
    texts = [name for name in inputs.names if hints.get(name, str) is str]
    described = read_docstring(inspect.getdoc(function) or "").description
    name: str = options.get("id") or str(getattr(function, "__name__", "skill"))
    return Skill(
        id=name,
        name=options.get("name") or name.replace("_", " ").strip().capitalize(),
        description=options.get("description") or described or f"The skill {name}.",
        tags=tuple(options.get("tags", ())),
        examples=tuple(options.get("examples", ())),
        input_modes=tuple(options.get("input_modes", ())),
        output_modes=tuple(options.get("output_modes", ())),
        makes_task=options.get("task", turn_parameter is not None),
        time_limit=options.get("time_limit"),
        retry=options.get("retry", Retry()),
        function=function,
        inputs=inputs,
        turn_parameter=turn_parameter,
        text_parameter=texts[0] if len(texts) == 1 else None,
    )
