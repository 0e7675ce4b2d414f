"""Deletion of configuration sets that are the default set of identities, declared or undeclared."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, cast

import pytest

from sesform.aws import Connection, Connections, Pacer
from sesform.live import dependents
from sesform.live.snapshot import SendingFacts, Snapshot
from sesform.model.address import Address, Scope
from shell import Shell
from world import OWNER, World

HEAD = """
kind: Owner
name: corp
account: "111111111111"
regions: [eu-west-1]
"""
GONE = HEAD + "configuration_sets: {s: absent, t: {}}\n"
PLACE = "corp/eu-west-1/configuration_set/s"
HINT = "declare another default_configuration_set or null for them, or keep the set"


def in_use(world: World, *identities: str, by: str = "s") -> None:
    """Create sets `s` and `t`, and make one of them the default of these undeclared identities."""
    world.identity(*identities)
    world.converge(HEAD + "configuration_sets: {s: {}, t: {}}\n")
    for name in identities:
        world.client("sesv2").put_email_identity_configuration_set_attributes(
            EmailIdentity=name, ConfigurationSetName=by
        )


def reads(world: World) -> Counter[str]:
    found = Counter(c.operation for c in world.sandbox.calls if c.operation.endswith(("Identity", "Identities")))
    world.sandbox.calls.clear()
    return found


@pytest.mark.parametrize(
    ("expected", "number"),
    [
        ("identity a.example", 1),
        ("identities a.example, b.example", 2),
        ("identities a.example, b.example, c.example, d.example, e.example", 5),
        ("identities a.example, b.example, c.example, d.example, e.example and 2 more", 7),
    ],
)
def test_all_users_of_a_deleted_set_are_named_in_one_error(world: World, expected: str, number: int) -> None:
    """The error names undeclared identities too, because SES would refuse their mail."""
    in_use(world, *(f"{letter}.example" for letter in "abcdefg"[:number]))
    (problem,) = world.plan(GONE).errors

    assert (PLACE, HINT) == (problem.path, problem.hint)
    assert f"is planned for deletion, and is the default configuration set of {expected} in 111111111111/eu-west-1" == (
        problem.summary
    )


@pytest.mark.parametrize("setting", ["null", "t"])
def test_an_identity_that_leaves_the_set_in_the_same_plan_is_no_user(world: World, setting: str) -> None:
    """An identity that changes or clears its default set in the same plan does not prevent the deletion."""
    in_use(world, "a.example")

    plan = world.converge(GONE + f"identities: {{a.example: {{default_configuration_set: {setting}}}}}\n")

    assert "configuration_set" in {c.address.type for c in plan.changes}


def test_users_of_other_sets_do_not_prevent_the_deletion(world: World) -> None:
    """Users of other sets do not prevent the deletion."""
    in_use(world, "a.example", by="t")
    world.converge(GONE)


def test_users_in_other_accounts_do_not_prevent_the_deletion(world: World) -> None:
    """Users of a set with the same name in another account do not prevent the deletion."""
    world.identity("a.example", account="222222222222")
    other = HEAD.replace("corp", "other").replace(OWNER, "222222222222")
    world.converge(other + "configuration_sets: {s: {}}\nidentities: {a.example: {default_configuration_set: s}}\n")
    in_use(world)
    world.converge(GONE)


def test_a_destroy_reads_the_users_too(world: World) -> None:
    """A destroy is an error for each set that an undeclared identity uses."""
    in_use(world, "a.example")

    assert [PLACE] == [p.path for p in world.plan(HEAD + "configuration_sets: {s: {}}\n", destroy=True).errors]


def test_each_identity_is_read_once(world: World) -> None:
    """An identity that the refresh has read is not read again; the list of identities is read once."""
    in_use(world, "a.example", "b.example", by="t")
    world.sandbox.calls.clear()
    world.plan(GONE + "identities: {a.example: {default_configuration_set: t}}\n")

    assert {"GetEmailIdentity": 2, "ListEmailIdentities": 1} == reads(world)


@pytest.mark.parametrize("sets", ["{s: {}, t: {}}", "{never-made: absent}"])
def test_a_plan_that_deletes_no_set_reads_no_identity(world: World, sets: str) -> None:
    """The search costs one call for each identity, so it is made only if a set is deleted."""
    in_use(world, "a.example")
    world.sandbox.calls.clear()
    world.plan(HEAD + f"configuration_sets: {sets}\n")

    assert reads(world) == {}


@pytest.mark.parametrize("operation", ["ListEmailIdentities", "GetEmailIdentity"])
def test_a_search_that_is_refused_is_an_error(world: World, operation: str) -> None:
    """A set whose users cannot be read is not deleted."""
    in_use(world, "a.example", by="t")
    world.sandbox.fail(operation, code="AccessDeniedException", status=403, times=9)
    plan = world.plan(GONE)

    assert [PLACE] == [p.path for p in plan.errors]
    assert (
        "cannot be read: identities that use it as default configuration set could not be read: ses:" + operation
        in plan.errors[0].summary
    )
    assert [c for c in plan.changes if str(c.address) == PLACE] == []


class Pages:
    """An account whose list of identities has two pages."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.expected = 0
        self.scope, self.pacer = SCOPE, Pacer(None)

    def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        self.asked.append((operation, params))
        if operation == "GetEmailIdentity":
            return {"ConfigurationSetName": "s"}
        if "NextToken" not in params:
            return {"EmailIdentities": [{"IdentityName": "a.example"}], "NextToken": "more"}
        return {"EmailIdentities": [{"IdentityName": "B.example"}]}

    def expect(self, calls: int) -> None:
        self.expected += calls

    def stop(self) -> None:
        raise AssertionError("nothing went wrong")


