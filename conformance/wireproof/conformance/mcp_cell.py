"""One MCP target in one transport and revision, as a check sees it: its conversation, its facts, its lists.

Facts are asked for once and kept. Judges nothing.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from typing import Final

from wireproof.conformance.inputs import minimal
from wireproof.conformance.ledger import HTTP, SSE, STDIO
from wireproof.conformance.probe.child import Child
from wireproof.conformance.probe.duplex_talk import SseTalk, StdioTalk, WebSocketTalk
from wireproof.conformance.probe.http_talk import HttpTalk
from wireproof.conformance.probe.talk import META, Answer, DuplexTalk, Talk
from wireproof.conformance.shapes import as_object
from wireproof.conformance.target import Target
from wireproof.conformance.verdict import Broken, NotHere, PeerGone, Recorder, Unsure
from wireproof.schemas.jsonrpc import JSONObject, is_array, is_object

DESTRUCTIVE: Final = re.compile(
    r"(?i)(delete|remove|drop|destroy|kill|purge|erase|wipe|reset|send|mail|pay|buy|transfer|deploy|exec|shell|"
    r"write|overwrite|format|shutdown|restart|publish|merge|push)"
)
"""Names that look as if a call could do harm."""
MAX_PAGES: Final = 50


@dataclass(frozen=True, slots=True)
class Options:
    """What a user allows and limits."""

    allow_tools: frozenset[str] = frozenset()
    bearer: str | None = None
    seed: int = 0
    patience: float = 5.0
    """Seconds in which a process has to be gone after its input ended or it was told to end."""


@dataclass(slots=True)
class Cell:
    """A target, a transport and a revision."""

    target: Target
    transport: str
    revision: str
    options: Options = field(default_factory=Options)
    recorder: Recorder = field(default_factory=Recorder)
    opening: Answer = field(default_factory=Answer)
    """The answer to `server/discover` or `initialize`."""
    remembered: dict[str, JSONObject] = field(default_factory=dict[str, JSONObject])
    """What one check found out and another can use."""
    locked: bool = False
    """True when the target lets nobody in without a token, and none was given that it takes."""
    _talk: Talk | None = None
    _lists: dict[str, list[JSONObject]] = field(default_factory=dict[str, list[JSONObject]])

    async def dial(self) -> Talk:
        """A fresh connection, nothing sent yet."""
        url = self.target.url or ""
        if self.transport == STDIO:
            return await StdioTalk.open(list(self.target.command), self.revision, self.recorder)
        if self.transport == HTTP:
            return HttpTalk(url, self.revision, self.recorder, bearer=self.options.bearer)
        if self.transport == SSE:
            return await SseTalk.open(url, self.revision, self.recorder)
        return await WebSocketTalk.open(url, self.revision, self.recorder)

    async def talk(self) -> Talk:
        """The shared conversation, opened again when it had ended."""
        held = self._talk
        if isinstance(held, DuplexTalk) and held.ended.is_set():
            await held.close()
            held = None
        if held is None:
            held = await self.dial()
            await held.handshake()
            self._talk = held
        held.recorder = self.recorder
        return held

    def adopt(self, talk: Talk) -> None:
        """Share this conversation from now on."""
        self._talk = talk

    @contextlib.asynccontextmanager
    async def own(self, *, handshake: bool = True, capabilities: JSONObject | None = None) -> AsyncGenerator[Talk]:
        """A conversation of its own, closed at the end."""
        talk = await self.dial()
        try:
            if handshake:
                await talk.handshake(capabilities=capabilities)
            yield talk
        finally:
            await talk.close()

    @contextlib.asynccontextmanager
    async def process(self) -> AsyncGenerator[tuple[Child, Talk]]:
        """A process of the target that may be signalled, and a conversation with it. Raises `NotHere` without one."""
        if self.transport == STDIO:
            async with self.own() as talk:
                assert isinstance(talk, StdioTalk)
                yield talk.child, talk
        elif self.target.spawn and self.transport == HTTP:
            from wireproof.conformance.probe.served import served

            template = replace(self.target, url=self.target.template)
            async with served(template) as (target, child):
                other = replace(self, target=target, _talk=None)
                async with other.own() as talk:
                    yield child, talk
        else:
            raise NotHere("The process of the target is not ours to signal; give its command with --spawn.")

    @contextlib.asynccontextmanager
    async def older(self, revision: str) -> AsyncGenerator[Talk]:
        """A conversation of its own in another revision, nothing sent yet; closed at the end."""
        talk = await replace(self, revision=revision, _talk=None).dial()
        try:
            yield talk
        finally:
            await talk.close()

    async def close(self) -> None:
        """Close the shared conversation."""
        if self._talk is not None:
            await self._talk.close()
            self._talk = None

    @property
    def is_modern(self) -> bool:
        """True in a revision without a handshake."""
        return self.revision >= "2026-07-28"

    @property
    def capabilities(self) -> JSONObject:
        """What the server declared."""
        found = as_object(as_object(self.opening.message).get("result")).get("capabilities")
        return found if is_object(found) else {}

    def need(self, *path: str) -> None:
        """Raise `NotHere` unless the server declared this capability."""
        value: object = self.capabilities
        for name in path:
            value = value.get(name) if is_object(value) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        if value is None or value is False:
            raise NotHere(f"The server does not declare the capability {'.'.join(path)}.")

    async def listing(self, method: str, member: str) -> list[JSONObject]:
        """All items of a list method over its pages. Raises `Broken` when a page is no list."""
        if method in self._lists:
            return self._lists[method]
        talk = await self.talk()
        items: list[JSONObject] = []
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            result = (await talk.request(method, {"cursor": cursor} if cursor is not None else None)).result
            page = result.get(member)
            if not is_array(page):
                raise Broken(f"The result of {method} has no list {member!r}.")
            items += [item for item in page if is_object(item)]
            cursor = result.get("nextCursor")
            if not isinstance(cursor, str):
                break
        self._lists[method] = items
        return items

    async def tools(self) -> list[JSONObject]:
        """The tools; raises `NotHere` without the capability."""
        self.need("tools")
        return await self.listing("tools/list", "tools")

    def is_allowed(self, tool: JSONObject) -> bool:
        """True when the tool may be called: named by the user, or nothing about it looks destructive."""
        name = str(tool.get("name"))
        if name in self.options.allow_tools:
            return True
        notes = tool.get("annotations")
        hints: JSONObject = notes if is_object(notes) else {}
        if hints.get("readOnlyHint") is True:
            return True
        return hints.get("destructiveHint") is not True and DESTRUCTIVE.search(name) is None

    async def callable_tools(self) -> list[JSONObject]:
        """The tools that may be called. Raises `NotHere` when there is none."""
        found = [tool for tool in await self.tools() if self.is_allowed(tool)]
        if not found:
            raise NotHere("No tool may be called; name one with --allow-tool.")
        return found

    def arguments_for(self, tool: JSONObject) -> JSONObject:
        """The smallest arguments that its schema takes."""
        made = minimal(as_object(tool.get("inputSchema")))
        return made if is_object(made) else {}

    async def call(self, talk: Talk, tool: JSONObject, **options: JSONObject) -> Answer:
        """Call a tool with generated arguments."""
        params = {"name": tool["name"], "arguments": self.arguments_for(tool)}
        return await talk.request("tools/call", params, meta=options.get("meta"), timeout=6)

    async def quick_tool(self, *, may_fail: bool = False) -> JSONObject:
        """A tool that answers generated arguments with a complete result. Raises `Unsure` when none does.

        `may_fail`: a result that tells of the tool's own failure will do.
        """
        kept = "quick, may fail" if may_fail else "quick"
        if kept in self._lists:
            return self._lists[kept][0]
        talk = await self.talk()
        for tool in (await self.callable_tools())[:8]:
            answer = await self.call(talk, tool)
            result = as_object(answer.message).get("result")
            if is_object(result) and (may_fail or not result.get("isError")) and "content" in result:
                self._lists[kept] = [tool]
                return tool
        raise Unsure("No tool answered generated arguments with a result.")

    async def resources(self) -> list[JSONObject]:
        """The resources; raises `NotHere` without the capability or without any."""
        self.need("resources")
        return await self.listing("resources/list", "resources")

    async def prompts(self) -> list[JSONObject]:
        """The prompts; raises `NotHere` without the capability."""
        self.need("prompts")
        return await self.listing("prompts/list", "prompts")


async def open_cell(target: Target, transport: str, revision: str, options: Options) -> Cell | None:
    """The cell when the target speaks this revision on this transport, else None. Raises PeerGone when unreachable."""
    cell = Cell(target, transport, revision, options)
    talk = await cell.dial()
    try:
        if cell.is_modern:
            cell.opening = await talk.request("server/discover", timeout=20)
            result = as_object(cell.opening.message).get("result")
            versions = result.get("supportedVersions") if is_object(result) else None
            speaks = is_array(versions) and revision in versions
        else:
            cell.opening = await talk.handshake()
            result = as_object(cell.opening.message).get("result")
            speaks = is_object(result) and result.get("protocolVersion") == revision
    except BaseException:
        await talk.close()
        raise
    if cell.opening.status == 401:
        cell.locked = True
        await talk.close()
        return cell
    if speaks:
        cell.adopt(talk)
        return cell
    await talk.close()
    return None


def server_name(cell: Cell) -> str:
    """Name and version as the server says them."""
    result = as_object(as_object(cell.opening.message).get("result"))
    info = as_object(result.get("serverInfo") or as_object(result.get("_meta")).get(f"{META}serverInfo"))
    return f"{info.get('name', '')} {info.get('version', '')}".strip()


__all__ = ["Cell", "Options", "PeerGone", "open_cell", "server_name"]
