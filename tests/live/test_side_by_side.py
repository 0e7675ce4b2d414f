"""Accounts and regions are read side by side: none waits for another one's turn."""

from __future__ import annotations

import threading
from contextlib import suppress

from sesform import aws
from sesform.aws import Connections
from sesform.live import refresh
from sesform.model.address import Access
from sesform.specs.desired import Desired
from world import DELEGATE, OWNER, REGION, World

SPEC = """
kind: Owner
name: {name}
account: "{account}"
regions: [eu-west-1]
topics: {{a: {{}}}}
identities: {{example.com: {{notifications: {{bounce: a}}}}}}
"""


def test_an_account_that_waits_for_its_turn_holds_up_no_other(world: World) -> None:
    """With one call in flight and hours between two turns, every account's first call to SES is made."""
    accounts = {"corp": OWNER, "mailer": DELEGATE, "third": "333333333333"}
    text = "---".join(SPEC.format(name=name, account=account) for name, account in accounts.items())
    desired = world.desired(text)
    settings = aws.Settings(
        rate=0.0001, open_session=lambda _, account: world.sandbox.botocore_session(account), parallelism=1
    )
    connections = aws.connect([(n, REGION) for n in accounts], {n: Access(a) for n, a in accounts.items()}, settings)
    for account in accounts.values():
        world.identity("example.com", account=account)
    read = threading.Thread(target=_read, args=(desired, connections), daemon=True)
    read.start()
    while len(_of_ses(world)) < len(accounts):
        read.join(0.01)

    assert sorted(accounts.values()) == sorted(_of_ses(world))
    connections.stop()
    read.join(30)
    assert not read.is_alive()


def _read(desired: Desired, connections: Connections) -> None:
    with suppress(aws.Stopped):
        refresh.read(desired.declared.values(), (), connections, parallelism=1)


def _of_ses(world: World) -> list[str]:
    return [c.account for c in list(world.sandbox.calls) if c.service.startswith("ses")]
