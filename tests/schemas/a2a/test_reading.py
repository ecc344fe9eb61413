"""The A2A documents: the tables against the specification's own, and strict reading."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wireproof.schemas.a2a.reading import BadMessage, read, seconds_of, timestamp
from wireproof.schemas.a2a.tables import ENUMS, OPERATIONS, messages

SPEC = Path(__file__).parents[4] / "shared" / "spec" / "a2a"
MESSAGE: dict[str, Any] = {"messageId": "m1", "role": "ROLE_USER", "parts": [{"text": "hi"}]}


def rows(name: str) -> list[dict[str, str]]:
    if not SPEC.exists():
        pytest.skip("the specification's tables are not beside this checkout")
    with (SPEC / name).open() as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_every_field_of_the_specification_is_in_the_tables() -> None:
    expected = {
        (row["message"], row["field"], row["json_name"], int(row["number"]), row["cardinality"], bool(row["required"]))
        for row in rows("fields-1.0.tsv")
    }
    ours = set()
    for message, fields in messages().items():
        for field in fields:
            kind = "repeated" if field.repeated else "optional" if field.optional else "single"
            ours.add((message, field.name, field.json_name, field.number, kind, field.required))
    assert ours == expected


def test_every_enum_and_operation_of_the_specification_is_in_the_tables() -> None:
    assert {(kind, name, number) for kind, names in ENUMS.items() for name, number in names.items()} == {
        (row["enum"], row["value"], int(row["number"])) for row in rows("enums-1.0.tsv")
    }
    assert set(OPERATIONS) == {row["method"].rpartition("/")[2] for row in rows("rpc-1.0.tsv")}


def test_both_spellings_and_enum_numbers_are_read_and_unknown_fields_left_out() -> None:
    wire = {"message_id": "m1", "role": 1, "parts": [{"text": "hi", "media_type": "text/plain"}], "later": 1}
    assert read("Message", wire) == {
        "messageId": "m1",
        "role": "ROLE_USER",
        "parts": [{"text": "hi", "mediaType": "text/plain"}],
    }


def test_integers_stay_integers_and_null_is_data() -> None:
    parts = [{"data": {"i": 12345678901234567890}}, {"data": None}]
    assert read("Message", {**MESSAGE, "parts": parts})["parts"] == parts


BAD = [
    ({"role": "ROLE_USER", "parts": [{"text": "x"}]}, "messageId"),
    ({**MESSAGE, "messageId": ""}, "messageId"),
    ({**MESSAGE, "messageId": 1}, "messageId"),
    ({**MESSAGE, "role": "ROLE_UNSPECIFIED"}, "role"),
    ({**MESSAGE, "role": "user"}, "role"),
    ({**MESSAGE, "role": 0}, "role"),
    ({**MESSAGE, "parts": []}, "parts"),
    ({**MESSAGE, "parts": {}}, "parts"),
    ({**MESSAGE, "parts": [{}]}, "parts[0]"),
    ({**MESSAGE, "parts": [{"text": "a", "url": "b"}]}, "parts[0]"),
    ({**MESSAGE, "parts": [{"raw": "not base64!"}]}, "parts[0].raw"),
    ({**MESSAGE, "parts": [{"text": "a", "metadata": []}]}, "parts[0].metadata"),
    ({**MESSAGE, "extensions": "x"}, "extensions"),
    ({**MESSAGE, "message_id": "again"}, "messageId"),
    ([], ""),
    ("x", ""),
]


@pytest.mark.parametrize(("wire", "path"), BAD)
def test_what_does_not_fit_is_named_by_its_path(wire: Any, path: str) -> None:
    with pytest.raises(BadMessage) as caught:
        read("Message", wire)
    assert caught.value.violations[0].field == path


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000Z"),
        ("2026-01-31T12:00:00.123456789Z", "2026-01-31T12:00:00.123Z"),
        ("2026-01-31T12:00:00.1+01:00", "2026-01-31T11:00:00.100Z"),
    ],
)
def test_timestamps_become_utc_with_milliseconds(text: str, canonical: str) -> None:
    request = {"statusTimestampAfter": text}
    assert read("ListTasksRequest", request) == {"statusTimestampAfter": canonical}


@pytest.mark.parametrize("text", ["2026-02-31T12:00:00Z", "2026-01-31", "yesterday", 5, "2026-01-31T12:00:00"])
def test_no_timestamps_are_refused(text: Any) -> None:
    with pytest.raises(BadMessage):
        read("ListTasksRequest", {"statusTimestampAfter": text})


@given(st.integers(min_value=0, max_value=4_000_000_000_000))
def test_a_timestamp_survives_writing_and_reading(milliseconds: int) -> None:
    text = timestamp(milliseconds / 1000)
    assert round(seconds_of(text) * 1000) == milliseconds


@given(st.binary(max_size=50))
def test_bytes_of_either_alphabet_read_the_same(data: bytes) -> None:
    import base64

    plain = base64.b64encode(data).decode()
    safe = base64.urlsafe_b64encode(data).decode().rstrip("=")
    for text in (plain, safe):
        assert read("Part", {"raw": text}) == {"raw": plain}
