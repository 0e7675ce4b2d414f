"""Identities, and legacy entries for identities of other accounts, as parts of specs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from sesform.importer.spec_writer._live_resources import LiveResources, plain
from sesform.importer.spec_writer._scope_spec import Loc, Reference, ScopeSpec
from sesform.importer.spec_writer._topics import Topics
from sesform.model import arns
from sesform.model.address import Scope
from sesform.model.values import NOTIFICATION_TYPES
from sesform.policies import document as policy_document
from sesform.resources.live_record import LiveIdentity
from sesform.specs import schema, yaml_writer
from sesform.specs.compiler import as_sent, grant, policy_name
from sesform.specs.schema import GRANT_PREFIX, SEND_ACTIONS, Authorization, SendingPolicy

_ACTIONS = {f"ses:{action}".lower(): action for action in SEND_ACTIONS}
_USUAL_ACTIONS = {"SendEmail", "SendRawEmail"}
_FEEDBACK_TYPES = ("bounce", "complaint")


def add_identities(
    part: ScopeSpec, live: LiveResources, topics: Topics, names: Mapping[str, str], *, whole: bool
) -> None:
    """Add the identities of a scope to its spec, with common settings as defaults. `names`: the spec names of the accounts."""
    own = {n: record for n, record in live.identities.get(part.scope, {}).items() if arns.parse(n) is None}
    entries: dict[str, dict[str, Any]] = {}
    for name, record in sorted(own.items()):
        wrong = schema.fault("identity", name)
        if wrong:
            part.remark(f"{name}: skipped: not supported in specs: {wrong}.", "identities", name)
            continue
        loc: Loc = ("identities", name)
        settings: dict[str, Any] = dict(_notifications(part, record, topics, loc, whole=whole))
        rest = _sending(part, record, live, name, names, loc, whole=whole)
        by_default_set = "default_configuration_set" in rest
        settings["feedback_forwarding"] = _forwarding(part, record, settings, loc, by_default_set=by_default_set)
        entries[name] = {"settings": settings, "rest": rest}
    defaults = _defaults([each["settings"] for each in entries.values()])
    if defaults:
        part.sections["defaults"]["identity"] = _nested(defaults)
    for name, each in entries.items():
        differing = {k: v for k, v in each["settings"].items() if v != defaults.get(k, _IMPLICIT[k])}
        part.sections["identities"][name] = _nested(differing) | each["rest"]


def add_foreign(part: ScopeSpec, live: LiveResources, topics: Topics, *, whole: bool) -> None:
    """Add the account's legacy entries for identities of other accounts, without entries that have no setting."""
    for arn, record in sorted(live.identities.get(part.scope, {}).items()):
        if arns.parse(arn) is None or not (record.topics or record.headers):
            continue
        loc: Loc = ("cross_account_notifications", arn)
        wrong = schema.fault("identity_arn", arn)
        if wrong:
            part.remark(f"{arn}: skipped: not supported in specs: {wrong}.", *loc)
            continue
        found = _notifications(part, record, topics, loc, whole=whole, foreign=True)
        part.sections["cross_account_notifications"][arn] = {t: v for t, v in found.items() if v is not None}


def _notifications(
    part: ScopeSpec, record: LiveIdentity, topics: Topics, loc: Loc, *, whole: bool, foreign: bool = False
) -> dict[str, Any]:
    """Return the setting of each type, None for no topic."""
    found: dict[str, Any] = {}
    for type_ in NOTIFICATION_TYPES:
        where = (*loc, type_) if foreign else (*loc, "notifications", type_)
        arn, headers = record.topics.get(type_), type_ in record.headers
        if arn is None:
            known = whole or type_ in record.topicless
            found[type_] = None if known and not headers else "unmanaged"
            if headers:
                part.remark("Left unmanaged: headers are included, and there is no topic.", *where)
            continue
        reference, why = topics.refer(arn, part.scope)
        found[type_] = "unmanaged" if why else {"topic": reference, "headers": True} if headers else reference
        if why:
            part.remark(f"Left unmanaged: {why}.", *where)
    return found


def _forwarding(
    part: ScopeSpec, record: LiveIdentity, settings: Mapping[str, Any], loc: Loc, *, by_default_set: bool
) -> bool | str:
    if record.forwarding is False and any(settings[t] is None for t in _FEEDBACK_TYPES) and not by_default_set:
        # Only SES v2's call allows this state (seen on AWS: hashicorp/terraform-provider-aws acceptance tests).
        text = (
            "E-mail forwarding is off, and bounces or complaints have no topic. Left unmanaged, because `false` "
            "requires both topics or a default configuration set."
        )
        part.remark(text, *loc)
        return "unmanaged"
    return "unmanaged" if record.forwarding is None else record.forwarding


