"""The kinds of problems in specs and routes, for tools that list findings by rule."""

from __future__ import annotations

from typing import NamedTuple

from sesform.errors import Severity

PAGE = "https://github.com/sesform/sesform/blob/main/docs/reference/ci-formats.md"


class Rule(NamedTuple):
    """One kind of problem. `title`: in a few words. `meaning`: a sentence. `help`: what to do. `level`: error or warning."""

    title: str
    meaning: str
    help: str
    level: Severity = "error"

    def described(self, name: str) -> str:
        """Return the page of the rule."""
        return f"{PAGE}#{name}"


RULES = {
    "yaml": Rule(
        "Not readable as YAML",
        "A file cannot be read, or it is not YAML of the kind that specs use.",
        "Correct the syntax at this place. Specs have no tags, no merge keys and no duplicate keys.",
    ),
    "schema": Rule(
        "Value not allowed",
        "A field of a spec is unknown, missing, or has a value of another form.",
        "Use the fields and values of the reference of spec fields. Editors complete them with the schema.",
    ),
    "declaration": Rule(
        "Declarations do not fit together",
        "Specs contradict each other, refer to something that no spec declares, or exceed a quota of AWS.",
        "Correct the reference or the declaration that the message names.",
    ),
    "no-route": Rule(
        "No route",
        "Bounces or complaints of an identity have no route: no topic, no event destination and no e-mail forwarding.",
        "Declare a topic for this notification type, a default configuration set, or feedback forwarding.",
    ),
    "not-received": Rule(
        "Route without receiver",
        "A route exists, and AWS does not deliver events through it.",
        "Remove the reason that the message names, such as a missing subscription or a policy that blocks SES.",
    ),
    "pending-subscription": Rule(
        "Subscription not confirmed",
        "A subscription of a topic is not confirmed. SNS deletes it after two days.",
        "Confirm the subscription with the link that SNS sent to its endpoint.",
        "warning",
    ),
    "duplicate-notices": Rule(
        "Duplicate notices",
        "One event reaches its receiver more than once.",
        "Keep one of the routes that the message names.",
        "warning",
    ),
    "shadowed": Rule(
        "Settings without effect",
        "Mail of a narrower identity follows that identity's own settings, and no spec names it.",
        "Declare the narrower identity too, or delete it in SES.",
        "warning",
    ),
    "run": Rule(
        "The command failed",
        "The command ended before it had a result.",
        "Correct the cause that the message names, and run the command again.",
    ),
}


def rule_of(name: str) -> tuple[str, Rule]:
    """Return the name and the rule of a problem; those of `run` if it has none."""
    return (name, RULES[name]) if name in RULES else ("run", RULES["run"])
