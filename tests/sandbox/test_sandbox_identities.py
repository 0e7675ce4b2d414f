"""Identities by both versions of the API, their policies and tags."""

from __future__ import annotations

import json
from typing import Any

import pytest

OWNER, DELEGATE, REGION = "111111111111", "222222222222", "eu-west-1"


@pytest.fixture
def v1(aws: Any) -> Any:
    return aws("ses")


@pytest.fixture
def v2(aws: Any) -> Any:
    return aws("sesv2")


def _find(v2: Any, name: str = "example.com") -> dict[str, Any]:
    found: dict[str, Any] = v2.get_email_identity(EmailIdentity=name)
    return {k: v for k, v in found.items() if k != "ResponseMetadata"}


# --- identities --------------------------------------------------------------------------------------------------------


def test_versions_share_the_identities(v1: Any, v2: Any) -> None:
    """What one version makes, the other lists; domains in lower case, addresses as they are."""
    v1.verify_domain_identity(Domain="Example.COM")
    v1.verify_email_identity(EmailAddress="Jo@Example.com")
    v2.create_email_identity(EmailIdentity="other.example")

    assert v1.list_identities()["Identities"] == ["Jo@Example.com", "example.com", "other.example"]
    assert [i["IdentityName"] for i in v2.list_email_identities()["EmailIdentities"]] == [
        "Jo@Example.com",
        "example.com",
        "other.example",
    ]


def test_identities_are_listed_by_kind_and_page(v1: Any) -> None:
    """MaxItems at a time, each once."""
    for n in range(3):
        v1.verify_domain_identity(Domain=f"d{n}.example")
        v1.verify_email_identity(EmailAddress=f"a{n}@d.example")
    first = v1.list_identities(IdentityType="Domain", MaxItems=2)
    second = v1.list_identities(IdentityType="Domain", MaxItems=2, NextToken=first["NextToken"])

    assert first["Identities"] + second["Identities"] == ["d0.example", "d1.example", "d2.example"]
    assert "NextToken" not in second


def test_pages_of_version_2(v2: Any, refused: Any) -> None:
    """PageSize at a time; sizes outside 1 to 1000 are refused."""
    for n in range(3):
        v2.create_email_identity(EmailIdentity=f"d{n}.example")
    first = v2.list_email_identities(PageSize=2)
    second = v2.list_email_identities(PageSize=2, NextToken=first["NextToken"])

    assert [len(p["EmailIdentities"]) for p in (first, second)] == [2, 1]
    with refused("BadRequestException"):
        v2.list_email_identities(PageSize=1001)


def test_new_identity_of_version_2(v2: Any) -> None:
    """What GetEmailIdentity shows of an identity made with nothing but a name."""
    v2.create_email_identity(EmailIdentity="example.com")
    found = _find(v2)
    dkim = found.pop("DkimAttributes")

    assert found == {
        "IdentityType": "DOMAIN",
        "FeedbackForwardingStatus": True,
        "VerifiedForSendingStatus": True,
        "VerificationStatus": "SUCCESS",
        "MailFromAttributes": {"BehaviorOnMxFailure": "USE_DEFAULT_VALUE"},
        "Policies": {},
        "Tags": [],
    }
    assert (dkim["SigningEnabled"], dkim["SigningAttributesOrigin"], len(dkim["Tokens"])) == (True, "AWS_SES", 3)


def test_errors_of_version_2(v2: Any, refused: Any) -> None:
    """Duplicate: 400; missing: 404."""
    v2.create_email_identity(EmailIdentity="example.com")
    with refused("AlreadyExistsException", "Email identity EXAMPLE.com already exist."):
        v2.create_email_identity(EmailIdentity="EXAMPLE.com")
    for call in (v2.get_email_identity, v2.delete_email_identity, v2.get_email_identity_policies):
        with refused("NotFoundException", "Email identity no.example does not exist.", 404):
            call(EmailIdentity="no.example")


