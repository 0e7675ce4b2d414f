"""Prune: resources that carry the ownership tag of a loaded spec and that no spec names are planned for deletion. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sesform.errors import Problem
from sesform.live.snapshot import Tagged, TaggedResources
from sesform.model import arns
from sesform.model.address import Address, Scope
from sesform.model.values import NOTIFICATION_TYPES, OWNERSHIP_TAG, Properties
from sesform.specs.declared import Declared, Origin
from sesform.specs.desired import Desired

_SHOWN = 3  # resources that a warning names


def pruned(desired: Desired, found: TaggedResources) -> Desired:
    """Return the desired state with tagged resources of the loaded specs absent, and warnings about those of other specs.

    An identity loses its topics, headers, the sending policies that sesform wrote, and the tag. Its forwarding is turned on. Its
    default set is cleared if that set is deleted too.
    """
    declared = dict(desired.declared)
    exclusive = set(desired.exclusive)
    sets = {(t.scope, t.name) for t in found.ours if t.kind == "configuration-set"}
    sets |= {
        (k[1], k[2][0])
        for k in (d.aws_key for d in declared.values() if d.desired is None)
        if k[0] == "configuration_set"
    }
    for tagged in found.ours:
        for each in _absent(desired, tagged, cleared=(tagged.scope, tagged.default_set) in sets):
            address = each.address
            if (
                address in declared
            ):  # a topic's name is the key of its address; all other resources are identified by their name
                address = replace(address, key=tagged.arn)
            declared[address] = replace(each, address=address)
            if address.type == "configuration_set":
                exclusive.add(address)
    warnings = (*desired.warnings, *_warnings(desired, found))
    return replace(desired, declared=declared, exclusive=frozenset(exclusive), warnings=warnings)


def anything(desired: Desired) -> Iterator[Declared]:
    """Return what `pruned` may declare absent: resources of each kind, all named `*`."""
    for name, loaded in desired.specs.items():
        for region in loaded.spec.regions:
            scope = Scope(loaded.spec.account, region)
            for arn in (arns.topic(scope, "*"), arns.configuration_set(scope, "*"), arns.identity(scope, "*")):
                yield from _absent(desired, Tagged(scope, arn, name, policies=("*",)), cleared=True)


def _absent(desired: Desired, tagged: Tagged, *, cleared: bool) -> Iterator[Declared]:
    says = f"does not name it; it has the tag {OWNERSHIP_TAG}={tagged.spec}"
    origin = Origin(desired.specs[tagged.spec].document, ("name",), says)

    def declared(type_: str, name: str, key: dict[str, str], properties: Properties | None = None) -> Declared:
        return Declared(Address(tagged.spec, tagged.scope.region, type_, name), tagged.scope, key, properties, origin)

    if tagged.kind == "topic":
        yield declared("topic", tagged.name, {"topic_arn": tagged.arn})
        return
    if tagged.kind == "configuration-set":
        yield declared("configuration_set", tagged.name, {"configuration_set": tagged.name})
        return
    identity = {"identity": tagged.name}
    for type_ in NOTIFICATION_TYPES:
        key = {**identity, "notification_type": type_}
        yield declared("notification_topic", f"{tagged.name}/{type_}", key)
        yield declared("notification_headers", f"{tagged.name}/{type_}", key)
    yield declared("feedback_forwarding", tagged.name, identity, {**identity, "enabled": True})
    for policy in tagged.policies:
        yield declared("sending_policy", f"{tagged.name}/{policy}", {**identity, "name": policy})
    if cleared:
        yield declared("default_configuration_set", tagged.name, identity)
    yield declared("ownership_tag", f"identity/{tagged.name}", {"arn": tagged.arn})


def _warnings(desired: Desired, found: TaggedResources) -> Iterator[Problem]:
    loaded = (desired.whole or desired).specs
    for (scope, spec), things in found.others.items():
        some = ", ".join(things[:_SHOWN]) + (f" and {len(things) - _SHOWN} more" if len(things) > _SHOWN else "")
        why = "that spec does not have this account and region" if spec in loaded else "no spec of that name is loaded"
        yield Problem(
            f"not deleted in {scope}, because of the tag {OWNERSHIP_TAG}={spec}, and {why}: {some}",
            hint="load that spec too. If it was deleted, name a commit that has it with --since, or remove the tag",
            severity="warning",
        )
