"""SNS topics: attributes, policies, tags, and publishing.

moto's backend is not used: the whole process shares it, it lacks the rules of default policies, ownership, confirmation and
idempotency, and it cannot be kept in a file.
"""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import replace
from typing import Any

from sesform.model import arns
from sesform_sandbox import deliveries, rules, topic_policy
from sesform_sandbox.context import Context, Operation, Params, Result
from sesform_sandbox.policy import compact, default_topic_policy
from sesform_sandbox.refusal import Refusal
from sesform_sandbox.state import ScopeState, Topic

# SNS API reference, SetTopicAttributes. Attributes and their default values, which SNS does not return
# (seen on AWS in localstack's recorded snapshots, tests/aws/services/sns).
_DEFAULTS: dict[str, tuple[str, ...]] = {
    "ApplicationFailureFeedbackRoleArn": ("",),
    "ApplicationSuccessFeedbackRoleArn": ("",),
    "ApplicationSuccessFeedbackSampleRate": ("",),
    "DeliveryPolicy": ("", "null", "{}"),
    "DisplayName": ("",),
    "FirehoseFailureFeedbackRoleArn": ("",),
    "FirehoseSuccessFeedbackRoleArn": ("",),
    "FirehoseSuccessFeedbackSampleRate": ("",),
    "HTTPFailureFeedbackRoleArn": ("",),
    "HTTPSuccessFeedbackRoleArn": ("",),
    "HTTPSuccessFeedbackSampleRate": ("",),
    "KmsMasterKeyId": ("",),
    "LambdaFailureFeedbackRoleArn": ("",),
    "LambdaSuccessFeedbackRoleArn": ("",),
    "LambdaSuccessFeedbackSampleRate": ("",),
    "SQSFailureFeedbackRoleArn": ("",),
    "SQSSuccessFeedbackRoleArn": ("",),
    "SQSSuccessFeedbackSampleRate": ("",),
    "SignatureVersion": ("", "1"),
    "TracingConfig": ("", "PassThrough"),
}
_FIFO = ("FifoTopic", "ContentBasedDeduplication", "FifoThroughputScope", "ArchivePolicy")
_PAGE = 100
_EFFECTIVE_DELIVERY_POLICY = json.dumps(
    {
        "http": {
            "defaultHealthyRetryPolicy": {
                "minDelayTarget": 20,
                "maxDelayTarget": 20,
                "numRetries": 3,
                "numMaxDelayRetries": 0,
                "numNoDelayRetries": 0,
                "numMinDelayRetries": 0,
                "backoffFunction": "linear",
            },
            "disableSubscriptionOverrides": False,
            "defaultRequestPolicy": {"headerContentType": "text/plain; charset=UTF-8"},
        }
    },
    separators=(",", ":"),
)


def invalid(reason: str) -> Refusal:
    return Refusal("InvalidParameter", f"Invalid parameter: {reason}")


def locate(
    context: Context, topic_arn: str, action: str, parameter: str = "TopicArn"
) -> tuple[ScopeState, str, Topic | None]:
    """Return a topic's scope, name and record (None if it does not exist), for a caller who may do `action`.

    Raises Refusal for a text that is no topic ARN, a topic of another region, and callers of other accounts without the right.
    Texts seen on AWS: localstack's recorded snapshots (tests/aws/services/sns).
    """
    if len(parts := topic_arn.split(":")) < 6:
        raise invalid(f"{parameter} Reason: An ARN must have at least 6 elements, not {len(parts)}")
    arn = arns.parse(topic_arn)
    if (
        arn is None
        or (arn.partition, arn.service, arn.region) != (context.partition, "sns", context.region)
        or not arn.account
    ):
        raise invalid(parameter)
    home = context.state.scopes.get(arn.scope) or ScopeState()
    topic = home.topics.get(arn.resource)
    topic_policy.authorize(context, topic_arn, action, topic.policy if topic else None)
    return home, arn.resource, topic


def existing(context: Context, topic_arn: str, action: str) -> tuple[ScopeState, str, Topic]:
    """Return the same as `locate`. Raises Refusal if the topic does not exist."""
    home, name, topic = locate(context, topic_arn, action)
    if topic is None:
        raise Refusal("NotFound", "Topic does not exist")
    return home, name, topic


