"""Read the resource instances from the output of `terraform show -json`, and check their structure.

Source: HashiCorp, "JSON Output Format": the state and plan representations, format version 1.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sesform.errors import TerraformError
from sesform.importer.terraform_state._providers import Provider, providers
from sesform.model.values import printable

MAX_BYTES = 256 * 1024 * 1024

_HINT = "pass the output of `terraform show -json` or `terraform show -json PLANFILE`"
_NAME = r"[^\W\d][\w-]*"  # Terraform language, "Identifiers"
_KEY = r'(?:\[(?:[0-9]+|"(?:[^"\\]|\\.)*")\])?'
_MODULE = re.compile(rf"(module\.{_NAME}){_KEY}(?:\.|$)", re.DOTALL)
_IDENTIFIER = re.compile(_NAME)


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance of a resource.

    `address`: Terraform's, safe to print. `resource`: the address without the keys of modules and instances, as configurations
    and `removed` blocks write it. `provider`: its provider configuration, if a plan names it. `destroy_reason`: why Terraform
    will destroy it. `depends_on`: the resources that it refers to, without keys.
    """

    address: str
    resource: str
    type: str
    values: Mapping[str, Any]
    sensitive: Mapping[str, Any] = field(default_factory=dict)
    managed: bool = True
    provider: str = ""
    destroy_reason: str = ""
    depends_on: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Shown:
    """A state, or the state that a plan was made from.

    `providers`: what a plan's provider configurations say. `changing`: the addresses that the plan changes.
    """

    instances: tuple[Instance, ...]
    providers: Mapping[str, Provider] = field(default_factory=dict)
    changing: tuple[str, ...] = ()


def parse(content: bytes) -> Shown:
    """Return the state or plan of a document. Raises TerraformError for any other text."""
    if len(content) > MAX_BYTES:
        raise TerraformError(f"larger than {MAX_BYTES // 1024**2} MiB; {_HINT} of one root module")
    try:
        document = json.loads(content)  # UTF-8, or UTF-16 as PowerShell writes it
    except RecursionError:
        raise TerraformError(f"nested too deeply; {_HINT}") from None
    except ValueError as error:
        reason = printable(str(error)) if isinstance(error, json.JSONDecodeError) else "not a text file"
        raise TerraformError(f"not JSON ({reason}); {_HINT}") from None
    try:
        return _shown(document)
    except RecursionError:
        raise TerraformError(f"modules are nested too deeply; {_HINT}") from None


def _shown(document: Any) -> Shown:
    if not isinstance(document, dict):
        raise TerraformError(f"JSON, but neither a state nor a plan; {_HINT}")
    if "format_version" not in document:
        if "lineage" in document or "serial" in document:
            raise TerraformError(f"a raw state file, whose format is private to Terraform; {_HINT}")
        raise TerraformError(f"JSON, but neither a state nor a plan: format_version is missing; {_HINT}")
    version = document["format_version"]
    if not isinstance(version, str) or version.partition(".")[0] != "1":
        raise TerraformError(
            f"format_version is {version!r}; only 1.x is supported. Show it with Terraform 1.1 or later."
        )
    if "planned_values" in document or "resource_changes" in document:
        return _plan(document)
    if "values" not in document and document.keys() - {"format_version", "terraform_version", "checks"}:
        raise TerraformError(f"JSON, but neither a state nor a plan; {_HINT}")
    return Shown(tuple(_instances(document, {})))


def _plan(document: Mapping[str, Any]) -> Shown:
    """Return the prior state of a plan. Planned resources do not exist yet, so they cannot be handed over."""
    configuration = _mapping(document.get("configuration"), "configuration")
    keys: dict[str, str] = {}
    _collect_providers(_mapping(configuration.get("root_module"), "root_module"), "", keys)
    prior = _mapping(document.get("prior_state"), "prior_state")
    changing = [
        printable(str(c.get("address", "")))
        for c in _list(document.get("resource_changes"), "resource_changes")
        if isinstance(c, dict) and c.get("mode") == "managed" and not _changes_nothing(c)
    ]
    return Shown(tuple(_instances(prior, keys)), providers(document), tuple(changing))


def _changes_nothing(change: Mapping[str, Any]) -> bool:
    actions = _mapping(change.get("change"), "change").get("actions")
    return actions in (["no-op"], ["read"], ["forget"], ["create"])  # a resource to create is not in the prior state


def _collect_providers(module: Mapping[str, Any], path: str, into: dict[str, str]) -> None:
    for each in _list(module.get("resources"), "resources"):
        resource = _mapping(each, "resources")
        into[f"{path}{resource.get('address')}"] = str(resource.get("provider_config_key", ""))
    for name, call in _mapping(module.get("module_calls"), "module_calls").items():
        inner = _mapping(_mapping(call, "module_calls").get("module"), "module")
        _collect_providers(inner, f"{path}module.{name}.", into)


def _instances(state: Mapping[str, Any], providers: Mapping[str, str]) -> Iterator[Instance]:
    values = _mapping(state.get("values"), "values")
    yield from _of_module(_mapping(values.get("root_module"), "root_module"), "", providers)


def _of_module(module: Mapping[str, Any], path: str, providers: Mapping[str, str]) -> Iterator[Instance]:
    for each in _list(module.get("resources"), "resources"):
        yield _instance(_mapping(each, "resources"), path, providers)
    for each in _list(module.get("child_modules"), "child_modules"):
        child = _mapping(each, "child_modules")
        yield from _of_module(child, _without_keys(child.get("address")), providers)


def _without_keys(address: Any) -> str:
    """Return the address of a module without keys, for example `module.a.module.b.` for `module.a["k"].module.b[0]`."""
    path, at = "", 0
    while isinstance(address, str) and (step := _MODULE.match(address, at)):
        path, at = f"{path}{step[1]}.", step.end()
        if at == len(address):
            return path
    raise TerraformError(f"{_quoted(address)} is not the address of a module in Terraform; {_HINT}")


def _instance(resource: Mapping[str, Any], path: str, providers: Mapping[str, str]) -> Instance:
    type_, name, address = (resource.get(key) for key in ("type", "name", "address"))
    if not all(isinstance(part, str) and _IDENTIFIER.fullmatch(part) for part in (type_, name)):
        raise TerraformError(f"{_quoted(address)} has no valid Terraform type and name; {_HINT}")
    if not isinstance(address, str):
        raise TerraformError(f"a resource of type {type_} has no address; {_HINT}")
    managed = resource.get("mode") != "data"
    plain = f"{path}{'' if managed else 'data.'}{type_}.{name}"
    destroy_reason = "it is tainted: Terraform will replace it" if resource.get("tainted") else ""
    if resource.get("deposed_key"):
        destroy_reason = "it is deposed: Terraform will destroy it"
    shown = printable(address)
    return Instance(
        address=shown,
        resource=plain,
        type=str(type_),
        values=_mapping(resource.get("values"), f"values of {shown}"),
        sensitive=_mapping(resource.get("sensitive_values"), f"sensitive_values of {shown}"),
        managed=managed,
        provider=providers.get(plain, ""),
        destroy_reason=destroy_reason,
        depends_on=frozenset(map(str, _list(resource.get("depends_on"), f"depends_on of {shown}"))),
    )


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise TerraformError(f"{what}: {_quoted(value)} is not an object; {_HINT}")
    return value


def _list(value: Any, what: str) -> Sequence[Any]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise TerraformError(f"{what}: {_quoted(value)} is not a list; {_HINT}")
    return value


def _quoted(value: Any) -> str:
    text = printable(repr(value))
    return text if len(text) <= 80 else f"{text[:77]}..."
