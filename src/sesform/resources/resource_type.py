"""What a resource type is, what IAM must let it do, and the fourteen phases of a plan."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Container, Iterable, Mapping, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from sesform.model import arns
from sesform.model.address import Address, Scope
from sesform.model.values import UNKNOWN, Properties
from sesform.policies.document import Publisher
from sesform.resources import capabilities as to
from sesform.resources.capabilities import Capability
from sesform.resources.live_record import Records
from sesform.specs.declared import Declared
from sesform.specs.removed import Parent

if TYPE_CHECKING:
    from sesform.aws import Connection
    from sesform.resources.reader import Reader


class Phase(IntEnum):
    """When a step comes: making first, then removing, each in the order in which things lean on each other."""

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
    """A change before it has its place in the plan."""

    scope: Scope
    before: Properties | None
    after: Properties | None
    phase: Phase


class Replacement(NamedTuple):
    """How a resource is replaced: deleted and created in `phase`.

    `temporary`: what is created beside it before, and deleted in the phase `cleanup`; None for nothing.
    """

    temporary: Properties | None
    phase: Phase
    cleanup: Phase


class Permission(NamedTuple):
    """One action on one resource, as IAM has them.

    `resource` is an ARN, or "*" for actions that take none. `when` is what must hold besides: operator, key and values, or ().
    Source of which action takes what: AWS service authorization reference, "Amazon SES", "Amazon SES v2", "Amazon SNS".
    """

    action: str
    resource: str = "*"
    when: tuple[str, ...] = ()


def passing(role: str, service: str) -> Permission:
    """Handing a role to the service that is to take it."""
    return Permission("iam:PassRole", role, ("StringEquals", "iam:PassedToService", service))


def on(resource: str, *actions: str) -> tuple[Permission, ...]:
    """Each action on that resource."""
    return tuple(Permission(action, resource) for action in actions)


class ResourceType(ABC):
    """One type of resource: how it is found, compared, tied to others, written, and what that costs.

    A type keeps no state. Properties are plain data (see `values`); `before` is what was found, `after` what will be.
    A step waits for the steps that provide what it requires. A step that takes something away waits for all steps that require it
    before the plan and not after it.
    """

    name: ClassVar[str]
    key: ClassVar[tuple[str, ...]]  # the properties that AWS knows it by
    service: ClassVar[str] = "ses"  # who answers its reads: ses (v1 and v2), sns or tagging
    eventually_consistent: ClassVar[bool] = (
        False  # whether AWS promises no time within which a read shows what was written
    )
    listed_by: ClassVar[str | None] = None  # the type that lists all of these: what it does not list is deleted
    max_per_identity: ClassVar[int | None] = None  # a quota: room is made before more are created
    removed_alone: ClassVar[bool] = True  # False: it is removed with its parent only
    reset_with_identity: ClassVar[bool] = (
        False  # it is taken back when no spec names its identity any more, and only then
    )
    forced_with_identity: ClassVar[bool] = False  # it is then reset even where no spec ever declared it
    terraform_type: ClassVar[str]  # the type of the AWS provider's resource
    terraform_part_of: ClassVar[str | None] = None  # the type that it is one resource with in Terraform
    part_of: ClassVar[tuple[str, ...]] = ()  # types that name what it is a part of: it is read for those too

    @abstractmethod
    def read(self, reading: Reader, wanted: Sequence[Declared]) -> Iterable[tuple[Address, Properties]]:
        """What AWS holds of the wanted resources; those that do not exist are left out. Raises AwsError."""

    def planned_value(self, want: Properties | None, have: Properties | None) -> Properties | None:
        """What the resource will be: what is declared over what is there, since properties left out are not managed."""
        return None if want is None else {**(have or {}), **want}

    def expanded(self, before: Properties, after: Properties) -> Properties:
        """The state that carries all that `before` and `after` carry. Where it is neither, an update takes two steps: first this,
        and when nothing leans on the old state any more, `after`."""
        return after

    def same(self, one: Properties, other: Properties) -> bool:
        """Whether two states mean the same to AWS."""
        return one == other

    def reflected(self, found: Properties, after: Properties) -> bool:
        """Whether what was found after a change is what the change was for; values that AWS decided itself aside."""
        known = {name: value for name, value in after.items() if value is not UNKNOWN}
        return self.same({name: found.get(name) for name in known}, known)

    def requires_replace(self, before: Properties, after: Properties) -> str | None:
        """Why an update in place is not possible, or None where it is."""
        return None

    def remark(self, before: Properties | None, after: Properties | None) -> str:
        """What people should know of such a step beyond what it changes, "" for nothing."""
        return ""

    @abstractmethod
    def phase(self, before: Properties | None, after: Properties | None) -> Phase:
        """When such a step comes."""

    def provides(self, scope: Scope, properties: Properties) -> frozenset[Capability]:
        return frozenset()

    def requires(self, scope: Scope, properties: Properties) -> frozenset[Capability]:
        return frozenset()

    def extends(self, scope: Scope, properties: Properties) -> tuple[Capability, Capability] | None:
        """Return (one, other) if every step that provides the one provides the other too while this resource exists."""
        return None

    def publishes(self, scope: Scope, properties: Properties) -> tuple[str, list[Publisher]] | None:
        """Return the topic that SES publishes to because of this resource, and as which publishers; None for no topic."""
        return None

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
        """Return the identity that a resource with this key is a setting of, "" if it is of none."""
        return key.get("identity", "")

    def is_temporary(self, properties: Properties) -> bool:
        """Whether it is a temporary replacement that an interrupted run has left."""
        return False

    def replacement(self, before: Properties, after: Properties, taken: Container[str]) -> Replacement:
        """Return how `before` is replaced where it cannot be updated. `taken`: keys of resources of this type that are in use."""
        raise AssertionError(f"a {self.name} is never replaced")

    # --- drawing ----------------------------------------------------------------------------------------------------------

    def abridged(self, properties: Properties) -> tuple[Properties, str]:
        """Return the properties without what is the same in all resources of the type, and a remark on what is hidden, or ""."""
        return properties, ""

    def overwritten_text(self, before: Properties) -> str:
        """Return a text that a change of the resource destroys for good, because AWS keeps no earlier one; "" for none."""
        return ""

    # --- removal: see `specs.removed` -------------------------------------------------------------------------------------

    def removed_with(self, key: Mapping[str, str]) -> Parent | None:
        """Return the resource that this one is a part of, and whose removal removes it too; None for no such resource."""
        return None

    def absent(self, key: Mapping[str, str]) -> Properties | None:
        """Return what a removed resource is: None for not there, or the state that it is reset to."""
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
        """Put a live resource where the spec writer finds it."""

    @abstractmethod
    def calls(self, before: Properties | None, after: Properties | None) -> tuple[str, ...]:
        """The calls that the step makes, as IAM names them: the price of a plan is counted with these."""

    @abstractmethod
    def reads(self, of: Declared) -> tuple[Permission, ...]:
        """What `read` needs for it."""

    @abstractmethod
    def writes(self, of: Declared) -> tuple[Permission, ...]:
        """What making it as declared may take, whatever AWS holds now: what `create`, `update` and `delete` call."""

    @abstractmethod
    def create(self, connection: Connection, after: Properties) -> None:
        """Raises AwsError. Finding the thing already made is no error: an earlier run may have been cut off after the call."""

    @abstractmethod
    def update(self, connection: Connection, before: Properties, after: Properties) -> None:
        """Raises AwsError."""

    @abstractmethod
    def delete(self, connection: Connection, before: Properties) -> None:
        """Raises AwsError. Finding nothing to delete is no error."""


# A resource, as far as routes go: its type, its scope, its properties.
Resource = tuple[str, Scope, Properties]
