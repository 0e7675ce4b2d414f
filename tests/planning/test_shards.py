"""Specs are split into parts that do not depend on each other, always in the same way."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sesform.engine.specs import compile_text
from sesform.model.shard import Part, Shard
from sesform.planning import shards
from sesform.planning.shards import Component
from sesform.specs.desired import Desired


def _owner(name: str, account: str, more: str = "", region: str = "eu-west-1") -> str:
    return f'kind: Owner\nname: {name}\naccount: "{account}"\nregions: [{region}]\n{more}\n---\n'


def _delegate(name: str, account: str, more: str = "") -> str:
    return f'kind: Delegate\nname: {name}\naccount: "{account}"\nregions: [eu-west-1]\n{more}\n---\n'


def _desired(*documents: str) -> Desired:
    return compile_text("".join(documents), "specs.yaml")


def _groups(desired: Desired) -> set[tuple[str, ...]]:
    return {component.specs for component in shards.components(desired)}


A, B, C = "111111111111", "222222222222", "333333333333"
TOPIC = "topics: {feedback: {}}"


def test_specs_without_a_connection_are_apart() -> None:
    """Specs of different accounts that name nothing of each other are components of their own."""
    assert _groups(_desired(_owner("a", A, TOPIC), _owner("b", B, TOPIC))) == {("a",), ("b",)}


@pytest.mark.parametrize(
    ("owner", "delegate"),
    [
        ("identities: {example.com: {notifications: {bounce: b/feedback}}}", TOPIC),
        (f"identities: {{x.com: {{notifications: {{bounce: 'arn:aws:sns:eu-west-1:{B}:feedback'}}}}}}", TOPIC),
        ("identities: {example.com: {authorize: {b: {actions: [SendEmail]}}}}", ""),
        (f'identities: {{example.com: {{authorize: {{"{B}": {{actions: [SendEmail]}}}}}}}}', ""),
        ("defaults: {identity: {authorize: {b: {actions: [SendEmail]}}}}", ""),
        ("", f"topics: {{feedback: {{publishers: ['arn:aws:ses:eu-west-1:{A}:identity/example.com']}}}}"),
        (
            "",
            f"{TOPIC}\ncross_account_notifications: {{'arn:aws:ses:eu-west-1:{A}:identity/x.com': {{bounce: feedback}}}}",
        ),
        (
            "",
            f"configuration_sets: {{s: {{event_destinations: {{d: {{events: [bounce], sns: 'arn:aws:sns:eu-west-1:{A}:t'}}}}}}}}",
        ),
    ],
    ids=["topic", "topic ARN", "authorize", "account", "defaults", "publisher", "legacy entry", "destination"],
)
def test_connected_specs_stay_together(owner: str, delegate: str) -> None:
    """An owner and each spec that it names, or that names it, are one component."""
    desired = _desired(_owner("a", A, owner), _delegate("b", B, delegate), _owner("c", C))
    assert _groups(desired) == {("a", "b"), ("c",)}


def test_specs_of_one_account_stay_together() -> None:
    """Two specs of one account share its quota and its tags, also in different regions."""
    assert _groups(_desired(_owner("a", A, TOPIC), _owner("b", A, region="us-east-1"))) == {("a", "b")}


def test_accounts_that_earlier_specs_connect_stay_together() -> None:
    """With earlier specs, an identity that leaves a topic and the topic that is deleted after it are in one part."""
    earlier = _desired(
        _owner("a", A, "identities: {example.com: {notifications: {bounce: b/feedback}}}"), _delegate("b", B, TOPIC)
    )
    now = _desired(_owner("a", A, "identities: {example.com: {}}"), _delegate("b", B))
    assert _groups(now) == {("a",), ("b",)}
    assert _groups(replace(now, linked=frozenset(shards.links(earlier)))) == {("a", "b")}


def test_large_components_are_spread_first() -> None:
    """The parts have about the same number of reads, and no part is empty while another one has two components."""
    found = [Component((str(n),), (str(n),), n) for n in (7, 5, 4, 3, 1)]
    assert [sum(c.reads for c in part) for part in shards.split(found, 2)] == [10, 10]
    assert [len(part) for part in shards.split([*found, Component(("0",), ("0",), 0)], 6)] == [1] * 6
    assert [len(part) for part in shards.split(found, 7)] == [1, 1, 1, 1, 1, 0, 0]


@given(st.lists(st.integers(0, 50), max_size=30), st.integers(1, 12))
def test_every_component_is_in_one_part(reads: list[int], total: int) -> None:
    """Every component is in exactly one part, and no two parts differ by more than the largest component."""
    found = [Component((str(i),), (str(i),), n) for i, n in enumerate(sorted(reads, reverse=True))]
    parts = shards.split(found, total)
    assert sorted(c.accounts for part in parts for c in part) == sorted(c.accounts for c in found)
    sums = [sum(c.reads for c in part) for part in parts]
    assert max(sums) - min(sums) <= max(reads, default=0)


def test_reads_follow_the_budget() -> None:
    """Identities are read by the hundred and listed by the thousand, sets one by one, topics with two calls."""
    identities = ", ".join(f"d{i}.example: {{notifications: {{bounce: t}}}}" for i in range(150))
    sets = "configuration_sets: {one: {event_destinations: {}}, two: {event_destinations: {}}}"
    desired = _desired(_owner("a", A, f"topics: {{t: {{}}}}\n{sets}\nidentities: {{{identities}}}"))
    sts, attributes, listed, topic = 1, 2, 1, 2
    assert shards.components(desired)[0].reads == sts + attributes + listed + 2 + topic


def test_the_usual_number_of_parts_grows_with_the_reads() -> None:
    """Without a wish, there is one part for each ten thousand reads, and never more parts than components."""
    assert shards.usual_total([Component(("1",), ("a",), 9000), Component(("2",), ("b",), 900)]) == 1
    assert shards.usual_total([Component((str(i),), (str(i),), 1000) for i in range(45)]) == 5
    assert shards.usual_total([Component(("1",), ("a",), 90_000)]) == 1
    assert shards.usual_total([]) == 1


SPECS = [_owner("a", A, TOPIC), _owner("b", B, TOPIC), _owner("c", C, "identities: {example.com: {}}")]


def _digest(desired: Desired, total: int = 2) -> str:
    return shards.digest(desired, shards.split(shards.components(desired), total))


def test_equal_specs_have_equal_parts_and_digests() -> None:
    """The files, the order and the comments of specs do not count: every machine makes the same parts."""
    one = _desired(*SPECS)
    other = compile_text("# a comment\n" + "".join(reversed(SPECS)), "/elsewhere/other.yaml")
    assert shards.components(one) == shards.components(other)
    assert _digest(one) == _digest(other)


def test_the_digest_has_no_secrets() -> None:
    """External ids and what a URL has in its query do not change the digest, so it cannot reveal them."""
    role = "credentials: {role_arn: 'arn:aws:iam::111111111111:role/r', external_id: %s}\n"
    topic = "topics: {t: {subscriptions: [{protocol: https, endpoint: 'https://x.example/?token=%s'}]}}"
    found = {_digest(_desired(_owner("a", A, role % word + topic % word), SPECS[1])) for word in ("one", "two")}
    assert len(found) == 1


@pytest.mark.parametrize("changed", [_owner("c", C, TOPIC), _owner("d", C, "identities: {example.com: {}}")])
def test_other_specs_have_another_digest(changed: str) -> None:
    """A resource or a name that differs changes the digest, and so does another number of parts."""
    assert _digest(_desired(*SPECS[:2], changed)) != _digest(_desired(*SPECS))
    assert _digest(_desired(*SPECS), 3) != _digest(_desired(*SPECS))


def test_parts_cover_everything_once() -> None:
    """Each resource is in one part, with the access to its account; a part beyond the components is empty."""
    desired = _desired(*SPECS)
    parts = [shards.part_of(desired, Shard.of(n, 4)) for n in (1, 2, 3, 4)]
    assert sorted(map(str, (a for part in parts for a in part.declared))) == sorted(map(str, desired.declared))
    assert sorted(name for part in parts for name in part.access) == ["a", "b", "c"]
    assert all({a.spec for a in part.declared} <= set(part.specs) for part in parts)
    assert len({part.part.specs for part in parts if part.part}) == 1
    assert parts[3].declared == {}


@pytest.mark.parametrize("text", ["0/8", "9/8", "1/0", "1", "-1/8", "1/8/8", "a/b", "1 / 8", ""])
def test_parts_that_do_not_exist_are_refused(text: str) -> None:
    """The number of a part is from 1 to the number of parts."""
    with pytest.raises(ValueError, match=r"."):
        Shard.parse(text)


@pytest.mark.parametrize("field", ["index", "total", "specs", "command"])
def test_damaged_parts_are_refused(field: str) -> None:
    """A part of a document is read only in the form that it was written in."""
    part = Part(Shard.of(1, 2), "sha256:" + "0" * 64)
    assert Part.loaded(part.document()) == part
    for value in (0, "x", None, True, [1]):
        with pytest.raises((LookupError, TypeError, ValueError)):
            Part.loaded(part.document() | {field: value})
