"""What an author may say of a tool that can be a task. Knows no wire and no store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from wireproof.tasks.kinds import Retry

Support: TypeAlias = Literal["required", "optional", "forbidden"]
"""`execution.taskSupport` of 2025-11-25; 2026-07-28 servers decide by the same word."""

_SUPPORTS: Final = ("required", "optional", "forbidden")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOptions:
    """How a tool is a task.

    `support`: `optional` runs in place for clients that cannot follow tasks, `required` refuses them, `forbidden`
    never makes a task. `deferred`: the call runs in place until it awaits `context.become_task()`; what ends or asks
    before that is an ordinary call. `ttl_s`: seconds from creation until the task may be removed, None for never;
    a client of 2025-11-25 may ask for less. `poll_s`: the seconds between looks that clients are advised to keep.
    `retry`: what happens after an exception that is no `ToolError`, and after the death of the process; None is the
    default of `wireproof.tasks.Retry`: not again after an exception, three times again after a death.
    """

    support: Support = "optional"
    deferred: bool = False
    ttl_s: float | None = 24 * 3600.0
    poll_s: float = 0.5
    retry: Retry | None = None

    def __post_init__(self) -> None:
        if self.support not in _SUPPORTS:
            raise ValueError(f"task support is one of {', '.join(_SUPPORTS)}, not {self.support!r}")
        if self.ttl_s is not None and not 1e-3 <= self.ttl_s <= 1e10:
            raise ValueError("ttl_s is a number of seconds above 0, or None")
        if not 1e-3 <= self.poll_s <= 1e6:
            raise ValueError("poll_s is a number of seconds above 0")

    @property
    def makes_tasks(self) -> bool:
        """False only for `forbidden`."""
        return self.support != "forbidden"


TaskOption: TypeAlias = bool | Support | TaskOptions
"""What `@server.tool(task=…)` takes: True is `optional`."""


def task_options(option: TaskOption | None) -> TaskOptions | None:
    """The options of a tool; None for a tool that says nothing of tasks. Raises `ValueError`."""
    if option is None or option is False:
        return None
    if option is True:
        return TaskOptions()
    return option if isinstance(option, TaskOptions) else TaskOptions(support=option)
