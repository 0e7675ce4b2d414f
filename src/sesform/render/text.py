"""Plans, drift and reports as text, with Terraform's lines where other tools parse them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from sesform.model.address import Address
from sesform.model.quotas import SES_CALLS_PER_SECOND, least_seconds, paced
from sesform.model.values import printable
from sesform.planning import diff
from sesform.planning.plan import Change, Outcome, Plan, Report
from sesform.render import blame, budget, handover, review
from sesform.render._hcl import SYMBOLS, Paint, differing, painter, value, whole
from sesform.render.budget import Filled, Section
from sesform.render.duration import duration
from sesform.render.review import Names, Row
from sesform.resources import RESOURCES

_LEGEND = {
    "create": "create",
    "update": "update in-place",
    "delete": "destroy",
    "replace": "destroy and then create replacement",
}
_HEADERS = {
    "create": "will be created",
    "update": "will be updated in-place",
    "delete": "will be destroyed",
    "replace": "must be replaced",
}
_TWO_STEPS = "; in two steps: first the old and the new state together, then the new state only"
MAX_NOT_TRIED = 10  # steps that a short report lists
OPENER = "sesform will perform the following actions:"  # `compat` has Terraform's
NO_CHANGES = "No changes. Your infrastructure matches the configuration."
NO_DRIFT = "No drift. AWS matches the specs."


def plan(of: Plan, *, colour: bool = False, rate: float | None = SES_CALLS_PER_SECOND, full: bool = False) -> str:
    """Return a plan: what a reviewer must judge first, a block for each resource, summary, routes, calls.

    A large plan begins with its sections by importance, and has only the blocks for which there is room. With `full` it has a block
    for each step, in the order of apply, and no sections.
    """
    paint = painter(colour)
    if not of.changes:
        return f"{paint(NO_CHANGES, 'bold')}\n\n{_compared(of)}\n{'' if full else _attention(of, paint)}"
    rows = list(map(Row.of_step, of.changes)) if full else review.rows(of.changes)
    used = {row.kind for row in rows}
    legend = "".join(f"  {paint(SYMBOLS[a], a)} {_LEGEND[a]}\n" for a in _LEGEND if a in used)
    drawn = (_drawn(_block(row, paint)) for row in (rows if full else review.examples_first(rows)))
    top, details = ("", "\n".join(drawn)) if full else _reviewed(of, rows, drawn, paint)
    return (
        f"{top}sesform compared the specs with AWS. Actions are indicated with the following symbols:\n"
        f"{legend}\n{OPENER}\n\n{details}\n{tail(of, rate, colour=colour, full=full)}"
    )


def has_room(of: Plan) -> bool:
    """Return whether a plan without `full` has the blocks of all resources."""
    return not _filled(of, rows := review.rows(of.changes), blocks(rows), painter(False))[-1].cut


def blocks(rows: Iterable[Row]) -> Iterator[str]:
    """Yield the block of each resource."""
    return (_drawn(_block(row, painter(False))) for row in rows)


def tail(of: Plan, rate: float | None, *, colour: bool = False, full: bool = False) -> str:
    """Return what follows the blocks: the summary, routes that change, what other organizations must set, calls."""
    routes = _routes(of, painter(colour), full)
    return f"{summary(of, colour=colour)}\n{routes}{_handover(of)}\n{calls(of, rate)}\n"


_SMALL = 20  # resources that need no sections, because their blocks have the same order
_LINES = 240  # of all sections and blocks of a large plan


def _reviewed(of: Plan, rows: Sequence[Row], drawn: Iterable[str], paint: Paint) -> tuple[str, str]:
    """Return the sections of a plan, which stand above its blocks, and the blocks. `drawn`: the block of each row."""
    *filled, details = _filled(of, rows, drawn, paint)
    more = []
    if details.cut:
        several = "resources are" if details.cut > 1 else "resource is"
        more.append(
            paint(f"  # {details.cut} more {several} not shown in detail. `--full` shows every step.\n", "faint")
        )
    return "".join(_titled(each, paint) for each in filled), "\n".join([*details.lines, *more])


def _filled(of: Plan, rows: Sequence[Row], drawn: Iterable[str], paint: Paint) -> list[Filled]:
    sections = [_alarms(of, paint), *(_sections(of, rows, paint) if len(rows) > _SMALL else ())]
    return budget.fill([*sections, Section("", drawn, len(rows), 0)], _LINES, _height)


def _height(of: str) -> int:
    return of.count("\n") + 1


def _attention(of: Plan, paint: Paint) -> str:
    (filled,) = budget.fill([_alarms(of, paint)], _LINES, _height)
    return "\n" + _titled(filled, paint).removesuffix("\n") if filled.lines else ""


def _alarms(of: Plan, paint: Paint) -> Section:
    alarms = review.alarms(of)
    return Section("Attention:", (paint(f"  ! {printable(a)}", "delete") for a in alarms), len(alarms), 40)


def _sections(of: Plan, rows: Sequence[Row], paint: Paint) -> Iterator[Section]:
    """Yield deletions, updates, the table and the groups of a large plan."""
    names = Names(of)
    gone, changed, groups = review.deletions(rows), review.updates(rows, names), review.groups(rows, names)
    yield Section("Destroyed:", (f"  {paint('-', 'delete')} {printable(line)}" for line in gone), len(gone), 30)
    yield Section("Changed:", (f"  {paint('~', 'update')} {printable(line())}" for line in changed), len(changed), 30)
    table = [review.HEADINGS, *review.table(rows)]
    yield Section("Resources by spec and type:", _columns(table), len(table), 30)
    lines = (f"  {paint(SYMBOLS[each.kind], each.kind)} {printable(str(each))}" for each in groups)
    yield Section("Identical changes:", lines, len(groups), 30)


def _columns(table: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table: two columns of names, the others of numbers."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line in table:
        cells = [
            each.ljust(w) if i < 2 else each.rjust(w) for i, (each, w) in enumerate(zip(line, widths, strict=True))
        ]
        yield "  " + "  ".join(map(printable, cells))


def _titled(of: Filled, paint: Paint) -> str:
    """Return a section with an empty line behind it, nothing if it is empty."""
    if not of.lines and not of.cut:
        return ""
    more = [paint(f"  ... and {of.cut} more", "faint")] if of.cut else []
    return "\n".join([paint(of.title, "bold"), *of.lines, *more]) + "\n\n"


def summary(of: Plan, *, colour: bool = False) -> str:
    """Return Terraform's summary line."""
    n = of.summary
    return (
        f"{painter(colour)('Plan:', 'bold')} {n['create']} to add, {n['update']} to change, {n['delete']} to destroy."
    )


