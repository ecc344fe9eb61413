"""Dependency injection: values that a function needs and a caller never sees.

`Depends(provider)` stands as default or in `Annotated`. A provider may be sync or async, may be a generator (what
follows its `yield` is the clean-up), and may need the context or other providers. Compiled at registration.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from wireproof.schemas.signature import SignatureError, type_hints

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Depends(Generic[T]):
    """A parameter that `provider` gives. One call makes each provider's value once, unless `fresh`."""

    provider: Callable[..., Any]
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Needs:
    """The injected parameters of one function."""

    context: tuple[str, ...]
    providers: tuple[tuple[str, _Provider], ...]

    @property
    def names(self) -> frozenset[str]:
        """The parameters that no caller passes."""
        return frozenset(self.context) | {name for name, _ in self.providers}

    def __bool__(self) -> bool:
        return bool(self.context or self.providers)

    async def fill(self, context: object, stack: AsyncExitStack) -> dict[str, Any]:
        """The injected values; clean-up goes onto `stack`."""
        made: dict[Callable[..., Any], Any] = {}
        return await self.fill_with(context, stack, made)

    async def fill_with(
        self, context: object, stack: AsyncExitStack, made: dict[Callable[..., Any], Any]
    ) -> dict[str, Any]:
        values: dict[str, Any] = dict.fromkeys(self.context, context)
        for name, provider in self.providers:
            values[name] = await provider.make(context, stack, made)
        return values


@dataclass(frozen=True, slots=True)
class _Provider:
    function: Callable[..., Any]
    needs: Needs
    fresh: bool

    async def make(self, context: object, stack: AsyncExitStack, made: dict[Callable[..., Any], Any]) -> Any:
        if not self.fresh and self.function in made:
            return made[self.function]
        arguments = await self.needs.fill_with(context, stack, made)
        value = await _call(self.function, arguments, stack)
        made[self.function] = value
        return value


async def _call(function: Callable[..., Any], arguments: dict[str, Any], stack: AsyncExitStack) -> Any:
    if inspect.isasyncgenfunction(function):
        opened: Callable[..., Any] = asynccontextmanager(function)
        return await stack.enter_async_context(opened(**arguments))
    if inspect.isgeneratorfunction(function):
        held = contextmanager(function)
        return stack.enter_context(held(**arguments))
    value = function(**arguments)
    return await value if inspect.isawaitable(value) else value


NO_NEEDS: Final = Needs((), ())


def find_needs(
    function: Callable[..., Any],
    context_type: type,
    hints: dict[str, Any] | None = None,
    *,
    _above: tuple[Any, ...] = (),
) -> Needs:
    """The injected parameters of `function`. Raises `SignatureError` for a circle of providers."""
    if function in _above:
        raise SignatureError(f"provider {function.__qualname__} depends on itself")
    hints = type_hints(function) if hints is None else hints
    context: list[str] = []
    providers: list[tuple[str, _Provider]] = []
    for name, parameter in inspect.signature(function).parameters.items():
        depends = _find_depends(hints.get(name), parameter.default)
        if depends is not None:
            below = find_needs(depends.provider, context_type, _above=(*_above, function))
            providers.append((name, _Provider(depends.provider, below, depends.fresh)))
        elif _is_context(hints.get(name), context_type):
            context.append(name)
        elif _above and parameter.default is inspect.Parameter.empty:
            raise SignatureError(
                f"parameter {name!r} of provider {function.__qualname__} has nothing to come from: "
                "give it a default, Depends(...) or the context type"
            )
    return Needs(tuple(context), tuple(providers)) if context or providers else NO_NEEDS


def _is_depends(value: object) -> typing.TypeGuard[Depends[Any]]:
    return isinstance(value, Depends)


def _find_depends(annotation: Any, default: Any) -> Depends[Any] | None:
    if _is_depends(default):
        return default
    if typing.get_origin(annotation) is typing.Annotated:
        for extra in typing.get_args(annotation)[1:]:
            if _is_depends(extra):
                return extra
    return None


def _is_context(annotation: Any, context_type: type) -> bool:
    origin = typing.get_origin(annotation)
    found = annotation if origin is None else origin
    return isinstance(found, type) and issubclass(found, context_type)
