"""A client under test on one transport and revision, as a check sees it. Judges nothing."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field

from wireproof.conformance.clients.record import Record
from wireproof.conformance.clients.server import Play
from wireproof.conformance.clients.stage import staged
from wireproof.conformance.verdict import NotHere, Recorder

LIMIT = 20.0
"""Seconds after which a client that met an honest server is killed."""
PATIENCE = 10.0
"""Seconds that a client gets to notice that a server does not keep the rules."""


@dataclass(slots=True)
class ClientCell:
    """A command, a transport and a revision."""

    command: Sequence[str]
    transport: str
    revision: str
    recorder: Recorder = field(default_factory=Recorder)
    _honest: Record | None = None
    _shown: Recorder | None = None

    async def honest(self) -> Record:
        """What the client did with the honest server; played once. Raises `NotHere` when it does not speak this."""
        if self._honest is None:
            self._honest = await self.play("", LIMIT)
            self._shown = self.recorder
        else:
            assert self._shown is not None
            self.recorder.exchanges[:] = self._shown.exchanges
        self.recorder.command = f"wireproof check-client --command {shlex.quote(shlex.join(self.command))}"
        if not self._honest.called:
            raise NotHere("The client did not call the tool, so it does not speak this revision on this transport.")
        return self._honest

    async def play(self, twist: str, limit: float = PATIENCE) -> Record:
        """What the client did with a server that has this twist."""
        return await staged(self.command, self.transport, Play(self.revision, twist), self.recorder, limit)

    async def close(self) -> None:
        """Nothing is shared."""
