"""YAML as nodes with their places in the text. Only for texts that `yaml_reader` accepts: it bounds their depth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

# libyaml is faster; both count characters.
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Node = Any  # yaml.ScalarNode, yaml.SequenceNode or yaml.MappingNode


def documents(text: str) -> Iterator[Node]:
    """Yield the root of each document that is not empty."""
    return (root for root in yaml.compose_all(text, Loader=LOADER) if root is not None)


def has_aliases(text: str) -> bool:
    """Return whether a text repeats a value with an alias."""
    return "*" in text and any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=LOADER))


def start(node: Node) -> int:
    """Return the index of the first character of a node."""
    return int(node.start_mark.index)


def end(node: Node) -> int:
    """Return the index after the last character of a scalar or a collection in brackets."""
    return int(node.end_mark.index)
