"""sesform's statements in a topic's policy: they allow exactly the publishers that the specs route to the topic.

SNS only replaces whole policies, so the whole document is written. The statements of others stay unchanged in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sesform.errors import understood
from sesform.model.address import Address, Scope
from sesform.model.values import Properties
from sesform.policies import document as policy_document
from sesform.policies import topic_statements
from sesform.resources import capabilities as to
from sesform.resources import traces
from sesform.resources.capabilities import Capability
from sesform.resources.live_record import Records
from sesform.resources.resource_type import Permission, Phase, Refusal, ResourceType, on
from sesform.resources.traces import Trace
from sesform.specs.declared import Declared
from sesform.specs.removed import Parent

if TYPE_CHECKING:
    from sesform.aws import Connection
    from sesform.resources.reader import Reader


class TopicPolicy(ResourceType):
    """Properties: topic_arn, policy (the whole document). It exists with its topic: SNS creates each topic with a policy.

    The desired properties have `publishers` in place of `policy`, and the `accounts` of the loaded specs; `planned_value`
    makes statements of them, beside those of others.
    """

    name = "topic_policy"
    key = ("topic_arn",)
    terraform_type = "aws_sns_topic_policy"
    removed_alone = False
    service = "sns"

    def read(self, reading: Reader, wanted: Sequence[Declared]) -> Iterable[tuple[Address, Properties]]:
        for declared in wanted:
            arn = declared.key["topic_arn"]
            attributes = reading.topic_attributes(arn)
            if attributes is not None:
                where = str(reading.connection.scope)
                with understood(f"the policy of {arn}", operation="sns:GetTopicAttributes", where=where):
                    document = policy_document.parse(attributes["Policy"])
                yield declared.address, {"topic_arn": arn, "policy": document}

    def planned_value(self, desired: Properties | None, prior: Properties | None) -> Properties | None:
        if desired is None or (prior is None and not desired["publishers"]):
            return prior
        arn = desired["topic_arn"]
        found = prior["policy"] if prior else policy_document.default_topic_policy(arn)
        if desired.get("drop_deleted_principals"):
            found = topic_statements.without_deleted_principals(found)
        publishers = [policy_document.Publisher(*each) for each in desired["publishers"]]
        return {
            "topic_arn": arn,
            "policy": topic_statements.with_publishers(found, arn, publishers, desired["accounts"]),
        }

    def with_publishers(self, desired: Properties, extra: Mapping[str, list[list[str]]]) -> Properties:
        more = extra.get(desired["topic_arn"])
        if not more:
            return desired
        declared = desired["publishers"]
        return {**desired, "publishers": sorted([*declared, *(p for p in more if p not in declared)])}

    def expanded(self, before: Properties, after: Properties) -> Properties:
        return {**after, "policy": topic_statements.expanded(before["policy"], after["policy"])}

    def same(self, one: Properties, other: Properties) -> bool:
        return policy_document.same(one["policy"], other["policy"])

    def refusals(self, address: Address, before: Properties | None, after: Properties | None) -> list[Refusal]:
        """Refuse policies above the quota, and those in which a statement of others names a deleted IAM user or role.

        Source of the second: hashicorp/terraform-provider-aws#29226, #38178.
        """
        return [*_too_long(after), *_with_deleted_principals(address.key, after)] if after else []

    def allows_more(self, one: Properties, other: Properties | None) -> frozenset[tuple[str, str]]:
        arns_ = topic_statements.withdrawn(one["policy"], other["policy"] if other else {})
        return frozenset((one["topic_arn"], arn) for arn in arns_)

    def phase(self, before: Properties | None, after: Properties | None) -> Phase:
        narrows = before and after and topic_statements.lets_in_more(before["policy"], after["policy"])
        return Phase.TOPICS_REMOVED if narrows else Phase.TOPICS

    def provides(self, scope: Scope, properties: Properties) -> frozenset[Capability]:
        return frozenset({to.publishing(properties["topic_arn"])})

    def requires(self, scope: Scope, properties: Properties) -> frozenset[Capability]:
        return frozenset({to.topic(properties["topic_arn"])})

    def abridged(self, properties: Properties) -> tuple[Properties, str]:
        document = properties.get("policy")
        if not isinstance(document, dict):
            return properties, ""
        statements = policy_document.statements(document)
        kept = [s for s in statements if s.get("Sid") != policy_document.DEFAULT_SID]
        hidden = "the default statement of every topic is hidden" if len(kept) < len(statements) else ""
        return {**properties, "policy": {**document, "Statement": kept}}, hidden

    def removed_with(self, key: Mapping[str, str]) -> Parent | None:
        return Parent("topic", (key["topic_arn"],))

    def for_accounts(self, desired: Properties, accounts: list[str]) -> Properties:
        return {**desired, "accounts": accounts}

    def terraform_attributes(self, parts: Mapping[str, Properties]) -> dict[str, Any]:
        own = parts[self.name]
        return {"id": own["topic_arn"], "arn": own["topic_arn"], "policy": policy_document.compact(own["policy"])}

    def record(self, records: Records, scope: Scope, properties: Properties) -> None:
        records.topic(properties["topic_arn"]).policy = properties["policy"]

    def traces(self, scope: Scope, before: Properties | None, after: Properties | None) -> tuple[Trace, ...]:
        arn = (before or after or {})["topic_arn"]
        if before is None:
            return (traces.topic_deleted(arn),)
        of_topic = traces.is_("topicArn", arn)
        return (
            Trace("sns:SetTopicAttributes", (of_topic, traces.is_("attributeName", "Policy"))),
            Trace("sns:AddPermission", (of_topic,)),
            Trace("sns:RemovePermission", (of_topic,)),
            traces.topic_created(arn),
        )

    def calls(self, before: Properties | None, after: Properties | None) -> tuple[str, ...]:
        return ("sns:SetTopicAttributes",)

    def reads(self, of: Declared) -> tuple[Permission, ...]:
        return on(of.key["topic_arn"], "sns:GetTopicAttributes")

    def writes(self, of: Declared) -> tuple[Permission, ...]:
        return on(of.key["topic_arn"], "sns:SetTopicAttributes")

    def create(self, connection: Connection, after: Properties) -> None:
        self._put(connection, after["topic_arn"], after["policy"])

    def update(self, connection: Connection, before: Properties, after: Properties) -> None:
        self._put(connection, after["topic_arn"], after["policy"])

    def delete(self, connection: Connection, before: Properties) -> None:
        raise AssertionError("a topic policy is deleted only with its topic")

    def _put(self, connection: Connection, arn: str, document: policy_document.Policy) -> None:
        connection.call(
            "sns",
            "SetTopicAttributes",
            TopicArn=arn,
            AttributeName="Policy",
            AttributeValue=policy_document.compact(document),
        )


def _too_long(after: Properties) -> list[Refusal]:
    size = len(policy_document.compact(after["policy"]))
    if size <= topic_statements.MAX_BYTES:
        return []
    text = (
        f"the policy of topic {after['topic_arn']} would have {size} bytes; the quota is {topic_statements.MAX_BYTES}"
    )
    return [Refusal(text, "remove statements that sesform does not manage, or use more topics")]


def _with_deleted_principals(key: str, after: Properties) -> list[Refusal]:
    deleted = topic_statements.deleted_principals(after["policy"])
    if not deleted:
        return []
    names = ", ".join(f"{each.name} in statement {each.sid or 'without Sid'}" for each in deleted)
    text = (
        f"the policy of topic {after['topic_arn']} names deleted IAM principals: {names}; "
        "SNS refuses every change of such a policy"
    )
    hint = (
        "a deleted principal grants nothing: remove it from the statement, or set "
        f"topics.{key}.drop_deleted_principals to true, and sesform removes it"
    )
    return [Refusal(text, hint)]
