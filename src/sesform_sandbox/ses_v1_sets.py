"""SES API version 1: configuration sets and event destinations, in the spelling of version 1, on the store of version 2."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from sesform_sandbox import destinations, rules, ses_v2_sets
from sesform_sandbox.context import Context, Operation, Params, Result
from sesform_sandbox.destinations import BadDestination
from sesform_sandbox.refusal import Refusal
from sesform_sandbox.state import ConfigurationSet

# Version 1 lacks DELIVERY_DELAY and SUBSCRIPTION (hashicorp/terraform-provider-aws#33983).
_EVENT_TYPES = {
    "send": "SEND",
    "reject": "REJECT",
    "bounce": "BOUNCE",
    "complaint": "COMPLAINT",
    "delivery": "DELIVERY",
    "open": "OPEN",
    "click": "CLICK",
    "renderingFailure": "RENDERING_FAILURE",
}
_V1_TYPES = {v2: v1 for v1, v2 in _EVENT_TYPES.items()}
_SOURCES = {"messageTag": "MESSAGE_TAG", "emailHeader": "EMAIL_HEADER", "linkTag": "LINK_TAG"}
_V1_SOURCES = {v2: v1 for v1, v2 in _SOURCES.items()}

_CODES = {
    "CloudWatchDestination": "InvalidCloudWatchDestination",
    "KinesisFirehoseDestination": "InvalidFirehoseDestination",
    "SnsDestination": "InvalidSNSDestination",
}


def _configuration_set(context: Context, name: str) -> ConfigurationSet:
    found = context.here.configuration_sets.get(name)
    if found is None:
        raise does_not_exist(name)
    return found


def does_not_exist(name: str) -> Refusal:
    """Return AWS's error. Code and text seen on AWS: localstack's recorded snapshots (tests/aws/services/ses)."""
    return Refusal("ConfigurationSetDoesNotExist", f"Configuration set <{name}> does not exist.")


# --- sets --------------------------------------------------------------------------------------------------------------


def _create_configuration_set(context: Context, params: Params) -> Result:
    name, sets = params["ConfigurationSet"]["Name"], context.here.configuration_sets
    if not rules.NAME.fullmatch(name):
        raise Refusal("InvalidConfigurationSet", f"sandbox: Invalid configuration set name <{name}>.")
    if name in sets:
        raise Refusal("ConfigurationSetAlreadyExists", f"Configuration set <{name}> already exists.")
    if len(sets) >= rules.MAX_PER_REGION:
        raise Refusal(
            "LimitExceeded", f"sandbox: Number of configuration sets exceeds max allowed {rules.MAX_PER_REGION}."
        )
    # SES API reference, ReputationOptions: metrics are off by default (version 2 creates sets with them on).
    sets[name] = ConfigurationSet(
        options={**ses_v2_sets.FRESH, "ReputationOptions": {"ReputationMetricsEnabled": False}}
    )
    return {}


def _delete_configuration_set(context: Context, params: Params) -> Result:
    _configuration_set(context, params["ConfigurationSetName"])
    del context.here.configuration_sets[params["ConfigurationSetName"]]
    return {}


def _list_configuration_sets(context: Context, params: Params) -> Result:
    try:
        shown, token = rules.page(
            context.here.configuration_sets, params.get("MaxItems") or 1000, params.get("NextToken")
        )
    except ValueError as error:
        raise Refusal("InvalidParameterValue", str(error)) from None
    return {"ConfigurationSets": [{"Name": name} for name in shown], "NextToken": token}


def _describe_configuration_set(context: Context, params: Params) -> Result:
    name, wanted = params["ConfigurationSetName"], params.get("ConfigurationSetAttributeNames") or ()
    found = _configuration_set(context, name)
    options = found.options
    delivery = options.get("DeliveryOptions")
    sending, reputation = options.get("SendingOptions", {}), options.get("ReputationOptions", {})
    parts: dict[str, tuple[str, Any]] = {
        "eventDestinations": (
            "EventDestinations",
            [_to_v1(n, found.destinations[n]) for n in sorted(found.destinations)],
        ),
        "trackingOptions": ("TrackingOptions", options.get("TrackingOptions")),
        "deliveryOptions": ("DeliveryOptions", {"TlsPolicy": delivery["TlsPolicy"].capitalize()} if delivery else None),
        "reputationOptions": (
            "ReputationOptions",
            {
                "SendingEnabled": sending.get("SendingEnabled", True),
                "ReputationMetricsEnabled": reputation.get("ReputationMetricsEnabled", True),
            },
        ),
    }
    if unknown := [w for w in wanted if w not in parts]:
        raise Refusal(
            "ValidationError",
            f"1 validation error detected: Value '{unknown[0]}' at 'configurationSetAttributeNames'",
        )
    return {"ConfigurationSet": {"Name": name}} | {
        key: value for w in wanted for key, value in [parts[w]] if value is not None
    }


def _set_option(context: Context, name: str, block: str, value: dict[str, Any] | None) -> Result:
    found = _configuration_set(context, name)
    rest = {k: v for k, v in found.options.items() if k != block}
    context.here.configuration_sets[name] = replace(found, options=rest if value is None else rest | {block: value})
    return {}


def _update_sending_enabled(context: Context, params: Params) -> Result:
    return _set_option(context, params["ConfigurationSetName"], "SendingOptions", {"SendingEnabled": params["Enabled"]})


def _update_reputation_metrics_enabled(context: Context, params: Params) -> Result:
    return _set_option(
        context,
        params["ConfigurationSetName"],
        "ReputationOptions",
        {"ReputationMetricsEnabled": params["Enabled"]},
    )


def _put_delivery_options(context: Context, params: Params) -> Result:
    policy = (params.get("DeliveryOptions") or {}).get("TlsPolicy", "Optional")
    if policy not in ("Require", "Optional"):
        raise Refusal("InvalidDeliveryOptions", f"sandbox: Invalid TLS policy {policy}.")
    return _set_option(context, params["ConfigurationSetName"], "DeliveryOptions", {"TlsPolicy": policy.upper()})


# --- event destinations ------------------------------------------------------------------------------------------------


def _put_destination(context: Context, params: Params, create: bool) -> Result:
    set_name, given = params["ConfigurationSetName"], params["EventDestination"]
    found, name = _configuration_set(context, set_name), given["Name"]
    if create and not re.fullmatch(rules.NAME, name):
        raise Refusal("ValidationError", f"sandbox: Invalid event destination name <{name}>.")
    if create and name in found.destinations:
        raise Refusal("EventDestinationAlreadyExists", destinations.already_exists(name, set_name))
    if not create and name not in found.destinations:
        raise _no_destination(set_name)
    try:
        definition = destinations.checked(context, set_name, _from_v1(given))
        if not create and destinations.kind_of(definition) != destinations.kind_of(found.destinations[name]):
            raise BadDestination(f"sandbox: The destination type of event destination <{name}> cannot be changed.")
    except BadDestination as error:
        raise Refusal(_CODES.get(error.kind, "ValidationError"), error.text_v1) from None
    if create and len(found.destinations) >= destinations.MAX_DESTINATIONS:
        raise Refusal(
            "LimitExceeded",
            f"sandbox: Configuration set <{set_name}> has {len(found.destinations)} event destinations, the most allowed.",
        )
    context.here.configuration_sets[set_name] = replace(found, destinations=found.destinations | {name: definition})
    destinations.announce(context, definition)
    return {}


def _create_destination(context: Context, params: Params) -> Result:
    return _put_destination(context, params, create=True)


def _update_destination(context: Context, params: Params) -> Result:
    return _put_destination(context, params, create=False)


def _delete_destination(context: Context, params: Params) -> Result:
    found, name = _configuration_set(context, params["ConfigurationSetName"]), params["EventDestinationName"]
    if name not in found.destinations:
        raise _no_destination(params["ConfigurationSetName"])
    rest = {k: v for k, v in found.destinations.items() if k != name}
    context.here.configuration_sets[params["ConfigurationSetName"]] = replace(found, destinations=rest)
    return {}


def _no_destination(set_name: str) -> Refusal:
    """Return AWS's error. Code and text seen on AWS: localstack's recorded snapshots (tests/aws/services/ses)."""
    return Refusal("EventDestinationDoesNotExist", f"No EventDestination found for {set_name}")


def _from_v1(given: Params) -> dict[str, Any]:
    """Return a definition of version 1 in the spelling of version 2. Raises Refusal for event types that version 1 lacks."""
    if not set(given["MatchingEventTypes"]) <= set(_EVENT_TYPES):
        # Text seen on AWS: marckohlbrugge/sessy#190.
        constraint = (
            f"Member must satisfy constraint: [Member must satisfy enum value set: [{', '.join(_EVENT_TYPES)}]]"
        )
        text = f"Value at 'eventDestination.matchingEventTypes' failed to satisfy constraint: {constraint}"
        raise Refusal("ValidationError", f"1 validation error detected: {text}")
    definition: dict[str, Any] = {
        "Enabled": given.get("Enabled", False),
        "MatchingEventTypes": [_EVENT_TYPES[t] for t in given["MatchingEventTypes"]],
    }
    if "SNSDestination" in given:
        definition["SnsDestination"] = {"TopicArn": given["SNSDestination"]["TopicARN"]}
    if firehose := given.get("KinesisFirehoseDestination"):
        arns = {"IamRoleArn": firehose["IAMRoleARN"], "DeliveryStreamArn": firehose["DeliveryStreamARN"]}
        definition["KinesisFirehoseDestination"] = arns
    if "CloudWatchDestination" in given:
        dimensions = [
            {**d, "DimensionValueSource": _SOURCES.get(d["DimensionValueSource"], d["DimensionValueSource"])}
            for d in given["CloudWatchDestination"].get("DimensionConfigurations", [])
        ]
        definition["CloudWatchDestination"] = {"DimensionConfigurations": dimensions}
    return definition


def _to_v1(name: str, definition: Params) -> dict[str, Any]:
    """Return a definition of version 2 in the spelling of version 1, without EventBridge and the two types that v1 lacks."""
    shown: dict[str, Any] = {
        "Name": name,
        "Enabled": definition["Enabled"],
        "MatchingEventTypes": [_V1_TYPES[t] for t in definition["MatchingEventTypes"] if t in _V1_TYPES],
    }
    if "SnsDestination" in definition:
        shown["SNSDestination"] = {"TopicARN": definition["SnsDestination"]["TopicArn"]}
    if firehose := definition.get("KinesisFirehoseDestination"):
        shown["KinesisFirehoseDestination"] = {
            "IAMRoleARN": firehose["IamRoleArn"],
            "DeliveryStreamARN": firehose["DeliveryStreamArn"],
        }
    if "CloudWatchDestination" in definition:
        dimensions = definition["CloudWatchDestination"]["DimensionConfigurations"]
        translated = [{**d, "DimensionValueSource": _V1_SOURCES[d["DimensionValueSource"]]} for d in dimensions]
        shown["CloudWatchDestination"] = {"DimensionConfigurations": translated}
    return shown


OPERATIONS: dict[str, Operation] = {
    "CreateConfigurationSet": _create_configuration_set,
    "CreateConfigurationSetEventDestination": _create_destination,
    "DeleteConfigurationSet": _delete_configuration_set,
    "DeleteConfigurationSetEventDestination": _delete_destination,
    "DescribeConfigurationSet": _describe_configuration_set,
    "ListConfigurationSets": _list_configuration_sets,
    "PutConfigurationSetDeliveryOptions": _put_delivery_options,
    "UpdateConfigurationSetEventDestination": _update_destination,
    "UpdateConfigurationSetReputationMetricsEnabled": _update_reputation_metrics_enabled,
    "UpdateConfigurationSetSendingEnabled": _update_sending_enabled,
}
