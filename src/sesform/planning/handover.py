"""Handover: what another organization, whose specs are not loaded, must set for routes that cross accounts.

Source of the policy statement: AWS developer guide of SES, "Configuring Amazon SNS notifications".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain, count
from typing import TYPE_CHECKING, Any, NamedTuple

from sesform.model import arns
from sesform.model.address import Address, Scope
from sesform.policies import topic_statements
from sesform.policies.document import Publisher
from sesform.resources import RESOURCES
from sesform.specs.declared import canonical_arn
from sesform.specs.desired import Desired
from sesform.specs.schema import Topic

if TYPE_CHECKING:
    from sesform.planning.plan import Change


class TopicRequest(NamedTuple):
    """A topic that a loaded spec uses and whose account no loaded spec covers: its policy must allow these publishers."""

    topic_arn: str
    publishers: tuple[Publisher, ...]

    @property
    def owner(self) -> Scope:
        """The account and region of the topic."""
        return _scope(self.topic_arn)

    @property
    def statements(self) -> list[dict[str, Any]]:
        """The statements that the topic's policy needs."""
        return topic_statements.with_publishers({}, self.topic_arn, self.publishers)["Statement"]  # type: ignore[no-any-return]


class TopicOffer(NamedTuple):
    """A topic that accepts what SES publishes for an identity or configuration set that no loaded spec declares.

    `publisher`: its ARN.
    """

    topic_arn: str
    publisher: str

    @property
    def owner(self) -> Scope:
        """The account and region of the identity or configuration set."""
        return _scope(self.publisher)


@dataclass(frozen=True, slots=True)
class Handover:
    """What other organizations must set, sorted. `requests`: at their topics. `offers`: at their identities and sets."""

    requests: tuple[TopicRequest, ...] = ()
    offers: tuple[TopicOffer, ...] = ()

    @property
    def parties(self) -> dict[Scope, Handover]:
        """The part of each other account and region, in order."""
        requests: dict[Scope, list[TopicRequest]] = defaultdict(list)
        offers: dict[Scope, list[TopicOffer]] = defaultdict(list)
        for request in self.requests:
            requests[request.owner].append(request)
        for offer in self.offers:
            offers[offer.owner].append(offer)
        return {scope: Handover(tuple(requests[scope]), tuple(offers[scope])) for scope in sorted({*requests, *offers})}

    def for_account(self, account: str) -> Handover:
        """Return the part of one account."""
        return Handover(
            tuple(r for r in self.requests if r.owner.account == account),
            tuple(o for o in self.offers if o.owner.account == account),
        )


NO_HANDOVER = Handover()
MAX_NAME = 64  # characters of the name of a configuration set or event destination: SES v2 API reference


def of_specs(desired: Desired) -> Handover:
    """Return everything that other organizations must set for these specs."""
    return Handover(_requests(desired), _offers(desired))


def of_changes(desired: Desired, changes: Iterable[Change]) -> Handover:
    """Return the part that a plan's changes need: topics of others that they use, and publishers that they allow."""
    whole = of_specs(desired)
    if not whole.requests and not whole.offers:
        return whole
    changing: set[Address] = set()
    allowed: set[tuple[str, str]] = set()
    for change in changes:
        if change.after is not None:
            changing.add(change.address)
            allowed |= RESOURCES[change.address.type].allows_more(change.after, change.before)
    used = {target.topic_arn for target in desired.targets if target.user in changing}
    return Handover(
        tuple(request for request in whole.requests if request.topic_arn in used),
        tuple(offer for offer in whole.offers if offer in allowed),
    )


def _requests(desired: Desired) -> tuple[TopicRequest, ...]:
    covered = desired.scopes
    foreign = {arn for arn in {t.topic_arn for t in desired.targets} if _scope(arn) not in covered}
    publishers: dict[str, set[Publisher]] = defaultdict(set)
    for target in desired.targets if foreign else ():
        if target.topic_arn in foreign:
            publishers[target.topic_arn].update(target.publishers)
    return tuple(TopicRequest(arn, tuple(sorted(publishers[arn]))) for arn in sorted(publishers))


def _offers(desired: Desired) -> tuple[TopicOffer, ...]:
    found = set()
    for loaded in desired.specs.values():
        managed = {key: topic for key, topic in loaded.spec.topics.items() if isinstance(topic, Topic)}
        for key, topic in managed.items():
            for text in topic.publishers:
                scope = Scope(loaded.spec.account, _scope(text).region)
                found.add(TopicOffer(arns.topic(scope, topic.name or key), canonical_arn(text)))
    for target in desired.targets if found else ():
        found.difference_update(TopicOffer(target.topic_arn, publisher.arn) for publisher in target.publishers)
    return tuple(sorted(found))


def _scope(arn: str) -> Scope:
    parsed = arns.parse(arn)
    assert parsed is not None  # specs and plan files with other texts are refused
    return parsed.scope


def destination_names(topic_arns: Iterable[str]) -> dict[str, str]:
    """Return a name for the event destination of each topic: the topic's own name, with a number where topics share it."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for arn in dict.fromkeys(topic_arns):
        name = arns.resource(arn)
        endings = chain([""], (f"-{number}" for number in count(2)))
        names = (name[: MAX_NAME - len(ending)] + ending for ending in endings)
        found[arn] = next(each for each in names if each not in taken)
        taken.add(found[arn])
    return found


# --- documents ---------------------------------------------------------------------------------------------------------


def document(of: Handover) -> dict[str, Any]:
    """Return a handover as plain data for JSON."""
    return {
        "requests": [
            {
                "topic_arn": request.topic_arn,
                "publishers": [list(publisher) for publisher in request.publishers],
                "statements": request.statements,
            }
            for request in of.requests
        ],
        "offers": [offer._asdict() for offer in of.offers],
    }


def loaded(saved: Mapping[str, Any]) -> Handover:
    """Return the handover of a document. Raises LookupError, TypeError or ValueError for another form."""
    return Handover(
        tuple(
            TopicRequest(_arn(r["topic_arn"]), tuple(Publisher(*map(_text, p)) for p in r["publishers"]))
            for r in saved["requests"]
        ),
        tuple(TopicOffer(_arn(o["topic_arn"]), _arn(o["publisher"])) for o in saved["offers"]),
    )


def _arn(value: Any) -> str:
    if arns.parse(_text(value)) is None:
        raise ValueError("a text that is not an ARN")
    return str(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a value that is not a text")
    return value
