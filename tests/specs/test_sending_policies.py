"""Sending policies that specs declare in full: their documents, and errors that are found before any call."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes import compiled, identity_arn, owner, plan_between, problems, steps, wants
from sesform.policies import document as policy_document

PLACE = "corp/eu-west-1/sending_policy/a.com/"
ALLOW = "Effect: Allow, Principal: {AWS: '333333333333'}, Action: ses:SendEmail"


def identity(settings: str, name: str = "a.com") -> str:
    return owner(f"identities:\n  {name}:\n    {settings}\n")


def policies(statements: str, name: str = "mine") -> str:
    return identity(f"policies: {{{name}: {{Statement: [{statements}]}}}}")


def document(text: str, key: str = "a.com/mine", region: str = "eu-west-1") -> Any:
    return wants(compiled(text))[f"corp/{region}/sending_policy/{key}"]["policy"]


# --- what they become ----------------------------------------------------------------------------------------------------


def test_a_policy_has_the_declared_document_and_the_identity_as_its_resource() -> None:
    """The document is sent to AWS as declared, with the identity as its resource."""
    text = identity(
        "policies: {mine: {Version: 2012-10-17, Id: x, Statement: {Sid: s, Effect: Deny, Principal: '*', "
        "Action: [ses:SendEmail, ses:Send*], Condition: {Bool: {'aws:SecureTransport': false}, N: {'aws:username': [1, a]}}}}}"
    )

    assert {
        "Version": "2012-10-17",
        "Id": "x",
        "Statement": [
            {
                "Sid": "s",
                "Effect": "Deny",
                "Principal": {"AWS": ["*"]},
                "Action": ["ses:SendEmail", "ses:Send*"],
                "Resource": identity_arn("a.com"),
                "Condition": {"Bool": {"aws:SecureTransport": ["false"]}, "N": {"aws:username": ["1", "a"]}},
            }
        ],
    } == document(text)


def test_a_policy_has_the_arn_of_each_region() -> None:
    """Without a declared resource, each region's policy has the ARN of its identity."""
    text = policies(f"{{{ALLOW}}}").replace("[eu-west-1]", "[eu-west-1, us-gov-west-1]")

    assert [identity_arn("a.com"), "arn:aws-us-gov:ses:us-gov-west-1:111111111111:identity/a.com"] == [
        document(text, region=region)["Statement"][0]["Resource"] for region in ("eu-west-1", "us-gov-west-1")
    ]


def test_policies_of_the_defaults_are_merged_name_by_name() -> None:
    """An identity's policy replaces that of the defaults with the same name; other policies stay."""
    one = f"{{Statement: [{{{ALLOW}}}]}}"
    found = wants(
        compiled(
            owner(
                f"defaults: {{identity: {{policies: {{p: {one}, q: {one}}}}}}}\n"
                "identities: {a.com: {policies: {p: absent}}, b.com: {policies: {r: absent}}}\n"
            )
        )
    )

    assert {
        "a.com/p": False,
        "a.com/q": True,
        "b.com/p": True,
        "b.com/q": True,
        "b.com/r": False,
    } == {a.split("/", 3)[3]: w is not None for a, w in found.items() if "/sending_policy/" in a}


def test_destroy_deletes_declared_policies_only() -> None:
    """Destroy deletes declared policies; undeclared policies stay."""
    specs = identity(
        f"policies: {{mine: {{Statement: [{{{ALLOW}}}]}}, gone: absent}}\n    authorize: {{'333333333333': }}"
    )
    removed = plan_between(specs, specs, destroy=True)

    assert [PLACE + "mine", PLACE + "sesform-333333333333"] == [
        a for action, a in steps(removed) if action == "delete" and "/sending_policy/" in a
    ]


