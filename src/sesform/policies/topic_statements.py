"""sesform's own statements in topic policies: the least that allows SES to publish for the given publishers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from typing import Any, NamedTuple

from sesform.model import arns
from sesform.policies import document as policy_document
from sesform.policies.document import Policy, Publisher

SID_PREFIX = "SesformPublish"
# The operators that match a value without wildcards exactly.
_EXACT = frozenset({"stringequals", "stringlike", "arnequals", "arnlike"})
_WIDENED = "Before"

# SNS accepts policies of up to 30 KB: SNS developer guide, "Amazon SNS access control policy quotas".
MAX_BYTES = 30 * 1024
_ROOM = 10 * 1024  # kept free for the intermediate policy when publishers change, and for statements of others


def is_ours(statement: Mapping[str, Any]) -> bool:
    return str(statement.get("Sid", "")).startswith(SID_PREFIX)


def ours(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the statements that sesform wrote, in their order."""
    return [s for s in policy_document.statements(document) if is_ours(s)]


def with_publishers(
    document: Mapping[str, Any],
    topic_arn: str,
    publishers: Iterable[Publisher],
    loaded: Container[str] | None = None,
) -> Policy:
    """Return the document with our statements for exactly these publishers; all other statements stay unchanged.

    `loaded`: the accounts of the loaded specs, None for all. Our statements for other accounts stay, because a spec that is not
    loaded may still declare them. A publisher that a statement of others names needs none of ours. Without any statement the
    policy of a new topic is returned: SNS accepts no empty policy (cloud-custodian#1779).
    """
    present = [s for s in ours(document) if loaded is None or _declared_by(s) in loaded]
    others = [s for s in policy_document.statements(document) if s not in present]
    room = MAX_BYTES - _ROOM - len(policy_document.compact({**document, "Statement": others}))
    allowed, kept = named_by_others(document, topic_arn), _arns(_sources(present))
    needed = [p for p in publishers if p.arn in kept or (p.account, p.arn) not in allowed]
    wanted = _statements(topic_arn, needed, room)
    if policy_document.same({"Statement": present}, {"Statement": wanted}):
        wanted = present  # the same in AWS's spelling: no change
    if not others and not wanted:
        return policy_document.default_topic_policy(topic_arn)
    return {**document, "Statement": [*others, *wanted]}


def named_by_others(document: Mapping[str, Any], topic_arn: str) -> set[tuple[str, str]]:
    """Return the publishers, by account and ARN, that statements of others allow in the form of ours, exactly and by name.

    Statements that allow more, or allow it on further conditions, are not counted.
    """
    others = [s for s in policy_document.statements(document) if not is_ours(s)]
    return {pair for statement in others for pair in _named_in(statement, topic_arn)}


def named_by(document: Mapping[str, Any], topic_arn: str, account: str) -> set[tuple[str, str]]:
    """Return the publishers, by account and ARN, that our statements allow by name because specs of this account declare it."""
    declared = [s for s in ours(document) if _declared_by(s) == account]
    return {pair for statement in declared for pair in _named_in(statement, topic_arn)}


def has_our_form(statement: Mapping[str, Any], topic_arn: str) -> bool:
    """Return whether a statement is one of ours, or allows publishers exactly and by name as ours do."""
    return is_ours(statement) or bool(_named_in(statement, topic_arn))


def _named_in(statement: Mapping[str, Any], topic_arn: str) -> list[tuple[str, str]]:
    (canonical,) = policy_document.canonical({"Statement": [dict(statement)]})["Statement"]
    condition = canonical.pop("Condition", None)
    canonical.pop("Sid", None)
    resource = canonical.pop("Resource", None)
    form = {"Effect": "Allow", "Principal": {"Service": [policy_document.SES_PRINCIPAL]}, "Action": ["sns:publish"]}
    if canonical != form or resource not in ([topic_arn], ["*"]):
        return []
    values = _exact_tests(condition)
    if values.keys() != {"aws:sourceaccount", "aws:sourcearn"}:
        return []
    named = [arn for arn in map(arns.parse, values["aws:sourcearn"]) if arn is not None]
    return [(arn.account, str(arn)) for arn in named if arn.account in values["aws:sourceaccount"]]


def _exact_tests(condition: Any) -> dict[str, list[str]]:
    """Return the values of each key of a canonical condition; nothing if a test is not for exact values."""
    found: dict[str, list[str]] = {}
    for operator, tests in condition.items() if isinstance(condition, Mapping) else ():
        for key, values in tests.items() if isinstance(tests, Mapping) else [("", ["*"])]:
            if key in found or operator.lower() not in _EXACT or any(c in v for v in values for c in "*?$"):
                return {}
            found[key] = values
    return found


def _declared_by(statement: Mapping[str, Any]) -> str:
    """Return the account whose specs declare one of our statements: it is part of the Sid."""
    return str(statement["Sid"])[len(SID_PREFIX) :][:12]


