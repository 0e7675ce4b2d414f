"""How a change of a resource appears in CloudTrail: the calls that can have made it, and their parameters.

Both APIs of SES have the event source `ses.amazonaws.com` and the names of their operations, several of which they share. Names
of parameters begin with a small letter. Sources: SES developer guide, "Logging Amazon SES API calls with AWS CloudTrail"; SNS
developer guide, "Logging Amazon SNS API calls using CloudTrail"; CloudTrail user guide, "CloudTrail record contents".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sesform.model import arns
from sesform.model.address import Scope
from sesform.specs.declared import canonical_arn, canonical_identity


class RecordedCall(NamedTuple):
    """A call that succeeded, as CloudTrail recorded it.

    `call`: in IAM's terms, e.g. "ses:SetIdentityNotificationTopic". `time`: RFC 3339, in UTC, to the second. `principal`: an ARN
    where the caller has one. `tool`: the program that called. `source`: the address that the call came from. `parameters`: those of
    the request; they may hold secrets, and are never shown.
    """

    call: str
    time: str
    principal: str
    tool: str
    source: str
    parameters: Mapping[str, Any]


class Parameter(NamedTuple):
    """What a parameter must be: one of the values, or missing if `absent`.

    `paths`: where the APIs have it, e.g. ("configurationSetName", "configurationSet.name"). `identity`: its values are names of
    identities. `begins`: a value is the beginning of the parameter.
    """

    paths: tuple[str, ...]
    values: frozenset[str] = frozenset()
    absent: bool = False
    identity: bool = False
    begins: bool = False

    def fits(self, parameters: Mapping[str, Any]) -> bool:
        """Return whether the parameters of a call are so."""
        found = [self._text(value) for path in self.paths for value in _at(parameters, path.split("."))]
        if not found:
            return self.absent
        if self.begins:
            return any(text.startswith(value) for text in found for value in self.values)
        return not self.values.isdisjoint(found)

    def _text(self, value: Any) -> str:
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if not self.identity:
            return text
        return canonical_arn(text) if text.startswith("arn:") else canonical_identity(text)


def _at(value: Any, path: Sequence[str]) -> Iterator[Any]:
    """Yield the values at a path, each entry of a list; an empty list is one empty text. `null` counts as missing."""
    if isinstance(value, list):
        for each in value:
            yield from _at(each, path)
        if not value and not path:
            yield ""
    elif not path:
        yield from () if value is None else (value,)
    elif isinstance(value, Mapping) and path[0] in value:
        yield from _at(value[path[0]], path[1:])


class Trace(NamedTuple):
    """A call that can have changed a resource.

    `touches`: what its parameters are if it touched this resource. `leaves`: what they are if it left the resource as it was found;
    after any other such call, something has changed the resource again. `remark`: what the record does not tell, "" for nothing.
    """

    call: str
    touches: tuple[Parameter, ...]
    leaves: tuple[Parameter, ...] = ()
    remark: str = ""

    @property
    def operation(self) -> str:
        """The name of the call without its service, as CloudTrail looks it up."""
        return self.call.partition(":")[2]

    def touched_by(self, made: RecordedCall) -> bool:
        return made.call == self.call and all(p.fits(made.parameters) for p in self.touches)

    def explains(self, made: RecordedCall) -> bool:
        """Return whether a call that touched the resource left it as it was found."""
        return all(p.fits(made.parameters) for p in self.leaves)


def is_(path: str, *values: str) -> Parameter:
    """Return a parameter with one of these values."""
    return Parameter((path,), frozenset(values))


def left_at(path: str, value: str | None) -> Parameter:
    """Return a parameter with this value; None: the parameter is missing."""
    return Parameter((path,), frozenset() if value is None else frozenset({value}), absent=value is None)


def flag(path: str, on: bool, *, default: bool | None = None) -> Parameter:
    """Return a parameter that is true or false. `default`: what a missing one means, None if it is never missing."""
    return Parameter((path,), frozenset({str(on).lower()}), absent=default is on)


def identity(scope: Scope, name: str, path: str) -> Parameter:
    """Return a parameter that names an identity, which calls may name by its ARN, too."""
    names = {canonical_arn(name)} if name.startswith("arn:") else {name, arns.identity(scope, name)}
    return Parameter((path,), frozenset(names), identity=True)


def identity_deleted(scope: Scope, name: str) -> tuple[Trace, ...]:
    """Return the calls that delete an identity with all its settings; none for one of another account."""
    if name.startswith("arn:"):
        return ()
    return (
        Trace("ses:DeleteIdentity", (identity(scope, name, "identity"),)),
        Trace("ses:DeleteEmailIdentity", (identity(scope, name, "emailIdentity"),)),
    )


def set_deleted(name: str) -> Trace:
    return Trace("ses:DeleteConfigurationSet", (is_("configurationSetName", name),))


def set_created(name: str, *leaves: Parameter) -> Trace:
    """Return the calls of both APIs that create a configuration set."""
    named = Parameter(("configurationSetName", "configurationSet.name"), frozenset({name}))
    return Trace("ses:CreateConfigurationSet", (named,), leaves)


def topic_deleted(arn: str) -> Trace:
    return Trace("sns:DeleteTopic", (is_("topicArn", arn),))


def topic_created(arn: str) -> Trace:
    return Trace("sns:CreateTopic", (is_("name", arn.rpartition(":")[2]),))
