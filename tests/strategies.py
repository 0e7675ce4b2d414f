"""Random valid specs: an Owner and a Delegate that use each other's topics, in every form that specs allow."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from world import DELEGATE, OWNER, REGION

IDENTITIES = ("a.example.com", "b.example.com", "Post@example.com")
PARTNERS = ("partner.example", "sales@partner.example")
PARTNER_ACCOUNT = "333333333333"
TYPES = ("bounce", "complaint", "delivery")
# Few combinations: only bounces and complaints matter for routes.
EVENTS = (["bounce"], ["complaint"], ["complaint", "bounce"], ["bounce", "open"], ["click", "send"], "all")

# All topics; each spec may omit those without references.
OWN_TOPICS, DELEGATE_TOPICS = ("o1", "o2"), ("d1", "d2")


def topic_references(spec: str) -> st.SearchStrategy[str]:
    """Return the references to a topic that are possible in this spec."""
    own, other, other_name, other_account = (
        (OWN_TOPICS, DELEGATE_TOPICS, "mailer", DELEGATE)
        if spec == "corp"
        else (DELEGATE_TOPICS, OWN_TOPICS, "corp", OWNER)
    )
    return st.sampled_from(
        [*own, *(f"{other_name}/{t}" for t in other), *(f"arn:aws:sns:{REGION}:{other_account}:{t}" for t in other)]
    )


def notification(spec: str, *, needs_topic: bool = False) -> st.SearchStrategy[Any]:
    reference = topic_references(spec)
    setting = st.fixed_dictionaries({"topic": reference}, optional={"headers": st.booleans()})
    with_topic = reference | setting
    return with_topic if needs_topic else with_topic | st.none() | st.just("unmanaged")


@st.composite
def notifications(draw: st.DrawFn, spec: str, *, needs_topics: bool = False) -> dict[str, Any]:
    required = ("bounce", "complaint") if needs_topics else ()
    return draw(
        st.fixed_dictionaries(
            {t: notification(spec, needs_topic=True) for t in required},
            optional={t: notification(spec) for t in TYPES if t not in required},
        )
    )


@st.composite
def identity(draw: st.DrawFn, sets: list[str]) -> Any:
    if draw(st.integers(0, 5)) == 0:
        return "absent"
    forwarding = draw(st.sampled_from([None, True, False, "unmanaged"]))
    declared: dict[str, Any] = {}
    if draw(st.booleans()):
        declared["default_configuration_set"] = draw(st.sampled_from([None, *sets]))
    needs_topics = forwarding is False and not (declared.get("default_configuration_set") and draw(st.booleans()))
    declared["notifications"] = draw(notifications("corp", needs_topics=needs_topics))
    if forwarding is not None:
        declared["feedback_forwarding"] = forwarding
    if draw(st.integers(0, 3)) == 0:
        declared["authorize"] = draw(
            st.sampled_from([{"mailer": {}}, {"mailer": {"actions": ["SendRawEmail"]}}, {"mailer": "absent"}])
        )
    if draw(st.integers(0, 3)) == 0:
        statement = {"Effect": "Deny", "Principal": "*", "Action": draw(st.sampled_from(["ses:*", "ses:SendEmail"]))}
        declared["policies"] = {"own": draw(st.sampled_from([{"Statement": statement}, "absent"]))}
    return declared


def destination(spec: str, account: str) -> st.SearchStrategy[Any]:
    role = f"arn:aws:iam::{account}:role/ses"
    stream = f"arn:aws:firehose:{REGION}:{account}:deliverystream/s"
    kinds = st.one_of(
        st.fixed_dictionaries({"sns": topic_references(spec)}),
        st.just({"firehose": {"stream": stream, "role": role}}),
        st.just({"cloudwatch": [{"dimension": "d", "source": "message_tag", "default": "n"}]}),
        st.just({"eventbridge": "default"}),
    )
    enabled = st.sampled_from([True, True, True, False])
    settings = st.tuples(kinds, st.sampled_from(EVENTS), enabled).map(
        lambda d: {**d[0], "events": d[1], "enabled": d[2]}
    )
    return settings | settings | settings | st.just("absent")


def configuration_sets(spec: str, account: str) -> st.SearchStrategy[dict[str, Any]]:
    declared = st.fixed_dictionaries(
        {
            "event_destinations": st.dictionaries(
                st.sampled_from(["x", "y"]), destination(spec, account), min_size=1, max_size=2
            )
        },
        optional={
            "exclusive": st.booleans(),
            "suppression": st.sampled_from([None, [], ["bounce"], ["complaint", "bounce"], "unmanaged"]),
        },
    )
    return st.fixed_dictionaries({"s1": declared}, optional={"s2": declared | st.just("absent")})


def topics(names: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    settings = st.fixed_dictionaries(
        {}, optional={"display_name": st.sampled_from(["", "SES"]), "subscriptions": subscriptions()}
    )
    return st.fixed_dictionaries(dict.fromkeys(names, settings))


def subscriptions() -> st.SearchStrategy[list[dict[str, Any]]]:
    """Subscriptions that receive everything, one event, or nothing: filtered, or pending for good."""
    queue = {"protocol": "sqs", "endpoint": f"arn:aws:sqs:{REGION}:{OWNER}:q"}
    filters: list[dict[str, Any]] = [
        {},
        {"filter_policy": {"tenant": ["a"]}},  # SES sets no message attributes
        {"filter_policy_scope": "MessageBody", "filter_policy": {"notificationType": ["Bounce"]}},
        {"filter_policy_scope": "MessageBody", "filter_policy": {"eventType": ["Bounce", "Complaint"]}},
    ]
    email = {"protocol": "email", "endpoint": "ops@example.com"}
    return st.sampled_from([[queue], [queue], *([{**queue, **each}] for each in filters[1:]), [email], [queue, email]])


@st.composite
def random_specs(draw: st.DrawFn) -> str:
    """Return the text of an Owner and a Delegate spec that are valid together. (JSON is YAML.)"""
    sets = draw(configuration_sets("corp", OWNER))
    kept = [name for name, declared in sets.items() if declared != "absent"]
    owner = {
        "kind": "Owner",
        "name": "corp",
        "account": OWNER,
        "regions": [REGION],
        "topics": draw(topics(OWN_TOPICS)),
        "configuration_sets": sets,
        "identities": draw(st.dictionaries(st.sampled_from(IDENTITIES), identity(kept), max_size=3)),
    }
    arns = [f"arn:aws:ses:{REGION}:{PARTNER_ACCOUNT}:identity/{name}" for name in PARTNERS]
    delegate = {
        "kind": "Delegate",
        "name": "mailer",
        "account": DELEGATE,
        "regions": [REGION],
        "topics": draw(topics(DELEGATE_TOPICS)),
        "configuration_sets": draw(configuration_sets("mailer", DELEGATE)),
        "cross_account_notifications": draw(
            st.dictionaries(st.sampled_from(arns), notifications("mailer") | st.just("absent"), max_size=2)
        ),
    }
    return f"{json.dumps(owner, indent=1)}\n---\n{json.dumps(delegate, indent=1)}\n"
