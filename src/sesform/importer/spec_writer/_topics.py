"""Topics and subscriptions as parts of specs, and how specs refer to a topic's ARN."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sesform.importer.spec_writer._live_resources import LiveResources, plain
from sesform.importer.spec_writer._scope_spec import Reference, ScopeSpec
from sesform.model import arns
from sesform.model.address import Scope
from sesform.model.masking import has_password, masked
from sesform.model.values import Properties
from sesform.policies import document as policy_document
from sesform.policies import topic_statements
from sesform.policies.document import Publisher
from sesform.resources.live_record import LiveTopic
from sesform.resources.subscription import PENDING
from sesform.specs import schema, yaml_writer


def of_interest(live: LiveResources) -> set[str]:
    """Return the topics that SES may publish to: a resource publishes to them, or their policy names SES."""
    return {arn for arn, topic in live.topics.items() if topic.used or _names_ses(topic.policy)}


def _names_ses(document: policy_document.Policy | None) -> bool:
    principals = [s.get("Principal") for s in policy_document.statements(document or {})]
    services = [p.get("Service") for p in principals if isinstance(p, dict)]
    return any(policy_document.SES_PRINCIPAL in (s if isinstance(s, list) else [s]) for s in services)


def _name_fault(name: str) -> str:
    """Return why specs do not support a topic of this name, "" if they support it."""
    if name.endswith(".fifo"):
        return "it is a FIFO topic, which SES cannot publish to"
    return schema.fault("topic", {"name": name})


def add_topics(part: ScopeSpec, live: LiveResources, accounts: Collection[str], *, whole: bool) -> None:
    """Add the topics of a scope to its spec."""
    for name, topic in live.topics_in(part.scope).items():
        wrong = _name_fault(name)
        if wrong:
            part.remark(f"{name}: skipped: {wrong}.", "topics", name)
        else:
            part.sections["topics"][name] = _topic(part, name, topic, accounts, whole)


def _topic(part: ScopeSpec, name: str, topic: LiveTopic, accounts: Collection[str], whole: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    settings = topic.settings or {}
    if settings.get("display_name"):
        found["display_name"] = settings["display_name"]
    if settings.get("kms_key"):
        found["kms_key"] = settings["kms_key"]
    for field in list(found):
        wrong = schema.fault("topic", {field: found[field]}) or yaml_writer.why_not(found[field])
        key = arns.parse(found[field]) if field == "kms_key" else None
        if key is not None and key.region != part.scope.region:
            wrong = wrong or f"the key is in {key.region}; specs support keys of the topic's region only"
        if wrong:
            part.remark(f"{field} is left unmanaged: {wrong}.", "topics", name)
            del found[field]
    publishers = _publishers(part.scope, name, topic)
    why = _unmanaged_policy(arns.topic(part.scope, name), topic, publishers, accounts, whole)
    if why:
        found["policy"] = "unmanaged"
        part.remark(why, "topics", name)
    elif publishers:
        found["publishers"] = [publisher.arn for publisher in publishers]
    subscriptions: list[dict[str, Any]] = []
    for each in sorted(topic.subscriptions, key=lambda s: (s["protocol"], s["endpoint"])):
        entry = _subscription(part, name, each, len(subscriptions))
        if entry:
            subscriptions.append(entry)
    if subscriptions:
        found["subscriptions"] = subscriptions
    return found


def _publishers(scope: Scope, name: str, topic: LiveTopic) -> list[Publisher]:
    """Return the identities and sets of other accounts that the policy allows in sesform's form, and that are not known here."""
    arn = arns.topic(scope, name)
    document = topic.policy or {}
    named = topic_statements.named_by_others(document, arn) | topic_statements.named_by(document, arn, scope.account)
    known = {(publisher.account, publisher.arn) for publisher in topic.publishers}
    return [
        Publisher(account, publisher, scope.account)
        for account, publisher in sorted(named - known)
        if account != scope.account
        and f":{scope.region}:" in publisher
        and not schema.fault("topic", {"publishers": [publisher]})
    ]


