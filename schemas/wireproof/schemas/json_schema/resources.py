"""Schema documents taken apart: where subschemas are, what they are called, and which dialect each speaks.

Resolves references among the documents it was given; knows no keyword's meaning and opens nothing.

Spec: JSON Schema 2020-12 Core 8 and 9; draft-07 Core 8.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from wireproof.schemas.json_schema.dialects import DRAFT_2020, Dialect, Holds, dialect_of
from wireproof.schemas.json_schema.errors import InvalidSchema, SchemaTooLarge, UnresolvedReference
from wireproof.schemas.json_schema.limits import Limits
from wireproof.schemas.json_schema.metaschemas import metaschema
from wireproof.schemas.json_schema.uris import fragment, resolve
from wireproof.schemas.jsonrpc import JSONObject, JSONValue, is_array, is_object


@dataclass(slots=True, eq=False)
class Resource:
    """A schema with an identifier of its own, and the names inside it."""

    uri: str
    dialect: Dialect
    document: int
    pointer: str
    anchors: dict[str, str] = field(default_factory=dict[str, str])
    """Pointers in the document by `$anchor` and `$dynamicAnchor`."""
    dynamic: set[str] = field(default_factory=set[str])
    """The anchors that are dynamic."""


@dataclass(frozen=True, slots=True)
class Place:
    """One subschema in one document."""

    document: int
    pointer: str
    value: JSONValue
    resource: Resource
    level: int


@dataclass(slots=True)
class _Work:
    value: JSONValue
    pointer: str
    resource: Resource
    level: int


_IDENTIFIERS: Final = ("$id", "$anchor", "$dynamicAnchor")


class Library:
    """All documents of one compilation."""

    def __init__(self, documents: Mapping[str, JSONValue], limits: Limits) -> None:
        self._given = {uri.rstrip("#"): document for uri, document in documents.items()}
        self._limits = limits
        self._roots: list[JSONValue] = []
        self._places: dict[tuple[int, str], Place] = {}
        self._resources: dict[str, Resource] = {}
        self._default = DRAFT_2020
        self.uses_dynamic = False
        """Whether any subschema seen so far needs the dynamic scope."""

    def add(self, root: JSONValue, uri: str) -> Place:
        """Read a document that is known under `uri`, and give its root."""
        document = len(self._roots)
        self._roots.append(root)
        dialect = dialect_of(root, self._schema_document, self._default)
        if not document:
            self._default = dialect  # documents that name none speak the dialect of the first
        base = Resource(uri, dialect, document, "")
        self._resources.setdefault(uri, base)
        self._scan(_Work(root, "", base, 0))
        return self._places[document, ""]

    def follow(self, reference: str, origin: Place) -> Place:
        """The subschema that a reference at `origin` means. Raises `UnresolvedReference`."""
        uri = resolve(origin.resource.uri, reference)
        resource = self._resource(uri)
        if resource is None:
            raise UnresolvedReference(
                f"the reference {_short(reference)} leads outside this schema, and nothing is fetched; "
                "put its target under $defs",
                origin.pointer,
            )
        name = fragment(reference)
        if name and not name.startswith("/"):
            pointer = resource.anchors.get(name)
            if pointer is None:
                raise UnresolvedReference(f"there is no anchor {_short(name)} in this schema", origin.pointer)
            return self._places[resource.document, pointer]
        return self._at(resource, name, origin, reference)

    def place(self, document: int, pointer: str) -> Place:
        """The subschema that stands there; it was found when its document was added."""
        return self._places[document, pointer]

    def dynamic_anchors(self, name: str) -> list[tuple[Resource, Place]]:
        """Every dynamic anchor of that name, with its resource."""
        return [
            (resource, self._places[resource.document, resource.anchors[name]])
            for resource in list(self._resources.values())
            if name in resource.dynamic
        ]

    def _resource(self, uri: str) -> Resource | None:
        found = self._resources.get(uri)
        if found is None:
            document = self._schema_document(uri)
            if document is None:
                return None
            self.add(document, uri)
            found = self._resources.get(uri)
        return found

    def _schema_document(self, uri: str) -> JSONValue | None:
        document = self._given.get(uri)
        return metaschema(uri) if document is None else document

    def _at(self, resource: Resource, steps: str, origin: Place, reference: str) -> Place:
        pointer = resource.pointer + steps
        place = self._places.get((resource.document, pointer))
        if place is not None:
            return place
        value, owner, walked = self._places[resource.document, resource.pointer].value, resource, resource.pointer
        for token in steps.split("/")[1:]:
            value = _child(value, token.replace("~1", "/").replace("~0", "~"))
            walked += f"/{token}"
            if value is _NOWHERE:
                raise UnresolvedReference(f"the reference {_short(reference)} leads to nothing", origin.pointer)
            known = self._places.get((resource.document, walked))
            owner = known.resource if known is not None else owner
        self._scan(_Work(value, pointer, owner, 0))
        return self._places[resource.document, pointer]

    def _scan(self, first: _Work) -> None:
        pending = [first]
        while pending:
            work = pending.pop()
            if work.level > self._limits.nesting:
                raise SchemaTooLarge(f"more than {self._limits.nesting} levels of subschemas", work.pointer)
            place = self._enter(work)
            if is_object(place.value):
                pending.extend(_subschemas(place.value, place))

    def _enter(self, work: _Work) -> Place:
        resource = work.resource
        value = work.value
        if is_object(value):
            resource = self._identify(value, work)
        elif type(value) is not bool:
            raise InvalidSchema("a schema is an object or a boolean", work.pointer)
        place = Place(resource.document, work.pointer, value, resource, work.level)
        self._places[place.document, place.pointer] = place
        if len(self._places) > self._limits.subschemas:
            raise SchemaTooLarge(f"more than {self._limits.subschemas} subschemas", work.pointer)
        return place

    def _identify(self, schema: JSONObject, work: _Work) -> Resource:
        resource = work.resource
        if resource.dialect.ref_overrides and "$ref" in schema:
            return resource
        for keyword in _IDENTIFIERS:
            if type(schema.get(keyword, "")) is not str:
                raise InvalidSchema(f"{keyword} must be a string", work.pointer)
        self.uses_dynamic = self.uses_dynamic or "$dynamicRef" in schema
        identifier = schema.get("$id")
        if identifier is not None:
            resource = self._open_resource(schema, identifier, work)
        if resource.dialect.has_anchors:
            for keyword in ("$anchor", "$dynamicAnchor"):
                if keyword in schema:
                    self._name(resource, schema[keyword], work.pointer)
            if "$dynamicAnchor" in schema:
                resource.dynamic.add(schema["$dynamicAnchor"])
        return resource

    def _open_resource(self, schema: JSONObject, identifier: str, work: _Work) -> Resource:
        name = fragment(identifier)
        if name and not work.resource.dialect.ref_overrides:
            raise InvalidSchema("$id must not have a fragment; use $anchor", work.pointer)
        if identifier.startswith("#"):
            if name:
                self._name(work.resource, name, work.pointer)
            return work.resource
        uri = resolve(work.resource.uri, identifier)
        dialect = dialect_of(schema, self._schema_document, work.resource.dialect)
        resource = Resource(uri, dialect, work.resource.document, work.pointer)
        known = self._resources.get(uri)
        if known is not None and (known.document, known.pointer) != (resource.document, resource.pointer):
            raise InvalidSchema(f"two subschemas have the $id {_short(uri)}", work.pointer)
        self._resources[uri] = resource
        if not work.pointer:  # the document is known by both names
            self._resources[work.resource.uri] = resource
        if name:
            self._name(resource, name, work.pointer)
        return resource

    @staticmethod
    def _name(resource: Resource, name: str, pointer: str) -> None:
        if resource.anchors.setdefault(name, pointer) != pointer:
            raise InvalidSchema(f"two subschemas have the anchor {_short(name)}", pointer)


_NOWHERE: Final = object()


def _child(value: JSONValue, token: str) -> JSONValue:
    if is_object(value):
        return value.get(token, _NOWHERE)
    if is_array(value) and token.isdecimal() and len(token) < 10 and int(token) < len(value):
        return value[int(token)]
    return _NOWHERE


def _subschemas(schema: JSONObject, place: Place) -> list[_Work]:
    """The direct subschemas; a keyword of the wrong shape is left for its compiler to refuse."""
    found: list[_Work] = []
    dialect = place.resource.dialect
    if dialect.ref_overrides and "$ref" in schema:
        return found
    for keyword, value in schema.items():
        holds = dialect.holds.get(keyword)
        if holds is None:
            continue
        pointer = f"{place.pointer}/{escape(keyword)}"
        if is_object(value) and holds in (Holds.MAP, Holds.MAP_OR_STRINGS):
            parts = [(f"{pointer}/{escape(name)}", item) for name, item in value.items()]
        elif is_array(value) and holds in (Holds.LIST, Holds.ONE_OR_LIST):
            parts = [(f"{pointer}/{index}", item) for index, item in enumerate(value)]
        elif holds in (Holds.ONE, Holds.ONE_OR_LIST):
            parts = [(pointer, value)]
        else:
            continue
        found += [
            _Work(item, where, place.resource, place.level + 1)
            for where, item in parts
            if not (holds is Holds.MAP_OR_STRINGS and is_array(item))
        ]
    return found


def escape(token: str) -> str:
    """One step of a JSON pointer (RFC 6901)."""
    return token.replace("~", "~0").replace("/", "~1")


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"
