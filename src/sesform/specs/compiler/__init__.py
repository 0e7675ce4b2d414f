"""Compile specs to the resources that they declare, with references resolved. Pure: no clock, no network, no environment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from itertools import repeat

from sesform.errors import Problem, SpecError
from sesform.model import arns
from sesform.model.address import Access, Address
from sesform.policies.document import Publisher
from sesform.specs.compiler._compilation import Compilation
from sesform.specs.compiler._configuration_sets import declare_configuration_sets
from sesform.specs.compiler._notifications import declare_cross_account, declare_identities, publishers_of
from sesform.specs.compiler._policies import as_sent
from sesform.specs.compiler._sending import grant, policy_name
from sesform.specs.compiler._tags import declare_tags
from sesform.specs.compiler._topics import TopicTable, declare_topics, tabulate
from sesform.specs.declared import Declared, Origin
from sesform.specs.desired import Desired
from sesform.specs.schema import LoadedSpec


def build(specs: Iterable[LoadedSpec], problems: Iterable[Problem] = (), *, destroy: bool = False) -> Desired:
    """Return what loaded specs declare; with `destroy`, everything that they declare as absent.

    `problems`: those found while loading. Raises SpecError with all of them and all found now, if any is an error.
    """
    loaded, known = list(specs), dict.fromkeys(problems)
    accounts = {each.spec.name: each.spec.account for each in loaded}
    work = Compilation(destroy, any(p.severity == "error" for p in known), accounts, problems=known)
    _check_names(work, loaded)
    table = tabulate(loaded)
    for each in loaded:
        declare_topics(work, table, each)
        declare_configuration_sets(work, table, each)
        declare_identities(work, table, each)
        declare_cross_account(work, table, each)
        declare_tags(work, table, each)
    _declare_topic_policies(work, table, loaded)
    found = tuple(p if p.rule else replace(p, rule="declaration") for p in work.problems)
    if any(p.severity == "error" for p in found):
        raise SpecError(found)
    return Desired(
        declared=work.declared,
        unmanaged=tuple(work.unmanaged),
        exclusive=frozenset(work.exclusive),
        targets=tuple(work.targets),
        access={e.spec.name: _access(e) for e in loaded},
        warnings=found,
        left_alone=frozenset(work.left_alone),
        specs={e.spec.name: e for e in loaded},
    )


def _access(loaded: LoadedSpec) -> Access:
    credentials = loaded.spec.credentials
    return Access(
        loaded.spec.account,
        credentials.profile,
        credentials.role_arn,
        credentials.external_id,
        credentials.external_id_env,
    )


def _check_names(work: Compilation, loaded: list[LoadedSpec]) -> None:
    first: dict[str, LoadedSpec] = {}
    for each in loaded:
        other = first.setdefault(each.spec.name, each)
        if other is not each:
            line, _ = other.document.place(("name",))
            work.wrong(
                each,
                ("name",),
                f"spec {each.spec.name!r} is already declared at {other.document.file}:{line}",
                "give each spec a unique name",
            )


def _declare_topic_policies(work: Compilation, table: TopicTable, loaded: list[LoadedSpec]) -> None:
    """Declare the policy of each managed topic. Its publishers are everything that routes to it, and those that its spec names."""
    publishers: dict[str, set[Publisher]] = defaultdict(set)
    for target in work.targets:
        publishers[target.topic_arn].update(target.publishers)
    specs = {each.spec.name: each for each in loaded}
    accounts = sorted(set(work.accounts.values()))
    for entry in table.entries.values():
        if not entry.keeps_policy or work.destroy:
            continue
        key = {"topic_arn": entry.arn}
        pairs = sorted({*publishers[entry.arn], *map(_named_publisher, repeat(entry.scope.account), entry.publishers)})
        desired: dict[str, object] = {**key, "publishers": [list(p) for p in pairs], "accounts": accounts}
        if entry.drops_deleted_principals:
            desired["drop_deleted_principals"] = True
        says = "declares a topic that SES publishes to" if pairs else "declares a topic that nothing publishes to"
        origin = Origin(specs[entry.spec].document, ("topics", entry.key), says)
        work.declare(
            Declared(
                Address(entry.spec, entry.scope.region, "topic_policy", entry.key), entry.scope, key, desired, origin
            )
        )


def _named_publisher(topic_account: str, arn: str) -> Publisher:
    parsed = arns.parse(arn)
    return Publisher(parsed.account if parsed else "", arn, topic_account)


__all__ = ["as_sent", "build", "grant", "policy_name", "publishers_of"]
