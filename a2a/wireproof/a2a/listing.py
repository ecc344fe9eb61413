"""ListTasks: filters, keyset pages with sealed tokens, totals. Spec: A2A 1.0 section 3.1.4."""

from __future__ import annotations

from typing import Final

from wireproof.a2a import documents
from wireproof.a2a.caller import Caller
from wireproof.a2a.errors import invalid
from wireproof.a2a.tasks import history_length
from wireproof.auth.sealing import Keyring, Opened, Seal, bind
from wireproof.schemas.a2a.reading import seconds_of
from wireproof.schemas.jsonrpc import JSONObject
from wireproof.tasks.protocols import Store
from wireproof.tasks.records import Filter, PageToken

_DEFAULT_SIZE: Final = 50
_MAX_SIZE: Final = 100
_TOKEN_S: Final = 86_400.0


class Listing:
    """The pages of one agent. A token opens for its owner and its filters alone."""

    def __init__(self, store: Store, keyring: Keyring) -> None:
        self._store: Final = store
        self._seal: Final = Seal(keyring, purpose="a2a.pageToken", ttl=_TOKEN_S)

    async def list_tasks(self, request: JSONObject, caller: Caller) -> JSONObject:
        """One page, newest status first."""
        size: int = request.get("pageSize", _DEFAULT_SIZE)
        if not 1 <= size <= _MAX_SIZE:
            raise invalid("pageSize", f"must be 1 to {_MAX_SIZE}")
        length = history_length(request)
        where = _filter(request)
        binding = bind("ListTasks", {key: request[key] for key in _FILTERS if key in request})
        after = self._opened(request.get("pageToken", ""), caller, binding)
        page = await self._store.list_tasks(caller.scope, where, page_size=size, after=after)
        with_artifacts: bool = request.get("includeArtifacts", False)
        token = ""
        if page.next is not None:
            token = self._seal.seal(list(page.next), owner=_owner(caller), binding=binding)
        return {
            "tasks": [
                documents.shown(record.snapshot["task"], history_length=length, artifacts=with_artifacts)
                for record in page.records
            ],
            "nextPageToken": token,
            "pageSize": size,
            "totalSize": page.total,
        }

    def _opened(self, token: str, caller: Caller, binding: bytes) -> PageToken | None:
        if not token:
            return None
        opened = self._seal.open(token, owner=_owner(caller), binding=binding)
        if not isinstance(opened, Opened):
            raise invalid("pageToken", "is not one of this listing: start again without it")
        return PageToken(*opened.value)


_FILTERS: Final = ("contextId", "status", "statusTimestampAfter")


def _filter(request: JSONObject) -> Filter:
    status = request.get("status")
    since = request.get("statusTimestampAfter")
    return Filter(
        context_id=request.get("contextId", ""),
        statuses=frozenset({documents.STATUSES[status]}) if status is not None else frozenset(),
        status_after=seconds_of(since) if since is not None else 0.0,
    )


def _owner(caller: Caller) -> str:
    return f"{caller.scope.owner}\n{caller.scope.tenant}"
