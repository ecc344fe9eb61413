"""The state machines hold on correct peers, and find a peer that is wrong in one way of their lives."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.conformance.peers import stdio_target
from wireproof.conformance.machines import Life, SessionLife, SubscriptionLife, TaskLife, machine
from wireproof.conformance.target import Target
from wireproof.conformance.verdict import Broken

QUICK = settings(
    max_examples=8,
    stateful_step_count=12,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)
LIVES = [SessionLife, TaskLife, SubscriptionLife]
WRONG = [
    (SessionLife, "ping-not-empty"),
    (SessionLife, "id-as-string"),
    (TaskLife, "task-status"),
    (TaskLife, "task-unknown"),
    (SubscriptionLife, "ack-late"),
    (SubscriptionLife, "subscription-id-text"),
]


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.__name__)
@pytest.mark.parametrize("target", [stdio_target(), Target.parse("examples/everything.py")], ids=["miniature", "ours"])
def test_a_correct_peer_lives_through_it(life: type[Life], target: Target):
    run_state_machine_as_test(machine(life, target), settings=QUICK)


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize(("life", "wrong"), WRONG)
def test_a_wrong_peer_is_found(life: type[Life], wrong: str):
    with pytest.raises((AssertionError, Broken)):
        run_state_machine_as_test(machine(life, stdio_target(wrong)), settings=QUICK)
