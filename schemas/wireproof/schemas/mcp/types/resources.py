"""Resources: listing, reading and watching them.

Spec: MCP server/resources (all revisions), basic/utilities/subscriptions (2026-07-28).
"""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired, TypedDict

from wireproof.schemas.mcp.rules import JULY, RequiredSince, Since
from wireproof.schemas.mcp.types.basics import (
    Annotations,
    BaseMetadata,
    CacheablePage,
    CacheableResult,
    Icons,
    Implementation,
    NotificationParams,
    NotificationParamsBase,
    PaginatedRequestParams,
    RequestId,
    RequestParamsBase,
    ResultType,
    WithMeta,
)
from wireproof.schemas.mcp.types.content import BlobResourceContents, Resource, TextResourceContents
from wireproof.schemas.mcp.types.envelopes import NotificationBase, RequestBase, ResponseBase
from wireproof.schemas.mcp.types.retries import InputRequiredResult, InputResponses


class ResourceTemplate(BaseMetadata, Icons, WithMeta):
    """A family of resources by RFC 6570 template."""

    annotations: NotRequired[Annotations]
    description: NotRequired[str]
    mimeType: NotRequired[str]
    uriTemplate: str


class ListResourcesRequest(RequestBase):
    """Asks for a page of the resources."""

    method: Literal["resources/list"]
    params: NotRequired[Annotated[PaginatedRequestParams, RequiredSince(JULY)]]


class ListResourcesResult(CacheablePage):
    """A page of the resources."""

    resources: list[Resource]


class ListResourcesResultResponse(ResponseBase):
    """The answer to `resources/list`."""

    result: ListResourcesResult


class ListResourceTemplatesRequest(RequestBase):
    """Asks for a page of the templates."""

    method: Literal["resources/templates/list"]
    params: NotRequired[Annotated[PaginatedRequestParams, RequiredSince(JULY)]]


class ListResourceTemplatesResult(CacheablePage):
    """A page of the templates."""

    resourceTemplates: list[ResourceTemplate]


class ListResourceTemplatesResultResponse(ResponseBase):
    """The answer to `resources/templates/list`."""

    result: ListResourceTemplatesResult


class ResourceRequestParams(RequestParamsBase):
    """Which resource."""

    uri: str


class ReadResourceRequestParams(ResourceRequestParams):
    """Which resource to read."""

    inputResponses: NotRequired[Annotated[InputResponses, Since(JULY)]]
    requestState: NotRequired[Annotated[str, Since(JULY)]]


class ReadResourceRequest(RequestBase):
    """Reads a resource."""

    method: Literal["resources/read"]
    params: ReadResourceRequestParams


class ReadResourceResult(CacheableResult):
    """What it holds."""

    contents: list[TextResourceContents | BlobResourceContents]


class ReadResourceResultResponse(ResponseBase):
    """The answer to `resources/read`."""

    result: InputRequiredResult | ReadResourceResult


class SubscribeRequestParams(ResourceRequestParams):
    """Which resource to watch."""


class SubscribeRequest(RequestBase):
    """Watches a resource."""

    method: Literal["resources/subscribe"]
    params: SubscribeRequestParams


class UnsubscribeRequestParams(ResourceRequestParams):
    """Which resource to watch no longer."""


class UnsubscribeRequest(RequestBase):
    """Watches a resource no longer."""

    method: Literal["resources/unsubscribe"]
    params: UnsubscribeRequestParams


class ResourceListChangedNotification(NotificationBase):
    """The resources have changed."""

    method: Literal["notifications/resources/list_changed"]
    params: NotRequired[NotificationParams]


class ResourceUpdatedNotificationParams(NotificationParamsBase):
    """Which resource has changed."""

    uri: str


class ResourceUpdatedNotification(NotificationBase):
    """A watched resource has changed."""

    method: Literal["notifications/resources/updated"]
    params: ResourceUpdatedNotificationParams


class SubscriptionFilter(TypedDict):
    """What a subscription tells of."""

    promptsListChanged: NotRequired[bool]
    resourceSubscriptions: NotRequired[list[str]]
    resourcesListChanged: NotRequired[bool]
    toolsListChanged: NotRequired[bool]


class SubscriptionsListenRequestParams(RequestParamsBase):
    """What to tell of."""

    notifications: SubscriptionFilter


class SubscriptionsListenRequest(RequestBase):
    """Opens a subscription."""

    method: Literal["subscriptions/listen"]
    params: SubscriptionsListenRequestParams


SubscriptionsListenResultMetaObject = TypedDict(
    "SubscriptionsListenResultMetaObject",
    {
        "io.modelcontextprotocol/serverInfo": "NotRequired[Implementation]",
        "io.modelcontextprotocol/subscriptionId": "RequestId",
    },
)


class SubscriptionsListenResult(TypedDict):
    """A subscription has ended."""

    _meta: SubscriptionsListenResultMetaObject
    resultType: ResultType


class SubscriptionsListenResultResponse(ResponseBase):
    """The answer to `subscriptions/listen`."""

    result: SubscriptionsListenResult


class SubscriptionsAcknowledgedNotificationParams(NotificationParamsBase):
    """What the server will tell of."""

    notifications: SubscriptionFilter


class SubscriptionsAcknowledgedNotification(NotificationBase):
    """A subscription is open."""

    method: Literal["notifications/subscriptions/acknowledged"]
    params: SubscriptionsAcknowledgedNotificationParams
