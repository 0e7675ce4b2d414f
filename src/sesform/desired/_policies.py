"""Sending policies as they are written for AWS: the document that a name stands for, in each region."""

from __future__ import annotations

from sesform import arns, policy
from sesform.address import Scope
from sesform.desired._compilation import Compilation, canonical_arn
from sesform.schema import LoadedSpec, SendingPolicy

Loc = tuple[int | str, ...]

# AWS developer guide, "Amazon SES sending authorization policies": what a policy takes.
MOST_BYTES = 4096


def document_of(
    work: Compilation, loaded: LoadedSpec, scope: Scope, identity: str, declared: SendingPolicy, loc: Loc
) -> policy.Policy:
    """The document for this identity in this region; what SES would refuse in it is noted."""
    own = arns.identity(scope, identity)
    written = declared.model_dump(exclude_unset=True, exclude_none=True)
    for index, statement in enumerate(written["Statement"]):
        place = (*loc, "Statement", index)
        # "Each policy must have one resource, the identity that it is attached to": AWS developer guide, policy anatomy.
        others = [r for r in statement.get("Resource", ()) if canonical_arn(r) != own]
        if others or len(statement.get("Resource", ("",))) != 1:
            named = repr(others[0]) if others else "the identity more than once"
            text = f"a policy of this identity speaks of {own} and nothing else, not of {named}"
            work.wrong(loaded, (*place, "Resource"), text, "leave Resource out: it is then the identity's ARN")
        statement["Resource"] = own
        for principal in statement["Principal"].get("AWS", ()):
            check_partition(work, loaded, scope, principal, (*place, "Principal"))
    check_size(work, loaded, loc, f"the policy {loc[-1]!r}", written)
    return written


def check_size(work: Compilation, loaded: LoadedSpec, loc: Loc, what: str, document: policy.Policy) -> None:
    """Notes a policy that is larger than SES takes, counted as it is sent."""
    size = len(policy.compact(document).encode())
    if size > MOST_BYTES:
        text = f"{what} is of {size} bytes, SES takes {MOST_BYTES}"
        work.wrong(loaded, loc, text, "use fewer conditions, or split it into several policies")


def check_partition(work: Compilation, loaded: LoadedSpec, scope: Scope, named: str, loc: Loc) -> None:
    """Notes what is named by an ARN of another partition than the region's: AWS finds nothing of the kind there."""
    arn, right = arns.parse(named), arns.partition(scope.region)
    if arn is not None and arn.partition != right:
        text = f"{named!r} is in partition {arn.partition}, {scope.region} is in {right}"
        work.wrong(loaded, loc, text, f"write arn:{right}:…, or let another spec speak for the other partition")
