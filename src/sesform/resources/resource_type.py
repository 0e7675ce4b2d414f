"""The base of resource types, the IAM permissions that they need, and the fourteen phases of a plan."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from sesform.model import arns
from sesform.model.address import Address, Scope
from sesform.model.values import UNKNOWN, Properties, Value
from sesform.policies.document import Publisher
from sesform.resources import capabilities as to
from sesform.resources.capabilities import Capability
from sesform.resources.live_record import Records
from sesform.resources.traces import Trace
from sesform.specs.declared import Declared
from sesform.specs.removed import Parent

if TYPE_CHECKING:
    from sesform.aws import Connection
    from sesform.resources.reader import Reader


class Phase(IntEnum):
    """The phase of a step: first phases that create, then phases that remove, each in the order of their dependencies."""

    FORWARDING_ON = 1
    TOPICS = 2
    CONFIGURATION_SETS = 3
    NOTIFICATION_TOPICS = 4
    EVENT_DESTINATIONS = 5
    HEADERS_ON = 6
    DEFAULT_CONFIGURATION_SETS = 7
    FORWARDING_OFF = 8
    SENDING_POLICIES = 9
    SENDING_POLICIES_WITHDRAWN = 10
    HEADERS_OFF = 11
    NOTIFICATION_TOPICS_NULL = 12
    CONFIGURATION_SETS_REMOVED = 13
    TOPICS_REMOVED = 14

    @property
    def removes(self) -> bool:
        return self >= Phase.SENDING_POLICIES_WITHDRAWN


class Step(NamedTuple):
    """A change that has no place in the plan yet."""

    scope: Scope
    before: Properties | None
    after: Properties | None
    phase: Phase


class Replacement(NamedTuple):
    """How a resource is replaced: deleted and created in `phase`.

    `temporary`: created beside it before, and deleted in the phase `cleanup`; None for no temporary replacement.
    """

    temporary: Properties | None
    phase: Phase
    cleanup: Phase


class Refusal(NamedTuple):
    """Why AWS would refuse a step, whatever else exists, and what to do."""

    text: str
    hint: str


class Permission(NamedTuple):
    """One action on one resource, in IAM's terms.

    `resource` is an ARN, or "*" for actions without a resource. `when`: a condition as operator, key and values, or ().
    Source of the resources of actions: AWS service authorization reference, "Amazon SES", "Amazon SES v2", "Amazon SNS".
    """

    action: str
    resource: str = "*"
    when: tuple[str, ...] = ()


def passing(role: str, service: str) -> Permission:
    """Return the permission to pass a role to the service that uses it."""
    return Permission("iam:PassRole", role, ("StringEquals", "iam:PassedToService", service))


def on(resource: str, *actions: str) -> tuple[Permission, ...]:
    """Return the permissions for each action on a resource."""
    return tuple(Permission(action, resource) for action in actions)


def as_text(value: Value) -> str:
    """Return a value as JSON with sorted keys, equal for equal values."""
    return json.dumps(value, sort_keys=True, default=lambda unknown: "(known after apply)")


class ResourceType(ABC):
    """One type of resource: how it is read, compared, ordered and written, and which calls that needs.

    A type has no state. Properties are plain data (see `values`); `before` is the live state, `after` the planned one. A step
    waits for the steps that provide what it requires. A step that removes something waits for all steps that require it before
    the plan and not after it.
    """

    name: ClassVar[str]
    key: ClassVar[tuple[str, ...]]  # the properties that identify it in AWS
    service: ClassVar[str] = "ses"  # the service that it is read from: ses (v1 and v2), sns or tagging
    eventually_consistent: ClassVar[bool] = False  # whether a read may show the old state for some time after a write
    listed_by: ClassVar[str | None] = None  # the type that lists these: resources that the list lacks are deleted
    max_per_identity: ClassVar[int | None] = None  # a quota: deletions come first where creations would exceed it
    removed_alone: ClassVar[bool] = True  # False: it is removed only with its parent
    reset_with_identity: ClassVar[bool] = False  # it is reset when no spec names its identity any more, and only then
    forced_with_identity: ClassVar[bool] = False  # it is then reset even if no spec declared it
    terraform_type: ClassVar[str]  # the AWS provider's resource type
    terraform_part_of: ClassVar[str | None] = None  # the type that it shares one Terraform resource with
    unrecorded: ClassVar[str] = (
        ""  # what changes it without a call that CloudTrail records, "" for nothing that is known
    )
    part_of: ClassVar[tuple[str, ...]] = ()  # the types of its parents: it is also read for those

    @abstractmethod
    def read(self, reading: Reader, wanted: Sequence[Declared]) -> Iterable[tuple[Address, Properties]]:
        """Return the live state of the wanted resources, without those that do not exist. Raises AwsError."""

    def ahead(self, reading: Reader, wanted: Sequence[Declared]) -> Iterator[None]:
        """Make the calls to SES that `read` needs, and yield before each, so that it is made in a turn of its own."""
        return iter(())

    def planned_value(self, desired: Properties | None, prior: Properties | None) -> Properties | None:
        """Return the planned properties: the declared ones over the live ones, because undeclared properties are not managed."""
        if desired is None or prior is None:
            return desired
        planned = {**prior, **desired}
        return prior if planned == prior else planned  # one object for equal states: most are equal

    def expanded(self, before: Properties, after: Properties) -> Properties:
        """Return the state that includes both `before` and `after`.

        If it equals neither, an update takes two steps: first to this state, then, when no step requires the old state any
        more, to `after`.
        """
        return after

    def same(self, one: Properties, other: Properties) -> bool:
        """Return whether two states mean the same to AWS."""
        return one == other

    def reflected(self, found: Properties, after: Properties) -> bool:
        """Return whether the live state shows a change; values that AWS chooses are not compared."""
        known = {name: value for name, value in after.items() if value is not UNKNOWN}
        return self.same({name: found.get(name) for name in known}, known)

    def requires_replace(self, before: Properties, after: Properties) -> str | None:
        """Return why an update in place is not possible, None if it is possible."""
        return None

    def remark(self, before: Properties | None, after: Properties | None) -> str:
        """Return a remark for people on such a step, "" for none."""
        return ""

    def refusals(self, address: Address, before: Properties | None, after: Properties | None) -> list[Refusal]:
        """Return why AWS would refuse such a step."""
        return []

    @abstractmethod
    def phase(self, before: Properties | None, after: Properties | None) -> Phase:
        """Return the phase of such a step."""

    def provides(self, scope: Scope, properties: Properties) -> frozenset[Capability]:
        """Return what a resource with these properties provides to others. Steps that require it come after its creation."""
        return frozenset()

    def requires(self, scope: Scope, properties: Properties) -> frozenset[Capability]:
        """Return what must be provided before a resource gets these properties, and for as long as it has them."""
        return frozenset()

    def extends(self, scope: Scope, properties: Properties) -> tuple[Capability, Capability] | None:
        """Return (one, other) if every step that provides the one provides the other too while this resource exists."""
        return None

    def publishes(self, scope: Scope, properties: Properties) -> tuple[str, list[Publisher]] | None:
        """Return the topic that SES publishes to because of this resource, and as which publishers; None for no topic."""
        return None

    def allows_more(self, one: Properties, other: Properties | None) -> frozenset[tuple[str, str]]:
        """Return the publishers, as topic and ARN, that sesform's statements allow with the state `one` and not with `other`."""
        return frozenset()

    def foreign_identity(self, properties: Properties) -> str:
        """Return the ARN of the identity of another account that has a legacy entry because of this resource, "" for none."""
        return ""

    def default_set(self, properties: Properties) -> str:
        """Return the configuration set that this resource makes the default of its identity, "" for none."""
        return ""

    def with_publishers(self, desired: Properties, extra: Mapping[str, list[list[str]]]) -> Properties:
        """Return the desired properties with more publishers, by topic ARN; only a topic's policy has any."""
        return desired

    def completes(self, step: Step) -> frozenset[Capability]:
        """Return what steps that come after this one wait for; see `after`."""
        identity = (step.before or step.after or {}).get("identity")
        return frozenset() if identity is None else frozenset({to.setting(arns.identity(step.scope, identity))})

    def after(self, step: Step) -> frozenset[Capability]:
        """Return what must be complete before this step, beyond what it requires."""
        return frozenset()

    def identity(self, key: Mapping[str, str]) -> str:
        """Return the identity that a resource with this key is a setting of, "" for none."""
        return key.get("identity", "")

    def is_temporary(self, properties: Properties) -> bool:
        """Return whether it is a temporary replacement that an interrupted run left."""
        return False

    def replacement(self, before: Properties, after: Properties, taken: Container[str]) -> Replacement:
        """Return how `before` is replaced if it cannot be updated. `taken`: the keys in use among resources of this type."""
        raise AssertionError(f"a {self.name} is never replaced")

    # --- drawing ----------------------------------------------------------------------------------------------------------

    def abridged(self, properties: Properties) -> tuple[Properties, str]:
        """Return the properties without parts that all resources have, and a remark on what is hidden, "" for nothing."""
        return properties, ""

    def gist(self, properties: Properties) -> tuple[str, str]:
        """Return what such a resource is, without its identity, set or topic, and its state, "" for none; both in a few words."""
        rest = [str(properties[name]) for name in self.key[1:]]
        state = {name: v for name, v in properties.items() if name not in self.key and v is not None}
        shown = ", ".join(f"{name} = {v if isinstance(v, str) else as_text(v)}" for name, v in state.items())
        return " ".join([self.name.replace("_", " "), *rest]), shown

    def likeness(self, properties: Properties) -> str:
        """Return a text that is equal for resources that differ only in their identity, set or topic."""
        return as_text({name: v for name, v in properties.items() if name != self.key[0]})

    def overwritten_text(self, before: Properties) -> str:
        """Return the text that a change of the resource destroys for good, because AWS keeps no earlier version; "" for none."""
        return ""

    # --- CloudTrail -------------------------------------------------------------------------------------------------------

    @abstractmethod
    def traces(self, scope: Scope, before: Properties | None, after: Properties | None) -> tuple[Trace, ...]:
        """Return how the calls that can have led to a drift appear in CloudTrail.

        `before`: what was found, `after`: what is declared. Each call is one lookup for the account and region, so a call that a
        later one must have followed is left out.
        """

    # --- removal: see `specs.removed` -------------------------------------------------------------------------------------

    def removed_with(self, key: Mapping[str, str]) -> Parent | None:
        """Return the parent whose removal also removes this resource, None for no parent."""
        return None

    def absent(self, key: Mapping[str, str]) -> Properties | None:
        """Return the state of a removed resource: None if it does not exist then, or the state that it is reset to."""
        return None

    def for_accounts(self, desired: Properties, accounts: list[str]) -> Properties:
        """Return the desired properties of a resource that the specs of all these accounts determine."""
        return desired

    # --- Terraform --------------------------------------------------------------------------------------------------------

    @abstractmethod
    def terraform_attributes(self, parts: Mapping[str, Properties]) -> dict[str, Any]:
        """Return the attributes of the Terraform resource.

        `parts`: by type, the properties of all resources that are one in Terraform. A type that is a part of another one returns
        what it adds, and is asked even where there is no such resource.
        """

    # --- import -----------------------------------------------------------------------------------------------------------

    @abstractmethod
    def record(self, records: Records, scope: Scope, properties: Properties) -> None:
        """Add a live resource to the records that specs are written from."""

    @abstractmethod
    def calls(self, before: Properties | None, after: Properties | None) -> tuple[str, ...]:
        """Return the API calls of a step, in IAM's terms. Plans count them."""

    @abstractmethod
    def reads(self, of: Declared) -> tuple[Permission, ...]:
        """Return the permissions for `read`."""

    @abstractmethod
    def writes(self, of: Declared) -> tuple[Permission, ...]:
        """Return the permissions that the declared state may need: those of `create`, `update` and `delete`."""

    @abstractmethod
    def create(self, connection: Connection, after: Properties) -> None:
        """Create it.

        A resource that already exists is no error: an earlier run may have stopped after the call. Raises AwsError.
        """

    @abstractmethod
    def update(self, connection: Connection, before: Properties, after: Properties) -> None:
        """Update it in place. Raises AwsError."""

    @abstractmethod
    def delete(self, connection: Connection, before: Properties) -> None:
        """Delete it. A resource that does not exist is no error. Raises AwsError."""


# A resource in the terms of routes: type, scope, properties.
Resource = tuple[str, Scope, Properties]