def _statements(topic_arn: str, publishers: Iterable[Publisher], room: int) -> list[dict[str, Any]]:
    """Return one statement for each account (and declaring account), with patterns if naming all needs more than `room` bytes.

    Source of their form: AWS developer guide of SES, "Configuring Amazon SNS notifications".
    """
    by_sid: dict[tuple[str, str], list[str]] = defaultdict(list)
    for account, arn, declared_by in sorted(set(publishers)):
        sid = f"{declared_by}For{account}" if declared_by and declared_by != account else account
        by_sid[SID_PREFIX + sid, account].append(arn)
    exact = [_statement(topic_arn, sid, account, "StringEquals", arns_) for (sid, account), arns_ in by_sid.items()]
    if len(policy_document.compact({"Statement": exact})) <= room:
        return exact
    # Too many to name: allow all identities, or all configuration sets, of those accounts in the topic's region.
    return [_statement(topic_arn, sid, account, "ArnLike", _patterns(a)) for (sid, account), a in by_sid.items()]


def _statement(topic_arn: str, sid: str, account: str, operator: str, sources: list[str]) -> dict[str, Any]:
    source = {"AWS:SourceArn": sources}
    equals: dict[str, Any] = {"AWS:SourceAccount": account}
    condition = (
        {"StringEquals": equals | source} if operator == "StringEquals" else {"StringEquals": equals, operator: source}
    )
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"Service": policy_document.SES_PRINCIPAL},
        "Action": "SNS:Publish",
        "Resource": topic_arn,
        "Condition": condition,
    }


def _patterns(sources: Iterable[str]) -> list[str]:
    kinds = {str(arn._replace(resource=arn.resource.split("/")[0] + "/*")) for arn in map(arns.parse, sources) if arn}
    return sorted(kinds)


def expanded(before: Mapping[str, Any], after: Mapping[str, Any]) -> Policy:
    """Return the document that allows every publisher of both. Our statements of `before` get Sids of their own."""
    if _sources(ours(after)) <= _sources(ours(before)):
        return dict(before)
    kept = policy_document.statements(after)
    gone = [s for s in ours(before) if not _sources([s]) <= _sources(ours(after))]
    exact = {**after, "Statement": [*kept, *_renamed(gone, kept)]}
    if len(policy_document.compact(exact)) <= MAX_BYTES:
        return exact
    return {**after, "Statement": [*kept, *_renamed([_loosened(s) for s in gone], kept)]}


def _renamed(gone: Iterable[Mapping[str, Any]], kept: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the statements under unused Sids: SNS requires unique Sids."""
    taken = {str(s.get("Sid")) for s in kept}
    renamed = []
    for statement in gone:
        stem = str(statement["Sid"]).partition(_WIDENED)[0] + _WIDENED
        sid = next(name for name in (stem, *(f"{stem}{i}" for i in range(2, 200))) if name not in taken)
        taken.add(sid)
        renamed.append({**statement, "Sid": sid})
    return renamed


def _loosened(statement: Mapping[str, Any]) -> dict[str, Any]:
    """Return one of our statements with patterns instead of its sources, for an intermediate policy that is too long otherwise."""
    sources = [s for s in policy_document.source_arns({"Statement": [dict(statement)]}) if "*" not in s]
    if not sources:
        return dict(statement)
    account = str(statement["Condition"]["StringEquals"]["AWS:SourceAccount"])
    return _statement(str(statement["Resource"]), str(statement["Sid"]), account, "ArnLike", _patterns(sources))


class DeletedPrincipal(NamedTuple):
    """An IAM user or role that a statement names and that does not exist any more. `name`: its unique id."""

    sid: str
    name: str


def deleted_principals(document: Mapping[str, Any]) -> list[DeletedPrincipal]:
    """Return the deleted IAM users and roles that statements name, in the order of the statements. AWS refuses such a document."""
    return [
        DeletedPrincipal(str(statement.get("Sid", "")), name)
        for statement in policy_document.statements(document)
        for key in ("Principal", "NotPrincipal")
        for name in policy_document.aws_principals(statement.get(key))
        if arns.is_deleted_principal(name)
    ]


def without_deleted_principals(document: Mapping[str, Any]) -> Policy:
    """Return the document without deleted principals, and without statements that name no other principal.

    Neither allows or denies anything to anyone. `NotPrincipal` stays: it applies to everyone who is not named.
    """
    kept = []
    for statement in policy_document.statements(document):
        principal = statement.get("Principal") or {}
        names = policy_document.aws_principals(principal)
        alive = [name for name in names if not arns.is_deleted_principal(name)]
        if len(alive) == len(names):
            kept.append(statement)
            continue
        others = {kind: value for kind, value in principal.items() if kind != "AWS"}
        if alive or others:
            kept.append({**statement, "Principal": others | ({"AWS": alive} if alive else {})})
    return {**document, "Statement": kept}


def lets_in_more(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether our statements in `one` allow a publisher that those in `other` do not."""
    return not _sources(ours(one)) <= _sources(ours(other))


def withdrawn(one: Mapping[str, Any], other: Mapping[str, Any]) -> set[str]:
    """Return the ARNs that our statements allow in `one` and not in `other`."""
    return _arns(_sources(ours(one)) - _sources(ours(other)))


def _arns(sources: Iterable[str]) -> set[str]:
    return {source.split()[1] for source in sources}


def _sources(statements: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return each (account, source) that the statements name, as one canonical text."""
    found = set()
    for statement in policy_document.canonical({"Statement": list(statements)})["Statement"]:
        tests = statement.get("Condition", {})
        accounts = str(tests.get("StringEquals", {}).get("aws:sourceaccount"))
        arn_lists = [values for t in tests.values() for key, values in t.items() if key == "aws:sourcearn"]
        found |= {f"{accounts} {arn}" for values in arn_lists for arn in values}
    return found