def _sending(
    part: ScopeSpec,
    record: LiveIdentity,
    live: LiveResources,
    name: str,
    names: Mapping[str, str],
    loc: Loc,
    *,
    whole: bool,
) -> dict[str, Any]:
    """Return the sending policies and the default configuration set of an identity, as specs declare them."""
    found: dict[str, Any] = {}
    for policy_, document in sorted(record.policies.items()):
        grantee, authorization = _authorization(part, name, policy_, document, names)
        if grantee:
            found.setdefault("authorize", {})[grantee] = authorization
            continue
        written = _in_spec_form(arns.identity(part.scope, name), document)
        wrong = (
            (
                policy_.startswith(GRANT_PREFIX)
                and "`authorize` does not produce this policy for any account or spec here"
            )
            or schema.fault("policy_name", policy_)
            or schema.fault("sending_policy", written)
            or yaml_writer.why_not(written)
            or _difference(part.scope, name, policy_, written, document)
        )
        if wrong:
            part.remark(f"Sending policy {policy_} is left unmanaged: {wrong}.", *loc)
        else:
            found.setdefault("policies", {})[policy_] = written
    found = {key: found[key] for key in ("authorize", "policies") if key in found}
    if record.default_set:
        missing = whole and record.default_set not in live.sets.get(part.scope, {})
        wrong = schema.fault("configuration_set", record.default_set)
        if missing or wrong or record.default_set == "unmanaged":
            why = "it does not exist" if missing else wrong or "specs reserve this name"
            part.remark(f"The default configuration set {record.default_set} is left unmanaged: {why}.", *loc)
        else:
            found["default_configuration_set"] = record.default_set
    return found


def _authorization(
    part: ScopeSpec, identity: str, name: str, document: policy_document.Policy, names: Mapping[str, str]
) -> tuple[str, dict[str, Any]]:
    """Return (grantee, rights) if `authorize` makes exactly this policy for that grantee; else ("", …)."""
    (statement, *more) = policy_document.statements(document) or [{}]
    principal = statement.get("Principal")
    named = principal.get("AWS") if isinstance(principal, dict) else None
    named = named[0] if isinstance(named, list) and len(named) == 1 else named
    arn = arns.parse(named) if isinstance(named, str) else None
    if more or arn is None:
        return "", {}
    rights = _rights(statement)
    is_root = str(arn) == arns.account_root(arn.account, arn.partition)
    candidates = [names.get(arn.account, ""), arn.account] if is_root else [str(arn)]
    for grantee in filter(None, candidates):
        has_grant_name = policy_name(grantee) == name and not schema.fault("grantee", grantee)
        if has_grant_name and rights is not None and not schema.fault("authorization", rights):
            made = grant(arns.identity(part.scope, identity), str(arn), Authorization.model_validate(rights))
            if policy_document.same(made, document):
                return grantee, rights
    return "", {}


def _in_spec_form(identity_arn: str, document: policy_document.Policy) -> dict[str, Any]:
    """Return a policy in the form of specs: without its resource, which is the identity in each region."""
    statements = [plain(s) for s in policy_document.statements(document)]
    for each in statements:
        if each.get("Resource") in (identity_arn, [identity_arn]):
            del each["Resource"]
    return {**plain(document), "Statement": statements}


def _difference(
    scope: Scope, identity: str, name: str, written: Mapping[str, Any], document: policy_document.Policy
) -> str:
    """Return why the policy that the spec would send differs from the live one, or why SES would refuse it.

    "" if it is the same policy.
    """
    sent, refusals = as_sent(scope, identity, SendingPolicy.model_validate(written), name)
    if refusals:
        return refusals[0][1]
    same = policy_document.same(sent, document)
    return "" if same else "specs would write it in another form, which might have another meaning"


def _rights(statement: Mapping[str, Any]) -> dict[str, Any] | None:
    listed = statement.get("Action")
    actions = [_ACTIONS.get(str(a).lower()) for a in (listed if isinstance(listed, list) else [listed])]
    if None in actions:
        return None
    rights: dict[str, Any] = {} if set(actions) == _USUAL_ACTIONS else {"actions": sorted(filter(None, actions))}
    return rights | ({"conditions": statement["Condition"]} if statement.get("Condition") else {})


# --- defaults ----------------------------------------------------------------------------------------------------------

# The meaning of an omitted setting if the spec has no defaults.
_IMPLICIT: dict[str, Any] = {**dict.fromkeys(NOTIFICATION_TYPES), "feedback_forwarding": "unmanaged"}


def _defaults(identities: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return defaults that shorten the spec: the most common value of each setting, if more identities share it than differ."""
    every = list(identities)
    found: dict[str, Any] = {}
    for key, implicit in _IMPLICIT.items():
        values = Counter(_text(each[key]) for each in every)
        if not values:
            continue
        commonest, count = min(values.items(), key=lambda v: (-v[1], v[0]))
        written = len(every) - values[_text(implicit)]  # the number of lines without a default
        if commonest != _text(implicit) and 1 + len(every) - count < written:
            found[key] = next(each[key] for each in every if _text(each[key]) == commonest)
    return found


def _text(value: Any) -> str:
    return json.dumps(value, default=lambda r: [r.account, r.topic] if isinstance(r, Reference) else str(r))


def _nested(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings in the form of specs: types under `notifications`."""
    types = {t: settings[t] for t in NOTIFICATION_TYPES if t in settings}
    rest = {k: v for k, v in settings.items() if k not in types}
    return ({"notifications": types} if types else {}) | rest
