"""The examples of the JSON Schema: each field has some, an editor accepts them, and the loader loads them in their place."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from sesform.specs import schema, yaml_reader, yaml_writer

SCHEMA = schema.json_schema()
QUEUE = "arn:aws:sqs:eu-west-1:111111111111:feedback"
STREAM = "arn:aws:firehose:eu-west-1:111111111111:deliverystream/ses-events"
ROLE = "arn:aws:iam::111111111111:role/sesform"
HEAD = {"name": "corp", "account": "111111111111", "regions": ["eu-west-1"]}
DESTINATION = ("configuration_sets", "main", "event_destinations", "feedback")
POLICY = ("identities", "example.com", "policies", "own")

# Model → where one of it stands in a spec, and what it needs at least.
PLACES: dict[str, tuple[tuple[str | int, ...], dict[str, Any]]] = {
    "Owner": ((), {}),
    "Delegate": ((), {}),
    "Credentials": (("credentials",), {}),
    "Topic": (("topics", "feedback"), {}),
    "Subscription": (("topics", "feedback", "subscriptions", 0), {"protocol": "sqs", "endpoint": QUEUE}),
    "ConfigurationSet": (("configuration_sets", "main"), {}),
    "EventDestination": (DESTINATION, {"events": ["bounce"], "sns": "feedback"}),
    "Firehose": ((*DESTINATION, "firehose"), {"stream": STREAM, "role": ROLE}),
    "Dimension": ((*DESTINATION, "cloudwatch", 0), {"dimension": "a", "source": "link_tag", "default": "b"}),
    "Defaults": (("defaults",), {}),
    "Identity": (("identities", "example.com"), {}),
    "Notifications": (("identities", "example.com", "notifications"), {}),
    "NotificationSetting": (("identities", "example.com", "notifications", "bounce"), {}),
    "Authorization": (("identities", "example.com", "authorize", "mailer"), {}),
    "SendingPolicy": (POLICY, {"Statement": {"Effect": "Allow", "Principal": "*", "Action": "ses:SendEmail"}}),
    "PolicyStatement": ((*POLICY, "Statement"), {"Effect": "Allow", "Principal": "*", "Action": "ses:SendEmail"}),
    "Principals": ((*POLICY, "Statement", "Principal"), {}),
}
# Fields that exclude one another, and fields that need another one.
KINDS = {"sns", "firehose", "cloudwatch", "eventbridge", "pinpoint"}
NEEDED: dict[str, dict[str, Any]] = {
    "external_id": {"role_arn": ROLE},
    "external_id_env": {"role_arn": ROLE},
    "role": {"protocol": "firehose", "endpoint": STREAM},
    "filter_policy_scope": {"filter_policy": {"eventType": ["Bounce"]}},
}
FITTING = {"https": "https://", "email": "postmaster@"}  # protocol → the beginning of an endpoint of another kind

FIELDS = [
    pytest.param(model, name, field, id=f"{model}.{name}")
    for model, definition in SCHEMA["$defs"].items()
    for name, field in definition.get("properties", {}).items()
]


def around(model: str, name: str, value: Any) -> dict[str, Any]:
    """Return a spec in which a field of a model has a value."""
    way, least = PLACES[model]
    if name in KINDS:
        least = {key: inside for key, inside in least.items() if key not in KINDS}
    made: Any = {**least, **(NEEDED.get(name, {}) if model in ("Credentials", "Subscription") else {}), name: value}
    if name == "endpoint":
        made["protocol"] = next((p for p, begin in FITTING.items() if value.startswith(begin)), "sqs")
    inner = dict(SCHEMA["$defs"][model]["properties"])
    assert made.keys() <= inner.keys()
    for step in reversed(way):
        made = [made] if step == 0 else {step: made}
    if model in ("Firehose", "Dimension"):
        made["configuration_sets"]["main"]["event_destinations"]["feedback"]["events"] = ["bounce"]
    if model in ("PolicyStatement", "Principals"):
        statement = made["identities"]["example.com"]["policies"]["own"]["Statement"]
        statement.update({"Effect": "Allow", "Action": "ses:SendEmail", "Principal": "*"} | statement)
    return {"kind": "Delegate" if model == "Delegate" else "Owner", **HEAD, **made}


@pytest.mark.parametrize(("model", "name", "field"), FIELDS)
def test_every_field_has_examples(model: str, name: str, field: dict[str, Any]) -> None:
    """Editors offer at least one example of each field, and never null, which would clear a setting."""
    assert field.get("examples"), f"{model}.{name}"
    assert None not in field["examples"]


@pytest.mark.parametrize(("model", "name", "field"), FIELDS)
def test_examples_are_valid_in_editors(model: str, name: str, field: dict[str, Any]) -> None:
    """Each example is valid for the schema of its field, and in a whole spec."""
    alone = jsonschema.Draft202012Validator({**field, "$defs": SCHEMA["$defs"]})
    whole = jsonschema.Draft202012Validator(SCHEMA)

    assert [] == [error.message for example in field["examples"] for error in alone.iter_errors(example)]
    assert [] == [e.message for example in field["examples"] for e in whole.iter_errors(around(model, name, example))]


@pytest.mark.parametrize(("model", "name", "field"), FIELDS)
def test_examples_load(model: str, name: str, field: dict[str, Any]) -> None:
    """The loader accepts each example, written as YAML in a spec."""
    for example in field["examples"]:
        text = yaml_writer.text([(around(model, name, example), {})])
        documents, problems = yaml_reader.parse([("spec.yaml", text.encode())])
        loaded, more = schema.load(documents)

        assert ([], []) == (problems, more), text
        assert 1 == len(loaded)
