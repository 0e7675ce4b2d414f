"""Notification topics, headers and forwarding, of owned identities and of legacy cross-account entries."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sesform.model import arns
from sesform.model.address import Address, Scope
from sesform.model.values import NOTIFICATION_TYPES
from sesform.policies.document import Publisher
from sesform.specs.compiler._compilation import Compilation
from sesform.specs.compiler._sending import declare_sending
from sesform.specs.compiler._topics import TopicTable, resolve
from sesform.specs.declared import Declared, Origin, Origins, Target, canonical_arn, canonical_identity
from sesform.specs.schema import Delegate, Identity, LoadedSpec, Notifications, NotificationSetting, Owner

Loc = tuple[int | str, ...]


def declare_identities(work: Compilation, table: TopicTable, loaded: LoadedSpec) -> None:
    """Declare the notification settings of an Owner's identities, with its defaults merged under them."""
    spec = loaded.spec
    if not isinstance(spec, Owner):
        return
    _warn_of_case(work, loaded)
    origins, scopes = Origins(loaded.document), [Scope(spec.account, region) for region in spec.regions]
    for name, identity in spec.identities.items():
        for scope in scopes:
            part = _Part(work, table, loaded, scope, canonical_identity(name), origins)
            loc: Loc = ("identities", name)
            if not isinstance(identity, Identity):
                part.remove(loc, "declares the identity absent")
            elif work.destroy:
                own = {t: _merged(spec, name, identity, t)[0] for t in NOTIFICATION_TYPES}
                kept = {t for t, setting in own.items() if setting == "unmanaged"}
                part.remove(loc, "is being destroyed", kept, forwarding=not _keeps_forwarding(spec, identity))
                declare_sending(work, loaded, part.scope, name, identity)
            else:
                _declare_identity(part, spec, name, identity)


def _keeps_forwarding(spec: Owner, identity: Identity) -> bool:
    source = identity if identity.declares("feedback_forwarding") else spec.defaults.identity
    return source.declares("feedback_forwarding") and source.feedback_forwarding == "unmanaged"


def _declare_identity(part: _Part, spec: Owner, name: str, identity: Identity) -> None:
    loc: Loc = ("identities", name)
    settings: dict[str, Any] = {}
    for type_ in NOTIFICATION_TYPES:
        settings[type_], where, says = _merged(spec, name, identity, type_)
        part.notification(type_, settings[type_], where, says)
    declare_sending(part.work, part.loaded, part.scope, name, identity)
    own = identity.declares("feedback_forwarding")
    forwarding = identity.feedback_forwarding if own else spec.defaults.identity.feedback_forwarding
    if forwarding == "unmanaged":
        if _keeps_forwarding(spec, identity):
            part.work.left_alone.add(("feedback_forwarding", part.scope, (part.identity,)))
        return
    where = (*(loc if own else ("defaults", "identity")), "feedback_forwarding")
    dark = [t for t in ("bounce", "complaint") if settings[t] is None]
    without_topics = any(settings[t] in (None, "unmanaged") for t in ("bounce", "complaint"))
    by_default_set = _default_set(spec, identity) not in (None, "unmanaged")
    if forwarding is False and dark and not by_default_set:
        # Without topics a default configuration set can carry bounces and complaints: hashicorp/terraform-provider-aws#26796.
        part.work.wrong(
            part.loaded,
            where,
            f"feedback_forwarding: false needs topics for bounce and complaint, or a default configuration set; "
            f"{name} has no topic for {' and '.join(dark)}",
            "name a topic, declare a default_configuration_set, or set feedback_forwarding to true",
        )
    says = f"declares {str(bool(forwarding)).lower()}"
    part.forwarding(
        bool(forwarding), where, says, without_topics=forwarding is False and without_topics and by_default_set
    )


def _default_set(spec: Owner, identity: Identity) -> str | None:
    source = identity if identity.declares("default_configuration_set") else spec.defaults.identity
    return source.default_configuration_set


def _merged(spec: Owner, name: str, identity: Identity, type_: str) -> tuple[Any, Loc, str]:
    """Return one type's setting, the place that declares it, and the words of the reason."""
    fallback = spec.defaults.identity.notifications
    value = getattr(identity.notifications, type_)
    default = getattr(fallback, type_)
    if identity.notifications.declares(type_):
        if isinstance(value, NotificationSetting) and isinstance(default, NotificationSetting):
            value = default.model_copy(update={f: getattr(value, f) for f in value.model_fields_set})
        loc: Loc = ("identities", name, "notifications", type_)
    elif fallback.declares(type_):
        value, loc = default, ("defaults", "identity", "notifications", type_)
    else:
        return None, ("identities", name), f"names no topic for {type_}"
    return value, loc, "declares null" if value is None else "declares it"


def _warn_of_case(work: Compilation, loaded: LoadedSpec) -> None:
    seen: dict[str, str] = {}
    for name in loaded.spec.identities if isinstance(loaded.spec, Owner) else ():
        twin = seen.setdefault(name.lower(), name)
        if "@" in name and twin != name:
            work.wrong(
                loaded,
                ("identities", name),
                f"differs from {twin!r} in case only",
                "SES treats them as two identities; use one spelling",
                warning=True,
            )


