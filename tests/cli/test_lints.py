"""Warnings and errors about what AWS would do: condition keys, Pinpoint, tenants, Global endpoints, policies at two levels."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from shell import Shell

OWNER, REGION = "111111111111", "eu-west-1"
HEAD = f'kind: Owner\nname: corp\naccount: "{OWNER}"\nregions: [{REGION}]\n'
APPLICATION = f"arn:aws:mobiletargeting:{REGION}:{OWNER}:apps/a"
SET = f"arn:aws:ses:{REGION}:{OWNER}:configuration-set/main"
IDENTITY = f"arn:aws:ses:{REGION}:{OWNER}:identity/example.com"
TOPIC_AND_SET = "topics: {t: {}}\nconfiguration_sets: {main: {event_destinations: {d: {events: [bounce], sns: t}}}}\n"


def client(shell: Shell, service: str) -> Any:
    return shell.sandbox.session(OWNER, REGION).client(service)  # type: ignore[call-overload]


def warnings(shell: Shell, *arguments: str) -> list[str]:
    document = json.loads(shell.run("plan", "--sandbox", "--format", "json", *arguments).out)
    return [d["summary"] for d in document["sesform"]["diagnostics"] if d["severity"] == "warning"]


def calls(shell: Shell, *arguments: str) -> list[str]:
    """The calls of a plan, by their names."""
    log = shell.run("plan", "--sandbox", "-v", *arguments).err
    return re.findall(r"(?m)^\S+ \S+ (\w+:\w+) in ", log)


# --- conditions and resources of sending policies ----------------------------------------------------------------------

POLICY = HEAD + (
    "identities:\n  example.com:\n    policies:\n      p:\n        Statement:\n          Effect: Allow\n"
    '          Principal: {AWS: "222222222222"}\n          Action: ses:SendEmail\n'
)


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("ses:FromAdress", "did you mean 'ses:FromAddress'?"),
        ("aws:SourceIP4", "did you mean 'aws:SourceIp'?"),
        ("AWS:SourceAccount", "did you mean 'aws:SourceAccount'?"),
    ],
)
def test_a_condition_key_that_ses_does_not_know_is_an_error(shell: Shell, key: str, hint: str) -> None:
    """AWS refuses such a policy, so validate does, with the key that was probably meant; authorize has the same check."""
    shell.specs(POLICY + f'          Condition: {{StringEquals: {{"{key}": x}}}}\n')
    by_policy = shell.run("validate")
    grant = f'{{"222222222222": {{conditions: {{StringEquals: {{"{key}": x}}}}}}}}'
    shell.specs(HEAD + f"identities: {{example.com: {{authorize: {grant}}}}}\n")
    by_grant = shell.run("validate")

    for result in (by_policy, by_grant):
        assert 1 == result.code
        assert f"SES does not know the condition key '{key}'; {hint}" in result.err


@pytest.mark.parametrize("key", ["ses:FromAddress", "ses:fromaddress", "aws:PrincipalTag/team", "aws:SourceIp"])
def test_condition_keys_that_ses_knows_are_applied(shell: Shell, key: str) -> None:
    """Keys of SES and global keys, in any case after the prefix, are accepted by validate and by the sandbox."""
    shell.specs(POLICY + f'          Condition: {{StringLike: {{"{key}": x}}}}\n')

    assert 0 == shell.run("apply", "--sandbox", "--auto-approve").code


def test_a_sending_policy_may_have_a_wildcard_for_its_region(shell: Shell) -> None:
    """Public policies name the identity in any region; the plan after the apply is empty."""
    shell.specs(POLICY + f"          Resource: {IDENTITY.replace(REGION, '*')}\n")

    assert 0 == shell.run("apply", "--sandbox", "--auto-approve").code
    assert 0 == shell.run("plan", "--sandbox", "--detailed-exitcode").code
    assert f'"{IDENTITY.replace(REGION, "*")}"' in json.dumps(
        client(shell, "sesv2").get_email_identity_policies(EmailIdentity="example.com")["Policies"]
    ).replace("\\", "")


def test_policies_at_both_levels_of_a_domain_are_a_warning(shell: Shell) -> None:
    """SES consults the policies of one identity only, so policies of a domain and of its address are ambiguous."""
    grant = '{authorize: {"222222222222": {}}}'
    shell.specs(HEAD + f"identities: {{example.com: {grant}, a@example.com: {grant}, b@example.com: {{}}}}\n")

    assert ["identity a@example.com and example.com, which covers it, both have sending policies"] == warnings(shell)


# --- topic policies ----------------------------------------------------------------------------------------------------


def test_a_topic_policy_with_any_resource_allows_ses(shell: Shell) -> None:
    """AWS accepts the resource `*`, which AWS's own guides write; it means the topic."""
    shell.specs(HEAD + "topics: {t: {}}\n")
    assert 0 == shell.run("apply", "--sandbox", "--auto-approve").code
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "ses.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": "*",
    }
    arn = f"arn:aws:sns:{REGION}:{OWNER}:t"
    client(shell, "sns").set_topic_attributes(
        TopicArn=arn, AttributeName="Policy", AttributeValue=json.dumps({"Statement": [statement]})
    )
    shell.specs(HEAD + "topics: {t: {policy: unmanaged}}\nidentities: {example.com: {notifications: {bounce: t}}}\n")

    assert 0 == shell.run("apply", "--sandbox", "--auto-approve").code


