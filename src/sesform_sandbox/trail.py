"""CloudTrail: the writing calls of SES, SNS and KMS are recorded as management events, and LookupEvents finds them.

Sources: CloudTrail API reference, LookupEvents; CloudTrail user guide, "CloudTrail record contents" and "Working with CloudTrail
event history"; SES developer guide, "Logging Amazon SES API calls with AWS CloudTrail"; SNS developer guide, "Logging Amazon SNS
API calls using CloudTrail". Reads are not recorded, because each would rewrite the state file. Sends, and Publish of SNS, are data
events, which the event history does not have.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sesform_sandbox import sts
from sesform_sandbox.context import Context, Operation, Params, Result
from sesform_sandbox.refusal import Refusal
from sesform_sandbox.state import RecordedCall
from sesform_sandbox.throttle import NOT_COUNTED

if TYPE_CHECKING:
    from botocore.model import Shape

    from sesform_sandbox.wire import Request

RATE = 2.0  # lookups a second in each account and region: CloudTrail API reference, LookupEvents
MAX_KEPT = 1000  # recorded calls of one account and region
_HISTORY = timedelta(days=90)
_MOST = 50
_SOURCES = {"ses": "ses", "sesv2": "ses", "sns": "sns", "kms": "kms"}
_NOT_RECORDED = NOT_COUNTED | {"Publish"}
_READS = ("Get", "List", "Describe")


def is_recorded(service: str, operation: str) -> bool:
    """Return whether a call is a writing management call of a service that is recorded."""
    return service in _SOURCES and operation not in _NOT_RECORDED and not operation.startswith(_READS)


@dataclass(frozen=True, slots=True)
class Made:
    """A call to record. `shape`: of its parameters, in botocore's model."""

    service: str
    operation: str
    request: Request
    params: Params
    shape: Shape | None


def record(context: Context, call: Made, refusal: Refusal | None = None) -> None:
    """Record a call, with the error if it was refused. The oldest of more than MAX_KEPT calls is forgotten."""
    kept = context.here.trail
    number = int(next(reversed(kept.data), "0")) + 1
    kept[f"{number:012d}"] = RecordedCall(
        f"{_SOURCES[call.service]}.amazonaws.com",
        call.operation,
        context.trail.clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        _identity(context),
        call.request.headers.get("user-agent", ""),
        call.request.sender,
        _as_recorded(call.params, call.shape),
        refusal.code if refusal else "",
        refusal.message if refusal else "",
    )
    if len(kept) > MAX_KEPT:
        del kept[next(iter(kept.data))]


def _identity(context: Context) -> dict[str, Any]:
    """Return the element userIdentity: of a role's session, or of the account's root user."""
    caller = sts.caller(context)
    common = {"principalId": caller["UserId"], "arn": caller["Arn"], "accountId": caller["Account"]}
    if context.session is None:
        return {"type": "Root", **common}
    role = context.session.role_arn
    issuer = {"type": "Role", "arn": role, "accountId": caller["Account"], "userName": role.rpartition("/")[2]}
    return {"type": "AssumedRole", **common, "sessionContext": {"sessionIssuer": issuer}}


def _as_recorded(value: Any, shape: Shape | None) -> Any:
    """Return parameters as requestParameters has them: members begin with a small letter, keys of maps stay.

    Seen in CloudTrail: `identities` of GetIdentityVerificationAttributes, `emailIdentity` of SES v2, `topicArn` of SNS.
    """
    kind = shape.type_name if shape is not None else ""
    if kind == "structure":
        members = shape.members  # type: ignore[union-attr]
        return {name[0].lower() + name[1:]: _as_recorded(each, members.get(name)) for name, each in value.items()}
    if kind == "list":
        return [_as_recorded(each, shape.member) for each in value]  # type: ignore[union-attr]
    if kind == "map":
        return {key: _as_recorded(each, shape.value) for key, each in value.items()}  # type: ignore[union-attr]
    return value if isinstance(value, str | bool | int | float | None) else str(value)


# --- LookupEvents --------------------------------------------------------------------------------------------------------


