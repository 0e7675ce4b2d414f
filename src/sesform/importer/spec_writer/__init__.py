"""Write specs of live resources, so that a plan on these specs is empty. Pure.

Settings that specs do not support are left unmanaged (`unmanaged`, `exclusive: false`), and a comment says so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from sesform.importer.spec_writer._identities import add_foreign, add_identities
from sesform.importer.spec_writer._live_resources import LiveResources
from sesform.importer.spec_writer._naming import SpecDraft, drafts
from sesform.importer.spec_writer._scope_spec import Account, Note, ScopeSpec
from sesform.importer.spec_writer._sets import add_sets
from sesform.importer.spec_writer._topics import Topics, add_topics, of_interest
from sesform.model import arns
from sesform.model.address import Scope
from sesform.resources.resource_type import Resource


def specs(
    resources: Iterable[Resource],
    accounts: Mapping[str, Account],
    *,
    whole: bool,
    scopes: Collection[Scope] = (),
    notes: Iterable[Note] = (),
) -> tuple[SpecDraft, ...]:
    """Return specs of these accounts' resources, in a fixed order.

    `whole`: the resources are all that exist in `scopes`. Then a missing notification type has no topic, and a set has no other
    destinations. Otherwise missing settings are not known, and left unmanaged; a notification topic whose `topic_arn` is None
    is known to have no topic. Resources of other accounts are ignored. `notes` become comments.
    """
    live = LiveResources(resources)
    complete_scopes = frozenset(scopes) if whole else frozenset()
    notes_of: dict[Scope, list[Note]] = {}
    for note in notes:
        notes_of.setdefault(note.scope, []).append(note)
    where = sorted(s for s in {*live.scopes(), *notes_of} if s.account in accounts)
    names = {s.account: accounts[s.account].name for s in where}
    topics = Topics(live, accounts.keys(), complete_scopes)
    parts: list[ScopeSpec] = []
    for scope in where:
        in_scope = _parts(scope, live, topics, names, accounts.keys(), whole=whole)
        for note in notes_of.get(scope, ()):
            in_scope[0].remark(note.text, *note.loc)
        parts += in_scope
    parts += _empty(accounts, {p.scope.account for p in parts}, complete_scopes)
    return drafts(parts, accounts)


def _parts(
    scope: Scope,
    live: LiveResources,
    topics: Topics,
    names: Mapping[str, str],
    accounts: Collection[str],
    *,
    whole: bool,
) -> list[ScopeSpec]:
    """Return the parts of a scope: an Owner if it has identities, a Delegate if it has legacy entries or no identities."""
    found = live.identities.get(scope, {})
    own = any(arns.parse(name) is None for name in found)
    foreign = any(arns.parse(name) is not None and (record.topics or record.headers) for name, record in found.items())
    first = ScopeSpec(scope, "Owner" if own else "Delegate")
    parts = [first, ScopeSpec(scope, "Delegate")] if own and foreign else [first]
    add_topics(first, live, accounts, whole=whole)
    add_sets(first, live, topics, whole=whole)
    if own:
        add_identities(first, live, topics, names, whole=whole)
    add_foreign(parts[-1], live, topics, whole=whole)
    return parts


def _empty(accounts: Iterable[str], found: Collection[str], complete_scopes: Iterable[Scope]) -> Iterable[ScopeSpec]:
    """Return an empty spec for each account in which nothing was found, to show that it was read."""
    for scope in sorted(complete_scopes):
        if scope.account in accounts and scope.account not in found:
            part = ScopeSpec(scope, "Delegate")
            part.remark("There are no resources for SES notifications in this account and region.")
            yield part


__all__ = ["Account", "LiveResources", "Note", "SpecDraft", "of_interest", "specs"]
