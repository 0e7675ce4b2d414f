"""Imported specs are valid, and a plan on them is empty, for any resources of two accounts."""

from __future__ import annotations

import json
from collections import defaultdict
from functools import cache
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sesform import aws
from sesform.engine import differences
from sesform.importer import account as account_reader
from sesform.importer import spec_writer
from sesform.importer.spec_writer import Account
from sesform.model.address import Access, Scope
from sesform.policies import document as policy_document
from sesform.policies import topic_statements
from sesform.policies.document import Publisher
from sesform.specs import yaml_writer
from sesform.specs.compiler import grant, policy_name, publishers_of
from sesform.specs.schema import Authorization
from world import DELEGATE, OWNER, World

PARTNER = "333333333333"
REGIONS = ("eu-west-1", "us-east-1")
SCOPES = [Scope(account, region) for account in (OWNER, DELEGATE) for region in REGIONS]
NAMES = {OWNER: "corp", DELEGATE: "mailer"}
IDENTITIES = ("example.com", "News.Example.com", "Post@Example.com", "post@example.com")
TYPES = ("Bounce", "Complaint", "Delivery")
TOPICS = ("feedback", "unmanaged", "1e3")  # unmanaged is a reserved word; YAML reads 1e3 as a number
SETS = ("main", "unmanaged", "012")
PARTNERS = ("partner.example", "Sales@partner.example")


def topic_arn(scope: Scope, name: str) -> str:
    return f"arn:aws:sns:{scope.region}:{scope.account}:{name}"


def identity_arn(scope: Scope, name: str) -> str:
    return f"arn:aws:ses:{scope.region}:{scope.account}:identity/{name}"


# --- resources of accounts, as data ------------------------------------------------------------------------------------

owners_topics = st.sampled_from([(account, name) for account in NAMES for name in TOPICS])
types = st.sets(st.sampled_from(TYPES))
topics_of_types = st.fixed_dictionaries({}, optional=dict.fromkeys(TYPES, owners_topics))
documents = st.sampled_from(["default", "default", "terraform", "deny", "ours", "ours", "stale", "partner", "by hand"])
subscriptions = st.lists(
    st.sampled_from(
        ["sqs", "email", "confirmed", "raw", "filtered", "delivery policy", "password", "dead letters", "far"]
    ),
    max_size=3,
    unique=True,
)
topic = st.fixed_dictionaries(
    {"document": documents, "subscriptions": subscriptions, "gone": st.sampled_from([False] * 5 + [True])},
    optional={"DisplayName": st.sampled_from(["SES", "#1: on"]), "KmsMasterKeyId": st.just("alias/k")},
)
identity = st.fixed_dictionaries(
    {
        "topics": topics_of_types,
        "headers": types,
        "cleared": st.sampled_from([frozenset(), frozenset(), frozenset({"Bounce"}), frozenset(TYPES)]),
        "forwarding": st.booleans(),
        "default": st.sampled_from(["", "", *SETS]),
        "policies": st.sets(st.sampled_from(["spec", "account", "role", "odd", "ours but other"]), max_size=3),
    }
)
destination = st.tuples(
    st.sampled_from(["sns", "firehose", "far firehose", "cloudwatch", "eventbridge", "pinpoint"]),
    st.sampled_from([["BOUNCE"], ["SEND", "BOUNCE"], "all"]),
    st.booleans(),
    owners_topics,
)
configuration_set = st.tuples(
    st.dictionaries(st.sampled_from(["on", "x", "0x1"]), destination, min_size=1, max_size=3),
    st.sampled_from([False] * 5 + [True]),
    st.sampled_from([None, None, [], ["BOUNCE"], ["BOUNCE", "COMPLAINT"]]),
)
scope_states = st.fixed_dictionaries(
    {
        "topics": st.fixed_dictionaries(dict.fromkeys(TOPICS, topic)),
        "fifo": st.booleans(),
        "identities": st.dictionaries(st.sampled_from(IDENTITIES), identity, min_size=1, max_size=3),
        "sets": st.dictionaries(st.sampled_from(SETS), configuration_set, min_size=1, max_size=2),
        "foreign": st.dictionaries(st.sampled_from(PARTNERS), st.tuples(topics_of_types, types), max_size=2),
    }
)


@st.composite
def states(draw: st.DrawFn) -> dict[Scope, Any]:
    """Draw two accounts in two regions; sometimes both regions have equal resources."""
    found = {scope: draw(scope_states) for scope in SCOPES if scope.region == REGIONS[0]}
    second = draw(st.sampled_from(["empty", "empty", "the same", "another"]))
    for account in NAMES if second != "empty" else ():
        first = found[Scope(account, REGIONS[0])]
        found[Scope(account, REGIONS[1])] = first if second == "the same" else draw(scope_states)
    return found


