"""SES API version 2: configuration sets and their event destinations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sesform_sandbox import destinations, rules
from sesform_sandbox.context import Context, Operation, Params, Result
from sesform_sandbox.destinations import BadDestination
from sesform_sandbox.refusal import Refusal
from sesform_sandbox.state import ConfigurationSet

# Block → its members if the block is given without them. A missing boolean is false: seen on AWS
# (go-to-k/cdk-real-drift), though a set created without the block sends and has reputation metrics.
_LEFT_OUT: dict[str, dict[str, Any]] = {
    "ArchivingOptions": {},
    "DeliveryOptions": {"TlsPolicy": "OPTIONAL"},
    "ReputationOptions": {"ReputationMetricsEnabled": False},
    "SendingOptions": {"SendingEnabled": False},
    "SuppressionOptions": {"SuppressedReasons": []},
    "TrackingOptions": {},
    "VdmOptions": {},
}
# A set created without blocks has these two (go-to-k/cdk-real-drift) and no delivery options
# (hashicorp/terraform-provider-aws: its acceptance test of a bare set finds no difference afterwards).
FRESH: dict[str, dict[str, Any]] = {
    "ReputationOptions": {"ReputationMetricsEnabled": True},
    "SendingOptions": {"SendingEnabled": True},
}
# Blocks that are removed when they are put without their main member.
_NOTHING_WITHOUT = {"ArchivingOptions": "ArchiveArn", "TrackingOptions": "CustomRedirectDomain"}


def tags(params: Params) -> dict[str, str]:
    """Return a list of tags as a mapping."""
    return {tag["Key"]: tag["Value"] for tag in params.get("Tags") or ()}


def tag_list(found: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in sorted(found.items())]


def configuration_set(context: Context, name: str) -> ConfigurationSet:
    """Return AWS's error. Text seen on AWS: localstack's recorded snapshots (tests/aws/services/ses)."""
    try:
        return context.here.configuration_sets[name]
    except KeyError:
        raise Refusal("NotFoundException", f"Configuration set <{name}> does not exist.") from None


# --- sets --------------------------------------------------------------------------------------------------------------


def _create_configuration_set(context: Context, params: Params) -> Result:
    name, sets = params["ConfigurationSetName"], context.here.configuration_sets
    if not rules.NAME.fullmatch(name):
        raise Refusal(
            "BadRequestException",
            f"sandbox: Invalid configuration set name <{name}>: 1 to 64 letters, digits, - and _.",
        )
    if name in sets:
        raise Refusal("AlreadyExistsException", f"Configuration set <{name}> already exists.")
    if len(sets) >= rules.MAX_PER_REGION:
        raise Refusal(
            "LimitExceededException",
            f"sandbox: Number of configuration sets exceeds max allowed {rules.MAX_PER_REGION}.",
        )
    given = {block: _block(block, params[block]) for block in _LEFT_OUT if block in params}
    options = {block: value for block, value in (FRESH | given).items() if value is not None}
    sets[name] = ConfigurationSet(options=options, tags=tags(params))
    return {}


def _block(block: str, given: Params) -> dict[str, Any] | None:
    """Return an options block as it is stored, None if it means no block."""
    needed = _NOTHING_WITHOUT.get(block)
    if needed and not given.get(needed):
        return None
    # An empty list of reasons overrides the account, no list does not (hashicorp/terraform-provider-aws#45756).
    if block == "SuppressionOptions" and not given.keys() - {"ConfigurationSetName"}:
        return None
    members = {k: v for k, v in given.items() if k != "LastFreshStart"}
    return _LEFT_OUT[block] | members


def _get_configuration_set(context: Context, params: Params) -> Result:
    name = params["ConfigurationSetName"]
    found = configuration_set(context, name)
    return {"ConfigurationSetName": name, **found.options, "Tags": tag_list(found.tags)}


def _list_configuration_sets(context: Context, params: Params) -> Result:
    size = page_size(params)
    try:
        shown, token = rules.page(context.here.configuration_sets, size, params.get("NextToken"))
    except ValueError as error:
        raise Refusal("InvalidNextTokenException", str(error)) from None
    return {"ConfigurationSets": shown, "NextToken": token}


def page_size(params: Params) -> int:
    """Return the page size of a listing of version 2. Raises Refusal for one out of bounds, and for filters."""
    if params.get("Filter"):
        raise Refusal("BadRequestException", "sandbox: listings are not filtered.")
    size: int = params.get("PageSize") or 1000
    if not 1 <= size <= 1000:
        raise Refusal("BadRequestException", "sandbox: PageSize must be between 1 and 1000.")
    return size


def _delete_configuration_set(context: Context, params: Params) -> Result:
    # Its destinations are deleted too. Identities whose default it is keep the name, and their sends fail from then on
    # (SES developer guide, "Managing configuration sets").
    configuration_set(context, params["ConfigurationSetName"])
    del context.here.configuration_sets[params["ConfigurationSetName"]]
    return {}


def _put_options(block: str) -> Operation:
    def put(context: Context, params: Params) -> Result:
        found = configuration_set(context, params["ConfigurationSetName"])
        given = params if block != "VdmOptions" else params.get("VdmOptions") or {}
        value = _block(block, {k: v for k, v in given.items() if k != "ConfigurationSetName"})
        options = {k: v for k, v in found.options.items() if k != block} | ({} if value is None else {block: value})
        context.here.configuration_sets[params["ConfigurationSetName"]] = replace(found, options=options)
        return {}

    return put


# --- event destinations ------------------------------------------------------------------------------------------------


def _change_destinations(
    change: Callable[[Context, str, str, dict[str, Any], Params], dict[str, Any] | None],
) -> Operation:
    """Return an operation that adds a definition to a set's destinations, or with None removes one."""

    def operation(context: Context, params: Params) -> Result:
        set_name, name = params["ConfigurationSetName"], params["EventDestinationName"]
        found = configuration_set(context, set_name)
        try:
            definition = change(context, set_name, name, found.destinations, params)
        except BadDestination as error:
            raise Refusal("BadRequestException", str(error)) from None
        rest = {k: v for k, v in found.destinations.items() if k != name}
        kept = rest if definition is None else rest | {name: definition}
        context.here.configuration_sets[set_name] = replace(found, destinations=kept)
        if definition is not None:
            destinations.announce(context, definition)
        return {}

    return operation


