"""The proto files of both versions, made from the field tables in a descriptor pool of their own.

A pool of its own, so that another library in the process may bring the same files.
Spec: A2A 1.0 `specification/a2a.proto` (package lf.a2a.v1); A2A 0.3.0 `specification/grpc/a2a.proto` (a2a.v1).
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf import descriptor_pool, empty_pb2, message_factory, struct_pb2, timestamp_pb2
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    MessageOptions,
    OneofDescriptorProto,
)

from wireproof.schemas.a2a.tables import ENUMS, OPERATIONS, Field, Operation, messages
from wireproof.schemas.a2a.v03_tables import ENUMS_03, RPCS_03, messages_03

Type: Final = FieldDescriptorProto
_SCALARS: Final = {
    "string": Type.TYPE_STRING,
    "bytes": Type.TYPE_BYTES,
    "bool": Type.TYPE_BOOL,
    "int32": Type.TYPE_INT32,
}
_WELL_KNOWN: Final = ("Struct", "Value", "Timestamp", "Empty")
_IMPORTS: Final = (struct_pb2, timestamp_pb2, empty_pb2)


@dataclass(frozen=True, slots=True)
class Schema:
    """One version of the proto: its tables, its service, and the message classes."""

    version: str
    package: str
    messages: Mapping[str, tuple[Field, ...]]
    enums: Mapping[str, Mapping[str, int]]
    rpcs: Mapping[str, Operation]
    pool: descriptor_pool.DescriptorPool

    @property
    def service(self) -> str:
        """The full name of the service."""
        return f"{self.package}.A2AService"

    def new(self, name: str) -> Any:
        """An empty message. `Any`: protobuf makes its classes at run time."""
        full = f"google.protobuf.{name}" if name in _WELL_KNOWN else f"{self.package}.{name}"
        return message_factory.GetMessageClass(self.pool.FindMessageTypeByName(full))()


@functools.cache
def schemas() -> tuple[Schema, Schema]:
    """The schemas of 1.0 and 0.3."""
    pool = descriptor_pool.DescriptorPool()
    for module in _IMPORTS:
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    current = Schema("1.0", "lf.a2a.v1", messages(), ENUMS, OPERATIONS, pool)
    old = Schema("0.3", "a2a.v1", messages_03(), ENUMS_03, RPCS_03, pool)
    for schema, file in ((current, "a2a.proto"), (old, "a2a_v0_3.proto")):
        pool.Add(_file(schema, file))
    return current, old


def _file(schema: Schema, name: str) -> FileDescriptorProto:
    made = FileDescriptorProto(
        name=name, package=schema.package, syntax="proto3", dependency=[each.DESCRIPTOR.name for each in _IMPORTS]
    )
    for enum, values in schema.enums.items():
        shown = made.enum_type.add(name=enum)
        for value, number in values.items():
            shown.value.add(name=value, number=number)
    for message, fields in schema.messages.items():
        made.message_type.append(_message(schema, message, fields))
    service = made.service.add(name="A2AService")
    for rpc, operation in schema.rpcs.items():
        service.method.add(
            name=rpc,
            input_type=_full(schema, operation.request),
            output_type=_full(schema, operation.response),
            server_streaming=operation.streams,
        )
    return made


def _message(schema: Schema, name: str, fields: Iterable[Field]) -> DescriptorProto:
    made = DescriptorProto(name=name)
    groups: list[str] = []
    for field in fields:
        shown = made.field.add(name=field.name, number=field.number, json_name=field.json_name)
        shown.label = Type.LABEL_REPEATED if field.repeated or field.map_of else Type.LABEL_OPTIONAL
        if field.map_of:
            entry = _entry(schema, field)
            made.nested_type.append(entry)
            shown.type, shown.type_name = Type.TYPE_MESSAGE, f".{schema.package}.{name}.{entry.name}"
        else:
            _set_type(schema, shown, field.type)
        if field.oneof:
            if field.oneof not in groups:
                groups.append(field.oneof)
            shown.oneof_index = groups.index(field.oneof)
    optional = [(at, field) for at, field in enumerate(fields) if field.optional]
    for index, (at, field) in enumerate(optional, start=len(groups)):  # proto3's own form of presence, after the rest
        made.field[at].proto3_optional = True
        made.field[at].oneof_index = index
        groups.append(f"_{field.name}")
    made.oneof_decl.extend(OneofDescriptorProto(name=group) for group in groups)
    return made


def _entry(schema: Schema, field: Field) -> DescriptorProto:
    name = "".join(part.capitalize() for part in field.name.split("_")) + "Entry"
    made = DescriptorProto(name=name, options=MessageOptions(map_entry=True))
    made.field.add(name="key", number=1, type=Type.TYPE_STRING, label=Type.LABEL_OPTIONAL)
    value = made.field.add(name="value", number=2, label=Type.LABEL_OPTIONAL)
    _set_type(schema, value, field.map_of)
    return made


def _set_type(schema: Schema, shown: FieldDescriptorProto, kind: str) -> None:
    if kind in _SCALARS:
        shown.type = _SCALARS[kind]
        return
    shown.type = Type.TYPE_ENUM if kind in schema.enums else Type.TYPE_MESSAGE
    shown.type_name = _full(schema, kind)


def _full(schema: Schema, name: str) -> str:
    return f".google.protobuf.{name}" if name in _WELL_KNOWN else f".{schema.package}.{name}"
