"""Routes and plans as Mermaid flowcharts, for wikis. What is lost comes first, and what is not drawn is counted.

Names come from outside. Labels are quoted, and each character that could end a label, or act as Markdown, HTML or a directive in
it, is a character reference of Mermaid. Source: Mermaid's documentation, "Flowcharts - Basic Syntax", on special characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from sesform.live.snapshot import Subscriber
from sesform.model.values import printable
from sesform.planning.plan import Plan
from sesform.planning.routes import Gap, Matrix
from sesform.render.alike import (
    NO_ROUTE,
    Alike,
    ChangedAlike,
    ChangedLine,
    ChangedWay,
    Line,
    alike,
    changed_alike,
    loses_receiver,
)

# Mermaid draws at most 500 edges and 50,000 characters unless a site allows more; far fewer can be read.
MAX_EDGES = 150
MAX_CHARACTERS = 40_000

_NAMED = 3  # names in the node of a group; it counts the rest
_MAX_LABEL = 160
_LINE = 30  # the characters of a line beside its label
_SEVERITIES = ("lost", "gap", "unknown", "received")
_HEAD = "flowchart LR\n  classDef lost fill:#fdebea,stroke:#d9363b,color:#8c1015"
_COLOURS = {"lost": "#d9363b", "unknown": "#c98a1b"}
_DEAD_ENDS = ("no receiver", "gap: ")  # the nodes in red


class Edge(NamedTuple):
    """An arrow between two nodes, which are named by their labels. `style`: "", or one of `_COLOURS`."""

    start: str
    arrow: str
    label: str
    end: str
    style: str = ""


def routes(of: Matrix, subscribers: Mapping[str, tuple[Subscriber, ...]], gaps: Sequence[Gap]) -> str:
    """Return a flowchart from identities and sets to topics, destinations and subscribers."""
    rows = sorted(alike(of, subscribers, gaps), key=lambda row: _SEVERITIES.index(row.severity))
    return _drawn([(row, tuple(_edges(row))) for row in rows], "The specs name no identity and no configuration set.")


def plan(of: Plan) -> str:
    """Return a flowchart of the routes that a plan changes: those before as dotted arrows, those after as thick ones."""
    rows = sorted(changed_alike(of.routes, of.unheard, loses_receiver), key=lambda row: not (row.lost or row.silent))
    return _drawn([(row, tuple(_changed_edges(row))) for row in rows], "No routes change.")


# --- what is drawn -----------------------------------------------------------------------------------------------------


def _edges(row: Alike) -> Iterator[Edge]:
    start = _node(row)
    for line in row.lines:
        yield from _route_edges(start, line)
    for note in row.notes:
        yield Edge(start, "--x", _label(" and ".join(note.events)), _label(f"gap: {note.text}"), "lost")


def _route_edges(start: str, line: Line) -> Iterator[Edge]:
    events, way = " and ".join(line.events), line.way
    if way.state == "none":
        return
    if way.state == NO_ROUTE:
        yield Edge(start, "--x", _label(events), _label("no receiver: no route"), "lost")
        return
    target = _label(f"topic {way.target}" if way.topic_arn else way.target, way.place)
    remark = f"{way.state}: {way.reason}" if way.reason else ""
    through = f"by {way.through}" if way.through else ""
    arrow, style = {"received": ("-->", ""), "unknown": ("-.->", "unknown")}.get(way.state, ("--x", "lost"))
    yield Edge(start, arrow, _label(events, through, remark), target, style)
    for each in way.receivers or ():
        waits = "not confirmed" if each.pending else ""
        yield Edge(target, "-.-x" if each.pending else "-->", _label(waits), _label(each.protocol, each.endpoint))


def _changed_edges(row: ChangedAlike) -> Iterator[Edge]:
    start = _node(row)
    for line in row.lines:
        events = " and ".join(line.events)
        for way in dict.fromkeys((*line.before, *line.after)):
            when, arrow = _when(way, line)
            remark = f"{way.state}: {way.reason}" if way.reason else ""
            refused = way.state == "not received"
            label = _label(events, when, remark)
            yield Edge(start, "--x" if refused else arrow, label, _label(way.text), "lost" if refused else "")
        if line.state_after == NO_ROUTE:
            yield Edge(start, "--x", _label(events, "after"), _label("no receiver"), "lost")


def _when(way: ChangedWay, line: ChangedLine) -> tuple[str, str]:
    if way not in line.after:
        return "before", "-.->"
    return ("before and after", "-->") if way in line.before else ("after", "==>")


def _node(row: Alike | ChangedAlike) -> str:
    if len(row.names) == 1:
        return _label(f"{row.kind} {row.names[0]}", str(row.scope))
    kinds = "identities" if row.kind == "identity" else f"{row.kind}s"
    more = f" and {len(row.names) - _NAMED:,} more" if len(row.names) > _NAMED else ""
    return _label(f"{len(row.names):,} {kinds}", ", ".join(row.names[:_NAMED]) + more, str(row.scope))


def _label(*lines: str) -> str:
    return "<br/>".join(_escaped(printable(line)) for line in lines if line)


def _escaped(text: str) -> str:
    shown = text if len(text) <= _MAX_LABEL else f"{text[:_MAX_LABEL]}…"
    return re.sub(r"[^A-Za-z0-9 ,:/.-]|[.-](?!\S)", lambda found: f"#{ord(found[0])};", shown)


# --- the flowchart -----------------------------------------------------------------------------------------------------


class _Chart:
    """The lines of a flowchart: each node and each edge once."""

    def __init__(self) -> None:
        self.edges: dict[Edge, None] = {}
        self.size = 0
        self._nodes: dict[str, str] = {}
        self._lines = [_HEAD]

    def add(self, node: str, edges: Sequence[Edge]) -> bool:
        """Draw a node and edges. Return False, and draw nothing, if there is no room for all of them."""
        new = [edge for edge in dict.fromkeys(edges) if edge not in self.edges]
        labels = {node, *(label for edge in new for label in (edge.start, edge.end))} - self._nodes.keys()
        size = sum(len(label) + _LINE for label in labels) + sum(len(edge.label) + _LINE for edge in new)
        if len(self.edges) + len(new) > MAX_EDGES or self.size + size > MAX_CHARACTERS:
            return False
        self.node(node)
        for edge in new:
            label = f'|"{edge.label}"|' if edge.label else ""
            self._lines.append(f"  {self.node(edge.start)} {edge.arrow}{label} {self.node(edge.end)}")
            self.edges[edge] = None
        self.size += size
        return True

    def node(self, label: str) -> str:
        """Return the id of the node with this label; draw it first if it is new."""
        if label not in self._nodes:
            self._nodes[label] = f"n{len(self._nodes)}"
            style = ":::lost" if label.startswith(_DEAD_ENDS) else ""
            self._lines.append(f'  {self._nodes[label]}["{label}"]{style}')
        return self._nodes[label]

    def text(self) -> str:
        """Return the flowchart, with the edges of their colours. Mermaid numbers edges in their order."""
        for style, colour in _COLOURS.items():
            numbers = [str(number) for number, edge in enumerate(self.edges) if edge.style == style]
            if numbers:
                self._lines.append(f"  linkStyle {','.join(numbers)} stroke:{colour},stroke-width:2px")
        return "\n".join(self._lines) + "\n"


def _drawn(pictures: Sequence[tuple[Alike | ChangedAlike, Sequence[Edge]]], nothing: str) -> str:
    """Return the flowchart of the first pictures that fit. Its last node has the number of those that do not."""
    chart = _Chart()
    cut, lost = 0, 0
    for row, edges in pictures:
        if cut or not chart.add(_node(row), edges):
            cut += len(row.names)
            lost += len(row.names) if row.lost else 0
    if cut:
        have = f", {lost:,} of them without a receiver" if lost else ""
        chart.node(_label(f"{cut:,} more identities and sets are not drawn{have}"))
    elif not pictures:
        chart.node(_label(nothing))
    return chart.text()