def declare_cross_account(work: Compilation, table: TopicTable, loaded: LoadedSpec) -> None:
    """Declare a Delegate's legacy entries: notification topics of identities of other accounts, in the delegate's own scope."""
    spec = loaded.spec
    if not isinstance(spec, Delegate):
        return
    origins = Origins(loaded.document)
    for text, entry in spec.cross_account_notifications.items():
        loc: Loc = ("cross_account_notifications", text)
        arn = arns.parse(text)
        if arn is None:  # the schema has checked it
            continue
        if arn.account == spec.account:
            work.wrong(
                loaded,
                loc,
                f"the identity belongs to {spec.account}, the spec's own account",
                "declare it under identities of an Owner spec",
            )
            continue
        if arn.region not in spec.regions:
            there = f"the identity is in {arn.region}, and the spec is in {', '.join(spec.regions)}"
            work.wrong(loaded, loc, there, "add the region to the spec's regions")
            continue
        if arn.partition != arns.partition(arn.region):
            right = arns.partition(arn.region)
            work.wrong(
                loaded, loc, f"{arn.region} is in partition {right}, not in {arn.partition}", f"write arn:{right}:…"
            )
            continue
        part = _Part(work, table, loaded, Scope(spec.account, arn.region), canonical_arn(text), origins)
        if not isinstance(entry, Notifications) or work.destroy:
            kept = {
                t for t in NOTIFICATION_TYPES if isinstance(entry, Notifications) and getattr(entry, t) == "unmanaged"
            }
            part.remove(
                loc, "is being destroyed" if work.destroy else "declares the entry absent", kept, forwarding=False
            )
            continue
        for type_ in NOTIFICATION_TYPES:
            own = entry.declares(type_)
            says = (
                ("declares it" if getattr(entry, type_) is not None else "declares null")
                if own
                else f"names no topic for {type_}"
            )
            part.notification(type_, getattr(entry, type_), (*loc, type_) if own else loc, says)


class _Part:
    """One identity in one scope: a name, or the ARN of an identity of another account."""

    def __init__(
        self,
        work: Compilation,
        table: TopicTable,
        loaded: LoadedSpec,
        scope: Scope,
        identity: str,
        origins: Origins,
    ) -> None:
        self.work, self.table, self.loaded, self.scope, self.identity = work, table, loaded, scope, identity
        self._origins = origins

    def notification(self, type_: str, setting: NotificationSetting | str | None, loc: Loc, says: str) -> None:
        """Declare a type's topic and header flag. `setting`: None for no topic; "unmanaged" is read and never written."""
        key, name = {"identity": self.identity, "notification_type": type_}, f"{self.identity}/{type_}"
        if setting == "unmanaged":
            self.work.unmanaged.append(Declared(self._address("notification_topic", name), self.scope, key, None))
            self.work.left_alone.add(("notification_headers", self.scope, tuple(key.values())))
            return
        topic_arn = self._topic(setting, loc) if isinstance(setting, NotificationSetting) else None
        origin = self._origins.at(loc, says)
        desired = {**key, "topic_arn": topic_arn} if topic_arn else None
        address = self._declare("notification_topic", name, key, desired, origin)
        headers = isinstance(setting, NotificationSetting) and setting.headers
        asks = origin if headers or topic_arn is None else self._origins.at(loc, "does not ask for headers")
        self._declare("notification_headers", name, key, {**key, "enabled": True} if headers else None, asks)
        if topic_arn:
            self.work.targets.append(Target(topic_arn, publishers_of(self.scope, self.identity), address, origin))

    def forwarding(self, enabled: bool, loc: Loc, says: str, *, without_topics: bool = False) -> None:
        key = {"identity": self.identity}
        desired = {**key, "enabled": enabled, **({"without_topics": True} if without_topics else {})}
        self._declare("feedback_forwarding", self.identity, key, desired, self._origins.at(loc, says))

    def remove(self, loc: Loc, says: str, kept: set[str] | None = None, *, forwarding: bool = True) -> None:
        """Declare all settings absent and forwarding on, except the types in `kept`, which stay as they are."""
        origin = self._origins.at(loc, says)
        for type_ in NOTIFICATION_TYPES:
            if type_ not in (kept or ()):
                key, name = {"identity": self.identity, "notification_type": type_}, f"{self.identity}/{type_}"
                self._declare("notification_topic", name, key, None, origin)
                self._declare("notification_headers", name, key, None, origin)
        if forwarding:
            self.forwarding(True, loc, says)

    def _topic(self, setting: NotificationSetting, loc: Loc) -> str | None:
        if setting.topic is None:
            self.work.wrong(self.loaded, loc, "topic is missing", "name a topic here or under defaults")
            return None
        return resolve(self.work, self.table, self.loaded, self.scope.region, setting.topic, loc)

    def _address(self, resource_type: str, name: str) -> Address:
        return Address(self.loaded.spec.name, self.scope.region, resource_type, name)

    def _declare(
        self, resource_type: str, name: str, key: dict[str, str], desired: dict[str, Any] | None, origin: Origin
    ) -> Address:
        address = self._address(resource_type, name)
        self.work.declare(Declared(address, self.scope, key, desired, origin))
        return address


@lru_cache(maxsize=16384)  # asked for each identity and type, before and after a plan
def publishers_of(scope: Scope, identity: str) -> tuple[Publisher, ...]:
    """Return the publishers of an identity's notifications.

    For a legacy entry, AWS does not document whether SES presents the owner's account or the delegate's, so both are allowed.
    """
    foreign = arns.parse(identity)
    if foreign is None:
        return (Publisher(scope.account, arns.identity(scope, identity)),)
    return (Publisher(scope.account, identity), Publisher(foreign.account, identity, scope.account))