@pytest.mark.parametrize(
    "name", ["example.com.", "exämple.com", "example", "a b.example", "ä@example.com", "a@b@c.example"]
)
def test_invalid_names(v1: Any, v2: Any, refused: Any, name: str) -> None:
    """Trailing dot, not Punycode, no dot, spaces, non-ASCII local part, two @."""
    with refused("BadRequestException"):
        v2.create_email_identity(EmailIdentity=name)
    with refused("InvalidParameterValue"):
        v1.verify_domain_identity(Domain=name)


def test_deleting_drops_settings_and_policies(aws: Any, v1: Any) -> None:
    """An identity of the same name starts afresh; deleting a missing one is quiet in v1."""
    arn = aws.identity()
    v1.put_identity_policy(Identity="example.com", PolicyName="p", Policy=_policy(arn))
    aws.set_topic("Bounce", aws.topic())
    v1.delete_identity(Identity="example.com")
    v1.delete_identity(Identity="example.com")
    aws.identity()

    assert "BounceTopic" not in aws.notifications()
    assert v1.list_identity_policies(Identity="example.com")["PolicyNames"] == []


def test_verification_attributes(aws: Any, v1: Any) -> None:
    """Success and Pending; unknown ones are left out."""
    aws.identity()
    aws.sandbox.declare_identity(OWNER, REGION, "new.example", verified=False)
    found = v1.get_identity_verification_attributes(Identities=["example.com", "new.example", "no.example"])
    statuses = {k: v["VerificationStatus"] for k, v in found["VerificationAttributes"].items()}

    assert statuses == {"example.com": "Success", "new.example": "Pending"}


def test_dkim_tokens(aws: Any, v1: Any) -> None:
    """VerifyDomainDkim gives three, and GetIdentityDkimAttributes the same ones."""
    tokens = v1.verify_domain_dkim(Domain="example.com")["DkimTokens"]
    found = v1.get_identity_dkim_attributes(Identities=["example.com"])["DkimAttributes"]

    assert found["example.com"]["DkimTokens"] == tokens
    assert len(set(tokens)) == 3


def test_account_may_send(v1: Any, v2: Any) -> None:
    """Quota and sending status are there."""

    assert v1.get_send_quota()["MaxSendRate"] == 14
    assert v1.get_account_sending_enabled()["Enabled"] is True
    assert v2.get_account()["SendingEnabled"] is True


# --- settings of version 2 ---------------------------------------------------------------------------------------------


def test_forwarding_of_version_2_has_no_gate(aws: Any, v2: Any) -> None:
    """False is taken without topics, and left out is false."""
    aws.identity()
    v2.put_email_identity_feedback_attributes(EmailIdentity="example.com", EmailForwardingEnabled=False)

    assert aws.notifications()["ForwardingEnabled"] is False

    v2.put_email_identity_feedback_attributes(EmailIdentity="example.com", EmailForwardingEnabled=True)
    v2.put_email_identity_feedback_attributes(EmailIdentity="example.com")

    assert _find(v2)["FeedbackForwardingStatus"] is False


def test_forwarding_of_unknown_identity_is_a_bad_request(v2: Any, refused: Any) -> None:
    """Not a 404, and with version 1's text."""
    with refused("BadRequestException", "Identity x.y is invalid. Must be a verified email address or domain."):
        v2.put_email_identity_feedback_attributes(EmailIdentity="x.y", EmailForwardingEnabled=True)


def test_default_configuration_set(aws: Any, v2: Any, refused: Any) -> None:
    """It must exist; no name clears it."""
    aws.identity()
    v2.create_configuration_set(ConfigurationSetName="tx")
    v2.put_email_identity_configuration_set_attributes(EmailIdentity="example.com", ConfigurationSetName="tx")
    with refused("NotFoundException", "Configuration set <no> does not exist.", 404):
        v2.put_email_identity_configuration_set_attributes(EmailIdentity="example.com", ConfigurationSetName="no")

    assert _find(v2)["ConfigurationSetName"] == "tx"

    v2.put_email_identity_configuration_set_attributes(EmailIdentity="example.com")

    assert "ConfigurationSetName" not in _find(v2)


