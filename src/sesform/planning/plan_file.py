"""Plans as JSON: the file of a saved plan, and the document that tools for Terraform plans read.

The form is that of `terraform show -json`, on one line, with the type and attribute names of the AWS provider. Our own data are
under the key `sesform`; a plan is loaded from them alone. A digest of the whole document shows edits.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from sesform.errors import PlanFileError, Problem, UsageError
from sesform.live.snapshot import UnmanagedResource
from sesform.model.address import Access, Address, Scope
from sesform.model.masking import masked_values
from sesform.model.quotas import SES_CALLS_PER_SECOND, least_seconds, paced
from sesform.model.shard import Part
from sesform.model.values import NOTIFICATION_TYPES, UNKNOWN
from sesform.planning import blame, handover, terraform_json
from sesform.planning.plan import Change, Plan, PlanOptions, Unchanged
from sesform.planning.routes import Received, RouteChange, Subject
from sesform.resources import RESOURCES

VERSION = 1
_UNKNOWN = {"sesform:unknown": True}


def document(plan: Plan, *, timestamp: str, rate: float | None = SES_CALLS_PER_SECOND) -> dict[str, Any]:
    """Return a plan as a JSON document. `timestamp`: RFC 3339. `rate`: SES calls per second, for the estimate of the time."""
    own: dict[str, Any] = {
        "version": VERSION,
        "summary": plan.summary,
        "options": options(plan),
        "steps": [_step(c) for c in plan.changes],
        "unchanged": [{"address": str(u.address), "properties": plain(u.properties)} for u in plan.unchanged],
        "access": {name: _access(a) for name, a in sorted(plan.access.items())},
        "api_calls": _api_calls(plan, rate),
        "routes": [_route(r) for r in plan.routes],
        "emptied": list(map(_entry, plan.emptied)),
        "new_entries": list(map(_entry, plan.new_entries)),
        "unheard": [_subject(s) for s in plan.unheard],
        "handover": handover.document(plan.handover),
        "diagnostics": [d.as_dict() for d in plan.diagnostics],
        **({"shard": plan.part.document()} if plan.part else {}),
        **({"since": plan.since} if plan.since else {}),
        **({"blame": plan.blame.document()} if plan.blame is not None else {}),
        **({"unmanaged": [_unmanaged(u) for u in plan.unmanaged]} if plan.unmanaged is not None else {}),
    }
    own = masked_values(own)
    content = {**masked_values(terraform_json.document(plan, timestamp)), "sesform": own}
    own["digest"] = digest(content)
    return content


def options(plan: Plan) -> dict[str, Any]:
    """Return the options of a plan as plain data."""
    return {**asdict(plan.options), "only": list(plan.options.only)}


def failure(problems: Iterable[Problem]) -> dict[str, Any]:
    """Return the document of a run that made no plan."""
    own = masked_values({"version": VERSION, "diagnostics": [p.as_dict() for p in problems]})
    return {
        "format_version": terraform_json.FORMAT_VERSION,
        "applyable": False,
        "complete": False,
        "errored": True,
        "sesform": own,
    }


def digest(content: Mapping[str, Any]) -> str:
    """Return the digest of a document, without its time and the digest itself: equal plans have equal digests."""
    own = {k: v for k, v in content["sesform"].items() if k != "digest"}
    rest = {k: v for k, v in content.items() if k not in ("timestamp", "sesform")}
    canonical = json.dumps([rest, own], sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()


def text(content: Mapping[str, Any]) -> str:
    """Return a document on one line, because terraform-compliance reads one line only."""
    return json.dumps(content, separators=(",", ":"))


def loaded(content: Any, shown: str) -> Plan:
    """Return the plan of a document. `shown`: the name of the file in errors. Raises PlanFileError."""
    own = content.get("sesform") if isinstance(content, dict) else None
    if not isinstance(own, dict):
        raise PlanFileError(f"{shown}: not a plan of sesform. Create one with `sesform plan --out FILE`.")
    if own.get("version") != VERSION:
        raise PlanFileError(
            f"{shown}: plan version {own.get('version')!r}; this sesform reads version {VERSION}. Plan again."
        )
    if own.get("digest") != digest(content):
        raise PlanFileError(
            f"{shown}: the plan was changed or damaged after it was made: its digest differs. Plan again."
        )
    try:
        return _plan(own)
    except (ArithmeticError, AttributeError, LookupError, StopIteration, TypeError, ValueError, UsageError) as error:
        raise PlanFileError(f"{shown}: the plan is incomplete ({type(error).__name__}). Plan again.") from None


def _step(change: Change) -> dict[str, Any]:
    return {
        "address": str(change.address),
        "account": change.scope.account,
        "action": change.action,
        "before": plain(change.before),
        "after": plain(change.after),
        "reason": change.reason,
        "phase": change.phase,
        "depends_on": list(change.depends_on),
    }


def _route(change: RouteChange) -> dict[str, Any]:
    where = _subject(change.subject)
    received = {"before": change.received_before.value, "after": change.received_after.value}
    return {**where, "before": list(change.before), "after": list(change.after), "received": received}


def _entry(entry: tuple[Scope, str]) -> dict[str, str]:
    scope, identity = entry
    return {"account": scope.account, "region": scope.region, "identity": identity}


def _subject(subject: Subject) -> dict[str, str]:
    scope, kind, name, event = subject
    return {"account": scope.account, "region": scope.region, "kind": kind, "name": name, "event": event}


def _subject_in(saved: Mapping[str, Any]) -> Subject:
    """Raise ValueError for a subject that no plan has: these texts are printed as they are."""
    if saved["kind"] not in ("identity", "configuration set") or saved["event"] not in NOTIFICATION_TYPES:
        raise ValueError("a route of an unknown kind or event")
    return Subject(_scope(saved), saved["kind"], _text(saved["name"]), saved["event"])


def _scope(saved: Mapping[str, Any]) -> Scope:
    """Raise ValueError for an account or a region that no plan has: these texts are printed as they are."""
    account, region = _text(saved["account"]), _text(saved["region"])
    if not re.fullmatch(r"[0-9]{12}", account) or not re.fullmatch(r"[a-z0-9-]+", region):
        raise ValueError("an account or a region of another form")
    return Scope(account, region)


def _access(access: Access) -> dict[str, Any]:
    """Return the access without the external id, which is a secret; the document only says whether there is one."""
    return {
        "account": access.account,
        "profile": access.profile,
        "role_arn": access.role_arn,
        "external_id": access.external_id is not None or access.external_id_env is not None,
    }


def _unmanaged(of: UnmanagedResource) -> dict[str, str]:
    where = {"account": of.scope.account, "region": of.scope.region}
    return {"type": of.type, **where, "key": of.key, "detail": of.detail}


def _unmanaged_in(own: Mapping[str, Any]) -> tuple[UnmanagedResource, ...] | None:
    if "unmanaged" not in own:
        return None
    return tuple(
        UnmanagedResource(str(u["type"]), _scope(u), str(u["key"]), str(u["detail"])) for u in own["unmanaged"]
    )


def _api_calls(plan: Plan, rate: float | None) -> dict[str, Any]:
    scopes: list[dict[str, Any]] = []
    for scope, calls in plan.calls.items():
        ses_calls = sum(n for operation, n in calls.items() if paced(operation))
        scopes.append(
            {
                "account": scope.account,
                "region": scope.region,
                "calls": dict(sorted(calls.items())),
                "ses_calls": ses_calls,
                "least_seconds": least_seconds(ses_calls, rate),
            }
        )
    return {
        "total": sum(sum(c.values()) for c in plan.calls.values()),
        "least_seconds": max((s["least_seconds"] for s in scopes), default=0),
        "scopes": scopes,
    }


def _plan(own: Mapping[str, Any]) -> Plan:
    changes = tuple(_change(step, position) for position, step in enumerate(own["steps"]))
    unchanged = tuple(Unchanged(Address.parse(u["address"]), _in(u["properties"])) for u in own["unchanged"])
    access = {
        name: Access(a["account"], a["profile"], a["role_arn"], "" if a["external_id"] else None)
        for name, a in own["access"].items()
    }
    diagnostics = tuple(Problem(**d) for d in own["diagnostics"])
    routes = tuple(_route_change(r) for r in own["routes"])
    unheard = tuple(map(_subject_in, own["unheard"]))
    emptied, new = (tuple((_scope(e), _text(e["identity"])) for e in own[name]) for name in ("emptied", "new_entries"))
    return Plan(
        changes,
        unchanged,
        diagnostics,
        routes,
        emptied,
        new,
        access,
        str(own.get("since", "")),
        _unmanaged_in(own),
        unheard,
        _options(own["options"]),
        handover.loaded(own["handover"]),
        Part.loaded(own["shard"]) if "shard" in own else None,
        blame.loaded(own["blame"]) if "blame" in own else None,
    )


def _options(saved: Mapping[str, Any]) -> PlanOptions:
    """Raise TypeError or ValueError for options that no plan has."""
    only = tuple(map(_text, saved["only"]))
    rest = {name: value for name, value in saved.items() if name != "only"}
    if not all(type(value) is bool for value in rest.values()):
        raise ValueError("an option that is neither on nor off")
    return PlanOptions(only, **rest)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a value that is not a text")
    return value


def _route_change(saved: Mapping[str, Any]) -> RouteChange:
    subject = _subject_in(saved)
    received = Received(saved["received"]["before"]), Received(saved["received"]["after"])
    return RouteChange(subject, tuple(map(_text, saved["before"])), tuple(map(_text, saved["after"])), *received)


def _change(step: Mapping[str, Any], position: int) -> Change:
    address = Address.parse(step["address"])
    before, after = _in(step["before"]), _in(step["after"])
    depends_on = tuple(step["depends_on"])
    _check_step(step, address, before, after)
    if not all(type(d) is int and 0 <= d < position for d in depends_on):
        raise ValueError("a step that depends on a later step")
    return Change(
        address,
        _scope({"account": step["account"], "region": address.region}),
        step["action"],
        before,
        after,
        str(step["reason"]),
        int(step["phase"]),
        RESOURCES[address.type].calls(before, after),
        depends_on,
    )


def _check_step(step: Mapping[str, Any], address: Address, before: Any, after: Any) -> None:
    """Raise ValueError or TypeError for a step that no planner makes."""
    shape = {"create": (False, True), "update": (True, True), "delete": (True, False)}
    if (before is not None, after is not None) != shape[step["action"]] or type(step["phase"]) is not int:
        raise ValueError("an action that does not match its states")
    for state in (before, after):
        if state is not None and not (isinstance(state, dict) and set(RESOURCES[address.type].key) <= set(state)):
            raise ValueError("a state without its key")


def plain(value: Any) -> Any:
    """Return a value in the form of the file. Only UNKNOWN needs a form of its own."""
    if value is UNKNOWN:
        return dict(_UNKNOWN)
    if isinstance(value, Mapping):
        return {key: plain(v) for key, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, list | tuple) else value


def _in(value: Any) -> Any:
    if value == _UNKNOWN:
        return UNKNOWN
    if isinstance(value, dict):
        return {key: _in(v) for key, v in value.items()}
    return [_in(v) for v in value] if isinstance(value, list) else value
