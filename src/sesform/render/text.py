"""Plans, drift and reports as text, with Terraform's lines where other tools parse them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from sesform.model.quotas import SES_CALLS_PER_SECOND, least_seconds, paced
from sesform.model.values import printable
from sesform.planning import diff
from sesform.planning.plan import ACTIONS, Change, Outcome, Plan, Report, on_the_way
from sesform.render import handover
from sesform.render._hcl import SYMBOLS, Paint, differing, painter, value, whole
from sesform.render.duration import duration
from sesform.resources import RESOURCES

_LEGEND = {"create": "create", "update": "update in-place", "delete": "destroy"}
_HEADERS = {"create": "will be created", "update": "will be updated in-place", "delete": "will be destroyed"}
NO_CHANGES = "No changes. Your infrastructure matches the configuration."
NO_DRIFT = "No drift. AWS matches the specs."


def plan(of: Plan, *, colour: bool = False, rate: float | None = SES_CALLS_PER_SECOND) -> str:
    """Return a plan: legend, a block for each step in the order of apply, summary, calls."""
    paint = painter(colour)
    if not of.changes:
        return f"{paint(NO_CHANGES, 'bold')}\n\n{_compared(of)}\n"
    used = {c.action for c in of.changes}
    legend = "".join(f"  {paint(SYMBOLS[a], a)} {_LEGEND[a]}\n" for a in ACTIONS if a in used)
    blocks = "\n".join("\n".join(_block(c, paint)) + "\n" for c in of.changes)
    return (
        "sesform compared the specs with AWS. Actions are indicated with the following symbols:\n"
        f"{legend}\nTerraform will perform the following actions:\n\n{blocks}\n{summary(of, colour=colour)}\n"
        f"{_routes(of, paint)}{_handover(of)}\n{_calls(of, rate)}\n"
    )


def summary(of: Plan, *, colour: bool = False) -> str:
    """Return Terraform's summary line."""
    n = of.summary
    return (
        f"{painter(colour)('Plan:', 'bold')} {n['create']} to add, {n['update']} to change, {n['delete']} to destroy."
    )


def _compared(of: Plan) -> str:
    n = len(of.unchanged)
    return f"sesform compared {n} declared {'resource' if n == 1 else 'resources'} with AWS. All are as declared."


def _block(change: Change, paint: Paint) -> Iterator[str]:
    yield paint(f"  # {printable(str(change.address))} {_HEADERS[change.action]}", "bold")
    yield f"  # (because {printable(change.reason)})"
    yield f"  {paint(SYMBOLS[change.action], change.action)} {_opening(change)}"
    if change.before is not None and change.after is not None:
        fields = diff.changes(change.before, change.after)
        yield from differing(fields, paint)
        same = len({*change.before, *change.after} - {f.path[0] for f in fields})
        if same:
            yield paint(f"        # ({same} unchanged {'attribute' if same == 1 else 'attributes'} hidden)", "faint")
    else:
        properties = change.after or change.before or {}
        shown, hidden = RESOURCES[change.address.type].abridged(properties)
        yield from whole(shown, change.action, paint)
        if hidden:
            yield paint(f"        # ({hidden})", "faint")
    prior = overwritten_text(change)
    if prior:
        yield paint(f"        # (the present text in AWS, to restore it: {printable(prior)})", "faint")
    yield "    }"


def overwritten_text(change: Change) -> str:
    """Return the text that a step overwrites or deletes and that AWS does not keep, "" for none."""
    return RESOURCES[change.address.type].overwritten_text(change.before) if change.before is not None else ""


def _opening(change: Change) -> str:
    return f'resource "{change.address.type}" {value(change.address.key)} {{'


def _routes(of: Plan, paint: Paint) -> str:
    """Return the routes that the plan changes, "" for none."""
    if not of.routes:
        return ""
    lines = []
    for (scope, kind, name), group in groupby(of.routes, key=lambda r: r.subject[:3]):
        lines.append(f"  {kind} {printable(name)} in {scope}")
        for change in group:
            before, after = _ways(change.before), _ways(change.after)
            lines.append(f"    {change.subject.event + ':':<10} {before} {paint('->', 'faint')} {after}")
    return "\nRoutes that change:\n" + "\n".join(lines) + "\n"


def _handover(of: Plan) -> str:
    """Return what other organizations must set for the changes, "" for nothing."""
    if not of.handover.parties:
        return ""
    lines = handover.text(of.handover).rstrip("\n")
    return f"\nFor other organizations (`sesform handover` prints this again):\n\n{lines}\n"


