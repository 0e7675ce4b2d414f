"""Sending policies as they are written for AWS: the document that a name stands for, in each region."""

from __future__ import annotations

from sesform.model import arns
from sesform.model.address import Scope
from sesform.policies import document as policy_document
from sesform.specs.compiler._compilation import Compilation
from sesform.specs.declared import canonical_arn
from sesform.specs.schema import LoadedSpec, SendingPolicy

Loc = tuple[int | str, ...]

# AWS developer guide, "Amazon SES sending authorization policies": what a policy takes.
MAX_BYTES = 4096

Refusal = tuple[Loc, str, str]  # the place within what is checked, the rule that it breaks, what to do


def document_of(
    work: Compilation, loaded: LoadedSpec, scope: Scope, identity: str, declared: SendingPolicy, loc: Loc
) -> policy_document.Policy:
    """The document for this identity in this region; what SES would refuse in it is noted."""
    document, refusals = as_sent(scope, identity, declared, str(loc[-1]))
    for place, text, hint in refusals:
        work.wrong(loaded, (*loc, *place), text, hint)
    return document


def as_sent(
    scope: Scope, identity: str, declared: SendingPolicy, name: str
) -> tuple[policy_document.Policy, tuple[Refusal, ...]]:
    """The document of that name for this identity in this region, and what SES would refuse in it."""
    own = arns.identity(scope, identity)
    written = declared.model_dump(exclude_unset=True, exclude_none=True)
    refusals: list[Refusal] = []
    for index, statement in enumerate(written["Statement"]):
        place = ("Statement", index)
        # "Each policy must have one resource, the identity that it is attached to": AWS developer guide, policy anatomy.
        others = [r for r in statement.get("Resource", ()) if canonical_arn(r) != own]
        if others or len(statement.get("Resource", ("",))) != 1:
            named = repr(others[0]) if others else "the identity more than once"
            text = f"a policy of this identity speaks of {own} and nothing else, not of {named}"
            refusals.append(((*place, "Resource"), text, "leave Resource out: it is then the identity's ARN"))
        statement["Resource"] = own
        for principal in statement["Principal"].get("AWS", ()):
            refusals += _of_partition(scope, principal, (*place, "Principal"))
    refusals += _of_size(f"the policy {name!r}", written)
    return written, tuple(refusals)


def check_size(work: Compilation, loaded: LoadedSpec, loc: Loc, what: str, document: policy_document.Policy) -> None:
    """Notes a policy that is larger than SES takes."""
    for _, text, hint in _of_size(what, document):
        work.wrong(loaded, loc, text, hint)


def check_partition(work: Compilation, loaded: LoadedSpec, scope: Scope, named: str, loc: Loc) -> None:
    """Notes what is named by an ARN of another partition than the region's."""
    for _, text, hint in _of_partition(scope, named):
        work.wrong(loaded, loc, text, hint)


def _of_size(what: str, document: policy_document.Policy) -> list[Refusal]:
    """A policy is counted as it is sent."""
    size = len(policy_document.compact(document).encode())
    if size <= MAX_BYTES:
        return []
    text = f"{what} is of {size} bytes, SES takes {MAX_BYTES}"
    return [((), text, "use fewer conditions, or split it into several policies")]


def _of_partition(scope: Scope, named: str, place: Loc = ()) -> list[Refusal]:
    """AWS finds nothing of another partition."""
    arn, right = arns.parse(named), arns.partition(scope.region)
    if arn is None or arn.partition == right:
        return []
    text = f"{named!r} is in partition {arn.partition}, {scope.region} is in {right}"
    return [(place, text, f"write arn:{right}:…, or let another spec speak for the other partition")]
