"""What other organizations must set, as text, YAML to paste, Markdown for a ticket, and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from sesform.model import arns
from sesform.model.address import Scope
from sesform.model.values import printable
from sesform.planning import handover
from sesform.planning.checks.kms_keys import STATEMENT
from sesform.planning.handover import Handover, TopicOffer, TopicRequest
from sesform.render._escape import cell, fenced
from sesform.specs import yaml_writer

NOTHING = (
    "Nothing to hand over: the specs use no topic of an account without a spec, and no topic has publishers of accounts without a "
    "spec."
)
_SET_BY_HAND = (
    "Without sesform, set the topic for bounces and complaints of each identity (SetIdentityNotificationTopic), and add an event "
    "destination with the topic to each configuration set."
)
_TYPES = ("bounce", "complaint")  # the types that decide about an account's right to send

Block = tuple[str, str]  # a language, "" for a paragraph, and the text


def text(of: Handover) -> str:
    """Return the part of each other account: what it must set, as lines for its spec and without sesform."""
    if not of.parties:
        return NOTHING + "\n"
    return "\n".join("\n".join(_lines(scope, part)) for scope, part in of.parties.items())


def markdown(of: Handover) -> str:
    """Return the same as `text`, with a heading for each account and fenced code."""
    if not of.parties:
        return NOTHING + "\n"
    lines: list[str] = []
    for scope, part in of.parties.items():
        lines += [f"### For account {scope.account} in {scope.region}", ""]
        for language, block in _blocks(part):
            lines += [fenced(block, language) if language else cell(block), ""]
    return "\n".join(lines)


def yaml(of: Handover) -> str:
    """Return one YAML document for each other account, to merge into its spec."""
    if not of.parties:
        return f"# {NOTHING}\n"
    documents = []
    for scope, part in of.parties.items():
        content, comments = _spec_lines(part)
        head = f"For account {scope.account} in {scope.region}: add these lines to the spec."
        documents.append(yaml_writer.fragment(content, [head, *comments]))
    return "---\n".join(documents)


def json_text(of: Handover) -> str:
    """Return one line: what `planning.handover.document` returns, and the lines for the spec of each account."""
    parties = [
        {"account": scope.account, "region": scope.region, "spec": _spec_lines(part)[0]}
        for scope, part in of.parties.items()
    ]
    return json.dumps({"version": 1, **handover.document(of), "parties": parties}, separators=(",", ":"))


def _lines(scope: Scope, part: Handover) -> Iterator[str]:
    yield f"For account {scope.account} in {scope.region}:"
    yield ""
    for language, block in _blocks(part):
        indent = "      " if language else "  "
        yield from (f"{indent}{printable(line)}" for line in block.splitlines())
        yield ""


def _blocks(part: Handover) -> Iterator[Block]:
    """Yield what one account must set: for each topic of its own, and for its identities and configuration sets."""
    for request in part.requests:
        yield from _request(request)
    if part.offers:
        yield from _offers(part)


def _request(of: TopicRequest) -> Iterator[Block]:
    names = _named([publisher.arn for publisher in of.publishers])
    yield "", f"Topic {of.topic_arn} must allow SES to publish for {names}. With sesform, add to the spec of the topic:"
    yield "yaml", yaml_writer.fragment(_spec_lines(Handover((of,)))[0]).rstrip("\n")
    yield "", "Without sesform, add to the topic's policy:"
    for statement in of.statements:
        yield "json", json.dumps(statement, indent=2)
    yield "", "If the topic is encrypted, the policy of its KMS key must have:"
    yield "json", json.dumps(STATEMENT)


def _offers(part: Handover) -> Iterator[Block]:
    for topic, offers in groupby(part.offers, key=lambda offer: offer.topic_arn):
        yield "", f"Topic {topic} accepts what SES publishes for {_named([offer.publisher for offer in offers])}."
    content, comments = _spec_lines(Handover(offers=part.offers))
    yield "", "With sesform, add to the spec of these identities and configuration sets:"
    yield "yaml", yaml_writer.fragment(content, comments).rstrip("\n")
    yield "", _SET_BY_HAND


def _named(publishers: list[str]) -> str:
    """Return what the ARNs name: "identity example.com and configuration set main"."""
    found = list(map(arns.spoken, publishers))
    return " and ".join([", ".join(found[:-1]), found[-1]] if len(found) > 1 else found)


def _spec_lines(part: Handover) -> tuple[dict[str, Any], list[str]]:
    """Return the lines for the spec of one account as data, and what they cannot say."""
    content: dict[str, Any] = {}
    for request in part.requests:
        topic = content.setdefault("topics", {}).setdefault(arns.resource(request.topic_arn), {"publishers": []})
        topic["publishers"] = sorted({*topic["publishers"], *(publisher.arn for publisher in request.publishers)})
    comments = []
    of_topic = handover.destination_names(offer.topic_arn for offer in part.offers)
    for offer in part.offers:
        kind, _, name = arns.resource(offer.publisher).partition("/")
        if kind == "configuration-set":
            destinations = content.setdefault("configuration_sets", {}).setdefault(name, {"event_destinations": {}})
            destinations["event_destinations"][of_topic[offer.topic_arn]] = _destination(offer)
        elif name in content.get("identities", {}):
            comments.append(f"Topic {offer.topic_arn} accepts notifications of {name} too.")
        else:
            notifications = dict.fromkeys(_TYPES, offer.topic_arn)
            content.setdefault("identities", {})[name] = {"notifications": notifications}
    return content, comments


def _destination(offer: TopicOffer) -> dict[str, Any]:
    return {"events": list(_TYPES), "sns": offer.topic_arn}