def _lookup_events(context: Context, params: Params) -> Result:
    """Return one page of the recorded calls of the account in the region, newest first."""
    if not context.trail.throttle.admits(context.scope):
        raise Refusal("ThrottlingException", "Rate exceeded", 400)
    _check(params)
    found = [e for e in _visible(context, params) if all(_has(e, a) for a in params.get("LookupAttributes") or ())]
    size = params.get("MaxResults") or _MOST
    begin = _begin(params)
    shown = found[begin : begin + size]
    more = {"NextToken": _token(params, begin + size)} if begin + size < len(found) else {}
    return {"Events": shown, **more}


def _check(params: Params) -> None:
    if len(params.get("LookupAttributes") or ()) > 1:
        raise Refusal("InvalidLookupAttributesException", "sandbox: LookupAttributes has more than one item.", 400)
    if not 1 <= params.get("MaxResults", 1) <= _MOST:
        raise Refusal("InvalidMaxResultsException", f"sandbox: MaxResults must be between 1 and {_MOST}.", 400)
    if params.get("StartTime", 0) > params.get("EndTime", float("inf")):
        raise Refusal("InvalidTimeRangeException", "sandbox: StartTime is after EndTime.", 400)


def _visible(context: Context, params: Params) -> Iterator[dict[str, Any]]:
    if params.get("EventCategory"):  # Insights events, of which there are none
        return
    now = context.trail.clock()
    delivered, oldest = now - timedelta(seconds=context.trail.delay), now - _HISTORY
    kept = context.here.trail
    for number in sorted(kept, key=lambda n: (kept[n].time, n), reverse=True):
        call = kept[number]
        time = datetime.fromisoformat(call.time)
        second = time.timestamp()
        if oldest <= time <= delivered and params.get("StartTime", 0) <= second <= params.get("EndTime", second):
            yield _event(context, number, call, second)


def _event(context: Context, number: str, call: RecordedCall, second: float) -> dict[str, Any]:
    id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{context.scope}/{number}"))
    document = {
        "eventVersion": "1.11",
        "userIdentity": call.identity,
        "eventTime": call.time,
        "eventSource": call.source,
        "eventName": call.name,
        "awsRegion": context.region,
        "sourceIPAddress": call.address,
        "userAgent": call.user_agent,
        **({"errorCode": call.error, "errorMessage": call.message} if call.error else {}),
        "requestParameters": call.parameters or None,
        "responseElements": None,
        "eventID": id,
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": context.account,
        "eventCategory": "Management",
    }
    user = call.identity.get("sessionContext", {}).get("sessionIssuer", {}).get("userName", "root")
    return {
        "EventId": id,
        "EventName": call.name,
        "ReadOnly": "false",
        "EventTime": second,
        "EventSource": call.source,
        "Username": user,
        "Resources": [],  # seen on AWS for CreateConfigurationSet
        "CloudTrailEvent": json.dumps(document),
    }


def _has(event: Mapping[str, Any], attribute: Mapping[str, str]) -> bool:
    """Return whether an event has the value of a lookup attribute. No event has a resource or an access key."""
    return bool(event.get(attribute["AttributeKey"]) == attribute["AttributeValue"])


def _begin(params: Params) -> int:
    """Return the position that a token stands for. It belongs to the parameters of the first page."""
    token = params.get("NextToken")
    if not token:
        return 0
    try:
        digest, _, begin = base64.urlsafe_b64decode(token.encode("ascii")).decode().partition(" ")
        if digest == _digest(params):
            return int(begin)
    except (binascii.Error, UnicodeError, ValueError):
        pass
    raise Refusal("InvalidNextTokenException", "sandbox: The token belongs to other parameters, or is invalid.", 400)


def _token(params: Params, begin: int) -> str:
    return base64.urlsafe_b64encode(f"{_digest(params)} {begin}".encode()).decode()


def _digest(params: Params) -> str:
    rest = {name: value for name, value in params.items() if name != "NextToken"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, default=str).encode()).hexdigest()[:16]


OPERATIONS: dict[str, Operation] = {"LookupEvents": _lookup_events}
