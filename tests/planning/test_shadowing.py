"""Shadowing identities, and sending policies at two levels: which are told, where, and with what text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from scenes import DELEGATE, DELEGATE_SCOPE, OWNER_SCOPE, bare, compiled, delegate, in_full, owner, topic_arn
from sesform.live.snapshot import IdentityFacts, Snapshot
from sesform.model.address import Scope
from sesform.planning import planner, shadowing
from sesform.planning.routes import Matrix, Route, Subject
from sesform.planning.shadowing import Shadowed

SPECS = owner(
    "identities:\n  example.com: {feedback_forwarding: true}\n  deep.example.com: {feedback_forwarding: true}\n"
)
DECLARED = {"example.com": "Success", "deep.example.com": "Success"}
PARTNER = "arn:aws:ses:eu-west-1:333333333333:identity/partner.example"


def listing(found: Mapping[str, str], scope: Scope = OWNER_SCOPE) -> Snapshot:
    """AWS with these identities in one account, declared ones among them."""
    return replace(bare(*DECLARED), listed={scope: {**found, **DECLARED}})


def told(text: str, snapshot: Snapshot) -> list[tuple[str, str, tuple[str, ...]]]:
    return [p for p in in_full(planner.plan(compiled(text), snapshot)) if "receiver" not in p[1]]


# --- shadowing -----------------------------------------------------------------------------------------------------------


def test_narrower_identities_are_one_warning_at_the_nearest_wider_one() -> None:
    """Each warning is at the identity whose settings do not count, and names the others in order."""
    found = listing({"b@example.com": "Success", "a@example.com": "Success", "a@deep.example.com": "Success"})
    hint = "declare them too, or delete them in SES"

    assert [
        (
            "warning",
            "specs.yaml:6:17: corp/eu-west-1/feedback_forwarding/example.com: mail of a@example.com, b@example.com follows their "
            f"own settings and not those of example.com; no spec names them; {hint}",
            (),
        ),
        (
            "warning",
            "specs.yaml:7:22: corp/eu-west-1/feedback_forwarding/deep.example.com: mail of a@deep.example.com follows its own "
            f"settings and not those of deep.example.com; no spec names it; {hint}",
            (),
        ),
    ] == told(SPECS, found)


def test_only_verified_identities_that_no_spec_names_shadow() -> None:
    """Unverified, declared and unrelated identities do not, and neither do those of another account."""
    harmless = {"a@example.com": "Pending", "example.org": "Success", "a@example.org": "Success"}

    assert [] == told(SPECS, listing(harmless))
    assert [] == told(SPECS, listing({"a@example.com": "Success"}, DELEGATE_SCOPE))
    assert [] == told(SPECS + "  a@example.com: {feedback_forwarding: true}\n", listing({"a@example.com": "Success"}))
    assert [] == told(SPECS, replace(bare(*DECLARED), listed={}))


def test_an_identity_with_unmanaged_settings_only_is_shadowed_too() -> None:
    """Nothing of it is declared, so the warning has no place."""
    text = owner(
        "identities: {example.com: {notifications: {bounce: unmanaged, complaint: unmanaged, delivery: unmanaged}}}\n"
    )
    found = listing({"a@example.com": "Success", "deep.example.com": "Pending"})
    problem = (
        "mail of a@example.com follows its own settings and not those of example.com; no spec names it; "
        "declare them too, or delete them in SES"
    )

    assert [("warning", problem, ())] == told(text, replace(found, listed={OWNER_SCOPE: {"a@example.com": "Success"}}))


def test_shadowed_identities_come_in_order_of_scope_and_name() -> None:
    """A name that is declared in one account is not declared in another one."""
    other = delegate("identities: {a@example.com: {}}\n").replace("Delegate", "Owner")
    listed = {
        DELEGATE_SCOPE: {"a@example.com": "Success", "x.example.com": "Success"},
        OWNER_SCOPE: {"a@example.com": "Success", "b@deep.example.com": "Success", "mail.deep.example.com": "Success"},
    }

    assert [
        Shadowed(OWNER_SCOPE, "deep.example.com", ("b@deep.example.com", "mail.deep.example.com")),
        Shadowed(OWNER_SCOPE, "example.com", ("a@example.com",)),
    ] == shadowing.shadowed(compiled(f"{SPECS}---\n{other}"), Snapshot(listed=listed))


def test_a_warning_names_five_identities_and_counts_the_others() -> None:
    """Five are all named; of six, one is counted."""
    names = tuple(f"{n}@example.com" for n in range(6))
    five = ", ".join(names[:5])

    assert (
        f"mail of {five} follows their own settings and not those of example.com; no spec names them",
        f"mail of {five} and 1 more follows their own settings and not those of example.com; no spec names them",
    ) == (str(Shadowed(OWNER_SCOPE, "example.com", names[:5])), str(Shadowed(OWNER_SCOPE, "example.com", names)))


# --- policies at two levels ----------------------------------------------------------------------------------------------


def test_policies_of_a_domain_and_of_its_address_are_a_warning_at_the_address() -> None:
    """One warning for each narrower identity, at its first policy; an absent policy, and one of another account, do not count."""
    grant = "{authorize: {'333333333333': {}, '444444444444': {}}}"
    text = owner(
        f"identities:\n  example.com: {grant}\n  a@example.com: {grant}\n  b@example.com: "
        f"{{authorize: {{'333333333333': absent}}}}\n  c@example.com: {grant}\n"
    )
    other = delegate(f"identities: {{d@example.com: {grant}}}\n").replace("Delegate", "Owner")
    held = bare("example.com", "a@example.com", "b@example.com", "c@example.com")
    there = {(DELEGATE_SCOPE, "d@example.com"): IdentityFacts({}, True, "Success")}
    hint = "SES consults the policies of the identity whose ARN a sender passes; declare them at one of the two"

    assert [
        (
            "warning",
            f"specs.yaml:{line}:31: corp/eu-west-1/sending_policy/{name}/sesform-333333333333: identity {name} and example.com, "
            f"which covers it, both have sending policies; {hint}",
            (),
        )
        for line, name in ((7, "a@example.com"), (9, "c@example.com"))
    ] == told(f"{text}---\n{other}", replace(held, identities={**held.identities, **there}))


# --- routes --------------------------------------------------------------------------------------------------------------

WIDE, OWN = (Route("topic", topic_arn(name)) for name in ("wide", "own"))


def effective(listed: Mapping[str, str], of: Matrix) -> Matrix:
    return shadowing.effective(of, Snapshot(listed={OWNER_SCOPE: listed}))


def test_the_routes_of_an_unverified_identity_are_those_of_the_verified_one_that_covers_it() -> None:
    """Event by event; an event for which the wider identity has no entry has no route."""
    subject = Subject(OWNER_SCOPE, "identity", "a@example.com", "bounce")
    other = subject._replace(event="delivery")
    wide = subject._replace(name="example.com")
    of: Matrix = {subject: (OWN,), other: (OWN,), wide: (WIDE,)}
    status = {"a@example.com": "Pending", "example.com": "Success"}

    assert {subject: (WIDE,), other: (), wide: (WIDE,)} == effective(status, of)
    for kept in (
        {**status, "a@example.com": "Success"},
        {**status, "example.com": "Pending"},
        {"example.com": "Success"},
        {},
    ):
        assert of == effective(kept, of)


def test_the_routes_of_sets_and_of_other_accounts_stay() -> None:
    """A configuration set with the name of an unverified identity, and an identity of another account, keep their routes."""
    status = {"mail.example": "Pending", "example": "Success"}
    kept: Matrix = {
        Subject(OWNER_SCOPE, "configuration set", "mail.example", "bounce"): (OWN,),
        Subject(DELEGATE_SCOPE, "identity", "mail.example", "bounce"): (OWN,),
        Subject(Scope(DELEGATE, "eu-west-1"), "identity", PARTNER, "bounce"): (OWN,),
    }

    assert kept == effective(status, kept)
