"""SQS: standard queues with policies and tags, which receive what SNS delivers to them.

moto's backend is not used: the whole process shares it, it evaluates no queue policy, and it cannot be kept in a file. Source of
the rules: SQS API reference. A receive answers at once, with what is visible: the caller decides whether to wait.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sesform.model import arns
from sesform.model.address import Scope
from sesform.model.arns import Arn
from sesform_sandbox import rules
from sesform_sandbox.context import Context, Operation, Params, Result
from sesform_sandbox.policy import parse
from sesform_sandbox.refusal import Refusal
from sesform_sandbox.state import Queue

# SQS API reference, SetQueueAttributes: the attributes of standard queues, with the default that GetQueueAttributes shows.
_DEFAULTS = {
    "DelaySeconds": "0",
    "KmsDataKeyReusePeriodSeconds": "300",
    "KmsMasterKeyId": "",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "Policy": "",
    "ReceiveMessageWaitTimeSeconds": "0",
    "RedrivePolicy": "",
    "SqsManagedSseEnabled": "true",
    "VisibilityTimeout": "30",
}
_LIMITS = {  # the same page
    "DelaySeconds": (0, 900),
    "MaximumMessageSize": (1024, 1048576),
    "MessageRetentionPeriod": (60, 1209600),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "VisibilityTimeout": (0, 43200),
}
_MAX_MESSAGES, _MAX_WAIT, _MAX_TAGS, _PAGE = 10, 20, 50, 1000


def _url(scope: Scope, name: str) -> str:
    return f"https://sqs.{scope.region}.amazonaws.com/{scope.account}/{name}"


def _queue_arn(scope: Scope, name: str) -> str:
    return str(Arn(arns.partition(scope.region), "sqs", scope.region, scope.account, name))


def _named(context: Context, url: str) -> tuple[str, Queue]:
    """Return the queue of a URL. Raises Refusal if it does not exist or belongs to another account."""
    match = re.search(r"/([0-9]{12})/([A-Za-z0-9_.-]+)$", url)
    if match and match[1] != context.account:
        raise Refusal("AccessDenied", "sandbox: The queue is of another account.", 403)
    if match is None or match[2] not in context.here.queues:
        raise _missing()
    return match[2], context.here.queues[match[2]]


def _missing() -> Refusal:
    return Refusal("QueueDoesNotExist", "sandbox: The specified queue does not exist.", 400)


def _invalid(text: str) -> Refusal:
    return Refusal("InvalidParameterValue", text, 400)


# --- queues ------------------------------------------------------------------------------------------------------------


def _create_queue(context: Context, params: Params) -> Result:
    """Create a queue. Idempotent by name if no given attribute differs."""
    name, given = params["QueueName"], _attributes(params.get("Attributes") or {})
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,80}", name):
        raise _invalid("sandbox: A queue name has 1 to 80 letters, digits, - and _; FIFO queues are not emulated.")
    found = context.here.queues.get(name)
    if found and any(found.attributes.get(key, _DEFAULTS[key]) != value for key, value in given.items()):
        raise Refusal("QueueNameExists", "sandbox: A queue with this name and other attributes exists.", 400)
    if found is None:
        context.here.queues[name] = Queue(given, _checked_tags(params.get("tags") or {}))
    return {"QueueUrl": _url(context.scope, name)}


def _attributes(given: Mapping[str, str]) -> dict[str, str]:
    for name, value in given.items():
        if name not in _DEFAULTS:
            raise Refusal("InvalidAttributeName", f"sandbox: Unknown Attribute {name}.", 400)
        low, high = _LIMITS.get(name, (0, 0))
        if name in _LIMITS and not (value.isdigit() and low <= int(value) <= high):
            raise Refusal("InvalidAttributeValue", f"sandbox: {name} must be from {low} to {high}.", 400)
        if name == "Policy" and value:
            try:
                parse(value)
            except (ValueError, RecursionError):
                raise Refusal("InvalidAttributeValue", "sandbox: Policy is not a policy document.", 400) from None
    return dict(given)


def _checked_tags(tags: Mapping[str, str]) -> dict[str, str]:
    # SQS developer guide, "Amazon SQS cost allocation tags": 50 tags; characters as of all tags.
    if len(tags) > _MAX_TAGS or not all(
        re.fullmatch(r"[\w .:/=+@-]{1,256}", part) for tag in tags.items() for part in tag
    ):
        raise _invalid("sandbox: A queue has at most 50 tags, of letters, digits, spaces and _ . : / = + - @.")
    return dict(tags)


def _delete_queue(context: Context, params: Params) -> Result:
    name, _ = _named(context, params["QueueUrl"])
    del context.here.queues[name]
    return {}


def _get_queue_url(context: Context, params: Params) -> Result:
    if params["QueueName"] not in context.here.queues:
        raise _missing()
    return {"QueueUrl": _url(context.scope, params["QueueName"])}


def _list_queues(context: Context, params: Params) -> Result:
    prefix = params.get("QueueNamePrefix", "")
    names = [name for name in context.here.queues if name.startswith(prefix)]
    size = params.get("MaxResults", _PAGE)
    try:
        shown, token = rules.page(names, size, params.get("NextToken"))
    except ValueError:
        raise _invalid("sandbox: The next token is invalid.") from None
    # Without MaxResults there is one page, and no token (SQS API reference, ListQueues).
    more = {"NextToken": token} if token and "MaxResults" in params else {}
    return {"QueueUrls": [_url(context.scope, name) for name in shown], **more}


def _get_queue_attributes(context: Context, params: Params) -> Result:
    name, queue = _named(context, params["QueueUrl"])
    waiting = [m for m in queue.messages.values() if m["visible"] <= context.now]
    known = {
        **{key: value for key, value in (_DEFAULTS | queue.attributes).items() if value},
        "QueueArn": _queue_arn(context.scope, name),
        "ApproximateNumberOfMessages": str(len(waiting)),
        "ApproximateNumberOfMessagesNotVisible": str(len(queue.messages) - len(waiting)),
    }
    asked = params.get("AttributeNames") or ()
    return {"Attributes": {key: value for key, value in known.items() if "All" in asked or key in asked}}


def _set_queue_attributes(context: Context, params: Params) -> Result:
    name, queue = _named(context, params["QueueUrl"])
    given = _attributes(params["Attributes"])
    context.here.queues[name] = replace(queue, attributes=queue.attributes | given)
    return {}


def _tag_queue(context: Context, params: Params) -> Result:
    name, queue = _named(context, params["QueueUrl"])
    context.here.queues[name] = replace(queue, tags=_checked_tags(queue.tags | params["Tags"]))
    return {}


def _untag_queue(context: Context, params: Params) -> Result:
    name, queue = _named(context, params["QueueUrl"])
    rest = {key: value for key, value in queue.tags.items() if key not in params["TagKeys"]}
    context.here.queues[name] = replace(queue, tags=rest)
    return {}


def _list_queue_tags(context: Context, params: Params) -> Result:
    return {"Tags": dict(_named(context, params["QueueUrl"])[1].tags)}


# --- messages ----------------------------------------------------------------------------------------------------------


def _send_message(context: Context, params: Params) -> Result:
    name, queue = _named(context, params["QueueUrl"])
    id, body = str(uuid.uuid4()), params["MessageBody"]
    entry = {"body": body, "sent": context.now, "visible": context.now, "receipt": "", "receives": 0}
    context.here.queues[name] = replace(queue, messages={**queue.messages, id: entry})
    return {"MessageId": id, "MD5OfMessageBody": _digest(body)}


def _receive_message(context: Context, params: Params) -> Result:
    """Return visible messages, oldest first, and hide them for the visibility timeout."""
    name, queue = _named(context, params["QueueUrl"])
    most = params.get("MaxNumberOfMessages", 1)
    if not 1 <= most <= _MAX_MESSAGES or not 0 <= params.get("WaitTimeSeconds", 0) <= _MAX_WAIT:
        raise _invalid(
            f"sandbox: MaxNumberOfMessages is from 1 to {_MAX_MESSAGES}, WaitTimeSeconds from 0 to {_MAX_WAIT}."
        )
    hidden = params.get("VisibilityTimeout", int(queue.attributes.get("VisibilityTimeout", "30")))
    visible = sorted((m["sent"], id) for id, m in queue.messages.items() if m["visible"] <= context.now)
    found = {}
    for _, id in visible[:most]:
        old = queue.messages[id]
        found[id] = {
            **old,
            "visible": context.now + hidden,
            "receipt": str(uuid.uuid4()),
            "receives": old["receives"] + 1,
        }
    context.here.queues[name] = replace(queue, messages={**queue.messages, **found})
    return {"Messages": [_received(id, message) for id, message in found.items()]} if found else {}


def _received(id: str, message: Mapping[str, Any]) -> Result:
    attributes = {
        "SentTimestamp": str(int(message["sent"] * 1000)),
        "ApproximateReceiveCount": str(message["receives"]),
    }
    return {
        "MessageId": id,
        "ReceiptHandle": message["receipt"],
        "MD5OfBody": _digest(message["body"]),
        "Body": message["body"],
        "Attributes": attributes,
    }


def _delete_message(context: Context, params: Params) -> Result:
    name, queue = _named(context, params["QueueUrl"])
    rest = {id: m for id, m in queue.messages.items() if m["receipt"] != params["ReceiptHandle"]}
    context.here.queues[name] = replace(queue, messages=rest)
    return {}


def _digest(body: str) -> str:
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()


OPERATIONS: dict[str, Operation] = {
    "CreateQueue": _create_queue,
    "DeleteMessage": _delete_message,
    "DeleteQueue": _delete_queue,
    "GetQueueAttributes": _get_queue_attributes,
    "GetQueueUrl": _get_queue_url,
    "ListQueueTags": _list_queue_tags,
    "ListQueues": _list_queues,
    "ReceiveMessage": _receive_message,
    "SendMessage": _send_message,
    "SetQueueAttributes": _set_queue_attributes,
    "TagQueue": _tag_queue,
    "UntagQueue": _untag_queue,
}