def _created(context: Context, set_name: str, name: str, found: dict[str, Any], params: Params) -> dict[str, Any]:
    if not rules.NAME.fullmatch(name):
        raise BadDestination(f"sandbox: Invalid event destination name <{name}>: 1 to 64 letters, digits, - and _.")
    if name in found:
        raise Refusal("AlreadyExistsException", destinations.already_exists(name, set_name))
    definition = destinations.checked(context, set_name, params["EventDestination"])
    if len(found) >= destinations.MAX_DESTINATIONS:
        raise Refusal(
            "LimitExceededException",
            f"sandbox: Configuration set <{set_name}> has {len(found)} event destinations, the most allowed.",
        )
    return definition


def _updated(context: Context, set_name: str, name: str, found: dict[str, Any], params: Params) -> dict[str, Any]:
    # The whole definition is replaced: missing members are reset (seen on AWS: go-to-k/cdk-real-drift#1646).
    _existing(set_name, name, found)
    definition = destinations.checked(context, set_name, params["EventDestination"])
    if destinations.kind_of(definition) != destinations.kind_of(found[name]):
        # AWS does not document it; not all tools can do it, so the sandbox refuses.
        raise BadDestination(f"sandbox: The destination type of event destination <{name}> cannot be changed.")
    return definition


def _deleted(context: Context, set_name: str, name: str, found: dict[str, Any], params: Params) -> None:
    _existing(set_name, name, found)


def _existing(set_name: str, name: str, found: dict[str, Any]) -> None:
    if name not in found:
        # Compared with AWS by floci-io/floci.
        text = f"An event destination with name <{name}> does not exist for configuration set <{set_name}>."
        raise Refusal("NotFoundException", text)


def _get_configuration_set_event_destinations(context: Context, params: Params) -> Result:
    found = configuration_set(context, params["ConfigurationSetName"]).destinations
    return {"EventDestinations": [{"Name": name, **found[name]} for name in sorted(found)]}


OPERATIONS: dict[str, Operation] = {
    "CreateConfigurationSet": _create_configuration_set,
    "CreateConfigurationSetEventDestination": _change_destinations(_created),
    "DeleteConfigurationSet": _delete_configuration_set,
    "DeleteConfigurationSetEventDestination": _change_destinations(_deleted),
    "GetConfigurationSet": _get_configuration_set,
    "GetConfigurationSetEventDestinations": _get_configuration_set_event_destinations,
    "ListConfigurationSets": _list_configuration_sets,
    "PutConfigurationSetArchivingOptions": _put_options("ArchivingOptions"),
    "PutConfigurationSetDeliveryOptions": _put_options("DeliveryOptions"),
    "PutConfigurationSetReputationOptions": _put_options("ReputationOptions"),
    "PutConfigurationSetSendingOptions": _put_options("SendingOptions"),
    "PutConfigurationSetSuppressionOptions": _put_options("SuppressionOptions"),
    "PutConfigurationSetTrackingOptions": _put_options("TrackingOptions"),
    "PutConfigurationSetVdmOptions": _put_options("VdmOptions"),
    "UpdateConfigurationSetEventDestination": _change_destinations(_updated),
}
