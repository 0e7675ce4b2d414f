"""What the specs ask for → the least IAM policy of each account: what planning needs, and what applying needs too. Pure."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sesform.model import arns
from sesform.model.address import Scope
from sesform.model.quotas import LOOKUP
from sesform.model.values import OWNERSHIP_TAG
from sesform.planning.proof.messages import Proof
from sesform.resources import RESOURCES, Permission, without_settings
from sesform.specs.declared import Declared
from sesform.specs.desired import Desired

# IAM quotas: characters of a managed policy, without white space.
MAX_CHARACTERS = 6144

_NOUNS = (  # a part of an ARN, and its name in statements
    (":identity/", "Identities"),
    (":configuration-set/", "ConfigurationSets"),
    (":sns:", "Topics"),
    (":sqs:", "Queues"),
    (":iam:", "Roles"),
    (":kms:", "Keys"),
)

# Service → the name of its actions without a resource.
_WITHOUT_RESOURCE = {"tag": "Tags", "cloudtrail": "Events", "sqs": "AllQueues"}


@dataclass(frozen=True, slots=True)
class AccountPolicy:
    """The policy of one account. `patterns`: exact names would make it too long, so names in it are `*`."""

    document: Mapping[str, Any]
    patterns: bool

    @property
    def size(self) -> int:
        return _size(self.document)


def accounts(desired: Desired) -> tuple[str, ...]:
    """Return the accounts of the specs, in order."""
    return tuple(sorted({access.account for access in desired.access.values()}))


def of_account(
    account: str,
    made: Iterable[Desired],
    removed: Iterable[Desired] = (),
    pruned: Iterable[Declared] = (),
    proof: Proof | None = None,
    *,
    writes: bool,
    blame: bool = False,
) -> AccountPolicy:
    """Return the least policy of an account.

    It allows planning what `made` declares, the removal of each resource that `removed` declares, and the removal of tagged
    resources, which `pruned` has under the name `*`; with `writes`, also applying that; with `blame`, looking up who changed it;
    and what verify does with `proof`. Each statement belongs to one service, and either reads or writes. Resources are exact,
    unless the policy would exceed IAM's quota. STS needs no permission (STS API reference, GetCallerIdentity).
    """
    needed: set[_Need] = set()
    for each in made:
        own = [d for d in [*each.declared.values(), *each.unmanaged] if d.scope.account == account]
        needed |= {n for d in own for n in _of_one(d, writes=writes and d.address in each.declared)}
        needed |= {*_topics(account, each), *_keys(account, each), *_tenants(own)}
    for each in removed:
        # A topic's policy is removed with the topic, and changes with other declarations: creating needs it, removing does not.
        own = [d for d in each.declared.values() if d.scope.account == account and _removable(d)]
        needed |= {n for d in own for n in _of_one(replace(d, desired=None), writes=writes)}
    leaving = [d for d in pruned if d.scope.account == account]
    names = tuple(sorted({d.address.spec for d in leaving}))
    needed |= {n for d in leaving for n in _of_any(d, names, writes=writes)}
    needed |= set(_of_proof(account, proof)) if proof else set()
    if blame:  # it has no resources: service authorization reference, "AWS CloudTrail"
        needed |= {(Permission(LOOKUP), region) for _, region in set(needed)}
    document = _document(needed)
    if _size(document) <= MAX_CHARACTERS:
        return AccountPolicy(document, patterns=False)
    return AccountPolicy(_document({(_widened(p), region) for p, region in needed}), patterns=True)


def _of_proof(account: str, proof: Proof) -> Iterator[_Need]:
    """Return what verify needs: to send from the addresses of its messages to the simulator, and to watch the topics.

    SES checks the identity and the set of a message (service authorization reference, "Amazon SES v2"). For an identity
    of another account, the sender needs this permission and its owner's policy.
    """
    for message in proof.messages:
        sender = message.sender
        if sender.scope.account != account:
            continue
        when = ("ForAllValues:StringLike", "ses:Recipients", "*@simulator.amazonses.com")
        yield Permission("ses:GetAccount"), sender.scope.region
        yield Permission("ses:SendEmail", arns.literal(sender.identity_arn), when), sender.scope.region
        if message.configuration_set:
            of_set = arns.configuration_set(sender.scope, message.configuration_set)
            yield Permission("ses:SendEmail", of_set, when), sender.scope.region
    for topic in proof.topics:
        arn = arns.parse(topic)
        if arn is None or arn.account != account:
            continue
        for action in ("sns:Subscribe", "sns:Unsubscribe"):
            yield Permission(action, topic), arn.region
        for action in _QUEUE_ACTIONS:
            yield Permission(f"sqs:{action}", arns.queue(arn.scope, "sesform-verify-*")), arn.region
        yield Permission("sqs:ListQueues"), arn.region


_QUEUE_ACTIONS = (
    *("CreateQueue", "DeleteMessage", "DeleteQueue", "GetQueueUrl", "ListQueueTags", "ReceiveMessage", "TagQueue"),
)


def _removable(declared: Declared) -> bool:
    return RESOURCES[declared.address.type].removed_alone


_Need = tuple[Permission, str]  # with its region


def _of_one(declared: Declared, *, writes: bool) -> Iterator[_Need]:
    kind = RESOURCES[declared.address.type]
    for permission in (*kind.reads(declared), *_facts(declared), *(kind.writes(declared) if writes else ())):
        yield permission, declared.scope.region


def _of_any(declared: Declared, specs: tuple[str, ...], *, writes: bool) -> Iterator[_Need]:
    """Return the permissions to find and remove any tagged resource.

    All resources may be read, because a removed resource has no tag any more; only tagged resources may be written.
    """
    yield Permission("tag:GetResources"), declared.scope.region
    yield from _any_topic(declared.scope)
    yield Permission("ses:ListResourceTenants", arns.identity(declared.scope, "*")), declared.scope.region
    for permission, region in _of_one(declared, writes=writes):
        wide = _widened(permission)
        if not _reads(wide.action) and wide.resource != "*":
            wide = wide._replace(when=_carrying_tag(wide.action, specs))
        yield wide, region


def _carrying_tag(action: str, specs: tuple[str, ...]) -> tuple[str, ...]:
    # Keys of actions: service authorization reference of SES v2 and SNS. Untagging has no aws:ResourceTag.
    if action.endswith(":UntagResource"):
        return ("ForAllValues:StringEquals", "aws:TagKeys", OWNERSHIP_TAG)
    return ("StringEquals", f"aws:ResourceTag/{OWNERSHIP_TAG}", *specs)


def _facts(declared: Declared) -> Iterator[Permission]:
    """Return what is read of each identity, whatever is declared: whether it exists, and its default set for `routes`."""
    identity = declared.key.get("identity")
    if identity is None:
        return
    yield Permission("ses:GetIdentityNotificationAttributes")
    if arns.parse(identity) is None:
        yield Permission("ses:ListEmailIdentities")
        yield Permission("ses:GetEmailIdentity", arns.literal(arns.identity(declared.scope, identity)))
        yield Permission("ses:GetConfigurationSetEventDestinations", arns.configuration_set(declared.scope, "*"))


def _tenants(own: Iterable[Declared]) -> Iterator[_Need]:
    """Return what is read before all settings of an identity are removed: see live/dependents."""
    for scope, identity in without_settings(own):
        yield Permission("ses:ListResourceTenants", arns.literal(arns.identity(scope, identity))), scope.region


def _topics(account: str, desired: Desired) -> Iterator[_Need]:
    """Return what is read of topics: planning follows the live routes of identities and sets to topics that no spec names."""
    for scope in {d.scope for d in [*desired.declared.values(), *desired.unmanaged] if d.scope.account == account}:
        yield from _any_topic(scope)


def _any_topic(scope: Scope) -> Iterator[_Need]:
    for action in ("GetTopicAttributes", "ListSubscriptionsByTopic", "GetSubscriptionAttributes"):
        yield Permission(f"sns:{action}", arns.topic(scope, "*")), scope.region


def _keys(account: str, desired: Desired) -> Iterator[_Need]:
    """Return what is read of the KMS keys that specs name. Other keys are only warned about."""
    scopes = {d.scope for d in desired.declared.values()}
    for declared in desired.of_type("topic"):
        named = (declared.desired or {}).get("kms_key")
        key = arns.parse(arns.kms_key(declared.scope, named)) if named else None
        if key is not None and key.account == account and key.scope in scopes:
            for action in ("kms:DescribeKey", "kms:GetKeyPolicy"):
                yield _on_key(action, key), key.region


def _on_key(action: str, key: arns.Arn) -> Permission:
    if not key.resource.startswith("alias/"):
        return Permission(action, str(key))
    # KMS checks the key, by whatever name it is called: AWS KMS developer guide, "Use aliases to control access to KMS keys".
    when = ("ForAnyValue:StringEquals", "kms:ResourceAliases", key.resource)
    return Permission(action, str(key._replace(resource="key/*")), when)


# --- statements --------------------------------------------------------------------------------------------------------


def _document(needed: Iterable[_Need]) -> dict[str, Any]:
    """Join actions on the same resources to one statement."""
    resources: dict[tuple[str, tuple[str, ...]], set[str]] = defaultdict(set)
    regions: dict[tuple[str, tuple[str, ...]], set[str]] = defaultdict(set)
    for permission, region in needed:
        key = permission.action, permission.when
        resources[key].add(permission.resource)
        regions[key] |= {region} if permission.resource == "*" else set()
    shared: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    for (action, when), on in resources.items():
        service, within = action.partition(":")[0], tuple(sorted(regions[action, when]))
        shared[service, not _reads(action), _least(on), within, when].append(action)
    found = [_statement(sorted(actions), *key_) for key_, actions in sorted(shared.items())]
    _name(found)
    return {"Version": "2012-10-17", "Statement": found}


def _reads(action: str) -> bool:
    return re.match(r"\w+:(Get|List|Describe|Lookup)", action) is not None


def _least(resources: set[str]) -> tuple[str, ...]:
    """Return the resources without those that a pattern among them covers."""
    patterns = [r.removesuffix("*") for r in resources if r.endswith("*")]
    return tuple(sorted(r for r in resources if r.endswith("*") or not any(r.startswith(p) for p in patterns)))


def _statement(
    actions: list[str],
    service: str,
    writes: bool,
    resources: tuple[str, ...],
    regions: tuple[str, ...],
    when: tuple[str, ...],
) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "Sid": _sid(service, writes, resources),
        "Effect": "Allow",
        "Action": actions,
        "Resource": list(resources),
    }
    if regions:
        statement["Condition"] = {"StringEquals": {"aws:RequestedRegion": list(regions)}}
    elif when:
        operator, name, *values = when
        statement["Condition"] = {operator: {name: values}}
    return statement


def _sid(service: str, writes: bool, resources: tuple[str, ...]) -> str:
    nouns = [noun for part, noun in _NOUNS if any(part in r for r in resources)]
    verb = "Pass" if service == "iam" else "Write" if writes else "Read"
    return verb + ("And".join(nouns) or _WITHOUT_RESOURCE.get(service, "NotificationSettings"))


def _name(statements: list[dict[str, Any]]) -> None:
    """Return the statements with unique Sids, as a policy requires: the second of a name gets a 2."""
    seen: dict[str, int] = defaultdict(int)
    for statement in statements:
        seen[statement["Sid"]] += 1
        statement["Sid"] += str(seen[statement["Sid"]]) if seen[statement["Sid"]] > 1 else ""


def _widened(permission: Permission) -> Permission:
    """Return the statements for all identities, sets or topics of the account and region. Roles and keys stay exact."""
    arn = arns.parse(permission.resource)
    if arn is None or arn.service not in ("ses", "sns"):
        return permission
    kind, slash, _ = arn.resource.partition("/") if arn.service == "ses" else ("", "", "")
    return permission._replace(resource=str(arn._replace(resource=f"{kind}{slash}*")))


def _size(document: Mapping[str, Any]) -> int:
    return len(json.dumps(document, separators=(",", ":")))
