"""The form of specs: what is valid in one spec by itself. The only user of pydantic.

`load` returns models and every problem; `json_schema` describes the same models for editors.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from sesform.errors import Problem
from sesform.specs.document import Document, Loc
from sesform.specs.schema import problems
from sesform.specs.schema._base import AccountId, Region, RoleArn, SesName, SpecName, TopicReference
from sesform.specs.schema.configuration_sets import ConfigurationSet, EventDestination
from sesform.specs.schema.identities import (
    SEND_ACTIONS,
    Authorization,
    Grantee,
    Identity,
    IdentityArn,
    IdentityName,
    Notifications,
    NotificationSetting,
)
from sesform.specs.schema.policies import GRANT_PREFIX, PolicyName, SendingPolicy
from sesform.specs.schema.problems import did_you_mean
from sesform.specs.schema.specs import Credentials, Delegate, Owner, Spec
from sesform.specs.schema.subscriptions import Subscription
from sesform.specs.schema.topics import Topic

# Parts of a spec that can be checked by themselves, for the spec writer.
PIECES: dict[str, Any] = {
    "name": SpecName,
    "account": AccountId,
    "region": Region,
    "role_arn": RoleArn,
    "identity": IdentityName,
    "identity_arn": IdentityArn,
    "topic_reference": TopicReference,
    "topic": Topic,
    "subscription": Subscription,
    "configuration_set": SesName,
    "event_destination": EventDestination,
    "authorization": Authorization,
    "grantee": Grantee,
    "policy_name": PolicyName,
    "sending_policy": SendingPolicy,
}

KINDS: dict[str, type[Owner] | type[Delegate]] = {"Owner": Owner, "Delegate": Delegate}


@dataclass(frozen=True, slots=True)
class LoadedSpec:
    """A spec, and the document that it was read from."""

    spec: Spec
    document: Document


def load(documents: Iterable[Document]) -> tuple[list[LoadedSpec], list[Problem]]:
    """Return the specs of documents, and every problem of each by itself."""
    loaded: list[LoadedSpec] = []
    wrong: list[Problem] = []
    for document in documents:
        kind = _kind(document, wrong)
        if kind is None:
            continue
        try:
            loaded.append(LoadedSpec(kind.model_validate(document.data), document))
        except ValidationError as error:
            wrong += problems.of_validation(document, error, kind)
    return loaded, [replace(problem, rule="schema") for problem in wrong]


def _kind(document: Document, wrong: list[Problem]) -> type[Owner] | type[Delegate] | None:
    data = document.node.value
    if not isinstance(data, dict):
        wrong.append(document.problem((), "a spec must be a mapping", "begin with `kind: Owner` or `kind: Delegate`"))
        return None
    if "format_version" in data:
        hint = "apply a saved plan with `sesform apply --plan FILE`, and import Terraform's with `sesform import --terraform FILE`"
        wrong.append(document.problem((), "is a plan or a state, and not a spec", hint))
        return None
    if "kind" not in data:
        wrong.append(document.problem((), "kind is missing", "begin with `kind: Owner` or `kind: Delegate`"))
        return None
    kind = data["kind"].value
    if not isinstance(kind, str) or kind not in KINDS:
        wrong.append(document.problem(("kind",), f"unknown kind {data['kind'].text!r}", did_you_mean(str(kind), KINDS)))
        return None
    return KINDS[kind]


def fault(piece: str, value: Any) -> str:
    """Return why a part is not valid in specs, or "" if it is. `piece`: one of `PIECES`."""
    try:
        _adapter(piece).validate_python(value)
    except ValidationError as error:
        return problems.in_words(error)
    return ""


@cache
def _adapter(piece: str) -> TypeAdapter[Any]:
    return TypeAdapter(PIECES[piece])


def field_order(kind: str, loc: Loc) -> list[str]:
    """Return the fields at a place of a spec in the order of the reference; none for a kind or a place that has no fields."""
    known = problems.fields_at(KINDS[kind], loc) if kind in KINDS else []
    return known if loc else sorted(known, key=lambda name: name != "kind")


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a spec document, for editors."""
    from sesform.specs.schema.editors import describe

    return describe()


__all__ = [
    "GRANT_PREFIX",
    "SEND_ACTIONS",
    "Authorization",
    "ConfigurationSet",
    "Credentials",
    "Delegate",
    "EventDestination",
    "Identity",
    "LoadedSpec",
    "NotificationSetting",
    "Notifications",
    "Owner",
    "SendingPolicy",
    "Spec",
    "Subscription",
    "Topic",
    "did_you_mean",
    "fault",
    "field_order",
    "json_schema",
    "load",
]