# --- created with AWS calls --------------------------------------------------------------------------------------------


@cache
def _client(world: World, service: str, scope: Scope) -> Any:
    return world.client(service, scope.account, scope.region)


@cache
def _connections(world: World) -> aws.Connections:
    places = [(s.account, s.region) for s in SCOPES]
    opened = aws.Settings(rate=None, open_session=lambda _, account: world.sandbox.botocore_session(account))
    return aws.connect(places, {account: Access(account) for account in NAMES}, opened)


class Maker:
    """Creates resources with AWS calls, as other tools do."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.publishers: dict[str, set[Publisher]] = {}

    def client(self, service: str, scope: Scope) -> Any:
        return _client(self.world, service, scope)

    def make(self, state: dict[Scope, Any]) -> None:
        for region in REGIONS:
            self.world.identity(*PARTNERS, account=PARTNER, region=region)
        for scope, held in state.items():
            self.world.identity(*held["identities"], account=scope.account, region=scope.region)
            for name in held["topics"]:
                self._open_topic(scope, name)
            if held["fifo"]:
                self.client("sns", scope).create_topic(Name="ses.fifo", Attributes={"FifoTopic": "true"})
                self._put_policy(scope, "ses.fifo", {"Statement": [self._statement(topic_arn(scope, "ses.fifo"))]})
        for scope, held in state.items():
            for name, (destinations, _, reasons) in held["sets"].items():
                self._set(scope, name, destinations, reasons)
            for name, settings_ in held["identities"].items():
                self._identity(scope, name, settings_, held["sets"])
            for name, (topics, headers) in held["foreign"].items():
                self._notifications(scope, identity_arn(Scope(PARTNER, scope.region), name), topics, headers)
        for scope, held in state.items():
            for name, topic_ in held["topics"].items():
                self._finish_topic(scope, name, topic_)
            for name, (_, gone, _) in held["sets"].items():
                if gone:
                    self.client("sesv2", scope).delete_configuration_set(ConfigurationSetName=name)

    def _statement(self, arn: str) -> dict[str, Any]:
        who = {"Service": "ses.amazonaws.com"}
        return {"Sid": "tf", "Effect": "Allow", "Principal": who, "Action": "SNS:Publish", "Resource": arn}

    def _put_policy(self, scope: Scope, name: str, document: Any) -> None:
        self.client("sns", scope).set_topic_attributes(
            TopicArn=topic_arn(scope, name), AttributeName="Policy", AttributeValue=json.dumps(document)
        )

    def _open_topic(self, scope: Scope, name: str) -> None:
        self.client("sns", scope).create_topic(Name=name)
        self._put_policy(scope, name, {"Statement": [self._statement(topic_arn(scope, name))]})

    def _finish_topic(self, scope: Scope, name: str, held: dict[str, Any]) -> None:
        sns, arn = self.client("sns", scope), topic_arn(scope, name)
        for attribute in ("DisplayName", "KmsMasterKeyId"):
            if attribute in held:
                sns.set_topic_attributes(TopicArn=arn, AttributeName=attribute, AttributeValue=held[attribute])
        for kind in held["subscriptions"]:
            self._subscribe(sns, scope, arn, kind)
        default = policy_document.default_topic_policy(arn)
        deny = {**self._statement(arn), "Sid": "no", "Effect": "Deny"}
        sources = self.publishers.get(arn, set())
        partner = identity_arn(Scope(PARTNER, scope.region), "partner.example")
        named = Publisher(PARTNER, partner, scope.account)
        (by_hand,) = topic_statements.with_publishers({}, arn, [named])["Statement"]
        by_hand |= {"Sid": "ByHand"}
        document = {
            "default": default,
            "terraform": {"Version": "2012-10-17", "Statement": [self._statement(arn)]},
            "deny": {**default, "Statement": [*default["Statement"], deny]},
            "ours": topic_statements.with_publishers(default, arn, sources),
            "stale": topic_statements.with_publishers(default, arn, {*sources, *publishers_of(scope, "gone.example")}),
            "partner": topic_statements.with_publishers(default, arn, {*sources, named}),
            "by hand": {**default, "Statement": [*default["Statement"], by_hand]},
        }[held["document"]]
        self._put_policy(scope, name, document)
        if held["gone"]:
            sns.delete_topic(TopicArn=arn)

    def _subscribe(self, sns: Any, scope: Scope, arn: str, kind: str) -> None:
        queue = f"arn:aws:sqs:{scope.region}:{scope.account}:"
        protocol, endpoint, attributes = {
            "sqs": ("sqs", f"{queue}q", {}),
            "far": ("sqs", f"arn:aws:sqs:{scope.region}:{PARTNER}:q", {}),
            "email": ("email", "Ops@example.com", {}),
            "confirmed": ("https", "https://x.example/a?b={c}", {}),
            "raw": ("sqs", f"{queue}raw", {"RawMessageDelivery": "true"}),
            "filtered": (
                "sqs",
                f"{queue}f",
                {"FilterPolicy": '{"a": [{"numeric": ["<", 1.5]}, null, true]}', "FilterPolicyScope": "MessageBody"},
            ),
            "delivery policy": ("https", "https://y.example", {"DeliveryPolicy": '{"throttlePolicy": {}}'}),
            "password": ("https", "https://user:s3cr3t@z.example/", {}),
            "dead letters": ("sqs", f"{queue}d", {"RedrivePolicy": json.dumps({"deadLetterTargetArn": f"{queue}x"})}),
        }[kind]
        sns.subscribe(TopicArn=arn, Protocol=protocol, Endpoint=endpoint, Attributes=attributes)
        if kind in ("confirmed", "delivery policy"):
            self.world.sandbox.confirm(arn, endpoint)

    def _notifications(self, scope: Scope, identity_: str, topics: dict[str, Any], headers: set[str]) -> None:
        ses = self.client("ses", scope)
        for type_, (account, name) in topics.items():
            arn = topic_arn(Scope(account, scope.region), name)
            if identity_.startswith("arn:"):
                self.world.legacy_entry(identity_, scope.account, **dict.fromkeys(topics, arn))
            ses.set_identity_notification_topic(Identity=identity_, NotificationType=type_, SnsTopic=arn)
            self.publishers.setdefault(arn, set()).update(
                publishers_of(scope, identity_.lower() if "@" not in identity_ else identity_)
            )
            if type_ in headers:
                ses.set_identity_headers_in_notifications_enabled(
                    Identity=identity_, NotificationType=type_, Enabled=True
                )

    def _identity(self, scope: Scope, name: str, held: dict[str, Any], sets: dict[str, Any]) -> None:
        ses, sesv2 = self.client("ses", scope), self.client("sesv2", scope)
        self._notifications(scope, name, held["topics"], held["headers"])
        for type_ in sorted(held["cleared"]):
            ses.set_identity_notification_topic(Identity=name, NotificationType=type_)
        sesv2.put_email_identity_feedback_attributes(EmailIdentity=name, EmailForwardingEnabled=held["forwarding"])
        if held["default"] in sets:
            sesv2.put_email_identity_configuration_set_attributes(
                EmailIdentity=name, ConfigurationSetName=held["default"]
            )
        for kind in sorted(held["policies"]):
            policy_, document = self._sending_policy(identity_arn(scope, name if "@" in name else name.lower()), kind)
            sesv2.create_email_identity_policy(EmailIdentity=name, PolicyName=policy_, Policy=json.dumps(document))

    def _sending_policy(self, arn: str, kind: str) -> tuple[str, Any]:
        root, role = f"arn:aws:iam::{DELEGATE}:root", f"arn:aws:iam::{DELEGATE}:role/sender"
        some = Authorization(actions=["SendRawEmail"], conditions={"StringLike": {"ses:FromAddress": "*@example.com"}})
        statement = {
            "Effect": "Allow",
            "Action": "ses:Send*",
            "Resource": arn,
            "Condition": {"Bool": {"aws:SecureTransport": True}},
        }
        principal: dict[str, Any] = {"Principal": {"AWS": [PARTNER, root]}}
        return {
            "spec": (policy_name("mailer"), grant(arn, root, Authorization())),
            "account": (policy_name(DELEGATE), grant(arn, root, some)),
            "role": (policy_name(role), grant(arn, role, Authorization())),
            "odd": ("odd", {"Version": "2012-10-17", "Id": "i", "Statement": statement | principal}),
            "ours but other": ("sesform-other", {"Statement": [statement | principal]}),
        }[kind]

    def _set(self, scope: Scope, name: str, destinations: dict[str, Any], reasons: list[str] | None) -> None:
        sesv2 = self.client("sesv2", scope)
        options = {} if reasons is None else {"SuppressionOptions": {"SuppressedReasons": reasons}}
        sesv2.create_configuration_set(ConfigurationSetName=name, **options)
        for destination_, (kind, events, enabled, (account, topic_)) in destinations.items():
            arn = topic_arn(Scope(account, scope.region), topic_)
            every = ["BOUNCE", "CLICK", "COMPLAINT", "DELIVERY", "OPEN", "REJECT", "RENDERING_FAILURE", "SEND"]
            every += [] if kind == "pinpoint" else ["DELIVERY_DELAY", "SUBSCRIPTION"]
            sesv2.create_configuration_set_event_destination(
                ConfigurationSetName=name,
                EventDestinationName=destination_,
                EventDestination={
                    "Enabled": enabled,
                    "MatchingEventTypes": every if events == "all" else events,
                    **_target(scope, kind, arn),
                },
            )
            if kind == "sns":
                source = f"arn:aws:ses:{scope.region}:{scope.account}:configuration-set/{name}"
                self.publishers.setdefault(arn, set()).add(Publisher(scope.account, source))


def _target(scope: Scope, kind: str, topic_: str) -> dict[str, Any]:
    def firehose(account: str) -> dict[str, Any]:
        stream = f"arn:aws:firehose:{scope.region}:{account}:deliverystream/s"
        return {"DeliveryStreamArn": stream, "IamRoleArn": f"arn:aws:iam::{scope.account}:role/r"}

    dimension = {"DimensionName": "ses:source-ip", "DimensionValueSource": "MESSAGE_TAG", "DefaultDimensionValue": "1"}
    bus, app = f"arn:aws:events:{scope.region}:{scope.account}:event-bus/default", "apps/1"
    return {
        "sns": {"SnsDestination": {"TopicArn": topic_}},
        "firehose": {"KinesisFirehoseDestination": firehose(scope.account)},
        "far firehose": {"KinesisFirehoseDestination": firehose(PARTNER)},
        "cloudwatch": {"CloudWatchDestination": {"DimensionConfigurations": [dimension]}},
        "eventbridge": {"EventBridgeDestination": {"EventBusArn": bus}},
        "pinpoint": {
            "PinpointDestination": {"ApplicationArn": f"arn:aws:mobiletargeting:{scope.region}:{scope.account}:{app}"}
        },
    }[kind]


# --- imported ----------------------------------------------------------------------------------------------------------

FOREIGN = [identity_arn(Scope(PARTNER, region), name) for region in REGIONS for name in PARTNERS]


def imported(world: World, *, all_topics: bool = False) -> tuple[str, account_reader.AccountResources]:
    account = account_reader.read(_connections(world), FOREIGN, all_topics=all_topics)
    accounts = {account: Account(name) for account, name in NAMES.items()}
    drafts = spec_writer.specs(account.resources, accounts, whole=True, scopes=account.scopes, notes=account.notes)
    return yaml_writer.text((d.data, d.comments) for d in drafts), account


@settings(max_examples=settings().max_examples // 4)
@given(states(), st.booleans())
def test_a_plan_on_imported_specs_is_empty(world: World, state: dict[Scope, Any], all_topics: bool) -> None:
    """A plan on imported specs is empty, for resources from the import and from a refresh; the specs have no passwords."""
    world.sandbox.reset()
    Maker(world).make(state)
    world.writes()
    text, account = imported(world, all_topics=all_topics)

    assert account.unreadable == ()
    assert differences(text, account) == []
    assert "s3cr3t" not in text

    plan = world.plan(text)

    assert plan.changes == ()
    assert plan.errors == ()
    assert world.writes() == {}
    assert text == imported(world, all_topics=all_topics)[0]


def _name(properties: Any) -> Any:
    """Return the key of a resource; a topic and headers of a notification type have one key, as in Terraform."""
    names = ("identity", "notification_type", "topic_arn", "protocol", "endpoint", "configuration_set", "name")
    return tuple(properties.get(n) for n in names if n != "topic_arn" or "identity" not in properties)


@settings(max_examples=settings().max_examples // 4)
@given(states(), st.randoms(use_true_random=False))
def test_a_plan_on_specs_of_a_part_is_empty(world: World, state: dict[Scope, Any], chance: Random) -> None:
    """Specs of a part of the resources leave the other resources unmanaged; only deleted topics and sets are not detected."""
    world.sandbox.reset()
    Maker(world).make(state)
    _, account = imported(world, all_topics=True)
    drawn: dict[Any, bool] = defaultdict(lambda: chance.random() < 0.7)
    known = [(kind, s, p) for kind, s, p in account.resources if drawn[kind.replace("headers", "topic"), s, _name(p)]]
    accounts = {account: Account(name) for account, name in NAMES.items()}
    text = yaml_writer.text((d.data, d.comments) for d in spec_writer.specs(known, accounts, whole=False))

    wrong = differences(text, account)

    assert [each for each in wrong if " does not exist" not in each] == []