# --- Pinpoint ----------------------------------------------------------------------------------------------------------

PINPOINT = HEAD + "configuration_sets: {main: {event_destinations: {d: {events: [send], %s}}}}\n"


def test_a_new_pinpoint_destination_is_refused(shell: Shell) -> None:
    """The service has ended, so nothing is created, and the error names what to use."""
    shell.specs(PINPOINT % f"pinpoint: '{APPLICATION}'")
    result = shell.run("apply", "--sandbox", "--auto-approve")

    assert 1 == result.code
    assert (
        "Amazon Pinpoint ended on 2026-10-30, and this event destination would be new; send the events to" in result.err
    )


def test_a_destination_that_becomes_one_of_pinpoint_is_refused(shell: Shell) -> None:
    """A change of the target to Pinpoint is new too."""
    shell.specs(PINPOINT % "eventbridge: default")
    assert 0 == shell.run("apply", "--sandbox", "--auto-approve").code
    shell.specs(PINPOINT % f"pinpoint: '{APPLICATION}'")

    assert 1 == shell.run("plan", "--sandbox").code


def test_an_existing_pinpoint_destination_is_a_warning(shell: Shell) -> None:
    """It can be kept, changed and removed."""
    ses = client(shell, "sesv2")
    ses.create_configuration_set(ConfigurationSetName="main")
    target = {"Enabled": True, "MatchingEventTypes": ["SEND"], "PinpointDestination": {"ApplicationArn": APPLICATION}}
    ses.create_configuration_set_event_destination(
        ConfigurationSetName="main", EventDestinationName="d", EventDestination=target
    )
    shell.specs(PINPOINT % f"pinpoint: '{APPLICATION}'")

    assert ["Amazon Pinpoint ended on 2026-10-30"] == warnings(shell)
    shell.specs((PINPOINT % f"pinpoint: '{APPLICATION}'").replace("[send]", "[send, bounce]"))
    assert 0 == shell.run("apply", "--sandbox", "--auto-approve").code
    shell.specs(HEAD + "configuration_sets: {main: {}}\n")
    assert 0 == shell.run("apply", "--sandbox", "--auto-approve").code


# --- tenants -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def applied(shell: Shell) -> Shell:
    """A set, and an identity with a topic."""
    shell.specs(HEAD + TOPIC_AND_SET + "identities: {example.com: {notifications: {bounce: t}}}\n")
    assert 0 == shell.run("apply", "--sandbox", "--auto-approve").code
    return shell


