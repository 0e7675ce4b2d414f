"""Every resource type answers every question that the rest of sesform asks of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from sesform.importer.spec_writer import LiveResources
from sesform.live.snapshot import Snapshot
from sesform.model.address import Address, Scope
from sesform.planning.planned_state import planned_state
from sesform.resources import RESOURCES, aws_key
from sesform.resources.capabilities import Capability
from sesform.resources.resource_type import Phase, ResourceType, Step
from sesform.specs.declared import Declared

SCOPE = Scope("111111111111", "eu-west-1")
TOPIC = "arn:aws:sns:eu-west-1:111111111111:t"
SET = {"configuration_set": "s"}
IDENTITY = {"identity": "example.com"}

# Properties of one resource of each type, as AWS would hold it.
EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "topic": {"topic_arn": TOPIC, "name": "t", "display_name": "", "kms_key": None},
    "topic_policy": {"topic_arn": TOPIC, "policy": {"Statement": []}},
    "subscription": {
        "topic_arn": TOPIC,
        "protocol": "sqs",
        "endpoint": "arn:aws:sqs:eu-west-1:111111111111:q",
        "arn": "a",
    },
    "configuration_set": SET,
    "suppression_options": {**SET, "reasons": ["bounce"]},
    "event_destination": {**SET, "name": "d", "enabled": True, "events": ["BOUNCE"], "sns": {"topic_arn": TOPIC}},
    "default_configuration_set": {**IDENTITY, **SET},
    "notification_topic": {**IDENTITY, "notification_type": "bounce", "topic_arn": TOPIC},
    "notification_headers": {**IDENTITY, "notification_type": "bounce", "enabled": True},
    "feedback_forwarding": {**IDENTITY, "enabled": False},
    "sending_policy": {**IDENTITY, "name": "p", "policy": {"Statement": []}},
    "ownership_tag": {"arn": TOPIC, "spec": "corp"},
}


def key_of(name: str) -> dict[str, str]:
    return {part: str(EXAMPLES[name][part]) for part in RESOURCES[name].key}


def declared(name: str, *, absent: bool = False) -> Declared:
    desired = None if absent else EXAMPLES[name]
    return Declared(Address("corp", "eu-west-1", name, "/".join(key_of(name).values())), SCOPE, key_of(name), desired)


def test_every_type_has_an_example_here() -> None:
    """A new type is asked all questions below, too."""
    assert RESOURCES.keys() == EXAMPLES.keys()


@pytest.mark.parametrize("name", RESOURCES)
class TestEveryType:
    """Each registered type, with the properties of its example."""

    def test_it_is_registered_by_its_own_name(self, name: str) -> None:
        """The registry, the type and the key agree."""
        assert name == RESOURCES[name].name
        assert (name, SCOPE, tuple(key_of(name).values())) == aws_key(name, SCOPE, EXAMPLES[name])

    def test_it_says_how_it_is_compared(self, name: str) -> None:
        """A resource is the same as itself, is shown as it is, and needs no replacement to stay so."""
        kind, properties = RESOURCES[name], EXAMPLES[name]

        assert kind.same(properties, properties)
        assert kind.reflected(properties, properties)
        assert kind.requires_replace(properties, properties) is None
        assert kind.same(kind.expanded(properties, properties), properties)
        assert kind.remark(properties, properties) == ""

    def test_it_says_what_it_provides_and_requires(self, name: str) -> None:
        """Order follows from typed capabilities only, and nothing requires what it provides by itself."""
        kind, properties = RESOURCES[name], EXAMPLES[name]
        step = Step(SCOPE, None, properties, kind.phase(None, properties))
        provided, required = kind.provides(SCOPE, properties), kind.requires(SCOPE, properties)

        assert all(isinstance(c, Capability) for c in provided | required | kind.completes(step) | kind.after(step))
        assert provided & required == frozenset()

    def test_it_says_when_and_with_which_calls_it_changes(self, name: str) -> None:
        """Creating, updating and deleting have a phase and cost calls."""
        kind, properties = RESOURCES[name], EXAMPLES[name]
        for before, after in ((None, properties), (properties, properties), (properties, None)):
            assert isinstance(kind.phase(before, after), Phase)
            assert all(":" in call for call in kind.calls(before, after))

    def test_it_says_what_iam_must_allow(self, name: str) -> None:
        """Reading needs something, and so does writing."""
        for absent in (False, True):
            assert RESOURCES[name].reads(declared(name, absent=absent)) != ()
        assert RESOURCES[name].writes(declared(name)) != ()

    def test_it_says_what_removal_means(self, name: str) -> None:
        """A part names a registered type as its parent; a type that is not removed alone has one."""
        kind = RESOURCES[name]
        parent = kind.removed_with(key_of(name))

        assert parent is None or parent.type in RESOURCES
        assert kind.removed_alone or parent is not None
        assert kind.absent(key_of(name)) is None or kind.forced_with_identity
        assert kind.listed_by is None or kind.listed_by in RESOURCES
        assert kind.for_accounts(EXAMPLES[name], ["111111111111"]).keys() >= EXAMPLES[name].keys()

    def test_it_is_a_resource_in_terraform(self, name: str) -> None:
        """Terraform's type is named, and the attributes have an id; a part of another type is drawn by that type."""
        kind = RESOURCES[name]
        owner: ResourceType = RESOURCES[kind.terraform_part_of or name]
        parts = {owner.name: EXAMPLES[owner.name], name: EXAMPLES[name]}

        assert kind.terraform_type == owner.terraform_type
        assert owner.terraform_attributes(parts)["id"]

    def test_it_is_written_as_a_spec(self, name: str) -> None:
        """A live resource finds its place among what the spec writer is given."""
        live = LiveResources([(name, SCOPE, EXAMPLES[name])])

        assert live.identities or live.sets or live.topics or name == "ownership_tag"

    def test_it_is_drawn(self, name: str) -> None:
        """Nothing is hidden without a remark, and a text that AWS does not keep is shown."""
        kind, properties = RESOURCES[name], EXAMPLES[name]
        shown, hidden = kind.abridged(properties)

        assert hidden or shown == properties
        assert kind.overwritten_text(properties) == "" or name == "sending_policy"

    def test_it_says_which_calls_change_it(self, name: str) -> None:
        """A missing, a different and an undeclared resource have recorded calls, each with parameters that name the resource."""
        kind, properties = RESOURCES[name], EXAMPLES[name]
        changed = {**properties, "display_name": "other"} if name == "topic" else properties
        for before, after in ((None, properties), (properties, changed), (properties, None)):
            found = kind.traces(SCOPE, before, after)

            assert found
            assert all(re.fullmatch(r"(ses|sns):[A-Z]\w+", trace.call) and trace.touches for trace in found)
            assert len(found) == len({trace.call for trace in found})

    def test_it_counts_in_the_state_after_a_plan(self, name: str) -> None:
        """A live resource is in the state before the plan and after an empty one."""
        before = {aws_key(name, SCOPE, EXAMPLES[name]): EXAMPLES[name]}

        assert planned_state(before, Snapshot(), ()).after == before
