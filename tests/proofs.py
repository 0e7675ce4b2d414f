"""Runs of verify on the sandbox: specs, and what the tests look at."""

from __future__ import annotations

from typing import Any

from sesform import engine
from sesform.engine import Verification, VerifyOptions
from sesform.planning.proof.judgement import Status
from world import DELEGATE, OWNER, REGION, World

FEEDBACK = f"arn:aws:sns:{REGION}:{DELEGATE}:feedback"
IDENTITY = f"arn:aws:ses:{REGION}:{OWNER}:identity/example.com"
HEAD = f'kind: Owner\nname: corp\naccount: "{OWNER}"\nregions: [{REGION}]\n'
DELEGATE_HEAD = f'kind: Delegate\nname: mailer\naccount: "{DELEGATE}"\nregions: [{REGION}]\n'
QUEUE = f"arn:aws:sqs:{REGION}:{DELEGATE}:inbox"
SUBSCRIBED = f"{{subscriptions: [{{protocol: sqs, endpoint: '{QUEUE}'}}]}}"

OWNED = (
    HEAD
    + """identities:
  example.com:
    notifications: {bounce: {topic: mailer/feedback, headers: true}, complaint: mailer/feedback}
    authorize: {mailer: {actions: [SendEmail]}}
"""
)
BOTH = OWNED + "---\n" + DELEGATE_HEAD + f"topics: {{feedback: {SUBSCRIBED}}}\n"
ALONE = (
    HEAD
    + f"topics: {{feedback: {SUBSCRIBED.replace(DELEGATE, OWNER)}}}\n"
    + "identities:\n  example.com:\n    notifications: {bounce: feedback, complaint: feedback, delivery: feedback}\n"
)
SETS = BOTH + "configuration_sets: {tx: {event_destinations: {d: {events: [bounce, delivery], sns: feedback}}}}\n"


def verify(world: World, text: str, **options: Any) -> Verification:
    file = world.folder / "specs.yaml"
    file.write_text(text, encoding="utf-8")
    return engine.verify([file], world.settings(), options=VerifyOptions(**options))


def outcomes(found: Verification) -> dict[tuple[str, str], Status]:
    return {(result.subject.name, result.subject.event): result.status for result in found.results}


def details(found: Verification) -> str:
    return "\n".join(result.detail for result in found.failed)


def leftovers(world: World) -> list[str]:
    """Return temporary queues, and their subscriptions."""
    with world.sandbox._store.transaction() as state:
        names = [name for home in state.scopes.values() for name in home.queues]
        ends = [s.endpoint for home in state.scopes.values() for s in home.subscriptions.values()]
    return [text for text in (*names, *ends) if "sesform-verify" in text]


def sends(world: World) -> list[tuple[str, str]]:
    return [(call.account, call.operation) for call in world.sandbox.calls if call.operation.startswith("Send")]
