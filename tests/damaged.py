"""Specs in which values are deleted, exchanged, renamed or copied elsewhere."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

EXAMPLES = Path(__file__).parents[1] / "examples"
FILES = sorted(EXAMPLES.rglob("*.yaml"))
SPECS = [text for text in (f.read_text(encoding="utf-8") for f in FILES) if "\nkind: " in f"\n{text}"]

# Two specs that use most of what specs have, with the values of every field to exchange.
RICH = """
kind: Owner
name: corp
account: "111111111111"
regions: [eu-west-1, us-east-1]
credentials: {role_arn: "arn:aws:iam::111111111111:role/r", external_id: abc}
ownership_tags: true
topics:
  t:
    kms_key: alias/k
    subscriptions:
      - {protocol: https, endpoint: "https://example.com/hook?token=abc", filter_policy: {a: [b]}}
configuration_sets:
  main:
    suppression: [bounce]
    event_destinations:
      sns: {events: [bounce, complaint], sns: mailer/feedback}
      metrics: {events: all, cloudwatch: [{dimension: d, source: link_tag, default: none}]}
defaults: {identity: {notifications: {bounce: t, complaint: {topic: t, headers: true}}, feedback_forwarding: true}}
identities:
  example.com:
    notifications: {delivery: mailer/feedback}
    default_configuration_set: main
    authorize: {mailer: {actions: [SendEmail], conditions: {StringLike: {"ses:FromAddress": "*@example.com"}}}}
    policies: {p: {Statement: {Effect: Allow, Principal: "*", Action: ses:SendEmail}}}
  old.example.com: absent
---
kind: Delegate
name: mailer
account: "222222222222"
regions: [eu-west-1, us-east-1]
topics: {feedback: {name: other, external: true}}
cross_account_notifications:
  arn:aws:ses:eu-west-1:333333333333:identity/partner.example: {bounce: feedback}
"""

STRANGE: list[Any] = [
    *(None, True, 0, -1, 1.5, "", " ", "absent", "unmanaged", "all", "*", "a/b/c", "/", ".", "..", "ses:", "é", "\x85"),
    *("arn:aws:sns:eu-west-1:111111111111:t", "arn:", "arn:aws:ses:*:*:*", "a" * 300, 10**400, "1" * 12),
    *(
        [],
        {},
        [None],
        [[]],
        {"": {}},
        {"a": None},
        [{}],
        {"topic": []},
        {"kind": "Owner"},
        "x.fifo",
        "http://[",
        "eu-west-9",
    ),
]


def places(node: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to each value below a node."""
    steps = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for step, inside in steps:
        yield (*way, step)
        yield from places(inside, (*way, step))


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """Return specs in which values are deleted, exchanged, renamed or copied elsewhere."""
    documents = [d for d in yaml.safe_load_all(draw(st.sampled_from([RICH, *SPECS]))) if d is not None]
    if draw(st.booleans()):
        documents.append(copy.deepcopy(draw(st.sampled_from(documents))))
    for _ in range(draw(st.integers(1, 4))):
        ways = list(places(documents))
        if not ways:
            break
        way = draw(st.sampled_from(ways))
        parent: Any = documents
        for step in way[:-1]:
            parent = parent[step]
        action = draw(st.sampled_from(["delete", "replace", "copy", "rename"]))
        if action == "delete":
            del parent[way[-1]]
        elif action == "rename" and isinstance(parent, dict):
            parent[draw(st.sampled_from([s for s in STRANGE if isinstance(s, str)]))] = parent.pop(way[-1])
        elif action == "copy":
            parent[way[-1]] = copy.deepcopy(value_at(documents, draw(st.sampled_from(ways))))
        else:
            parent[way[-1]] = copy.deepcopy(draw(st.sampled_from(STRANGE)))
    return yaml.dump_all(documents, Dumper=_Plain, sort_keys=False, allow_unicode=True)


class _Plain(yaml.SafeDumper):
    """Write no aliases: the same value may stand at two places."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def value_at(node: Any, way: tuple[Any, ...]) -> Any:
    for step in way:
        node = node[step]
    return node