@pytest.mark.parametrize(
    "other",
    [
        "Effect: Allow, Principal: {AWS: ['arn:aws:iam::333333333333:root']}, Action: [SES:sendemail]",
        ALLOW + ", Resource: 'arn:aws:ses:eu-west-1:111111111111:identity/a.com'",
        ALLOW + ", Resource: ['arn:aws:ses:eu-west-1:111111111111:identity/A.COM']",
        "Action: [ses:SendEmail, ses:SendEmail], Principal: {AWS: ['333333333333']}, Effect: Allow",
    ],
)
def test_another_spelling_of_a_policy_is_no_change(other: str) -> None:
    """Policies are compared by meaning, so another spelling is no change."""
    assert steps(plan_between(policies(f"{{{ALLOW}}}"), policies(f"{{{other}}}"))) == []


def test_another_meaning_is_one_update() -> None:
    """A policy with another meaning is one update."""
    assert steps(plan_between(policies(f"{{{ALLOW}}}"), policies(f"{{{ALLOW}, Sid: s}}"))) == [
        ("update", PLACE + "mine")
    ]


@given(st.integers(1, 3), st.sampled_from(["", "ü", "日本", "😀"]))
def test_size_is_counted_in_the_bytes_that_are_sent(number: int, text: str) -> None:
    """A policy is accepted if its text, as sent, has at most as many bytes as the quota of SES allows."""
    statement = f"{ALLOW}, Condition: {{StringLike: {{'ses:FromDisplayName': ['%s']}}}}"
    made = document(policies(f"{{{statement % (text * number)}}}"))
    room = 4096 - len(policy_document.compact(made).encode())
    fits, more = (policies(f"{{{statement % (text * number + 'x' * n)}}}") for n in (room, room + 1))

    assert problems(fits) == []
    assert [p.summary for p in problems(more)] == ["the policy 'mine' has 4097 bytes; the quota is 4096"]


# --- what is wrong with them ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        (
            (
                "7:16: identities.a.com.policies.sesform-x: 'sesform-x' begins with 'sesform-', which is reserved for the "
                "policies of `authorize`; use another name, or grant the right under `authorize`"
            ),
            policies(f"{{{ALLOW}}}", "sesform-x"),
        ),
        (
            (
                "7:16: identities.a.com.policies.a b: 'a b' is not a name that SES accepts; "
                "use up to 64 letters, digits, - and _"
            ),
            policies(f"{{{ALLOW}}}", "a b"),
        ),
        (
            (
                f"7:16: identities.a.com.policies.{'x' * 65}: '{'x' * 65}' is not a name that SES accepts; "
                "use up to 64 letters, digits, - and _"
            ),
            policies(f"{{{ALLOW}}}", "x" * 65),
        ),
        (
            "7:35: identities.a.com.policies.mine.Statement[0].Effect: is missing; add `Effect:`",
            policies("{Principal: '*', Action: ses:SendEmail}"),
        ),
        (
            "7:35: identities.a.com.policies.mine.Statement[0].Principal: is missing; add `Principal:`",
            policies("{Effect: Allow, Action: ses:SendEmail}"),
        ),
        (
            "7:35: identities.a.com.policies.mine.Statement[0].Action: is missing; add `Action:`",
            policies("{Effect: Allow, Principal: '*'}"),
        ),
        (
            (
                "7:67: identities.a.com.policies.mine.Statement[0].Action: 's3:Get' is not an action of SES; "
                "write it like ses:SendEmail"
            ),
            policies("{Effect: Allow, Principal: '*', Action: s3:Get}"),
        ),
        (
            "7:23: identities.a.com.policies.mine.Statement: must have at least 1 entry",
            policies(""),
        ),
        (
            "7:16: identities.a.com.policies.mine: two statements have the Sid 's'; give each statement a unique Sid",
            policies(f"{{{ALLOW}, Sid: s}}, {{{ALLOW}, Sid: s}}"),
        ),
        (
            (
                "7:63: identities.a.com.policies.mine.Statement[0].Principal.AWS: must be text, not the number 333333333333; "
                'quote it: "333333333333"'
            ),
            policies("{Effect: Allow, Principal: {AWS: 333333333333}, Action: ses:SendEmail}"),
        ),
        (
            (
                "7:108: identities.a.com.policies.mine.Statement[0].Resource: the resource of a policy of this identity must be "
                "arn:aws:ses:eu-west-1:111111111111:identity/a.com, not '*'; "
                "leave Resource out: it is then the identity's ARN"
            ),
            policies(f"{{{ALLOW}, Resource: '*'}}"),
        ),
        (
            (
                "7:51: identities.a.com.policies.mine.Statement[0].Principal: 'arn:aws-cn:iam::333333333333:root' is in "
                "partition aws-cn, and eu-west-1 is in aws; write arn:aws:…, or declare the other partition in a spec of its own"
            ),
            policies("{Effect: Allow, Principal: {AWS: 'arn:aws-cn:iam::333333333333:root'}, Action: ses:SendEmail}"),
        ),
    ],
)
def test_a_policy_that_ses_refuses_is_a_problem_at_its_place(expected: str, text: str) -> None:
    """Each broken rule of the grammar is one problem at its line and column, with the remedy."""
    assert [f"specs.yaml:{expected}"] == list(map(str, problems(text)))