# --- topics ------------------------------------------------------------------------------------------------------------


def _create_topic(context: Context, params: Params) -> Result:
    """Create a topic. Idempotent by name if no given attribute or tag differs from the topic's own.

    Seen on AWS: localstack's recorded snapshots, test_create_topic_*, test_create_duplicate_topic_*.
    """
    name, given = params["Name"], dict(params.get("Attributes") or {})
    fifo = given.get("FifoTopic", "false").lower() == "true"
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,251}\.fifo" if fifo else r"[A-Za-z0-9_-]{1,256}", name):
        raise invalid("Topic Name")
    arn = arns.topic(context.scope, name)
    tags = {tag["Key"]: tag["Value"] for tag in params.get("Tags") or ()}
    fresh = Topic(compact(default_topic_policy(arn)), {"FifoTopic": "true"} if fifo else {}, tags)
    found = context.here.topics.get(name)
    topic = found or fresh
    wanted = topic
    for attribute, value in given.items():
        wanted = _with(wanted, arn, attribute, value)
    if found and (wanted.policy, wanted.attributes) != (found.policy, found.attributes):
        raise invalid("Attributes Reason: Topic already exists with different attributes")
    if found and "Tags" in params and tags != found.tags:
        raise invalid("Tags Reason: Topic already exists with different tags")
    context.here.topics[name] = wanted
    return {"TopicArn": arn}


def _with(topic: Topic, arn: str, attribute: str, value: str) -> Topic:
    """Return a topic with one attribute set. Raises Refusal if SNS would not accept it."""
    if attribute == "Policy":
        return replace(topic, policy=topic_policy.accepted(value, arn))
    if attribute in _FIFO:
        unset: tuple[str, ...] = ("", "false")
        value = value.lower() if attribute in _FIFO[:2] else value
        if value not in unset and not arn.endswith(".fifo"):
            raise invalid(f"{attribute} Reason: the attribute is only valid for FIFO topics")
    elif attribute in _DEFAULTS:
        unset = _DEFAULTS[attribute]
    else:
        raise invalid("AttributeName")
    if attribute == "DeliveryPolicy" and value not in unset:
        try:
            json.loads(value)
        except ValueError:
            raise invalid("DeliveryPolicy: failed to parse JSON") from None
    if attribute == "SignatureVersion" and value not in ("", "1", "2"):
        raise invalid("SignatureVersion")
    if attribute == "DisplayName" and len(value) > 100:
        raise invalid("DisplayName")
    rest = {k: v for k, v in topic.attributes.items() if k != attribute}
    return replace(topic, attributes=rest if value in unset else rest | {attribute: value})


def _delete_topic(context: Context, params: Params) -> Result:
    # No error for a missing one (seen on AWS: localstack's recorded snapshots). Its subscriptions stay for some time.
    home, name, topic = locate(context, params["TopicArn"], "DeleteTopic")
    if topic:
        del home.topics[name]
        for arn in [arn for arn, s in home.subscriptions.items() if s.topic_arn == params["TopicArn"]]:
            home.subscriptions[arn] = replace(home.subscriptions[arn], topic_deleted=True)
    return {}


def _get_topic_attributes(context: Context, params: Params) -> Result:
    arn = params["TopicArn"]
    home, _, topic = existing(context, arn, "GetTopicAttributes")
    pending = [s.pending for s in home.subscriptions_of(arn).values()]
    attributes = {
        "TopicArn": arn,
        "Owner": arn.split(":")[4],
        "Policy": topic.policy,
        "DisplayName": "",
        "SubscriptionsConfirmed": str(pending.count(False)),
        "SubscriptionsPending": str(pending.count(True)),
        "SubscriptionsDeleted": "0",
        "EffectiveDeliveryPolicy": topic.attributes.get("DeliveryPolicy", _EFFECTIVE_DELIVERY_POLICY),
    }
    if "FifoTopic" in topic.attributes:
        attributes["ContentBasedDeduplication"] = "false"
    return {"Attributes": attributes | topic.attributes}


def _set_topic_attributes(context: Context, params: Params) -> Result:
    home, name, topic = existing(context, params["TopicArn"], "SetTopicAttributes")
    if params["AttributeName"] == "FifoTopic":
        raise invalid("AttributeName")  # only at creation (SNS API reference, CreateTopic)
    home.topics[name] = _with(topic, params["TopicArn"], params["AttributeName"], params.get("AttributeValue", ""))
    return {}


