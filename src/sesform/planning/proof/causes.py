"""Why a test message is not sent, or its notification does not come: from what is known of the live resources. Pure."""

from __future__ import annotations

from sesform.live.snapshot import Snapshot
from sesform.model import arns
from sesform.model.address import Address
from sesform.planning.proof.messages import Elsewhere, Expected, Message
from sesform.planning.reception import Reception, live_topics
from sesform.planning.routes import VITAL
from sesform.policies.document import Publisher
from sesform.policies.verdict import Verdict
from sesform.resources import RESOURCES
from sesform.resources.event_destination import kind_of
from sesform.specs.compiler import publishers_of
from sesform.specs.desired import Desired

_APPLY = "Run `sesform plan` and `sesform apply`"


class LiveState:
    """The live resources at one time, and what they mean for test messages."""

    def __init__(self, desired: Desired, snapshot: Snapshot) -> None:
        self._desired, self._snapshot = desired, snapshot
        self._reception = Reception(live_topics(snapshot), snapshot.keys)

    def obstacle(self, message: Message) -> str:
        """Return why a message must not be sent, "" if it can be.

        SES removes a bounce or complaint topic from an identity when it cannot publish to it (SES developer guide, "Configuring
        Amazon SNS notifications"): a test would do what the next real bounce does.
        """
        arn = arns.parse(message.sender.identity_arn)
        if arn is None or message.event not in VITAL:
            return ""
        for scope, name in ((arn.scope, message.sender.identity), (message.sender.scope, message.sender.identity_arn)):
            facts = self._snapshot.identities.get((scope, name))
            topic = facts.topics.get(message.event) if facts else None
            verdict = self._reception.may_publish(topic, publishers_of(scope, name)) if topic else None
            if verdict is not None and verdict.denied:
                return (
                    f"SES cannot publish to topic {topic}: {verdict.reason}. A {message.event} now would make SES remove the topic "
                    f"from {message.sender.identity}. {_APPLY}"
                )
        return ""

    def fault(self, expected: Expected) -> str:
        """Return what is wrong with a route as it is in AWS, "" if nothing is known to be."""
        if expected.address in self._snapshot.unreadable:
            return ""
        wrong = self._settings(expected)
        if wrong:
            return wrong
        verdict = self._reception.may_publish(expected.topic_arn, self._publishers(expected))
        return f"SES cannot publish to the topic: {verdict.reason}. {_APPLY}" if verdict.denied else ""

    def _settings(self, expected: Expected) -> str:
        found, event = self._snapshot.found.get(expected.address), expected.subject.event
        if expected.named:
            return ""
        if found is None and expected.by_identity:
            return self._without_topic(expected)
        if found is None:
            return f"the event destination does not exist. {_APPLY}"
        if not expected.by_identity and not (found["enabled"] and event.upper() in found["events"]):
            return f"the event destination is disabled, or does not publish {event} events. {_APPLY}"
        topic = found["topic_arn"] if expected.by_identity else found.get("sns", {}).get("topic_arn", "no topic")
        return "" if topic == expected.topic_arn else f"SES publishes to {topic}. {_APPLY}"

    def _without_topic(self, expected: Expected) -> str:
        scope, _, name, event = expected.subject
        if arns.parse(name) is None and (scope, name) not in self._snapshot.identities:
            return f"identity {name} does not exist in {scope}; verify it in SES"
        removed = ": SES removes a topic that it cannot publish to" if event in VITAL else ""
        return f"the identity has no {event} topic in SES{removed}. {_APPLY}"

    def _publishers(self, expected: Expected) -> tuple[Publisher, ...]:
        scope, name = expected.subject.scope, expected.subject.name
        if not expected.by_identity:
            return (Publisher(scope.account, arns.configuration_set(scope, _set_of(expected.address))),)
        if expected.named:  # the owner sets the topic, for its own account
            arn = arns.parse(name)
            return (Publisher(arn.account if arn else scope.account, name),)
        return publishers_of(scope, name)

    def reception(self, expected: Expected) -> Verdict:
        """Return whether the topic has a receiver for the event, apart from temporary queues."""
        event = expected.subject.event
        return self._reception.of(
            expected.topic_arn, self._publishers(expected), event, by_identity=expected.by_identity
        )

    def refusal(self, message: Message) -> str:
        """Return why SES may have refused a message."""
        sender = message.sender
        status = self._snapshot.listed.get(sender.scope, {}).get(sender.identity)
        if not sender.foreign and status not in (None, "SUCCESS", "Success"):
            return f"identity {sender.identity} is not verified; verify it"
        if not sender.foreign:
            return "see SES's answer"
        if not sender.policy:
            return (
                f"the owner of {sender.identity} must allow {sender.scope.account} to send with it: ask the owner for a sending "
                "policy, or for a condition that this message meets"
            )
        policy = Address.parse(sender.policy)
        found, declared = self._snapshot.found.get(policy), self._desired.declared[policy]
        if found is None:
            return f"the sending policy {sender.policy} does not exist in SES. {_APPLY}"
        if not RESOURCES["sending_policy"].same(declared.desired or {}, found):
            return f"the sending policy {sender.policy} differs from the specs. {_APPLY}"
        return (
            "the sending policy is as declared: its conditions may not allow this sender's address (pass --from), or it is new: "
            "try again in a few minutes"
        )

    def headers(self, expected: Expected) -> str:
        """Return why a notification has headers and should not, or the other way round."""
        address = Address(expected.address.spec, expected.address.region, "notification_headers", expected.address.key)
        enabled = bool((self._snapshot.found.get(address) or {}).get("enabled"))
        if enabled is not expected.headers:
            return f"SES has header inclusion {'on' if enabled else 'off'}. {_APPLY}"
        return "SES has header inclusion as declared; a change can take some minutes. Try again in a few minutes"

    def shadow(self, message: Message) -> str:
        """Return the sender's address if it is an identity itself, whose settings its mail follows; otherwise ""."""
        arn, address = arns.parse(message.sender.identity_arn), message.sender.address
        listed = self._snapshot.listed.get(arn.scope, {}) if arn else {}
        return address if address in listed and address != message.sender.identity else ""

    def checked(self, route: Elsewhere) -> str:
        """Return what is known of a route that no queue can prove."""
        if route.reason:
            return route.reason
        found = self._snapshot.found.get(route.address)
        if route.way == "mail":
            on = found is not None and found["enabled"]
            return f"e-mail forwarding is {'on' if on else 'off'} in SES; SES mails the sender's address"
        if found is None:
            return "the event destination does not exist in SES"
        as_declared = (
            found["enabled"] and route.subject.event.upper() in found["events"] and kind_of(found) == route.way
        )
        return (
            "SES has the event destination, and it is enabled" if as_declared else "SES has another event destination"
        )


def _set_of(address: Address) -> str:
    return address.key.partition("/")[0]