SCOPE = Scope(OWNER, "eu-west-1")


def looked_up(account: object, tell: dependents.Announce = lambda *_: None) -> Snapshot:
    """Return the snapshot of an account in which set `s` is planned for deletion."""
    connections = Connections({("corp", "eu-west-1"): cast(Connection, account)})
    return dependents.users_of_sets({(SCOPE, "s"): Address.parse(PLACE)}, Snapshot(), connections, 1, tell)


def test_all_pages_of_identities_are_read() -> None:
    """All pages of the list are read, names are compared without case, and the calls are announced before they are made."""
    account, told = Pages(), list[Any]()
    found = looked_up(account, lambda *what: told.append((*what, len(account.asked))))

    assert {(SCOPE, name): SendingFacts(default_set="s") for name in ("a.example", "b.example")} == found.sending
    assert [(SCOPE, ["s"], 2, 2)] == told
    assert 2 == account.expected
    assert ("ListEmailIdentities", {"PageSize": 1000, "NextToken": "more"}) == account.asked[1]


class Nothing(Pages):
    """An account whose responses are empty."""

    def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        return {}


def test_a_list_that_cannot_be_parsed_is_unreadable() -> None:
    """A response without a list is not an empty list: the users of the set are unknown, and the set is not deleted."""
    assert {
        Address.parse(PLACE): "identities that use it as default configuration set could not be read: "
        "the answer has an unexpected form (KeyError: 'EmailIdentities')"
    } == looked_up(Nothing()).unreadable


def prepared(shell: Shell, *identities: str) -> Any:
    """Create sets `s` and `t` and undeclared identities in the sandbox of the command line."""
    shell.specs(HEAD + "configuration_sets: {s: {}, t: {}}\n")
    shell.run("apply", "--sandbox", "--auto-approve")
    for name in identities:
        shell.sandbox.declare_identity(OWNER, "eu-west-1", name)
    shell.specs(GONE)
    return shell.sandbox.session(OWNER, "eu-west-1").client("sesv2")


def test_the_search_is_announced_with_its_duration(shell: Shell) -> None:
    """The search may last an hour, so stderr announces the calls and the minimum duration."""
    prepared(shell, "a.example", "b.example")
    result = shell.run("plan", "--sandbox", "--rate", "1000")

    assert result.code == 0
    assert (
        "Reading identities in 111111111111/eu-west-1 whose default set is s: 2 calls, at least 1 s ..." in result.err
    )


def test_a_plan_with_only_another_set_reads_no_identity(shell: Shell) -> None:
    """With --only, no identities are read for sets that are not selected."""
    prepared(shell, "a.example")

    assert "Looking for" not in shell.run("plan", "--sandbox", "--only", "*/configuration_set/t").err


def test_a_saved_plan_is_refused_if_its_set_is_used_now(shell: Shell, tmp_path: Path) -> None:
    """Apply reads the users of the set again; if there is one, nothing is written."""
    client = prepared(shell, "a.example")
    saved = shell.run("plan", "--sandbox", "--out", "p.json")
    client.put_email_identity_configuration_set_attributes(EmailIdentity="a.example", ConfigurationSetName="s")
    refused = shell.run("apply", "--sandbox", "--plan", "p.json")
    client.put_email_identity_configuration_set_attributes(EmailIdentity="a.example")
    applied = shell.run("apply", "--sandbox", "--plan", "p.json")

    assert (0, 1, 0) == (saved.code, refused.code, applied.code)
    assert (
        f"{PLACE}: is planned for deletion, and is the default configuration set of identity a.example" in refused.err
    )
    assert "the plan has errors; nothing was changed" in refused.err