def test_tenants_that_use_what_is_removed_are_named(applied: Shell) -> None:
    """A tenant of a deleted set, and of an identity whose settings are removed, is a warning of the plan."""
    applied.sandbox.declare_tenant(OWNER, REGION, "shop", SET)
    applied.sandbox.declare_tenant(OWNER, REGION, "blog", SET, IDENTITY)
    applied.specs(HEAD + "topics: {t: {}}\nconfiguration_sets: {main: absent}\nidentities: {example.com: absent}\n")
    found = warnings(applied)

    assert "tenants blog, shop use configuration set main, whose settings are removed" in found
    assert "tenant blog uses identity example.com, whose settings are removed" in found


def test_tenants_are_named_with_the_hyphens_of_what_they_use(shell: Shell) -> None:
    """Only the words of AWS's kinds are separated: the name of a domain stays as it is."""
    specs = HEAD + "topics: {t: {}}\nidentities: {my-own-shop.example.com: %s}\n"
    shell.specs(specs % "{notifications: {bounce: t}}")
    assert 0 == shell.run("apply", "--sandbox", "--auto-approve").code
    shell.sandbox.declare_tenant(OWNER, REGION, "shop", IDENTITY.replace("example.com", "my-own-shop.example.com"))
    shell.specs(specs % "absent")

    assert "tenant shop uses identity my-own-shop.example.com, whose settings are removed" in warnings(shell)


def test_tenants_cost_one_call_for_each_removed_set_and_identity(applied: Shell) -> None:
    """A plan that removes nothing makes no such call."""
    assert "ses:ListResourceTenants" not in calls(applied)
    applied.specs(HEAD + "topics: {t: {}}\nconfiguration_sets: {main: absent}\nidentities: {example.com: absent}\n")

    assert 2 == calls(applied).count("ses:ListResourceTenants")


def test_tenants_of_many_identities_are_not_looked_up(shell: Shell) -> None:
    """Above ten identities a warning says so, because each takes a call."""
    names = [f"{n}.example.com" for n in range(11)]
    settings = "".join(f"  {name}: {{notifications: {{bounce: t}}}}\n" for name in names)
    shell.specs(f"{HEAD}topics: {{t: {{}}}}\nidentities:\n{settings}")
    assert 0 == shell.run("apply", "--sandbox", "--auto-approve").code
    removed = "".join(f"  {name}: absent\n" for name in names)
    shell.specs(f"{HEAD}topics: {{t: {{}}}}\nidentities:\n{removed}")

    assert "tenants of 11 identities whose settings are removed were not looked up" in warnings(shell)
    assert "ses:ListResourceTenants" not in calls(shell)


# --- Global endpoints --------------------------------------------------------------------------------------------------


def test_a_global_endpoint_in_another_region_is_named_where_asked_for(applied: Shell) -> None:
    """--unmanaged asks once in each account and region; without it no call is made."""
    applied.sandbox.declare_global_endpoint(OWNER, "global", REGION, "us-east-1")
    text = (
        f"the Global endpoint global of {OWNER}/{REGION} also sends mail from us-east-1, and the specs of the account have another "
        "region"
    )

    assert text in warnings(applied, "--unmanaged")
    assert 1 == calls(applied, "--unmanaged").count("ses:ListMultiRegionEndpoints")
    assert [] == warnings(applied)
    assert "ses:ListMultiRegionEndpoints" not in calls(applied)


def test_a_global_endpoint_whose_regions_have_specs_is_no_warning(applied: Shell) -> None:
    """Where the spec is for both regions, both have their settings."""
    applied.sandbox.declare_global_endpoint(OWNER, "global", REGION, "us-east-1")
    spec = (HEAD + TOPIC_AND_SET).replace(f"[{REGION}]", f"[{REGION}, us-east-1]")
    applied.specs(spec)

    assert [w for w in warnings(applied, "--unmanaged") if "Global endpoint" in w] == []
