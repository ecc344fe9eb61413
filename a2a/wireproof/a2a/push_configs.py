"""The push notification configurations of a task. Spec: A2A 1.0 sections 3.1.7 to 3.1.10, 13.2.

They are documents beside the task; while it lives its snapshot holds them too, so that every commit finds the
webhooks of its events in the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from wireproof.a2a import documents
from wireproof.a2a.caller import Caller
from wireproof.a2a.errors import A2AError, Kind, invalid, task_not_found
from wireproof.a2a.tasks import find
from wireproof.auth.sealing import Keyring, Opened, Seal, bind
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_object
from wireproof.tasks.errors import TaskEnded, TaskNotFound, TooMany, VersionConflict
from wireproof.tasks.protocols import Store
from wireproof.tasks.records import Change, TaskRecord

COLLECTION: Final = "push"
MAX_CONFIGS: Final = 16
_MAX_PAGE: Final = 100
_RETRIES: Final = 50


class PushConfigs:
    """Create, get, list and delete. `screen` is None where the agent sends no push notifications."""

    def __init__(self, store: Store, keyring: Keyring, screen: Callable[[str], str | None] | None) -> None:
        self._store: Final = store
        self._screen: Final = screen
        self._seal: Final = Seal(keyring, purpose="a2a.pushPage", ttl=86_400.0)

    def check(self, url: str, field: str = "url") -> None:
        """Refuse a webhook that may not be called. Raises `A2AError`."""
        if self._screen is None:
            raise A2AError(Kind.PUSH_NOT_SUPPORTED)
        reason = self._screen(url)
        if reason is not None:
            raise invalid(field, reason)

    def first(self, configuration: JSONObject, caller: Caller, task_id: str) -> JSONObject:
        """The configuration that comes with a message, by id as a snapshot keeps it; {} for none.

        Raises `A2AError` for a webhook that may not be called.
        """
        given: JSONValue = configuration.get("taskPushNotificationConfig")
        if not is_object(given):
            return {}
        self.check(given["url"], "configuration.taskPushNotificationConfig.url")
        config = {key: value for key, value in given.items() if key != "tenant"}
        config |= {"taskId": task_id, "id": given.get("id") or documents.new_id()}
        return {config["id"]: {"config": config, "version": caller.version}}

    async def keep(self, caller: Caller, task_id: str, push: JSONObject) -> None:
        """Write the documents of configurations that the snapshot has already."""
        for config_id, kept in push.items():
            await self._put(caller, task_id, config_id, kept)

    async def create(self, request: JSONObject, caller: Caller) -> JSONObject:
        """CreateTaskPushNotificationConfig; one with a known id takes its place."""
        if self._screen is None:
            raise A2AError(Kind.PUSH_NOT_SUPPORTED)
        task_id: str = request.get("taskId", "")
        if not task_id:
            raise invalid("taskId", "is required")
        record = await find(self._store, caller, task_id)
        self.check(request["url"])
        config: JSONObject = {key: value for key, value in request.items() if key != "tenant"}
        config["id"] = config.get("id") or documents.new_id()
        kept = {"config": config, "version": caller.version}
        await self._put(caller, task_id, config["id"], kept)
        await self._in_snapshot(caller, record, lambda push: {**push, config["id"]: kept})
        return _shown(config, caller)

    async def get(self, request: JSONObject, caller: Caller) -> JSONObject:
        """GetTaskPushNotificationConfig."""
        self._check_supported()
        await find(self._store, caller, request["taskId"])
        kept = await self._store.get_document(caller.scope, request["taskId"], COLLECTION, request["id"])
        if kept is None:
            raise A2AError(
                Kind.TASK_NOT_FOUND,
                "Push notification configuration not found",
                metadata={"taskId": request["taskId"][:128], "id": request["id"][:128]},
            )
        return _shown(kept["config"], caller)

    async def list_configs(self, request: JSONObject, caller: Caller) -> JSONObject:
        """ListTaskPushNotificationConfigs, in order of their ids."""
        self._check_supported()
        task_id: str = request["taskId"]
        size: int = request.get("pageSize") or _MAX_PAGE
        if not 1 <= size <= _MAX_PAGE:
            raise invalid("pageSize", f"must be 1 to {_MAX_PAGE}")
        await find(self._store, caller, task_id)
        known = await self._store.list_documents(caller.scope, task_id, COLLECTION)
        owner, binding = f"{caller.scope.owner}\n{caller.scope.tenant}", bind("push", {"task": task_id})
        start = ""
        if request.get("pageToken"):
            opened = self._seal.open(request["pageToken"], owner=owner, binding=binding)
            if not isinstance(opened, Opened):
                raise invalid("pageToken", "is not one of this listing: start again without it")
            start = opened.value
        ids = [config_id for config_id in sorted(known) if config_id > start]
        answer: JSONObject = {"configs": [_shown(known[each]["config"], caller) for each in ids[:size]]}
        more = ids[size:]
        answer["nextPageToken"] = self._seal.seal(ids[size - 1], owner=owner, binding=binding) if more else ""
        return answer

    async def delete(self, request: JSONObject, caller: Caller) -> JSONObject:
        """DeleteTaskPushNotificationConfig; one that is gone already is gone."""
        self._check_supported()
        record = await find(self._store, caller, request["taskId"])
        config_id: str = request["id"]
        await self._in_snapshot(
            caller, record, lambda push: {key: kept for key, kept in push.items() if key != config_id}
        )
        await self._store.delete_document(caller.scope, record.id, COLLECTION, config_id)
        return {}

    def _check_supported(self) -> None:
        if self._screen is None:
            raise A2AError(Kind.PUSH_NOT_SUPPORTED)

    async def _put(self, caller: Caller, task_id: str, config_id: str, kept: JSONObject) -> None:
        try:
            await self._store.put_document(caller.scope, task_id, COLLECTION, config_id, kept, limit=MAX_CONFIGS)
        except TaskNotFound:
            raise task_not_found(task_id) from None
        except TooMany:
            raise invalid("taskId", f"has {MAX_CONFIGS} push configurations already, which is the most") from None

    async def _in_snapshot(self, caller: Caller, record: TaskRecord, push: Callable[[JSONObject], JSONObject]) -> None:
        """Change what the next commits deliver to; an ended task has no next commit."""
        for _ in range(_RETRIES):
            if record.is_terminal:
                return
            made = Change(snapshot={**record.snapshot, "push": push(record.snapshot.get("push", {}))})
            try:
                await self._store.commit(caller.scope, record.id, made, expected_version=record.version)
            except TaskEnded:
                return
            except VersionConflict:
                record = await find(self._store, caller, record.id)
                continue
            return


def _shown(config: JSONObject, caller: Caller) -> JSONObject:
    return {"tenant": caller.tenant, **config} if caller.tenant else config