def test_dkim_and_mail_from(aws: Any, v2: Any, refused: Any) -> None:
    """Stored and shown; a MAIL FROM domain outside the identity is refused."""
    aws.identity()
    v2.put_email_identity_dkim_attributes(EmailIdentity="example.com", SigningEnabled=False)
    v2.put_email_identity_mail_from_attributes(EmailIdentity="example.com", MailFromDomain="m.example.com")
    with refused("BadRequestException"):
        v2.put_email_identity_mail_from_attributes(EmailIdentity="example.com", MailFromDomain="m.other.example")
    found = _find(v2)

    assert found["DkimAttributes"]["SigningEnabled"] is False
    assert found["MailFromAttributes"] == {
        "MailFromDomain": "m.example.com",
        "MailFromDomainStatus": "SUCCESS",
        "BehaviorOnMxFailure": "USE_DEFAULT_VALUE",
    }


def test_tags(aws: Any, v2: Any, refused: Any) -> None:
    """Of identities and configuration sets, by ARN."""
    arn = aws.identity()
    v2.create_configuration_set(ConfigurationSetName="tx", Tags=[{"Key": "a", "Value": "1"}])
    for resource in (arn, f"arn:aws:ses:{REGION}:{OWNER}:configuration-set/tx"):
        v2.tag_resource(ResourceArn=resource, Tags=[{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "3"}])
        v2.untag_resource(ResourceArn=resource, TagKeys=["a", "z"])

        assert v2.list_tags_for_resource(ResourceArn=resource)["Tags"] == [{"Key": "b", "Value": "3"}]
    with refused("NotFoundException", status=404):
        v2.list_tags_for_resource(ResourceArn=f"arn:aws:ses:{REGION}:{OWNER}:configuration-set/no")


# --- policies ----------------------------------------------------------------------------------------------------------


def _policy(arn: str, **changes: Any) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": DELEGATE},
        "Action": "ses:SendEmail",
        "Resource": arn,
    } | changes
    kept = {k: v for k, v in statement.items() if v is not None}
    return json.dumps({"Version": "2012-10-17", "Statement": [kept]}, indent=2)


def test_versions_share_the_policies(aws: Any, v1: Any, v2: Any) -> None:
    """Put in v1, read in both, without insignificant white space."""
    text = _policy(aws.identity())
    v1.put_identity_policy(Identity="example.com", PolicyName="p", Policy=text)
    kept = json.dumps(json.loads(text), separators=(",", ":"))

    assert v1.get_identity_policies(Identity="example.com", PolicyNames=["p", "no"])["Policies"] == {"p": kept}
    assert v2.get_email_identity_policies(EmailIdentity="example.com")["Policies"] == {"p": kept}
    assert _find(v2)["Policies"] == {"p": kept}


def test_version_1_puts_and_deletes_quietly(aws: Any, v1: Any) -> None:
    """Put replaces; deleting a missing policy and listing those of an unknown identity are no errors."""
    arn = aws.identity()
    v1.put_identity_policy(Identity="example.com", PolicyName="p", Policy=_policy(arn))
    v1.put_identity_policy(Identity=arn, PolicyName="p", Policy=_policy(arn, Action="ses:SendRawEmail"))
    v1.delete_identity_policy(Identity="example.com", PolicyName="no")

    assert v1.list_identity_policies(Identity="example.com")["PolicyNames"] == ["p"]
    assert v1.list_identity_policies(Identity="no.example")["PolicyNames"] == []

    v1.delete_identity_policy(Identity="example.com", PolicyName="p")

    assert v1.list_identity_policies(Identity="example.com")["PolicyNames"] == []


