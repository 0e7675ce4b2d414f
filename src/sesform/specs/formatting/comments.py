"""The comments of a YAML text."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from sesform.specs.formatting.positions import LOADER


def found(text: str) -> Iterator[str]:
    """Yield each comment, without the white space around it. PyYAML has no comments: they stand between its tokens."""
    position = 0
    for token in yaml.scan(text, Loader=LOADER):
        yield from _between(text[position : token.start_mark.index])
        position = max(position, token.end_mark.index)
    yield from _between(text[position:])


def _between(gap: str) -> Iterator[str]:
    for line in gap.splitlines():
        _, sign, comment = line.partition("#")
        if sign:
            yield f"#{comment.rstrip()}"
