"""Fuzzing finds what is planted, makes it small, saves it, and says the same again for the same seed."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conformance.judged import wireproof
from tests.conformance.peers import stdio_target
from wireproof.conformance.fuzzing import Cassette, from_schema, fuzz, instance
from wireproof.conformance.fuzzing.cassette import BadCassette
from wireproof.conformance.fuzzing.messages import Inputs, Method
from wireproof.conformance.miniatures.mcp_http import Endpoint
from wireproof.conformance.oracle import value_problem
from wireproof.conformance.target import Target

SCHEMAS = [
    {"type": "integer", "minimum": 3, "maximum": 9},
    {"type": "number", "exclusiveMinimum": 0},
    {"type": "string", "minLength": 3, "maxLength": 5},
    {"type": "string", "pattern": "^[a-z]{3}-[0-9]+$"},
    {"type": ["string", "null"]},
    {"enum": ["a", 1, None]},
    {"const": {"a": [1]}},
    {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "maxItems": 3},
    {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}, "required": ["a"]},
    {"type": "object", "properties": {"a": {"$ref": "#/$defs/n"}}, "required": ["a"], "$defs": {"n": {"type": "null"}}},
    {"anyOf": [{"type": "string"}, {"type": "object", "properties": {}, "additionalProperties": False}]},
    {"allOf": [{"type": "object", "required": ["x"]}, {"properties": {"x": {"type": "integer"}}}]},
    {"$defs": {"t": {"type": "object", "properties": {"next": {"$ref": "#/$defs/t"}}}}, "$ref": "#/$defs/t"},
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: json.dumps(schema)[:40])
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_an_instance_fits_its_schema(schema, data):
    value = data.draw(from_schema(schema))
    assert value_problem(schema, value) == ""


def test_a_share_of_wrong_ones_does_not_fit():
    schema = SCHEMAS[8]
    values = [instance(schema, Random(number), wrong=0.5) for number in range(200)]
    wrong = sum(1 for value in values if value_problem(schema, value))
    assert 40 < wrong < 190


def test_the_same_seed_gives_the_same_inputs_and_another_gives_others():
    def build(method, params, id_):
        return {"jsonrpc": "2.0", "id": id_, "method": method, "params": params}

    methods = [Method("tools/call", SCHEMAS[8])]
    first, same, other = (Inputs(build, methods, seed) for seed in (7, 7, 8))
    numbers = range(300)
    assert [first[n] for n in numbers] == [same[n] for n in reversed(numbers)][::-1]
    assert [first[n] for n in numbers] != [other[n] for n in numbers]
    assert all(b"\n" not in first[n].data for n in numbers)
    assert sum(first[n].due is not None for n in numbers) > 100


PLANTED = [
    ("dies-on-bad-utf8", "died"),
    ("unknown-method-code", "internal-error"),
    ("no-jsonrpc", "malformed"),
    ("chatty", "noise"),
    ("invalid-silent", "unanswered"),
]


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize(("wrong", "kind"), PLANTED, ids=[wrong for wrong, _ in PLANTED])
async def test_a_planted_defect_is_found_and_made_small(wrong: str, kind: str):
    outcome = await fuzz(stdio_target(wrong), examples=1000, seed=1)
    assert outcome.problem == ""
    found = next(finding for finding in outcome.findings if finding.kind == kind)
    assert found.shrunk
    assert len(found.messages) == 1
    assert len(found.messages[0]) < 260


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_a_listening_target_is_fuzzed_too():
    for wrong, kinds in (("", set()), ("unknown-method-code", {"internal-error"})):
        endpoint = Endpoint(wrong)
        await endpoint.listener.start()
        try:
            outcome = await fuzz(Target.parse(endpoint.url), examples=600, seed=2)
        finally:
            await endpoint.listener.stop()
        assert (outcome.problem, outcome.transport) == ("", "http")
        assert {finding.kind for finding in outcome.findings} == kinds


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_our_own_server_stands_ten_thousand_inputs_at_speed():
    outcome = await fuzz(Target.parse("examples/weather.py"), examples=10_000, seed=11)
    assert (outcome.problem, outcome.findings, outcome.sent) == ("", [], 10_000)
    assert outcome.rate > 1500


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_the_command_line_saves_a_cassette_that_replays(tmp_path: Path):
    target = shlex.join(stdio_target("dies-on-bad-utf8").command)
    ran = wireproof("fuzz", target, "--examples", "500", "--seed", "3", "--save", str(tmp_path))
    assert ran.code == 1, ran.out + ran.err
    saved = sorted(tmp_path.glob("died-3-*.json"))
    assert saved
    cassette = Cassette.load(saved[0])
    assert cassette.messages
    assert wireproof("replay", str(saved[0])).code == 1
    healthy = shlex.join(stdio_target("").command)
    assert wireproof("replay", str(saved[0]), healthy).code == 0
    gone = wireproof("replay", str(saved[0]), "no-such-command-here")
    assert (gone.code, "Traceback" in gone.out + gone.err) == (3, False)


@pytest.mark.parametrize("text", ["", "[]", '{"version": 2}', '{"version": 1}'])
def test_a_file_that_is_no_cassette_is_told(tmp_path: Path, text: str):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(BadCassette):
        Cassette.load(path)
    assert wireproof("replay", str(path)).code == 2


@given(messages=st.lists(st.binary(min_size=1), max_size=4), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_cassette_comes_back_as_it_was_saved(tmp_path: Path, messages: list[bytes], seed: int):
    cassette = Cassette("cmd", "stdio", "2026-07-28", "died", "it ended", tuple(messages), seed)
    cassette.save(tmp_path / "c.json")
    assert Cassette.load(tmp_path / "c.json") == cassette
