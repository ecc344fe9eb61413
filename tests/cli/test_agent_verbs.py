"""The agent verbs against a real agent: a2a-cli specification 0.2, tiers 1 and 2."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.cli.running import EXAMPLES, Ran, serving, wireproof


@pytest.fixture(scope="module")
def agent() -> Generator[str]:
    with serving(EXAMPLES / "planner.py", "--http", 0) as (url,):
        yield url


def send(agent: str, *more: object, **environment: str) -> Ran:
    return wireproof("send", "-a", agent, *more, **environment)


def test_a_card_is_shown_in_fields_and_as_it_is(agent: str) -> None:
    text, document = wireproof("card", "get", "-a", agent), wireproof("card", "get", "-a", agent, "-o", "json")
    assert text.code == document.code == 0
    assert text.fields["Name"] == "Trip planner"
    assert text.fields["Signatures"] == "none"
    assert document.json["name"] == "Trip planner"
    assert wireproof("card", "get", "--validate", "-a", agent.removeprefix("http://")).code == 0


def test_a_task_is_sent_interrupted_answered_and_read(agent: str) -> None:
    asked = send(agent, "Rome")
    assert asked.code == 0
    assert asked.fields["State"] == "TASK_STATE_INPUT_REQUIRED"
    task, context = asked.fields["Task ID"], asked.fields["Context ID"]
    assert f'wireproof send -a {agent} --task-id {task} "<reply>"' in asked.err
    done = send(agent, "--task-id", task, "Monday", "-o", "json")
    assert done.json["task"]["status"]["state"] == "TASK_STATE_COMPLETED"
    got = wireproof("task", "get", task, "-a", agent)
    assert "Text:\nRome: leave on Monday at 08:05\n\n" in got.out
    assert (got.fields["Task ID"], got.fields["Context ID"]) == (task, context)
    bare = wireproof("task", "get", task, "-a", agent, "-o", "json", "--history", "1")
    assert (bare.json["id"], len(bare.json["history"])) == (task, 1)


def test_a_direct_answer_is_a_message(agent: str) -> None:
    ran = send(agent, "--skill", "distance", "Rome", "-o", "json")
    assert list(ran.json) == ["message"]


def test_a_stream_is_json_lines_whose_last_one_has_the_state(agent: str) -> None:
    ran = send(agent, "--stream", "Rome", "-o", "json")
    assert [next(iter(line)) for line in ran.lines] == ["task", "statusUpdate", "statusUpdate", "statusUpdate"]
    assert ran.lines[-1]["statusUpdate"]["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
    one = send(agent, "--stream", "--skill", "distance", "Rome", "-o", "json")
    assert [list(line) for line in one.lines] == [["message"]]


def test_without_waiting_the_identifiers_come_at_once_and_the_task_is_followed_later(agent: str) -> None:
    begun = send(agent, "--async", "Rome", "-o", "json").json["task"]
    followed = wireproof("task", "get", begun["id"], "--wait", "-a", agent, "-o", "json")
    assert followed.json["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
    cancelled = wireproof("task", "cancel", begun["id"], "-a", agent)
    assert cancelled.fields["State"] == "TASK_STATE_CANCELED"
    events = wireproof("task", "subscribe", begun["id"], "--stream", "-a", agent, "-o", "json")
    assert events.lines[-1]["task"]["status"]["state"] == "TASK_STATE_CANCELED"
    listed = wireproof("task", "list", "-a", agent, "-o", "json", "--state", "TASK_STATE_CANCELED").json
    assert begun["id"] in [task["id"] for task in listed["tasks"]]


def test_webhooks_are_made_read_and_deleted(agent: str) -> None:
    task = send(agent, "--async", "Rome", "-o", "json").json["task"]["id"]
    made = wireproof(
        "task", "push-config", "create", task, "--url", "http://127.0.0.1:9/hook", "-a", agent, "-o", "json"
    )
    assert made.json["url"] == "http://127.0.0.1:9/hook"
    listed = wireproof("task", "push-config", "list", task, "-a", agent, "-o", "json").json
    assert [each["id"] for each in listed["configs"]] == [made.json["id"]]
    assert wireproof("task", "push-config", "delete", task, made.json["id"], "-a", agent).code == 0
    gone = wireproof("task", "push-config", "get", task, made.json["id"], "-a", agent, "-o", "json")
    assert (gone.code, gone.json["error"]["code"]) == (1, "TaskNotFoundError")


def test_artifacts_are_saved_in_the_folder_and_nothing_is_replaced_by_itself(agent: str, tmp_path: Path) -> None:
    task = send(agent, "Rome", "-o", "json").json["task"]["id"]
    send(agent, "--task-id", task, "Monday")
    saved = wireproof("task", "download", task, "--dir", tmp_path, "-a", agent, "-o", "json").json["saved"]
    assert [Path(path).read_text() for path in saved] == ["Rome: leave on Monday at 08:05"]
    assert wireproof("task", "download", task, "--dir", tmp_path, "-a", agent).code == 2
    assert wireproof("task", "download", task, "--dir", tmp_path, "-a", agent, "--force").code == 0


def test_parts_keep_their_order_and_media_types(agent: str, tmp_path: Path) -> None:
    report = tmp_path / "report.bin"
    report.write_bytes(b"\x00\x01")
    parts = ["--text", "one", "--file", report, "--media-type", "application/pdf", "--text", "two"]
    ran = send(agent, *parts, "--metadata", '{"skillId": "plan"}', "-o", "json")
    if ran.code == 0:
        pytest.fail("the planner takes texts alone")
    assert ran.json["error"]["code"] == "ContentTypeNotSupportedError"
    assert send(agent, "--media-type", "text/plain").code == 2


@pytest.mark.parametrize(
    ("arguments", "code", "symbol"),
    [
        (["task", "get", "none"], 1, "TaskNotFoundError"),
        (["task", "cancel", "none"], 1, "TaskNotFoundError"),
        (["send", "--task-id", "none", "hello"], 1, "TaskNotFoundError"),
        (["send"], 2, "A2ACLI_ERR_USAGE"),
        (["send", "x", "--metadata", "["], 2, "A2ACLI_ERR_USAGE"),
        (["send", "x", "--timeout", "soon"], 2, "A2ACLI_ERR_USAGE"),
        (["send", "x", "--transport", "pigeon"], 2, "A2ACLI_ERR_USAGE"),
        (["send", "--data", "nowhere.json"], 2, "A2ACLI_ERR_USAGE"),
        (["task", "list", "--config", "nowhere.env"], 2, "A2ACLI_ERR_USAGE"),
        (["send", "x", "--transport", "GRPC", "--a2a-version", "9.9"], 1, "A2ACLI_ERR_INTERNAL"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_every_failure_has_its_name_and_its_exit_code(agent: str, arguments: list[str], code: int, symbol: str) -> None:
    ran = wireproof(*arguments, "-a", agent, "-o", "json")
    assert (ran.code, ran.json["error"]["code"]) == (code, symbol)
    assert set(ran.json["error"]) == {"code", "message", "hint", "a2aCode"}
    text = wireproof(*arguments, "-a", agent)
    assert (text.code, text.out) == (code, "")
    assert symbol in text.err


def test_an_agent_that_is_not_there_is_exit_code_3(tmp_path: Path) -> None:
    ran = wireproof("send", "x", "-a", "http://127.0.0.1:9", "-o", "json")
    assert (ran.code, ran.json["error"]["code"]) == (3, "A2ACLI_ERR_UNREACHABLE")
    missing = wireproof("card", "get", "-a", tmp_path / "none.json", "-o", "json")
    assert missing.code == 3
    bad = tmp_path / "bad.json"
    bad.write_text("[]")
    invalid = wireproof("card", "get", "-a", bad, "-o", "json")
    assert (invalid.code, invalid.json["error"]["code"]) == (1, "A2ACLI_ERR_CARD_INVALID")


def test_a_wait_has_an_end(agent: str) -> None:
    ran = wireproof(
        "task",
        "subscribe",
        send(agent, "--async", "x", "-o", "json").json["task"]["id"],
        "--timeout",
        "1s",
        "-a",
        agent,
    )
    assert ran.code == 5
    assert "A2ACLI_ERR_TIMEOUT" in ran.err


def test_settings_come_from_flag_environment_and_files_in_this_order(agent: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A2ACLI_AGENT_CARD=from-file\nA2ACLI_BEARER='tok'\nOTHER=1\n")

    def shown(*flags: str, **environment: str) -> dict[str, dict[str, str]]:
        ran = wireproof("config", "show", "-o", "json", *flags, cwd=tmp_path, **environment)
        assert ran.code == 0
        return ran.json

    assert shown()["agent_card"] == {"value": "from-file", "source": str(tmp_path / ".env")}
    assert shown(A2ACLI_AGENT_CARD="from-env")["agent_card"]["source"] == "environment"
    assert shown("-a", "x", A2ACLI_AGENT_CARD="from-env")["agent_card"] == {"value": "x", "source": "flag"}
    assert shown()["bearer"]["value"] == "(set)"
    assert shown()["poll_interval"] == {"value": "2s", "source": "default"}
    assert "stream" not in json.dumps(shown(A2ACLI_STREAM="1"))
    assert wireproof("card", "get", cwd=tmp_path, A2ACLI_AGENT_CARD=agent).code == 0


def test_credentials_never_reach_the_diagnostics(agent: str) -> None:
    ran = send(agent, "x", "--async", "--debug", "--bearer", "s3cret-token", "--svc-param", "x-key: s3cret-key")
    assert ran.code == 0
    assert "s3cret" not in ran.out + ran.err
