"""What SES checks before it takes a setting: identities, topics, names and pages. Shared by both versions of the API."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from sesform.model import arns
from sesform_sandbox import kms
from sesform_sandbox.context import Context
from sesform_sandbox.policy import Source
from sesform_sandbox.policy_evaluation import may_publish
from sesform_sandbox.refusal import Refusal
from sesform_sandbox.state import Identity, Topic

NAME = re.compile(
    r"[A-Za-z0-9_-]{1,64}"
)  # configuration sets, event destinations, policies (SES developer guide, quotas)
NOTIFICATION_TYPES = ("Bounce", "Complaint", "Delivery")

# SES developer guide, "Quotas": 10,000 identities and 10,000 configuration sets a region.
MAX_PER_REGION = 10_000


# --- identities --------------------------------------------------------------------------------------------------------


class Target(NamedTuple):
    """The identity that a call is about. `key` is its name here, or its ARN where it belongs to another account."""

    key: str
    arn: str
    owner: str
    foreign: bool


def identity_key(name: str) -> str:
    """Domains in lower case, e-mail identities as they are (SES developer guide, "Creating and verifying identities":
    domains are case-insensitive, addresses case-sensitive in both parts; the former seen on AWS: getmoto/moto#4050)."""
    return name if "@" in name else name.lower()


def identity_arn(context: Context, key: str) -> str:
    return arns.identity(context.scope, key)


def find_identity(context: Context, text: str) -> Target | None:
    """A name or an ARN → the identity, or None where SES knows no such one.

    The caller's own ARN is another spelling of the name. An ARN of another region than the endpoint is unknown
    (seen on AWS: boto/boto3#2645).
    """
    if not text.startswith("arn:"):
        key = identity_key(text)
        return (
            Target(key, identity_arn(context, key), context.account, False) if key in context.here.identities else None
        )
    arn = arns.parse(text)
    if arn is None or (arn.partition, arn.service, arn.region) != (context.partition, "ses", context.region):
        return None
    kind, _, name = arn.resource.partition("/")
    if kind != "identity" or not name:
        return None
    if arn.account == context.account:
        return find_identity(context, name)
    key = identity_key(name)
    home = context.state.scopes.get(arn.scope)
    if home is None or key not in home.identities:
        return None
    own_arn = arns.identity(arn.scope, key)
    return Target(own_arn, own_arn, arn.account, True)


def unknown_identity(text: str, verb: str = "Must") -> Refusal:
    """Text seen on AWS: boto/boto3#2645; the headers operation says "It must" (compared with AWS by floci-io/floci)."""
    return Refusal(
        "InvalidParameterValue", f"Identity {text} is invalid. {verb} be a verified email address or domain."
    )


def new_identity(context: Context, name: str) -> str:
    """The key of an identity about to be made. Raises ValueError, with AWS's reason, where the name cannot be one."""
    domain = name.rpartition("@")[2]
    labels = domain.split(".")
    # A trailing dot is refused (hashicorp/terraform-provider-aws#13510); non-ASCII names must come as Punycode
    # (SES developer guide, "Email format"). Length limits: RFC 1035, RFC 5321.
    valid = (
        len(labels) > 1
        and all(re.fullmatch(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?", label) for label in labels)
        and len(domain) <= 253
        and ("@" not in name or re.fullmatch(r"[!-?A-~]{1,64}@[^@]+", name))
    )
    if not valid:
        raise ValueError(f"Invalid {'email address' if '@' in name else 'domain name'} {name}.")
    key = identity_key(name)
    if key not in context.here.identities and len(context.here.identities) >= MAX_PER_REGION:
        raise ValueError(f"Number of identities exceeds max allowed {MAX_PER_REGION}.")
    return key


def sending_identity(identities: Mapping[str, Identity], address: str) -> str | None:
    """The identity that mail from an address (or domain) is sent with, or None.

    A verified address overrides its domain entirely, a subdomain its parent, and `+label` inherits from the address
    without it (SES developer guide, "Creating and verifying identities").
    """
    local, at, domain = address.rpartition("@")
    candidates = []
    if at:
        candidates += [address, f"{local.split('+')[0]}@{domain}"]
    labels = domain.lower().split(".")
    candidates += [".".join(labels[start:]) for start in range(len(labels))]
    return next((c for c in candidates if c in identities), None)


# --- topics ------------------------------------------------------------------------------------------------------------

TopicFault = Literal["invalid", "missing", "refused", "encrypted"]


def topic_fault(context: Context, topic_arn: str, publishers: Iterable[Source]) -> TopicFault | None:
    """Why SES cannot publish to a topic, or None: it must exist, be standard, in the same region and partition, and let
    SES publish for one of the publishers. SES tries it when the setting is made.

    Source: SES developer guide, "Configuring Amazon SNS notifications"; AWS-managed key: binxio/cfn-ses-provider#16.
    """
    arn = arns.parse(topic_arn)
    if arn is None or (arn.partition, arn.service, arn.region) != (context.partition, "sns", context.region):
        return "invalid"
    if arn.resource.endswith(".fifo") or not arn.account or ":" in arn.resource:
        return "invalid"
    home = context.state.scopes.get(arn.scope)
    topic = home.topics.get(arn.resource) if home else None
    if topic is None:
        return "missing"
    return may_deliver(context, topic, topic_arn, publishers)


def may_deliver(context: Context, topic: Topic, topic_arn: str, publishers: Iterable[Source]) -> TopicFault | None:
    """Whether an existing topic takes what SES publishes: None if it does."""
    arn, key = arns.parse(topic_arn), topic.attributes.get("KmsMasterKeyId", "")
    if arn is not None and key and not kms.lets_ses_in(context, arns.kms_key(arn.scope, key)):
        return "encrypted"
    policy = json.loads(topic.policy)
    return None if any(may_publish(policy, topic_arn, p) for p in publishers) else "refused"


def identity_publishers(context: Context, target: Target) -> list[Source]:
    """Whom SES publishes an identity's notifications for: the identity's owner. Which account SES presents for a legacy
    cross-account setting is not documented, so either is taken."""
    accounts = {target.owner, context.account}
    return [Source(account, target.arn) for account in sorted(accounts)]


# --- pages -------------------------------------------------------------------------------------------------------------


def page(names: Iterable[str], size: int, token: str | None) -> tuple[list[str], str | None]:
    """One page of sorted names, and the token for the next. Raises ValueError for a token that was never handed out."""
    ordered: Sequence[str] = sorted(names)
    if token is not None:
        try:
            last = base64.urlsafe_b64decode(token.encode("ascii")).decode()
        except (binascii.Error, UnicodeError):
            raise ValueError("The next token is invalid.") from None
        ordered = [name for name in ordered if name > last]
    shown = list(ordered[:size])
    more = len(ordered) > size
    return shown, base64.urlsafe_b64encode(shown[-1].encode()).decode() if more and shown else None
