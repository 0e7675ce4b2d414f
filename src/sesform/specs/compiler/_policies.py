"""Sending policies as they are written for AWS: the document of a name, in each region."""

from __future__ import annotations

from sesform.model import arns
from sesform.model.address import Scope
from sesform.policies import document as policy_document
from sesform.specs.compiler._compilation import Compilation
from sesform.specs.declared import canonical_arn
from sesform.specs.schema import LoadedSpec, SendingPolicy

Loc = tuple[int | str, ...]

# AWS developer guide, "Amazon SES sending authorization policies": the elements of a policy.
MAX_BYTES = 4096

Refusal = tuple[Loc, str, str]  # the place in the policy, the problem, and what to do


def document_of(
    work: Compilation, loaded: LoadedSpec, scope: Scope, identity: str, declared: SendingPolicy, loc: Loc
) -> policy_document.Policy:
    """Return the document for this identity in this region, and report what SES refuses in it."""
    document, refusals = as_sent(scope, identity, declared, str(loc[-1]))
    for place, text, hint in refusals:
        work.wrong(loaded, (*loc, *place), text, hint)
    return document


def as_sent(
    scope: Scope, identity: str, declared: SendingPolicy, name: str
) -> tuple[policy_document.Policy, tuple[Refusal, ...]]:
    """Return the document of that name for this identity in this region, and what SES refuses in it."""
    own = arns.identity(scope, identity)
    written = declared.model_dump(exclude_unset=True, exclude_none=True)
    refusals: list[Refusal] = []
    for index, statement in enumerate(written["Statement"]):
        place = ("Statement", index)
        # "Each policy must have one resource, the identity that it is attached to": AWS developer guide, policy anatomy. In public
        # policies its region is a wildcard too.
        in_any_region = own.replace(f":{scope.region}:", ":*:", 1)
        others = [r for r in statement.get("Resource", ()) if canonical_arn(r) not in (own, in_any_region)]
        if others or len(statement.get("Resource", ("",))) != 1:
            named = repr(others[0]) if others else "the identity more than once"
            text = f"the resource of a policy of this identity must be {own}, not {named}"
            refusals.append(((*place, "Resource"), text, "leave Resource out: it is then the identity's ARN"))
        anywhere = in_any_region in map(canonical_arn, statement.get("Resource", ()))
        statement["Resource"] = in_any_region if anywhere else own
        for principal in statement["Principal"].get("AWS", ()):
            refusals += _of_partition(scope, principal, (*place, "Principal"))
    refusals += _of_size(f"the policy {name!r}", written)
    return written, tuple(refusals)


def check_size(work: Compilation, loaded: LoadedSpec, loc: Loc, what: str, document: policy_document.Policy) -> None:
    """Report a policy that is larger than the quota of SES."""
    for _, text, hint in _of_size(what, document):
        work.wrong(loaded, loc, text, hint)


def check_partition(work: Compilation, loaded: LoadedSpec, scope: Scope, named: str, loc: Loc) -> None:
    """Report ARNs of another partition than the region's."""
    for _, text, hint in _of_partition(scope, named):
        work.wrong(loaded, loc, text, hint)


def _of_size(what: str, document: policy_document.Policy) -> list[Refusal]:
    """Return the problem of a policy that is too large as it is sent."""
    size = len(policy_document.compact(document).encode())
    if size <= MAX_BYTES:
        return []
    text = f"{what} has {size} bytes; the quota is {MAX_BYTES}"
    return [((), text, "use fewer conditions, or split it into several policies")]


def _of_partition(scope: Scope, named: str, place: Loc = ()) -> list[Refusal]:
    """Return the ARNs that AWS cannot find, because they are in another partition."""
    arn, right = arns.parse(named), arns.partition(scope.region)
    if arn is None or arn.partition == right:
        return []
    text = f"{named!r} is in partition {arn.partition}, and {scope.region} is in {right}"
    return [(place, text, f"write arn:{right}:…, or declare the other partition in a spec of its own")]
