"""The command verify: what will be sent, the question, the results."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sesform.cli.console import interactive, out
from sesform.cli.options import Calls
from sesform.cli.presenting import Notifier, View
from sesform.errors import UsageError
from sesform.model.values import printable

if TYPE_CHECKING:
    from sesform.engine import Preview, Settings


class VerifyFormat(StrEnum):
    text = "text"
    json = "json"
    markdown = "markdown"
    junit = "junit"


@dataclass(frozen=True, slots=True)
class Verifying:
    """What verify sends and how long it waits."""

    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="GLOB", help="Only routes of addresses that match. Repeatable."),
    ] = None
    from_address: Annotated[
        str,
        typer.Option("--from", metavar="ADDRESS", help="The sender's address, for the identities that it belongs to."),
    ] = ""
    timeout: Annotated[
        float,
        typer.Option(
            "--timeout", metavar="SECONDS", min=0, max=900, help="How long to wait after the last message was sent."
        ),
    ] = 120.0
    clean: Annotated[
        bool, typer.Option("--clean", help="Send nothing; remove queues and subscriptions that an earlier run left.")
    ] = False


def prove(
    paths: tuple[str | Path, ...],
    settings: Settings,
    view: View,
    calls: Calls,
    verifying: Verifying,
    format: VerifyFormat,
    *,
    auto_approve: bool,
) -> int:
    """Send test messages and print what came. Return 0 if everything was received, 2 if not, 1 if nothing could be sent."""
    from sesform import engine
    from sesform.planning import plan_file
    from sesform.render import proof

    if not auto_approve and not interactive():
        raise UsageError("verify asks before it sends anything, and there is no terminal. Pass --auto-approve")

    def approve(preview: Preview) -> bool:
        text = proof.preview(preview)
        if auto_approve or not preview.messages:
            view.console.say(text)
            return True
        question = f"{text}\n\nDo you want to send these messages?\n  Only 'yes' will be accepted to approve.\n\n  Enter a value: "
        return view.console.ask(question) == "yes"

    options = engine.VerifyOptions(tuple(verifying.only or ()), verifying.from_address, verifying.timeout)
    with Notifier(view, calls) as notify:
        found = engine.verify(paths, settings, notify, options=options, approve=approve)
    if found.problems:
        view.console.problems(found.problems)
        if format is VerifyFormat.json:
            out(plan_file.text(plan_file.failure(found.problems)))
        return 1
    if not found.approved:
        view.console.error("Verify cancelled; nothing was sent.")
        return 1
    draw = {"text": proof.text, "json": proof.json_text, "markdown": proof.markdown, "junit": proof.junit}[format.value]
    out(draw(found) if format is not VerifyFormat.text else proof.text(found, colour=view.colour))
    if found.left:
        return 1
    return 2 if found.failed else 0


def clean(paths: tuple[str | Path, ...], settings: Settings, view: View, calls: Calls) -> int:
    """Remove what an earlier run left. Return 0."""
    from sesform import engine

    with Notifier(view, calls) as notify:
        found = engine.clean(paths, settings, notify)
    for arn in found.removed:
        out(f"Removed {printable(arn)}.")
    for arn, seconds in found.kept.items():
        view.console.say(
            f"{printable(arn)} may belong to a run that is going on. It can be removed in {seconds:.0f} s."
        )
    if not found.removed:
        out("Nothing to remove.")
    return 0
