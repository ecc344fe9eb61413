"""Compares what the store holds with what the ledger saw; every difference is one sentence."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from tests.crash.victim import ME, ONCE, STEPS, kind_of, seen
from wireproof.tasks.errors import TaskNotFound
from wireproof.tasks.opening import open_store
from wireproof.tasks.records import INTERRUPTED_REASON, Status, TaskRecord


async def judge(url: str, report: dict[str, Any]) -> list[str]:
    """All that is wrong; empty when every promise was kept."""
    wrong = list(report["faults"])
    calls: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for task_id, step, attempt in report["calls"]:
        calls[task_id].append((step, attempt))
    rows: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for task_id, step, row in report["rows"].values():
        rows[task_id][step].append(row)
    async with open_store(url) as store:
        for number, task_id in report["made"].items():
            try:
                record = await store.get(ME, task_id)
            except TaskNotFound:
                wrong.append(f"acknowledged task {task_id} is not on the store")
                continue
            steps = dict(await store.steps(ME, task_id))
            found = [
                *_end(record, kind_of(int(number)), report),
                *_inputs(record, report["inputs"]),
                *_attempts(record, calls[task_id]),
                *_rows(record, steps, rows[task_id]),
            ]
            wrong += [f"task {task_id}: {sentence}" for sentence in found]
        total = (await store.list_tasks(ME, page_size=1)).total
    if total != len(report["made"]):
        wrong.append(f"the store has {total} tasks, {len(report['made'])} were made")
    return wrong


def _end(record: TaskRecord, kind: str, report: dict[str, Any]) -> list[str]:
    wrong: list[str] = []
    if report["ends"].get(record.id) != seen(record):
        wrong.append(f"its end was {report['ends'].get(record.id)} and is {seen(record)}")
    interrupted = record.status is Status.FAILED and record.reason == INTERRUPTED_REASON
    if record.status is not Status.COMPLETED and not (kind == ONCE and interrupted):
        wrong.append(f"it ended as {record.status} ({record.reason})")
    return wrong


def _inputs(record: TaskRecord, inputs: dict[str, str]) -> list[str]:
    accepted = inputs.get(record.id)
    if accepted is None or (record.answers.get("go") == accepted and record.result == {"answer": accepted}):
        return []
    return [f"its accepted input {accepted!r} became {record.answers!r} and {record.result!r}"]


def _attempts(record: TaskRecord, calls: list[tuple[str, int]]) -> list[str]:
    wrong: list[str] = []
    if len(set(calls)) != len(calls):
        wrong.append(f"a step was repeated under the same attempt: {calls}")
    if [attempt for _, attempt in calls] != sorted(attempt for _, attempt in calls):
        wrong.append(f"an earlier attempt worked after a later one: {calls}")
    if [step for step, _ in calls] != sorted(step for step, _ in calls):
        wrong.append(f"a recorded step was done again: {calls}")
    if any(attempt > record.attempt for _, attempt in calls):
        wrong.append(f"an attempt above {record.attempt}: {calls}")
    if record.kind == ONCE and any(attempt > 1 for _, attempt in calls):
        wrong.append(f"it was started again: {calls}")
    return wrong


def _rows(record: TaskRecord, steps: dict[str, Any], rows: dict[str, list[int]]) -> list[str]:
    wrong = [f"{step} has {len(found)} rows in the ledger" for step, found in rows.items() if len(found) != 1]
    wrong += [
        f"{step} is recorded as {row}, the ledger has {rows[step]}"
        for step, row in steps.items()
        if rows[step] != [row]
    ]
    if record.status is Status.COMPLETED and len(steps) != STEPS:
        wrong.append(f"it completed with {len(steps)} of {STEPS} steps")
    return wrong
