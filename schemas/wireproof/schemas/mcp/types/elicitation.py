"""Elicitation: what a server asks of the user, and the small dialect of JSON Schema it may use.

Spec: MCP client/elicitation (2025-06-18 and later).
"""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired, TypeAlias, TypedDict

from wireproof.schemas.mcp.rules import NOVEMBER, Since, Until, WholeBySchema
from wireproof.schemas.mcp.types.basics import MetaObject, RequestMetaObject
from wireproof.schemas.mcp.types.envelopes import AskBase, NotificationBase
from wireproof.schemas.mcp.types.tasks import TaskMetadata


class SchemaBase(TypedDict):
    """What every field has."""

    description: NotRequired[str]
    title: NotRequired[str]


class StringSchema(SchemaBase):
    """A text field."""

    default: NotRequired[Annotated[str, Since(NOVEMBER)]]
    format: NotRequired[Literal["date", "date-time", "email", "uri"]]
    maxLength: NotRequired[int]
    minLength: NotRequired[int]
    type: Literal["string"]


class NumberSchema(SchemaBase):
    """A number field."""

    default: NotRequired[Annotated[float, Since(NOVEMBER)]]
    maximum: NotRequired[float]
    minimum: NotRequired[float]
    type: Literal["integer", "number"]


class BooleanSchema(SchemaBase):
    """A check box."""

    default: NotRequired[bool]
    type: Literal["boolean"]


class TitledValue(TypedDict):
    """A choice and its title."""

    const: str
    title: str


class UntitledSingleSelectEnumSchema(SchemaBase):
    """One of some values."""

    default: NotRequired[str]
    enum: list[str]
    type: Literal["string"]


class TitledSingleSelectEnumSchema(SchemaBase):
    """One of some values that have titles."""

    default: NotRequired[str]
    oneOf: list[TitledValue]
    type: Literal["string"]


class UntitledItems(TypedDict):
    """The values of a multiple choice."""

    enum: list[str]
    type: Literal["string"]


class TitledItems(TypedDict):
    """The values of a multiple choice, with titles."""

    anyOf: list[TitledValue]


class MultiSelectBase(SchemaBase):
    """What multiple choices share."""

    default: NotRequired[list[str]]
    maxItems: NotRequired[int]
    minItems: NotRequired[int]
    type: Literal["array"]


class UntitledMultiSelectEnumSchema(MultiSelectBase):
    """Some of some values."""

    items: UntitledItems


class TitledMultiSelectEnumSchema(MultiSelectBase):
    """Some of some values that have titles."""

    items: TitledItems


class LegacyTitledEnumSchema(SchemaBase):
    """One of some values, their titles in `enumNames`; the only form in 2025-06-18."""

    default: NotRequired[Annotated[str, Since(NOVEMBER)]]
    enum: list[str]
    enumNames: NotRequired[list[str]]
    type: Literal["string"]


SingleSelectEnumSchema: TypeAlias = UntitledSingleSelectEnumSchema | TitledSingleSelectEnumSchema
MultiSelectEnumSchema: TypeAlias = UntitledMultiSelectEnumSchema | TitledMultiSelectEnumSchema
EnumSchema: TypeAlias = (
    Annotated[UntitledSingleSelectEnumSchema, Since(NOVEMBER)]
    | Annotated[TitledSingleSelectEnumSchema, Since(NOVEMBER)]
    | Annotated[UntitledMultiSelectEnumSchema, Since(NOVEMBER)]
    | Annotated[TitledMultiSelectEnumSchema, Since(NOVEMBER)]
    | LegacyTitledEnumSchema
)
PrimitiveSchemaDefinition: TypeAlias = (
    StringSchema
    | NumberSchema
    | BooleanSchema
    | Annotated[UntitledSingleSelectEnumSchema, Since(NOVEMBER)]
    | Annotated[TitledSingleSelectEnumSchema, Since(NOVEMBER)]
    | Annotated[UntitledMultiSelectEnumSchema, Since(NOVEMBER)]
    | Annotated[TitledMultiSelectEnumSchema, Since(NOVEMBER)]
    | LegacyTitledEnumSchema
)

RequestedSchema = TypedDict(
    "RequestedSchema",
    {
        "$schema": "NotRequired[Annotated[str, Since(NOVEMBER)]]",
        "properties": "dict[str, PrimitiveSchemaDefinition]",
        "required": "NotRequired[list[str]]",
        "type": "Literal['object']",
    },
)


class ElicitParamsBase(TypedDict):
    """What both modes share."""

    _meta: NotRequired[Annotated[RequestMetaObject, Since(NOVEMBER), Until(NOVEMBER)]]
    message: str
    task: NotRequired[Annotated[TaskMetadata, Since(NOVEMBER), Until(NOVEMBER)]]


class ElicitRequestFormParams(ElicitParamsBase):
    """A form to fill in."""

    mode: NotRequired[Annotated[Literal["form"], Since(NOVEMBER)]]
    requestedSchema: RequestedSchema


class ElicitRequestURLParams(ElicitParamsBase):
    """A URL to visit."""

    elicitationId: Annotated[str, Until(NOVEMBER)]
    mode: Literal["url"]
    url: str


ElicitRequestParams: TypeAlias = ElicitRequestFormParams | Annotated[ElicitRequestURLParams, Since(NOVEMBER)]


class ElicitRequest(AskBase):
    """Asks the user."""

    method: Literal["elicitation/create"]
    params: ElicitRequestParams


class ElicitResult(TypedDict):
    """What the user did. The schemas let no number with a fraction into `content`, although the prose does."""

    _meta: NotRequired[Annotated[MetaObject, Until(NOVEMBER)]]
    action: Literal["accept", "cancel", "decline"]
    content: NotRequired[
        dict[str, str | Annotated[float, WholeBySchema()] | bool | Annotated[list[str], Since(NOVEMBER)]]
    ]


class ElicitationCompleteNotificationParams(TypedDict):
    """Which elicitation."""

    elicitationId: str


class ElicitationCompleteNotification(NotificationBase):
    """The user has done at the URL what was asked (2025-11-25)."""

    method: Literal["notifications/elicitation/complete"]
    params: ElicitationCompleteNotificationParams
