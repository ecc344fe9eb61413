"""Our validators against the official JSON Schema of every revision."""

from __future__ import annotations

import json
import random
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator, Draft202012Validator

from tests.schemas.mcp.documents import ABSENT, SPEC, Maker, broken, definitions, load
from wireproof.schemas.mcp import Revision, validator

pytestmark = pytest.mark.skipif(not SPEC.exists(), reason=ABSENT)

CASES = (
    [(revision, name) for revision in Revision for name in definitions(load(revision.value))] if SPEC.exists() else []
)
EXAMPLES = sorted((SPEC / "2026-07-28" / "examples").glob("*/*.json"))


@cache
def schema(revision: Revision) -> dict[str, Any]:
    return load(revision.value)


@cache
def official(revision: Revision, name: str) -> Any:
    document = schema(revision)
    kind = Draft202012Validator if "$defs" in document else Draft7Validator
    where = "$defs" if "$defs" in document else "definitions"
    return kind(
        {**document, "$ref": f"#/{where}/{name}"}
        if where == "$defs"
        else {"$ref": f"#/{where}/{name}", where: document[where]}
    )


@pytest.mark.parametrize(("revision", "name"), CASES, ids=lambda value: getattr(value, "value", value))
@settings(max_examples=12, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_every_definition_takes_and_refuses_what_the_official_schema_does(
    revision: Revision, name: str, seed: int
) -> None:
    chance = random.Random(seed)
    document = Maker(schema(revision), chance).make(definitions(schema(revision))[name])
    for value in (document, broken(document, chance), broken(broken(document, chance), chance)):
        before = json.dumps(value)
        ours = validator(name, revision).check(value)
        assert (ours is None) == official(revision, name).is_valid(value), f"{ours} on {before}"
        assert json.dumps(value) == before, "a check changes nothing"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_official_example_is_taken_and_round_trips(path: Any) -> None:
    from wireproof.schemas.jsonrpc import is_object

    raw = json.loads(path.read_text())
    value = json.loads(path.read_text())
    assert validator(path.parent.name, Revision.V2026_07_28).check(value) is None
    assert value == raw
    assert is_object(raw) or raw is not None


@pytest.mark.parametrize("revision", Revision)
def test_a_revision_has_no_definition_that_its_schema_only_gets_later(revision: Revision) -> None:
    from wireproof.schemas.mcp.spans import defined

    official_names = set(definitions(load(revision.value)))
    elsewhere = {name for other in Revision for name in definitions(load(other.value))} - official_names
    extra = {name for name in elsewhere if defined(name, revision)}
    parts = {name for name in extra if name.endswith("Params") or name in NAMED_EARLY}
    assert extra == parts


NAMED_EARLY = {
    "Annotations", "BaseMetadata", "CacheableResult", "ContentBlock", "Error", "InternalError", "InvalidParamsError",
    "InvalidRequestError", "JSONArray", "JSONObject", "JSONRPCResultResponse", "JSONValue", "LegacyTitledEnumSchema", "MetaObject",
    "MethodNotFoundError", "NotificationMetaObject", "ParseError", "RequestMetaObject", "ResultMetaObject",
    "SamplingMessageContentBlock",
}  # fmt: skip