def test_version_2_creates_updates_deletes(aws: Any, v2: Any, refused: Any) -> None:
    """Create on existing: 400; update and delete of a missing one: 404."""
    arn = aws.identity()
    given = {"EmailIdentity": "example.com", "PolicyName": "p", "Policy": _policy(arn)}
    with refused("NotFoundException", status=404):
        v2.update_email_identity_policy(**given)
    with refused("NotFoundException", status=404):
        v2.delete_email_identity_policy(EmailIdentity="example.com", PolicyName="p")
    v2.create_email_identity_policy(**given)
    with refused("AlreadyExistsException"):
        v2.create_email_identity_policy(**given)
    v2.update_email_identity_policy(**given | {"Policy": _policy(arn, Sid="s")})

    assert '"Sid":"s"' in v2.get_email_identity_policies(EmailIdentity="example.com")["Policies"]["p"]

    v2.delete_email_identity_policy(EmailIdentity="example.com", PolicyName="p")

    assert v2.get_email_identity_policies(EmailIdentity="example.com")["Policies"] == {}


def test_twenty_policies_an_identity(aws: Any, v1: Any, v2: Any, refused: Any) -> None:
    """The 21st is refused by both versions."""
    arn = aws.identity()
    for n in range(20):
        v1.put_identity_policy(Identity="example.com", PolicyName=f"p{n}", Policy=_policy(arn))
    v1.put_identity_policy(Identity="example.com", PolicyName="p0", Policy=_policy(arn))
    with refused("InvalidParameterValue"):
        v1.put_identity_policy(Identity="example.com", PolicyName="p20", Policy=_policy(arn))
    with refused("LimitExceededException"):
        v2.create_email_identity_policy(EmailIdentity="example.com", PolicyName="p20", Policy=_policy(arn))


@pytest.mark.parametrize(
    "changes",
    [
        {"Principal": None},
        {"Principal": {"AWS": "AIDAEXAMPLE"}},
        {"Principal": {"AWS": "1234"}},
        {"Resource": None},
        {"Resource": "*"},
        {"Resource": "arn:aws:ses:eu-west-1:111111111111:identity/other.example"},
        {"Resource": ["a", "b"]},
        {"Action": "sns:Publish"},
        {"Action": None},
        {"Effect": "Maybe"},
        {"Sid": "x" * 5000},
        {"Condition": []},
    ],
)
def test_policies_that_are_refused(aws: Any, v1: Any, v2: Any, refused: Any, changes: dict[str, Any]) -> None:
    """InvalidPolicy in v1, BadRequestException in v2."""
    policy = _policy(aws.identity(), **changes)
    with refused("InvalidPolicy"):
        v1.put_identity_policy(Identity="example.com", PolicyName="p", Policy=policy)
    with refused("BadRequestException"):
        v2.create_email_identity_policy(EmailIdentity="example.com", PolicyName="p", Policy=policy)


def test_checks_of_put_have_an_order(v1: Any, refused: Any) -> None:
    """Syntax first, then the principal, then the identity."""
    arn = f"arn:aws:ses:{REGION}:{OWNER}:identity/no.example"
    with refused("InvalidPolicy", "sandbox: Policy is not valid JSON."):
        v1.put_identity_policy(Identity="no.example", PolicyName="p", Policy="{")
    with refused("InvalidPolicy", "Policy contains an invalid principal."):
        v1.put_identity_policy(Identity="no.example", PolicyName="p", Policy=_policy(arn, Principal={"AWS": "AIDA"}))
    with refused("InvalidParameterValue", "Invalid identity. Must be a verified email address or domain."):
        v1.put_identity_policy(Identity="no.example", PolicyName="p", Policy=_policy(arn))


def test_policy_names_and_sids(aws: Any, v1: Any, refused: Any) -> None:
    """The name has an alphabet; Sids are unique."""
    policy = json.loads(_policy(aws.identity(), Sid="s"))
    policy["Statement"] *= 2
    with refused("InvalidPolicy"):
        v1.put_identity_policy(Identity="example.com", PolicyName="p", Policy=json.dumps(policy))
    with refused("InvalidParameterValue"):
        v1.put_identity_policy(Identity="example.com", PolicyName="a b", Policy="{}")
