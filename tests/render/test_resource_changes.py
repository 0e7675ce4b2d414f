"""The changes of a plan by resource: one for each, equal ones of identities together, deletions first."""

from __future__ import annotations

from scenes import OWNER_SCOPE, address, identity_arn, topic_arn
from sesform.model.values import UNKNOWN, Properties
from sesform.planning.plan import Action, Change, Plan
from sesform.render.resource_changes import Field, ResourceChange, resource_changes

TOPIC = topic_arn("t")
OLD, NEW = {"topic_arn": TOPIC, "display_name": "Old"}, {"topic_arn": TOPIC, "display_name": "New"}


def change(
    key: str, action: Action, before: Properties | None, after: Properties | None, reason: str = "why"
) -> Change:
    return Change(address(f"corp/eu-west-1/{key}"), OWNER_SCOPE, action, before, after, reason, 2, ())


def drawn(*changes: Change) -> list[ResourceChange]:
    return resource_changes(Plan(changes))


def policy(identity: str) -> Properties:
    document = {"Version": "2012-10-17", "Statement": [{"Sid": "a", "Resource": identity_arn(identity)}]}
    return {"identity": identity, "name": "own", "policy": document}


def test_deletions_come_first() -> None:
    """What is destroyed comes before what changes, and that before what is added, whatever the order of the steps."""
    found = drawn(
        change("topic/a", "create", None, NEW),
        change("topic/b", "update", OLD, NEW),
        change("topic/c", "delete", OLD, None),
    )

    assert [("destroy", ("c",)), ("change", ("b",)), ("add", ("a",))] == [(each.action, each.names) for each in found]


def test_the_fields_of_a_change() -> None:
    """An update has the fields that differ, a creation and a deletion all of them; what AWS decides is said."""
    created = {**NEW, "arn": UNKNOWN, "kms_key": None}
    added, changed = drawn(change("topic/a", "create", None, created), change("topic/b", "update", OLD, NEW))[::-1]

    assert (Field("display_name", ('"Old"',), ('"New"',)),) == changed.fields
    assert (
        Field("topic_arn", (), (f'"{TOPIC}"',)),
        Field("display_name", (), ('"New"',)),
        Field("arn", (), ("(known after apply)",)),
    ) == added.fields


def test_entries_of_a_list_are_fields() -> None:
    """An entry that is added or removed is shown below the name of its list."""
    before, after = ({"configuration_set": "s", "name": "d", "events": events} for events in (["BOUNCE"], ["SEND"]))
    (found,) = drawn(change("event_destination/s/d", "update", before, after))

    assert {Field("events", ('"BOUNCE"',), ()), Field("events", (), ('"SEND"',))} == set(found.fields)


def test_an_update_in_two_steps_is_one_change() -> None:
    """A policy that is expanded and then contracted changes once, from the first state to the last."""
    both = {"topic_arn": TOPIC, "display_name": "Both"}
    reason = "specs.yaml:3 declares it; AWS has different values"
    (found,) = drawn(
        change("topic/t", "update", OLD, both, f"{reason}; step 1 of 2: the old and the new state together"),
        change("topic/t", "update", both, NEW, f"{reason}; step 2 of 2: the new state only"),
    )

    assert (Field("display_name", ('"Old"',), ('"New"',)),) == found.fields
    assert reason == found.reason


def test_a_temporary_replacement_is_no_change() -> None:
    """A resource that the plan creates and deletes again is not shown."""
    assert [] == drawn(change("topic/t", "create", None, NEW), change("topic/t", "delete", NEW, None))


def test_a_replacement_is_one_change() -> None:
    """A resource that is deleted and created again has its fields before and after."""
    (found,) = drawn(change("topic/t", "delete", OLD, None), change("topic/t", "create", None, NEW))

    assert ("replace", (Field("display_name", ('"Old"',), ('"New"',)),)) == (found.action, found.fields)


def test_equal_changes_of_identities_are_together() -> None:
    """Settings that differ only in their identity are one change; its ARN in a policy counts as the same."""
    found = drawn(
        *(change(f"sending_policy/{name}/own", "create", None, policy(name)) for name in ("a.com", "b.com")),
        change("sending_policy/c.com/other", "create", None, {**policy("c.com"), "name": "other"}),
    )

    assert [("own", ("a.com", "b.com")), ("other", ("c.com",))] == [(each.part, each.names) for each in found]
    assert "(ARN of this identity)" in "".join(found[0].fields[0].after)


def test_reasons_that_differ_in_the_line_are_one() -> None:
    """The lines of the specs stand at the names, and what they say once."""
    settings = [("a.com", "specs.yaml:5 declares it"), ("b.com", "specs.yaml:7 declares it")]
    (found,) = drawn(*(change(f"sending_policy/{n}/own", "create", None, policy(n), reason) for n, reason in settings))

    assert ("the line at each name declares it", ("specs.yaml:5", "specs.yaml:7")) == (found.reason, found.reasons)


def test_reasons_that_differ_are_kept() -> None:
    """Each name has its own reason then."""
    settings = [("a.com", "specs.yaml:5 declares it"), ("b.com", "it is removed")]
    (found,) = drawn(*(change(f"sending_policy/{n}/own", "create", None, policy(n), reason) for n, reason in settings))

    assert ("", ("specs.yaml:5 declares it", "it is removed")) == (found.reason, found.reasons)


def test_a_text_that_aws_does_not_keep_is_shown() -> None:
    """A deleted sending policy has its text, to restore it."""
    (found,) = drawn(change("sending_policy/a.com/own", "delete", policy("a.com"), None))

    assert '"Sid":"a"' in found.overwritten.replace(" ", "")
