"""KMS keys of topics: whether SES can use one, which keys a plan depends on, and what users read about them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from scenes import DELEGATE, OWNER, address, bare, compiled, delegate, holding, in_full, owner, topic_arn
from sesform.live.snapshot import KeyFacts, Snapshot, TopicFacts
from sesform.planning import planner
from sesform.planning.checks import kms_keys
from sesform.policies.verdict import ALLOWED, Verdict, denied, unknown

T = topic_arn("t")
THEIRS = topic_arn("theirs", "333333333333")
HERE = f"arn:aws:kms:eu-west-1:{OWNER}:"
KEY = HERE + "alias/k"
SES = {"Effect": "Allow", "Principal": {"Service": "ses.amazonaws.com"}, "Resource": "*"}
BOTH = ["kms:GenerateDataKey", "kms:Decrypt"]
STATEMENT = (
    '{"Sid": "AllowSESToUseKMSKey", "Effect": "Allow", "Principal": {"Service": "ses.amazonaws.com"}, '
    '"Action": ["kms:GenerateDataKey", "kms:Decrypt"], "Resource": "*"}'
)


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [*statements]})


def key(text: str = policy({**SES, "Action": BOTH}), **others: str) -> KeyFacts:
    return KeyFacts(HERE + "key/1", policy=text, **others)


ON_CONDITION = {**SES, "Action": BOTH, "Condition": {"StringEquals": {"aws:SourceAccount": OWNER}}}
REFUSED = f"the policy of the KMS key {KEY} does not allow ses.amazonaws.com to use "
UNTOLD = unknown("its policy has conditions that only KMS can evaluate")


@pytest.mark.parametrize(
    ("verdict", "facts"),
    [
        (ALLOWED, key()),
        (denied(REFUSED + "kms:GenerateDataKey and kms:Decrypt"), key(policy())),
        (denied(REFUSED + "kms:Decrypt"), key(policy({**SES, "Action": "kms:GenerateDataKey*"}))),
        (denied(REFUSED + "kms:GenerateDataKey"), key(policy({**ON_CONDITION, "Action": "kms:Decrypt"}))),
        (UNTOLD, key(policy(ON_CONDITION))),
        (UNTOLD, key(policy({**SES, "Action": "kms:Decrypt"}, {**ON_CONDITION, "Action": "kms:GenerateDataKey"}))),
        (UNTOLD, key("no policy")),
        (
            denied(REFUSED + "kms:GenerateDataKey and kms:Decrypt"),
            key(policy({**SES, "Action": BOTH, "Resource": HERE + "key/2"})),
        ),
        (ALLOWED, key(policy({**SES, "Action": BOTH, "Resource": HERE + "key/1"}))),
        (unknown("it was not read"), None),
        (unknown("no credentials"), KeyFacts(refusal="no credentials")),
        (denied(f"the KMS key {KEY} does not exist"), KeyFacts()),
        (
            denied(f"AWS manages the KMS key {KEY}, and its policy cannot be changed"),
            key(manager="AWS", state="Disabled"),
        ),
        (denied(f"the KMS key {KEY} is not enabled (state: Disabled)"), key(state="Disabled", spec="RSA_2048")),
        (denied(f"the KMS key {KEY} is not enabled (state: none)"), key(state="")),
        (denied(f"the KMS key {KEY} is not symmetric (spec: RSA_2048)"), key(spec="RSA_2048", refusal="not allowed")),
        (unknown("not allowed"), key("", refusal="not allowed")),
    ],
)
def test_whether_ses_can_use_a_key(verdict: Verdict, facts: KeyFacts | None) -> None:
    """It must exist, be enabled, symmetric and managed by the customer, and its policy must allow both actions."""
    assert verdict == kms_keys.usable(KEY, {} if facts is None else {KEY: facts})


def test_ses_cannot_use_the_key_that_aws_manages() -> None:
    """The key of SNS has a policy that cannot be changed, whatever is known of it; another alias of that name may be allowed."""
    reason = "SES cannot use the KMS key alias/aws/sns, which AWS manages"

    assert denied(reason) == kms_keys.usable(HERE + "alias/aws/sns", {HERE + "alias/aws/sns": key()})
    assert ALLOWED == kms_keys.usable(HERE + "alias/x/alias/aws/sns", {HERE + "alias/x/alias/aws/sns": key()})


# --- which keys ----------------------------------------------------------------------------------------------------------


def used(text: str, snapshot: Snapshot) -> dict[str, str]:
    return kms_keys.in_use(compiled(text), snapshot)


def test_keys_in_use_are_those_that_the_plan_leaves_on_topics() -> None:
    """A declared key counts before the live one, null means no key, and a topic without declared key keeps its own."""
    uses = "identities: {a.com: {notifications: {bounce: t}}}\n"
    live = replace(
        holding(compiled(owner("topics: {t: {kms_key: alias/old}}\n"))), topics={T: TopicFacts("{}", "alias/other")}
    )

    assert {T: KEY} == used(owner(f"topics: {{t: {{kms_key: alias/k}}}}\n{uses}"), live)
    assert {} == used(owner(f"topics: {{t: {{kms_key: null}}}}\n{uses}"), live)
    assert {T: HERE + "alias/old"} == used(owner("topics: {t: {}}\n" + uses), live)
    assert {} == used(owner("topics: {t: {}}\n" + uses), Snapshot(topics={T: None}))


def test_keys_of_topics_that_are_not_managed_are_those_of_aws() -> None:
    """A topic of another account has its key there, and a topic that was not read has none that is known."""
    text = owner(f"identities: {{a.com: {{notifications: {{bounce: '{THEIRS}'}}}}}}\n")
    there = HERE.replace(OWNER, "333333333333")

    assert {THEIRS: there + "alias/k"} == used(text, Snapshot(topics={THEIRS: TopicFacts("{}", "alias/k")}))
    for topics in ({THEIRS: TopicFacts("{}")}, {THEIRS: None}, {}):
        assert {} == used(text, Snapshot(topics=topics))


def test_keys_of_topics_with_declared_key_or_publishers_are_in_use_too() -> None:
    """Specs that are not loaded may publish to such topics; a topic without them, and an absent one, is not checked."""
    partner = "arn:aws:ses:eu-west-1:444444444444:identity/partner.example"
    text = delegate(
        f"topics: {{open: {{publishers: ['{partner}']}}, keyed: {{kms_key: alias/k}}, plain: {{}}, gone: absent}}\n"
    )
    names = ("open", "plain", "gone")
    found = {
        address(f"mailer/eu-west-1/topic/{name}"): {"topic_arn": topic_arn(name, DELEGATE), "kms_key": "alias/live"}
        for name in names
    }
    there = HERE.replace(OWNER, DELEGATE)

    assert {
        topic_arn("keyed", DELEGATE): there + "alias/k",
        topic_arn("open", DELEGATE): there + "alias/live",
    } == used(text, Snapshot(found))


def test_keys_of_topics_that_were_read() -> None:
    """Topics without key, and topics that do not exist, have none."""
    topics = {T: TopicFacts("{}", "alias/k"), THEIRS: TopicFacts("{}"), topic_arn("x"): None}

    assert {KEY} == kms_keys.of_topics(Snapshot(topics=topics))


# --- what users read -----------------------------------------------------------------------------------------------------

USES = "topics:\n  t: {kms_key: alias/k}\nidentities:\n  a.com: {notifications: {bounce: t, complaint: t}}\n"
TOPIC = "corp/eu-west-1/topic/t"
BOUNCE, COMPLAINT = (f"corp/eu-west-1/notification_topic/a.com/{type_}" for type_ in ("bounce", "complaint"))
ALL = (BOUNCE, COMPLAINT, TOPIC)
AT_BOUNCE = f"specs.yaml:8:27: {BOUNCE}: "
AT_COMPLAINT = f"specs.yaml:8:38: {COMPLAINT}: "


def problems(text: str, snapshot: Snapshot, facts: KeyFacts) -> list[tuple[str, str, tuple[str, ...]]]:
    return in_full(planner.plan(compiled(text), replace(snapshot, keys={KEY: facts})))


def applied(without: str = "", text: str = USES) -> Snapshot:
    return holding(compiled(owner(text)), instead={without: None} if without else None)


ADD = f"add to the key's policy: {STATEMENT}"
ENCRYPT = (
    "encrypt the topic with an enabled symmetric key that you manage, "
    "and allow ses.amazonaws.com to use it in the key's policy"
)
CANNOT = f"SES cannot publish to topic {T}: "


@pytest.mark.parametrize(
    ("reason", "hint", "facts"),
    [
        (REFUSED + "kms:GenerateDataKey and kms:Decrypt", ADD, key(policy())),
        (f"the KMS key {KEY} does not exist", ENCRYPT, KeyFacts()),
        (f"AWS manages the KMS key {KEY}, and its policy cannot be changed", ENCRYPT, key(manager="AWS")),
        (f"the KMS key {KEY} is not enabled (state: Disabled)", ENCRYPT, key(state="Disabled")),
        (f"the KMS key {KEY} is not symmetric (spec: RSA_2048)", ENCRYPT, key(spec="RSA_2048")),
    ],
)
def test_a_key_that_ses_cannot_use_is_one_error_that_says_what_to_do(reason: str, hint: str, facts: KeyFacts) -> None:
    """The error is at the first setting that changes, and concerns all users and the topic."""
    error = f"{AT_BOUNCE}{CANNOT}{reason}; {hint}"

    assert [("error", error, ALL)] == problems(owner(USES), bare("a.com"), facts)


def test_the_error_is_at_a_setting_that_changes() -> None:
    """A setting that exists already is not where the plan fails."""
    error = f"{AT_COMPLAINT}{CANNOT}{REFUSED}kms:GenerateDataKey and kms:Decrypt; {ADD}"

    assert [("error", error, ALL)] == problems(owner(USES), applied(without=COMPLAINT), key(policy()))


def test_a_key_on_which_no_change_depends_is_a_warning() -> None:
    """Without changes, SES cannot publish already; without users, SES cannot publish once there are some."""
    reason = f"{CANNOT}{REFUSED}kms:GenerateDataKey and kms:Decrypt; {ADD}"
    alone = owner("topics:\n  t: {kms_key: alias/k}\n")

    assert [("warning", AT_BOUNCE + reason, ALL)] == problems(owner(USES), applied(), key(policy()))
    assert [("warning", f"specs.yaml:6:3: {TOPIC}: {reason}", (TOPIC,))] == problems(alone, Snapshot(), key(policy()))


def test_a_new_key_is_an_error_for_the_settings_that_use_the_topic() -> None:
    """Encryption changes what they depend on; another change of the topic does not."""
    reason = f"{AT_BOUNCE}{CANNOT}{REFUSED}kms:GenerateDataKey and kms:Decrypt; {ADD}"
    before = USES.replace("alias/k", "alias/old")
    named = USES.replace("{kms_key: alias/k}", "{kms_key: alias/k, display_name: SES}")

    assert [("error", reason, ALL)] == problems(owner(USES), applied(text=before), key(policy()))
    assert [("warning", reason, ALL)] == problems(owner(named), applied(), key(policy()))


def test_a_removed_setting_does_not_depend_on_the_key() -> None:
    """Clearing a topic needs no key: what stays is warned of."""
    less = owner(USES.replace("complaint: t", "complaint: null"))
    found = problems(less, applied(), key(policy()))

    assert [("warning", (BOUNCE, TOPIC))] == [(severity, concerns) for severity, _, concerns in found]


def test_a_key_whose_answer_is_not_known_is_a_warning_of_a_change_only() -> None:
    """The warning has the statement to look for."""
    text = (
        f"it is not known whether the KMS key {KEY} of topic {T} allows SES to publish: its policy has conditions that only KMS "
        f"can evaluate; check that its policy has: {STATEMENT}"
    )

    assert [("warning", AT_BOUNCE + text, ALL)] == problems(owner(USES), bare("a.com"), key(policy(ON_CONDITION)))
    assert [] == problems(owner(USES), applied(), key(policy(ON_CONDITION)))


def test_each_topic_with_such_a_key_has_a_problem() -> None:
    """A topic with a usable key between them has none, and a topic of another account concerns its users only."""
    text = owner(
        "topics: {a: {kms_key: alias/good}, b: {kms_key: alias/k}}\n"
        f"identities:\n  a.com: {{notifications: {{bounce: a, complaint: b, delivery: '{THEIRS}'}}}}\n"
    )
    theirs = HERE.replace(OWNER, "333333333333") + "alias/k"
    keys = {HERE + "alias/good": key(), KEY: key(policy()), theirs: key(policy())}
    topics = {THEIRS: TopicFacts(policy({**SES, "Action": "sns:Publish"}), "alias/k")}
    found = in_full(planner.plan(compiled(text), replace(bare("a.com"), keys=keys, topics=topics)))
    delivery = BOUNCE.replace("bounce", "delivery")

    assert [(COMPLAINT, "corp/eu-west-1/topic/b"), (delivery,)] == [
        concerns for _, text, concerns in found if "does not allow ses.amazonaws.com to use" in text
    ]
