"""The Resource Groups Tagging API: GetResources, for the resources of SES and SNS.

Source of the rules: its API reference. Tags are visible at once here; AWS documents no delay.
"""

from __future__ import annotations

from collections.abc import Iterator

from sesform.model import arns
from sesform_sandbox import rules
from sesform_sandbox.context import Context, Operation, Params, Result
from sesform_sandbox.refusal import Refusal

_MOST = 100


def _get_resources(context: Context, params: Params) -> Result:
    """Return one page of the tagged resources of the account in the region."""
    listed = params.get("ResourceARNList")
    if listed and any(
        params.get(k) for k in ("TagFilters", "ResourceTypeFilters", "ResourcesPerPage", "PaginationToken")
    ):
        raise _invalid("sandbox: ResourceARNList goes with no other parameter.")
    size = params.get("ResourcesPerPage", _MOST)
    if not 1 <= size <= _MOST:
        raise _invalid(f"sandbox: ResourcesPerPage must be between 1 and {_MOST}.")
    filters = [(f.get("Key"), f.get("Values") or []) for f in params.get("TagFilters") or ()]
    if any(not key for key, _ in filters):
        raise _invalid("sandbox: A tag filter needs a key.")
    chosen = {
        arn: tags
        for arn, tags in _tagged(context)
        if (not listed or arn in listed)
        and _is_of(arn, params.get("ResourceTypeFilters") or ())
        and all(key in tags and (not values or tags[key] in values) for key, values in filters)
    }
    try:
        shown, token = rules.page(chosen, size, params.get("PaginationToken") or None)
    except ValueError as error:
        raise Refusal("PaginationTokenExpiredException", str(error)) from None
    mappings = [
        {"ResourceARN": arn, "Tags": [{"Key": k, "Value": v} for k, v in sorted(chosen[arn].items())]} for arn in shown
    ]
    return {"PaginationToken": token or "", "ResourceTagMappingList": mappings}


def _tagged(context: Context) -> Iterator[tuple[str, dict[str, str]]]:
    """Return all resources with tags, with their tags."""
    here, scope = context.here, context.scope
    for name, topic in here.topics.items():
        if topic.tags:
            yield arns.topic(scope, name), topic.tags
    for name, held in here.configuration_sets.items():
        if held.tags:
            yield arns.configuration_set(scope, name), held.tags
    for name, identity in here.identities.items():
        if identity.tags:
            yield arns.identity(scope, name), identity.tags


def _is_of(arn: str, types: list[str] | tuple[str, ...]) -> bool:
    """Return whether a resource has one of the types, `service` or `service:type`; [] for all. Topic ARNs have no type."""
    parsed = arns.parse(arn)
    assert parsed is not None, arn
    kind = parsed.resource.partition("/")[0] if "/" in parsed.resource else ""
    return not types or parsed.service in types or f"{parsed.service}:{kind}" in types


def _invalid(text: str) -> Refusal:
    return Refusal("InvalidParameterException", text, 400)


OPERATIONS: dict[str, Operation] = {"GetResources": _get_resources}