@pytest.mark.parametrize("lone", [True, False])
@pytest.mark.parametrize(
    ("expected", "statement"),
    [
        ("known: AWS, Service", "Effect: Allow, Principal: {Federated: x}, Action: ses:SendEmail"),
        ("did you mean 'Effect'?", f"{ALLOW}, Efect: Allow"),
    ],
)
def test_unknown_keys_of_a_single_statement_are_problems(expected: str, statement: str, *, lone: bool) -> None:
    """A single statement may be declared without a list and has the same keys."""
    text = policies(f"{{{statement}}}")
    assert "[{" in text
    (found,) = problems(text.replace("[{", "{").replace("}]", "}") if lone else text)

    assert expected == found.hint


def test_one_run_reports_the_problems_of_several_policies() -> None:
    """All problems of names, documents and sizes are reported in one run."""
    long = "x" * 4096
    text = identity(
        f"policies: {{a: {{Statement: [{{{ALLOW}, Resource: x}}]}}, b: {{Statement: [{{{ALLOW}, Sid: {long}}}]}}}}\n"
        "    authorize: {nobody: }"
    )

    assert ["authorize.nobody", "policies.a.Statement[0].Resource", "policies.b"] == sorted(
        p.path.removeprefix("identities.a.com.") for p in problems(text)
    )


@pytest.mark.parametrize(("number", "expected"), [(18, []), (19, ["identities.a.com"])])
def test_policies_and_grants_count_together(number: int, expected: list[str]) -> None:
    """The quota of twenty counts declared and authorized policies; absent policies do not count."""
    written = ", ".join(f"p{n}: {{Statement: [{{{ALLOW}}}]}}" for n in range(number))
    text = identity(
        f"policies: {{{written}, gone: absent}}\n    authorize: {{'333333333333': , '444444444444': , mailer: absent}}"
    ).replace("mailer: absent", "corp: absent")

    assert expected == [p.path for p in problems(text)]


@pytest.mark.parametrize(
    ("refused", "principal"),
    [
        (False, "arn:aws:iam::333333333333:root"),
        (False, "arn:aws:iam::333333333333:role/path/sender"),
        (False, "arn:aws:iam::333333333333:user/sender"),
        (True, "arn:aws:iam::333333333333:group/senders"),
        (True, "arn:aws:iam::333333333333:role/*"),
        (True, "arn:aws:iam::333333333333:role/"),
        (True, "arn:aws:iam:::root"),
        (True, "arn:aws:sts::333333333333:assumed-role/sender/session"),
        (True, "arn:aws-us-gov:iam::333333333333:root"),
    ],
)
def test_a_delegates_arn_is_a_valid_principal(refused: bool, principal: str) -> None:
    """A delegate's ARN names a user, a role or an account's root, in the partition of the region."""
    assert refused == bool(problems(identity(f"authorize: {{'{principal}': }}")))
