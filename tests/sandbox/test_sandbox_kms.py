"""KMS in the sandbox: keys by id and alias, and topics that SES may not use because of them."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest

from sesform_sandbox import Sandbox

ACCOUNT, OTHER, REGION = "111111111111", "222222222222", "eu-west-1"


@pytest.fixture
def kms(aws: Any) -> Any:
    return aws("kms", ACCOUNT)


def encrypted(aws: Any, key: str) -> str:
    sns = aws("sns", ACCOUNT)
    arn: str = sns.create_topic(Name="t")["TopicArn"]
    sns.set_topic_attributes(TopicArn=arn, AttributeName="KmsMasterKeyId", AttributeValue=key)
    return arn


def test_a_key_is_found_by_id_alias_and_arn(kms: Any) -> None:
    """All four ways to name a key lead to the same one."""
    made = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName="alias/k", TargetKeyId=made["KeyId"])
    names = [made["KeyId"], made["Arn"], "alias/k", f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/k"]

    assert {made["Arn"]} == {kms.describe_key(KeyId=name)["KeyMetadata"]["Arn"] for name in names}
    assert (made["KeyManager"], made["KeyState"]) == ("CUSTOMER", "Enabled")


def test_what_is_not_there_is_not_found(kms: Any, refused: Any) -> None:
    """With KMS's code."""
    with refused("NotFoundException"):
        kms.describe_key(KeyId="alias/nothing")
    with refused("NotFoundException"):
        kms.get_key_policy(KeyId="00000000-0000-0000-0000-000000000000")


def test_a_policy_is_asked_for_by_key_not_alias(kms: Any, refused: Any) -> None:
    """GetKeyPolicy accepts no alias: KMS API reference."""
    id_ = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/k", TargetKeyId=id_)
    with refused("InvalidArnException"):
        kms.get_key_policy(KeyId="alias/k")

    assert f"arn:aws:iam::{ACCOUNT}:root" in kms.get_key_policy(KeyId=id_)["Policy"]


def test_a_key_of_another_account_is_not_told_about(aws: Any, kms: Any, refused: Any) -> None:
    """GetKeyPolicy does not work across accounts."""
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    with refused("AccessDeniedException"):
        aws("kms", OTHER).get_key_policy(KeyId=arn)


@pytest.mark.parametrize(
    ("works", "prepare"),
    [
        (True, lambda kms, id_: None),
        (False, lambda kms, id_: kms.disable_key(KeyId=id_)),
        (True, lambda kms, id_: (kms.disable_key(KeyId=id_), kms.enable_key(KeyId=id_))),
        (False, lambda kms, id_: kms.schedule_key_deletion(KeyId=id_)),
    ],
)
def test_ses_publishes_only_with_a_key_that_it_may_use(
    aws: Any, kms: Any, refused: Any, works: bool, prepare: Any
) -> None:
    """SES test-publishes when a topic is set, and is refused where the key is out of use."""
    aws.sandbox.declare_identity(ACCOUNT, REGION, "example.com")
    aws.sandbox.declare_key(f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/k")
    prepare(kms, kms.describe_key(KeyId="alias/k")["KeyMetadata"]["KeyId"])
    arn, ses = encrypted(aws, "alias/k"), aws("ses", ACCOUNT)
    with nullcontext() if works else refused("InvalidParameterValue"):
        ses.set_identity_notification_topic(Identity="example.com", NotificationType="Bounce", SnsTopic=arn)

    assert ([arn] if works else []) == aws.sandbox.send(ACCOUNT, REGION, "example.com", "bounce")


def test_a_new_keys_policy_lets_no_service_in(aws: Any, kms: Any, refused: Any) -> None:
    """KMS gives a new key to its account alone, which is how SES comes to be kept out."""
    aws.sandbox.declare_identity(ACCOUNT, REGION, "example.com")
    arn = encrypted(aws, kms.create_key()["KeyMetadata"]["KeyId"])
    with refused("InvalidParameterValue"):
        aws("ses", ACCOUNT).set_identity_notification_topic(
            Identity="example.com", NotificationType="Bounce", SnsTopic=arn
        )


def test_a_key_that_the_sandbox_does_not_know_is_taken_as_letting_ses_in(aws: Any) -> None:
    """Who made the key elsewhere is not held up."""
    aws.sandbox.declare_identity(ACCOUNT, REGION, "example.com")
    arn = encrypted(aws, "alias/elsewhere")
    ses = aws("ses", ACCOUNT)
    ses.set_identity_notification_topic(Identity="example.com", NotificationType="Bounce", SnsTopic=arn)

    assert (
        arn
        == (
            ses.get_identity_notification_attributes(Identities=["example.com"])["NotificationAttributes"][
                "example.com"
            ]["BounceTopic"]
        )
    )


def test_keys_are_kept_in_the_state_file(tmp_path: Any) -> None:
    """As everything else that commands leave behind; declaring a key again changes nothing of it."""
    file, arn = tmp_path / "s.json", f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/k"
    first = Sandbox(file)
    first.declare_key(arn)
    kms: Any = first.session(ACCOUNT, REGION).client("kms")
    kms.disable_key(KeyId=kms.describe_key(KeyId="alias/k")["KeyMetadata"]["KeyId"])
    second = Sandbox(file)
    second.declare_key(arn)
    again: Any = second.session(ACCOUNT, REGION).client("kms")

    assert again.describe_key(KeyId="alias/k")["KeyMetadata"]["KeyState"] == "Disabled"