def _compared(of: Plan) -> str:
    n = len(of.unchanged)
    return f"sesform compared {n} declared {'resource' if n == 1 else 'resources'} with AWS. All are as declared."


def _drawn(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"


def _block(row: Row, paint: Paint) -> Iterator[str]:
    yield paint(f"  # {printable(str(row.address))} {_HEADERS[row.kind]}", "bold")
    yield f"  # (because {printable(row.reason)}{_TWO_STEPS if row.kind == 'update' and row.steps > 1 else ''})"
    yield f"  {paint(SYMBOLS[row.kind], row.kind)} {_opening(row.address)}"
    if row.before is not None and row.after is not None:
        fields = diff.changes(row.before, row.after)
        yield from differing(fields, paint)
        same = len({*row.before, *row.after} - {f.path[0] for f in fields})
        if same:
            yield paint(f"        # ({same} unchanged {'attribute' if same == 1 else 'attributes'} hidden)", "faint")
    else:
        shown, hidden = RESOURCES[row.address.type].abridged(row.after or row.before or {})
        yield from whole(shown, row.kind, paint)
        if hidden:
            yield paint(f"        # ({hidden})", "faint")
    prior = RESOURCES[row.address.type].overwritten_text(row.before) if row.before is not None else ""
    if prior:
        yield paint(f"        # (the present text in AWS, to restore it: {printable(prior)})", "faint")
    yield "    }"


def overwritten_text(change: Change) -> str:
    """Return the text that a step overwrites or deletes and that AWS does not keep, "" for none."""
    return RESOURCES[change.address.type].overwritten_text(change.before) if change.before is not None else ""


def _opening(address: Address) -> str:
    return f'resource "{address.type}" {value(address.key)} {{'


def _routes(of: Plan, paint: Paint, full: bool) -> str:
    """Return the routes that the plan changes, "" for none: many of them in groups, unless `full`."""
    if not of.routes:
        return ""
    if not full and len(of.routes) > _SMALL:
        lines = [f"  {printable(line)}" for line in review.route_changes(of.routes, Names(of))]
        (filled,) = budget.fill(
            [Section("Routes that change:", lines, len(lines), _LINES)], _LINES // 8, lambda line: 1
        )
        return "\n" + _titled(filled, paint).rstrip("\n") + "\n"
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


def calls(of: Plan, rate: float | None) -> str:
    """Return the calls that applying makes, by scope, and the least time that they need."""
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


def drift(of: Plan, *, colour: bool = False, full: bool = False) -> str:
    """Return a plan as drift: what is declared, and what was found. `full`: the block of every resource, and no sections."""
    paint = painter(colour)
    if not of.changes:
        return f"{paint(NO_DRIFT, 'bold')}\n\n{_compared(of)}\n{'' if full else _attention(of, paint)}"
    rows = review.rows(of.changes)
    drawn = _drifts(of, rows, paint)
    top, details = ("", "\n".join(drawn)) if full else _reviewed(of, rows, drawn, paint)
    n = len(rows)
    head = paint(f"Drift: AWS differs from the specs in {n} {'resource' if n == 1 else 'resources'}.", "bold")
    return f"{top}{head}\n\n{details}\n{blame.notes(of.blame)}{summary(of, colour=colour)}\n"


def drift_blocks(of: Plan, rows: Iterable[Row]) -> Iterator[str]:
    """Yield the block of each resource, as drift."""
    return _drifts(of, rows, painter(False))


def _drifts(of: Plan, rows: Iterable[Row], paint: Paint) -> Iterator[str]:
    by = {a: blame.line(b, of.blame.days) for a, b in of.blame.by_address.items()} if of.blame else {}
    return (_drawn(_drifted(row, by.get(row.address, ""), paint)) for row in rows)


def _drifted(row: Row, by: str, paint: Paint) -> Iterator[str]:
    """Yield the lines of one resource. `by`: who changed it, "" if that was not looked up."""
    yield paint(f"  # {printable(str(row.address))} has changed", "bold")
    yield f"  # ({printable(row.reason)})"
    if by:
        yield f"  # ({printable(by)})"
    action = "update" if row.kind == "replace" else row.kind
    yield f"  {paint(SYMBOLS[action], action)} {_opening(row.address)}"
    if row.before is None or row.after is None:
        where, of = ("found", row.before) if row.after is None else ("declared", row.after)
        key = RESOURCES[row.address.type].key
        rest_of = {n: v for n, v in (of or {}).items() if n not in key} or of or {}
        for name, each in rest_of.items():
            rest = "not declared" if row.after is None else "not found"
            yield f"      {paint(SYMBOLS[action], action)} {name}: {where} {value(each, 8)}, {rest}"
    else:
        for change in diff.changes(row.before, row.after):
            declared = "nothing" if change.after is diff.ABSENT else value(change.after, 8)
            found = "nothing" if change.before is diff.ABSENT else value(change.before, 8)
            yield f"      {paint('~', 'update')} {printable('.'.join(change.path))}: declared {declared}, found {found}"
    yield "    }"


def report(of: Report, *, colour: bool = False, full: bool = True) -> str:
    """Return the report of a plan: Terraform's closing line, or the steps that were not done, with the reasons.

    Without `full`, of the steps that were not tried the first ten are listed, and the rest is counted.
    """
    paint, n = painter(colour), of.done
    done = f"Resources: {n['create']} added, {n['update']} changed, {n['delete']} destroyed."
    head = paint("Apply interrupted." if of.interrupted else "Apply incomplete.", "delete")
    lines = "\n".join(_not_done(of, full))
    if of.ok:
        left = f"\n{lines}\n" if lines else ""
        return f"{paint('Apply complete!', 'create')} {done}\n{left}"
    results = [*(("left",) if any(o.result == "left" for o in of.outcomes) else ()), "failed", "unknown", "not tried"]
    counts = ", ".join(f"{sum(o.result == r for o in of.outcomes)} {r}" for r in ("done", *results))
    return f"{head} {done}\n\n{lines}\n\nOf {len(of.outcomes)} steps: {counts}. Run sesform again to continue.\n"


def _not_done(of: Report, full: bool) -> Iterator[str]:
    """Yield a line for each step that was not done, first those that were tried."""
    tried = [o for o in of.outcomes if o.result not in ("done", "not tried")]
    not_tried = [o for o in of.outcomes if o.result == "not tried"]
    shown = not_tried if full else not_tried[:MAX_NOT_TRIED]
    for outcome in (*tried, *shown):
        yield f"  {outcome.result:<9}  {printable(str(outcome.change.address))}: {printable(outcome.error)}"
    hidden = len(not_tried) - len(shown)
    if hidden:
        yield f"  {hidden} more {'step was' if hidden == 1 else 'steps were'} not tried; with -v all are listed."


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
