"""Find the account and region of each provider configuration of a plan.

Source: HashiCorp, "JSON Output Format", configuration representation. An expression is shown as its constant value, or as the
references in it; the plan holds the values of the root module's variables.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sesform.model import arns

_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}")
_ACCOUNT = re.compile(r"[0-9]{12}")

Expressions = Mapping[str, Any]
Variables = Mapping[str, Any]


class Provider(NamedTuple):
    """What a provider configuration says: its region and account, "" where it does not say them."""

    region: str = ""
    account: str = ""


def providers(plan: Mapping[str, Any]) -> dict[str, Provider]:
    """Return what a plan's provider configurations say, by their keys. `plan`: a plan whose structure was checked."""
    configuration = _dict(plan.get("configuration"))
    given = {name: _dict(each).get("value") for name, each in _dict(plan.get("variables")).items()}
    variables = dict(_variables(_dict(configuration.get("root_module")), "", given))
    found = {}
    for key, each in _dict(configuration.get("provider_config")).items():
        provider = _dict(each)
        module = str(provider.get("module_address") or "")
        expressions, known = _dict(provider.get("expressions")), variables.get(module, {})
        found[key] = Provider(_matching(_REGION, expressions.get("region"), known), _account(expressions, known))
    return found


def _variables(module: Mapping[str, Any], address: str, given: Variables) -> Iterator[tuple[str, Variables]]:
    """Yield the known values of the variables of each module, by the module's address without keys."""
    defaults = {name: _dict(each).get("default") for name, each in _dict(module.get("variables")).items()}
    known = {**defaults, **{name: value for name, value in given.items() if value is not None}}
    yield address, known
    for name, each in _dict(module.get("module_calls")).items():
        call = _dict(each)
        arguments = {key: _value(expression, known) for key, expression in _dict(call.get("expressions")).items()}
        inner = f"{address}.module.{name}" if address else f"module.{name}"
        # A variable that is given by an expression whose value is not known must not have its default.
        unknown = dict.fromkeys(key for key, value in arguments.items() if value is None)
        for place, values in _variables(_dict(call.get("module")), inner, arguments):
            yield place, {**values, **unknown} if place == inner else values


def _account(expressions: Expressions, known: Variables) -> str:
    """Return the account of the role that a provider assumes, or the only account that it allows."""
    roles = expressions.get("assume_role")
    role = _value(_dict(roles[0]).get("role_arn"), known) if isinstance(roles, list) and len(roles) == 1 else None
    arn = arns.parse(role) if isinstance(role, str) else None
    allowed = _value(expressions.get("allowed_account_ids"), known)
    only = allowed[0] if isinstance(allowed, list) and len(allowed) == 1 else ""
    accounts = {arn.account} if arn else set()
    accounts |= {only} if isinstance(only, str) and _ACCOUNT.fullmatch(only) else set()
    return next(iter(accounts)) if len(accounts) == 1 else ""


def _matching(pattern: re.Pattern[str], expression: Any, known: Variables) -> str:
    value = _value(expression, known)
    return value if isinstance(value, str) and pattern.fullmatch(value) else ""


def _value(expression: Any, known: Variables) -> Any:
    """Return the value of an expression: a constant, or a reference to one variable; None if it is not known."""
    shown = _dict(expression)
    if "constant_value" in shown:
        return shown["constant_value"]
    references = shown.get("references")
    if not isinstance(references, list) or len(references) != 1 or not str(references[0]).startswith("var."):
        return None
    return known.get(str(references[0]).removeprefix("var."))


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
