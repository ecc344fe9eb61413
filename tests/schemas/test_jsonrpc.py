"""The strict decoder: every input becomes a message or the exact refusal."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireproof.schemas.jsonrpc import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    PARSE_ERROR,
    Batch,
    Failure,
    Notification,
    Refusal,
    Request,
    Result,
    decode,
    encode_error,
    encode_notification,
    encode_raw_result,
    encode_request,
    encode_result,
)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
ids = st.integers() | st.text(max_size=256)
params = st.dictionaries(st.text(max_size=10), json_values, max_size=4)


@given(ids, st.text(), params)
def test_a_request_survives_the_wire(id_: str | int, method: str, given_params: dict[str, Any]) -> None:
    assert decode(encode_request(id_, method, given_params)) == Request(id_, method, given_params)


@given(st.text(), params)
def test_a_notification_survives_the_wire(method: str, given_params: dict[str, Any]) -> None:
    assert decode(encode_notification(method, given_params)) == Notification(method, given_params)


@given(ids, json_values)
def test_a_result_survives_the_wire_whole_or_pre_encoded(id_: str | int, result: Any) -> None:
    whole = encode_result(id_, result)
    assert decode(whole) == Result(id_, result)
    assert decode(encode_raw_result(id_, json.dumps(result).encode())) == Result(id_, result)


@given(ids | st.none(), st.integers(-40000, 40000), st.text(), json_values)
def test_a_failure_survives_the_wire(id_: str | int | None, code: int, message: str, data: Any) -> None:
    assert decode(encode_error(id_, code, message, data)) == Failure(id_, code, message, data)


@given(st.binary(max_size=200))
def test_no_bytes_make_the_decoder_raise(data: bytes) -> None:
    outcome = decode(data)
    assert isinstance(outcome, Request | Notification | Result | Failure | Refusal | Batch)


@given(json_values)
def test_a_value_that_is_no_message_is_refused_as_invalid_request(value: Any) -> None:
    outcome = decode(json.dumps(value).encode())
    if isinstance(outcome, Batch):
        assert all(isinstance(item, Refusal) for item in outcome.items)
    else:
        assert isinstance(outcome, Refusal)
        assert outcome.code == INVALID_REQUEST


PARSE_ERRORS = {
    "nothing": b"",
    "white space": b" \t",
    "not JSON": b"hello",
    "cut short": b'{"jsonrpc":"2.0","id":1,"method":"a"',
    "two values": b'{"jsonrpc":"2.0","id":1,"method":"a"} {}',
    "NaN": b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":NaN}}',
    "Infinity": b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":-Infinity}}',
    "a number beyond a double": b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":[{"y":1e999}]}}',
    "a long number beyond a double": b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":' + b"9" * 400 + b".5}}",
    "a number of ten thousand digits": b'{"jsonrpc":"2.0","id":' + b"9" * 10_000 + b',"method":"a"}',
    "a key twice": b'{"jsonrpc":"2.0","id":1,"method":"a","method":"b"}',
    "a key twice, deep": b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":{"y":1,"y":2}}}',
    "a lone surrogate": b'{"jsonrpc":"2.0","id":1,"method":"\\ud800"}',
    "no UTF-8": b'{"jsonrpc":"2.0","id":1,"method":"\xff"}',
    "UTF-16": '{"jsonrpc":"2.0","id":1,"method":"a"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"jsonrpc":"2.0","id":1,"method":"a"}',
    "a trailing comma": b'{"jsonrpc":"2.0","id":1,"method":"a",}',
    "single quotes": b"{'jsonrpc':'2.0'}",
    "a comment": b'{"jsonrpc":"2.0"/**/,"id":1,"method":"a"}',
    "a million levels": b"[" * 1_000_000,
}


@pytest.mark.parametrize("data", PARSE_ERRORS.values(), ids=PARSE_ERRORS.keys())
def test_what_is_no_strict_json_is_a_parse_error_without_id(data: bytes) -> None:
    outcome = decode(data)
    assert isinstance(outcome, Refusal)
    assert (outcome.id, outcome.code) == (None, PARSE_ERROR)
    assert json.loads(outcome.encode())["error"]["message"] == outcome.message


REFUSED = {
    "no version": ({"id": 1, "method": "a"}, 1, INVALID_REQUEST),
    "another version": ({"jsonrpc": "1.0", "id": 1, "method": "a"}, 1, INVALID_REQUEST),
    "a number as version": ({"jsonrpc": 2.0, "id": 1, "method": "a"}, 1, INVALID_REQUEST),
    "a key in other case": ({"jsonrpc": "2.0", "id": 1, "Method": "a"}, 1, INVALID_REQUEST),
    "a number as method": ({"jsonrpc": "2.0", "id": 1, "method": 1}, 1, INVALID_REQUEST),
    "null as id": ({"jsonrpc": "2.0", "id": None, "method": "a"}, None, INVALID_REQUEST),
    "a fraction as id": ({"jsonrpc": "2.0", "id": 1.5, "method": "a"}, None, INVALID_REQUEST),
    "a whole float as id": ({"jsonrpc": "2.0", "id": 1.0, "method": "a"}, None, INVALID_REQUEST),
    "a boolean as id": ({"jsonrpc": "2.0", "id": True, "method": "a"}, None, INVALID_REQUEST),
    "an object as id": ({"jsonrpc": "2.0", "id": {}, "method": "a"}, None, INVALID_REQUEST),
    "an id without end": ({"jsonrpc": "2.0", "id": "x" * 257, "method": "a"}, None, INVALID_REQUEST),
    "an array as params": ({"jsonrpc": "2.0", "id": 1, "method": "a", "params": [1]}, 1, INVALID_PARAMS),
    "a string as params": ({"jsonrpc": "2.0", "id": 1, "method": "a", "params": "x"}, 1, INVALID_REQUEST),
    "null as params": ({"jsonrpc": "2.0", "id": 1, "method": "a", "params": None}, 1, INVALID_REQUEST),
    "request and response": ({"jsonrpc": "2.0", "id": 1, "method": "a", "result": {}}, 1, INVALID_REQUEST),
    "nothing to do": ({"jsonrpc": "2.0", "id": 1}, 1, INVALID_REQUEST),
    "result and error": ({"jsonrpc": "2.0", "id": 1, "result": 1, "error": {}}, None, INVALID_REQUEST),
    "a result without id": ({"jsonrpc": "2.0", "result": 1}, None, INVALID_REQUEST),
    "an error without code": ({"jsonrpc": "2.0", "id": 1, "error": {"message": "x"}}, None, INVALID_REQUEST),
    "a fraction as code": ({"jsonrpc": "2.0", "id": 1, "error": {"code": 1.5, "message": "x"}}, None, INVALID_REQUEST),
    "an empty batch": ([], None, INVALID_REQUEST),
    "a batch without end": ([1] * 1001, None, INVALID_REQUEST),
    "a string": ("x", None, INVALID_REQUEST),
    "null": (None, None, INVALID_REQUEST),
}


@pytest.mark.parametrize(("value", "id_", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_message_is_refused_with_the_id_that_could_be_read(value: Any, id_: int | None, code: int) -> None:
    outcome = decode(json.dumps(value).encode())
    assert isinstance(outcome, Refusal)
    assert (outcome.id, outcome.code) == (id_, code)


def test_each_message_of_a_batch_is_read_on_its_own() -> None:
    batch = decode(b'[{"jsonrpc":"2.0","id":1,"method":"a"},7,{"jsonrpc":"2.0","method":"b"}]')
    assert isinstance(batch, Batch)
    assert batch.items[0] == Request(1, "a", {})
    assert isinstance(batch.items[1], Refusal)
    assert batch.items[2] == Notification("b", {})


def test_a_message_over_the_limit_is_refused_before_it_is_read() -> None:
    outcome = decode(b'{"jsonrpc":"2.0","id":1,"method":"a"}', max_bytes=36)
    assert isinstance(outcome, Refusal)
    assert outcome.code == PARSE_ERROR
    assert "36 bytes" in outcome.message


def test_an_error_text_never_repeats_a_long_input() -> None:
    outcome = decode(b'{"' + b"k" * 5000 + b'":1,"' + b"k" * 5000 + b'":1}')
    assert isinstance(outcome, Refusal)
    assert len(outcome.message) < 200


def test_a_float_that_is_no_number_is_sent_as_null_and_never_as_invalid_json() -> None:
    assert decode(encode_result(1, [float("nan"), float("inf")])) == Result(1, [None, None])