def _unmanaged_policy(
    arn: str, topic: LiveTopic, publishers: Iterable[Publisher], accounts: Collection[str], whole: bool
) -> str:
    """Return why the topic's policy is left unmanaged, "" if sesform would not change it."""
    if topic.policy is None:
        return "" if whole else "The policy is left unmanaged: it is managed elsewhere, or not known here."
    derived = topic_statements.with_publishers(topic.policy, arn, {*topic.publishers, *publishers}, accounts)
    if policy_document.same(topic.policy, derived):
        # Other statements may name publishers that are not known here.
        known = whole or all(topic_statements.has_our_form(s, arn) for s in policy_document.statements(topic.policy))
        return "" if known else "The policy is left unmanaged: it allows publishers that are not known here."
    added, removed = (
        topic_statements.withdrawn(derived, topic.policy),
        topic_statements.withdrawn(topic.policy, derived),
    )
    changes = [f"allow {_first_of(added)}"] if added else []
    changes += [f"remove {_first_of(removed)}"] if removed else []
    return f"The policy is left unmanaged. Without `policy: unmanaged`, sesform would {' and '.join(changes) or 'rewrite it'}."


def _first_of(sources: Collection[str]) -> str:
    """Return the first source and the number of other sources, as text."""
    first = min(sources)
    return f"{first} and {len(sources) - 1} more" if len(sources) > 1 else first


def _subscription(part: ScopeSpec, topic: str, properties: Properties, position: int) -> dict[str, Any] | None:
    endpoint = properties["endpoint"]
    if has_password(endpoint):
        text = f"{properties['protocol']} {masked(endpoint)}: skipped: its endpoint contains a user or a password."
        part.remark(text, "topics", topic, "subscriptions")
        return None
    entry: dict[str, Any] = {"protocol": properties["protocol"], "endpoint": endpoint}
    if properties.get("arn") != PENDING:
        entry |= _settings(properties)
        queue = arns.parse(str(entry.get("dead_letter_queue", "")))
        if queue is not None and queue.scope != part.scope:
            del entry["dead_letter_queue"]
            text = (
                f"Its dead-letter queue {queue} is left unmanaged: it is in {queue.scope}; specs support queues of "
                f"the topic's scope only."
            )
            part.remark(text, "topics", topic, "subscriptions", position)
    else:
        part.remark("Not confirmed.", "topics", topic, "subscriptions", position)
    wrong = schema.fault("subscription", entry) or yaml_writer.why_not(entry)
    if wrong:
        text = f"{properties['protocol']} {endpoint}: skipped: not supported in specs: {wrong}."
        part.remark(text, "topics", topic, "subscriptions")
        return None
    return entry


def _settings(properties: Properties) -> dict[str, Any]:
    """Return the attributes that differ from SNS's defaults; other attributes are left unmanaged."""
    entry: dict[str, Any] = {}
    if properties.get("raw_message_delivery"):
        entry["raw_message_delivery"] = True
    if properties.get("filter_policy"):
        entry["filter_policy"] = plain(properties["filter_policy"])
        if properties.get("filter_policy_scope") == "MessageBody":
            entry["filter_policy_scope"] = "MessageBody"
    for field in ("dead_letter_queue", "role"):
        if properties.get(field):
            entry[field] = properties[field]
    return entry


class Topics:
    """The topics that exist, to find how specs refer to an ARN. `complete_scopes`: the scopes that were read completely."""

    def __init__(self, live: LiveResources, accounts: Collection[str], complete_scopes: Collection[Scope]) -> None:
        self._live, self._accounts, self._complete_scopes = live, accounts, complete_scopes

    def refer(self, arn: str, scope: Scope) -> tuple[Reference | str, str]:
        """Return (the reference to a topic from a spec of that scope, "") or ("", why specs cannot refer to it)."""
        parsed = arns.parse(arn)
        wrong = schema.fault("topic_reference", arn)
        if wrong or parsed is None:
            return "", wrong or f"{arn!r} is not the ARN of a topic"
        if (parsed.partition, parsed.region) != (arns.partition(scope.region), scope.region):
            return "", f"topic {arn} is not in {scope.region}"
        if self._live.exists(arn) and parsed.account in self._accounts:
            return Reference(parsed.account, parsed.resource), ""
        if parsed.scope in self._complete_scopes and not self._live.exists(arn):
            return "", f"topic {arn} does not exist"
        return arn, ""