def _ways(ways: tuple[str, ...]) -> str:
    return printable(", ".join(ways)) or "no receiver"


def _calls(of: Plan, rate: float | None) -> str:
    lines = []
    longest = 0
    for scope, calls in of.calls.items():
        ses = sum(n for operation, n in calls.items() if paced(operation))
        sns = sum(calls.values()) - ses
        longest = max(longest, least_seconds(ses, rate))
        lines.append(f"  {scope}: {ses} to SES, {sns} to SNS")
    total = sum(sum(c.values()) for c in of.calls.values())
    pace = (
        f", at least {duration(longest)} at {rate:g} SES call{'' if rate == 1 else 's'} a second"
        if rate and longest
        else ""
    )
    return f"Applying makes {total} {'call' if total == 1 else 'calls'}{pace}:\n" + "\n".join(lines)


def drift(of: Plan, *, colour: bool = False) -> str:
    """Return a plan as drift: what is declared, and what was found."""
    paint = painter(colour)
    if not of.changes:
        return f"{paint(NO_DRIFT, 'bold')}\n\n{_compared(of)}\n"
    blocks = []
    passing = on_the_way(of.changes)
    changes = sorted((c for c in of.changes if c.address not in passing), key=lambda c: c.address)
    for address, steps in groupby(changes, key=lambda c: c.address):
        found = list(steps)
        blocks.append("\n".join(_drifted(str(address), found[0], found[-1], paint)) + "\n")
    n = len(blocks)
    head = paint(f"Drift: AWS differs from the specs in {n} {'resource' if n == 1 else 'resources'}.", "bold")
    return f"{head}\n\n{chr(10).join(blocks)}\n{summary(of, colour=colour)}\n"


def _drifted(address: str, first: Change, last: Change, paint: Paint) -> Iterator[str]:
    before, after = first.before, last.after
    yield paint(f"  # {printable(address)} has changed", "bold")
    why, _, _ = first.reason.partition("; step 1 of 2")  # drift shows both steps of an update as one
    yield f"  # ({printable(why)})"
    action = "update" if before is not None and after is not None else "delete" if after is None else "create"
    yield f"  {paint(SYMBOLS[action], action)} {_opening(first)}"
    if before is None or after is None:
        where, of = ("found", before) if after is None else ("declared", after)
        key = RESOURCES[first.address.type].key
        rest_of = {n: v for n, v in (of or {}).items() if n not in key} or of or {}
        for name, each in rest_of.items():
            rest = "not declared" if after is None else "not found"
            yield f"      {paint(SYMBOLS[action], action)} {name}: {where} {value(each, 8)}, {rest}"
    else:
        for change in diff.changes(before, after):
            declared = "nothing" if change.after is diff.ABSENT else value(change.after, 8)
            found = "nothing" if change.before is diff.ABSENT else value(change.before, 8)
            yield f"      {paint('~', 'update')} {printable('.'.join(change.path))}: declared {declared}, found {found}"
    yield "    }"


def report(of: Report, *, colour: bool = False) -> str:
    """Return the report of a plan: Terraform's closing line, or each step that was not done, with the reason."""
    paint, n = painter(colour), of.done
    done = f"Resources: {n['create']} added, {n['update']} changed, {n['delete']} destroyed."
    rest = [o for o in of.outcomes if o.result != "done"]
    head = paint("Apply interrupted." if of.interrupted else "Apply incomplete.", "delete")
    lines = "\n".join(f"  {o.result:<9}  {printable(str(o.change.address))}: {printable(o.error)}" for o in rest)
    if of.ok:
        left = f"\n{lines}\n" if rest else ""
        return f"{paint('Apply complete!', 'create')} {done}\n{left}"
    results = [*(("left",) if any(o.result == "left" for o in rest) else ()), "failed", "unknown", "not tried"]
    counts = ", ".join(f"{sum(o.result == r for o in of.outcomes)} {r}" for r in ("done", *results))
    return f"{head} {done}\n\n{lines}\n\nOf {len(of.outcomes)} steps: {counts}. Run sesform again to continue.\n"


def step(change: Change, outcome: Outcome | None) -> str:
    """Return one line: a step begins (no outcome), or ends."""
    address = printable(str(change.address))
    doing = {
        "create": ("Creating", "Creation"),
        "update": ("Modifying", "Modification"),
        "delete": ("Destroying", "Destruction"),
    }
    present, noun = doing[change.action]
    if outcome is None:
        return f"{address}: {present}..."
    if outcome.result == "done":
        return f"{address}: {noun} complete"
    return f"{address}: {outcome.result}: {printable(outcome.error)}"