def _list_topics(context: Context, params: Params) -> Result:
    shown, token = pages(context.here.topics, params)
    return {"Topics": [{"TopicArn": arns.topic(context.scope, name)} for name in shown], "NextToken": token}


def pages(names: Any, params: Params) -> tuple[list[str], str | None]:
    """Return one page of a listing of SNS: 100 entries, as its API reference says for every list."""
    try:
        return rules.page(names, _PAGE, params.get("NextToken"))
    except ValueError:
        raise invalid("NextToken") from None


# --- permissions, tags, publishing -------------------------------------------------------------------------------------


def _add_permission(context: Context, params: Params) -> Result:
    # Texts seen on AWS: localstack's recorded snapshots.
    home, name, topic = existing(context, params["TopicArn"], "AddPermission")
    policy = json.loads(topic.policy)
    if any(s.get("Sid") == params["Label"] for s in policy["Statement"]):
        raise invalid("Statement already exists")
    if not all(action in topic_policy.ACTIONS for action in params["ActionName"]):
        raise invalid("Policy statement action out of service scope!")
    principals, actions = params["AWSAccountId"], [f"SNS:{a}" for a in params["ActionName"]]
    statement = {
        "Sid": params["Label"],
        "Effect": "Allow",
        "Principal": {"AWS": principals if len(principals) > 1 else principals[0]},
        "Action": actions if len(actions) > 1 else actions[0],
        "Resource": params["TopicArn"],
    }
    text = compact({**policy, "Statement": [*policy["Statement"], statement]})
    home.topics[name] = replace(topic, policy=topic_policy.accepted(text, params["TopicArn"]))
    return {}


def _remove_permission(context: Context, params: Params) -> Result:
    home, name, topic = existing(context, params["TopicArn"], "RemovePermission")
    policy = json.loads(topic.policy)
    rest = [s for s in policy["Statement"] if s.get("Sid") != params["Label"]]
    home.topics[name] = replace(topic, policy=compact({**policy, "Statement": rest}))
    return {}


def _tagged(context: Context, params: Params, action: str) -> tuple[ScopeState, str, Topic]:
    home, name, topic = locate(context, params["ResourceArn"], action, "ResourceArn")
    if topic is None:
        raise Refusal("ResourceNotFound", "Resource does not exist")
    return home, name, topic


def _tag_resource(context: Context, params: Params) -> Result:
    home, name, topic = _tagged(context, params, "TagResource")
    tags = topic.tags | {tag["Key"]: tag["Value"] for tag in params["Tags"]}
    if len(tags) > 50:
        raise Refusal("TagLimitExceeded", "Could not complete request: tag quota of per resource exceeded")
    home.topics[name] = replace(topic, tags=tags)
    return {}


def _untag_resource(context: Context, params: Params) -> Result:
    home, name, topic = _tagged(context, params, "UntagResource")
    home.topics[name] = replace(topic, tags={k: v for k, v in topic.tags.items() if k not in params["TagKeys"]})
    return {}


def _list_tags_for_resource(context: Context, params: Params) -> Result:
    _, _, topic = _tagged(context, params, "ListTagsForResource")
    return {"Tags": [{"Key": key, "Value": value} for key, value in sorted(topic.tags.items())]}


def _publish(context: Context, params: Params) -> Result:
    arn = params.get("TopicArn") or params.get("TargetArn")
    if not arn:
        raise invalid("TopicArn or TargetArn Reason: no value for required parameter")
    existing(context, arn, "Publish")
    deliveries.publish(context, arn, params["Message"], attributes=params.get("MessageAttributes"))
    return {"MessageId": str(uuid.uuid4())}


OPERATIONS: dict[str, Operation] = {
    "AddPermission": _add_permission,
    "CreateTopic": _create_topic,
    "DeleteTopic": _delete_topic,
    "GetTopicAttributes": _get_topic_attributes,
    "ListTagsForResource": _list_tags_for_resource,
    "ListTopics": _list_topics,
    "Publish": _publish,
    "RemovePermission": _remove_permission,
    "SetTopicAttributes": _set_topic_attributes,
    "TagResource": _tag_resource,
    "UntagResource": _untag_resource,
}
