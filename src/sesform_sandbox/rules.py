"""Checks that SES makes before it accepts a setting: identities, topics, names and pages, for both API versions."""

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
    """The identity of a call. `key`: its name here, or its ARN if it belongs to another account."""

    key: str
    arn: str
    owner: str
    foreign: bool


def identity_key(name: str) -> str:
    """Return the canonical name of an identity: domains in lower case, e-mail identities unchanged.

    Domains are case-insensitive, addresses case-sensitive in both parts (SES developer guide, "Creating and verifying identities";
    domains seen on AWS: getmoto/moto#4050).
    """
    return name if "@" in name else name.lower()


def identity_arn(context: Context, key: str) -> str:
    return arns.identity(context.scope, key)


def find_identity(context: Context, text: str) -> Target | None:
    """Return the identity of a name or an ARN, None if SES does not know it.

    The caller's own ARN means the same as the name. An ARN of another region than the endpoint's is unknown (seen on AWS:
    boto/boto3#2645).
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
    """Return AWS's error for an unknown identity. Text seen on AWS: boto/boto3#2645; "It must" in the headers operation (floci)."""
    return Refusal(
        "InvalidParameterValue", f"Identity {text} is invalid. {verb} be a verified email address or domain."
    )


def new_identity(context: Context, name: str) -> str:
    """Return the key of a new identity. Raises ValueError, with AWS's reason, for an invalid name."""
    domain = name.rpartition("@")[2]
    labels = domain.split(".")
    # SES refuses a trailing dot (hashicorp/terraform-provider-aws#13510); non-ASCII names must be Punycode
    # (SES developer guide, "Email format"). Length limits: RFC 1035, RFC 5321.
    valid = (
        len(labels) > 1
        and all(re.fullmatch(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?", label) for label in labels)
        and len(domain) <= 253
        and ("@" not in name or re.fullmatch(r"[!-?A-~]{1,64}@[^@]+", name))
    )
    if not valid:
        raise ValueError(f"sandbox: Invalid {'email address' if '@' in name else 'domain name'} {name}.")
    key = identity_key(name)
    if key not in context.here.identities and len(context.here.identities) >= MAX_PER_REGION:
        raise ValueError(f"sandbox: Number of identities exceeds max allowed {MAX_PER_REGION}.")
    return key


def sending_identity(identities: Mapping[str, Identity], address: str) -> str | None:
    """Return the identity that mail from an address (or domain) is sent with, None for none.

    A verified address overrides its domain entirely, a subdomain its parent, and `+label` inherits from the address without it
    (SES developer guide, "Creating and verifying identities"). An identity that is not verified yet has no part in it while a
    wider one is verified: an address under a verified domain sends by the settings of the domain
    (hashicorp/terraform-provider-aws#41634).
    """
    local, at, domain = address.rpartition("@")
    candidates = []
    if at:
        candidates += [address, f"{local.split('+')[0]}@{domain}"]
    labels = domain.lower().split(".")
    candidates += [".".join(labels[start:]) for start in range(len(labels))]
    known = [c for c in candidates if c in identities]
    return next((c for c in known if identities[c].verified), next(iter(known), None))


# --- topics ------------------------------------------------------------------------------------------------------------

TopicFault = Literal["invalid", "missing", "refused", "encrypted"]


def topic_fault(context: Context, topic_arn: str, publishers: Iterable[Source]) -> TopicFault | None:
    """Return why SES cannot publish to a topic, None if it can. SES tries when the setting is made.

    The topic must exist, be standard, be in the same region and partition, and allow SES to publish for one of the publishers.
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
    """Return why an existing topic refuses what SES publishes, None if it accepts it."""
    arn, key = arns.parse(topic_arn), topic.attributes.get("KmsMasterKeyId", "")
    if arn is not None and key and not kms.lets_ses_in(context, arns.kms_key(arn.scope, key)):
        return "encrypted"
    policy = json.loads(topic.policy)
    return None if any(may_publish(policy, topic_arn, p) for p in publishers) else "refused"


def identity_publishers(context: Context, target: Target) -> list[Source]:
    """Return the sources for which SES publishes an identity's notifications: the identity of its owner.

    AWS does not document which account SES presents for a legacy cross-account setting, so either account is accepted.
    """
    accounts = {target.owner, context.account}
    return [Source(account, target.arn) for account in sorted(accounts)]


# --- pages -------------------------------------------------------------------------------------------------------------


def page(names: Iterable[str], size: int, token: str | None) -> tuple[list[str], str | None]:
    """Return one page of sorted names, and the token for the next. Raises ValueError for an unknown token."""
    ordered: Sequence[str] = sorted(names)
    if token is not None:
        try:
            last = base64.urlsafe_b64decode(token.encode("ascii")).decode()
        except (binascii.Error, UnicodeError):
            raise ValueError("sandbox: The next token is invalid.") from None
        ordered = [name for name in ordered if name > last]
    shown = list(ordered[:size])
    more = len(ordered) > size
    return shown, base64.urlsafe_b64encode(shown[-1].encode()).decode() if more and shown else None
