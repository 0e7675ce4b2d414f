"""The IAM policy for verify: exactly the calls of a run and of clean, and mail to the simulator alone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest

from iam import Request, allows, recorded
from proofs import BOTH, SETS, verify
from sesform import engine
from world import DELEGATE, OWNER, World


def policies(world: World, *, verify: bool = True) -> dict[str, Mapping[str, Any]]:
    file = world.folder / "specs.yaml"
    return {a: engine.iam_policy([file], account=a, verify=verify)[1].document for a in (OWNER, DELEGATE)}


@pytest.mark.parametrize("text", [BOTH, SETS])
def test_the_policy_allows_each_call_of_a_run_and_no_less(world: World, text: str) -> None:
    """Each call is allowed in its account, and the policy without --verify does not allow the sends."""
    world.identity("example.com")
    world.sandbox.set_clock(world.clock.now)
    world.converge(text)
    with recorded() as requests:
        assert verify(world, text).failed == ()
        engine.clean([world.folder / "specs.yaml"], world.settings(), at=time.time())
    with_verify, without = policies(world), policies(world, verify=False)

    assert [r for r in requests if not allows(with_verify[r.scope.account], r)] == []
    assert {r.action for r in requests if not allows(without[r.scope.account], r)} >= {
        "ses:SendEmail",
        "sqs:CreateQueue",
    }


def test_mail_to_other_recipients_is_not_allowed(world: World) -> None:
    """IAM refuses what the client refuses already."""
    world.identity("example.com")
    world.converge(BOTH)
    with recorded() as requests:
        verify(world, BOTH)
    send = next(r for r in requests if r.action == "ses:SendEmail")
    other = Request(send.scope, send.action, send.resource, (("ses:Recipients", "jo@example.org"),))

    assert allows(policies(world)[DELEGATE], send)
    assert not allows(policies(world)[DELEGATE], other)
