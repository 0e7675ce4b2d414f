"""Ownership tags: they tell in AWS which spec a resource belongs to, if the spec asks for tags."""

from __future__ import annotations

from sesform.model import arns
from sesform.model.address import Address, Scope
from sesform.model.values import NOTIFICATION_TYPES
from sesform.specs.compiler._compilation import Compilation
from sesform.specs.compiler._topics import TopicTable
from sesform.specs.declared import Declared, Origin, canonical_identity
from sesform.specs.schema import ConfigurationSet, Identity, LoadedSpec, Owner


def declare_tags(work: Compilation, table: TopicTable, loaded: LoadedSpec) -> None:
    """Declare a tag for each managed topic, each configuration set, and each identity with managed settings.

    A deleted resource loses its tag with itself. An identity that is absent or destroyed stays in AWS and loses the tag. An
    identity that is wholly unmanaged gets no tag, because `--prune` would later take it back.
    """
    spec = loaded.spec
    if not spec.ownership_tags:
        return
    for entry in table.entries.values():
        if entry.spec == spec.name and entry.state == "managed" and not work.destroy:
            _declare(work, loaded, entry.scope, f"topic/{entry.key}", entry.arn)
    for region in spec.regions:
        scope = Scope(spec.account, region)
        for name, declared in spec.configuration_sets.items():
            if isinstance(declared, ConfigurationSet) and not work.destroy:
                _declare(work, loaded, scope, f"configuration_set/{name}", arns.configuration_set(scope, name))
        if not isinstance(spec, Owner):
            continue
        for name, identity in spec.identities.items():
            if not _manages(work, spec, region, name):
                continue
            key = canonical_identity(name)
            kept = isinstance(identity, Identity) and not work.destroy
            _declare(work, loaded, scope, f"identity/{key}", arns.identity(scope, key), kept=kept)


def _manages(work: Compilation, spec: Owner, region: str, name: str) -> bool:
    """Whether the spec declares any setting of the identity. An unmanaged setting is not declared."""
    sources, key = (spec.identities[name], spec.defaults.identity), canonical_identity(name)
    if any(isinstance(s, Identity) and (s.authorize or s.policies) for s in sources):
        return True
    keys = [("notification_topic", f"{key}/{type_}") for type_ in NOTIFICATION_TYPES]
    keys += [("feedback_forwarding", key), ("default_configuration_set", key)]
    return any(Address(spec.name, region, type_, k) in work.declared for type_, k in keys)


def _declare(work: Compilation, loaded: LoadedSpec, scope: Scope, name: str, arn: str, *, kept: bool = True) -> None:
    key = {"arn": arn}
    says = (
        "declares ownership tags" if kept else "is being destroyed" if work.destroy else "declares the identity absent"
    )
    origin = Origin(loaded.document, ("ownership_tags",), says)
    address = Address(loaded.spec.name, scope.region, "ownership_tag", name)
    work.declare(Declared(address, scope, key, {**key, "spec": loaded.spec.name} if kept else None, origin))
