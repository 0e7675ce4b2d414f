"""A plan in the order in which a reviewer must judge it."""

from __future__ import annotations

import re

import pytest

from scenes import OWNER_SCOPE, delegate, owner, plan_between
from sesform.model.address import Address
from sesform.planning.plan import Plan
from sesform.planning.routes import Received, RouteChange, Subject
from sesform.render import review, text

TOPICS = "topics: {t: {external: true}, u: {external: true}}\n"


def identities(topic: str, count: int = 12, *, headers: bool = False) -> str:
    lines = "".join(
        f"  d{i}.com: {{notifications: {{bounce: {{topic: {topic}, headers: {headers}}}}}}}\n" for i in range(count)
    )
    return f"{TOPICS}identities:\n{lines}"


def drawn(plan: Plan) -> str:
    return text.plan(plan)


def test_sections_come_in_the_order_of_their_importance() -> None:
    """Lost routes come first, then deletions, updates, the table, groups, and the details last."""
    before = owner(identities("t", 30, headers=True))
    after = owner(identities("u", 30).replace("{topic: u, headers: False}", "u", 15))
    lost = RouteChange(Subject(OWNER_SCOPE, "identity", "d.com", "bounce"), ("topic t",), (), Received.YES, Received.NO)
    plan = plan_between(before, after)
    shown = drawn(Plan(plan.changes, plan.unchanged, routes=(lost,)))
    titles = [
        "Attention:",
        "Destroyed:",
        "Changed:",
        "Resources by spec and type:",
        "Identical changes:",
        "sesform will",
    ]
    places = [shown.index(f"{title}") for title in titles]

    assert sorted(places) == places


def test_each_block_comes_before_less_important_ones() -> None:
    """Deletions come before updates, and updates before creations, as in the sections."""
    before = owner("topics: {t: {display_name: a}}\nconfiguration_sets: {s: {}}\n")
    after = owner("topics: {t: {display_name: b}}\nconfiguration_sets: {s: absent, new: {}}\n")
    headers = re.findall(r"^  # \S+ (will be \S+)", drawn(plan_between(before, after)), re.MULTILINE)

    assert ["will be destroyed", "will be updated", "will be created"] == headers


def test_a_topic_policy_that_is_expanded_and_contracted_is_one_change() -> None:
    """The two steps are one block, from the policy before to the policy after; `full` shows both."""
    names = "identities: {%s: {notifications: {bounce: mailer/t}}}\n"
    both = delegate("topics: {t: {}}\n")
    plan = plan_between(f"{owner(names % 'a.com')}---\n{both}", f"{owner(names % 'b.com')}---\n{both}")
    header = "# mailer/eu-west-1/topic_policy/t will be updated in-place"

    assert 2 == sum(change.address.type == "topic_policy" for change in plan.changes)
    assert 1 == drawn(plan).count(header)
    assert "in two steps: first the old and the new state together, then the new state only" in drawn(plan)
    assert 2 == text.plan(plan, full=True).count(header)


def test_a_replacement_is_one_change() -> None:
    """Deletion, creation and what stands in meanwhile are one block with Terraform's words."""
    body = "topics: {t: {}}\nconfiguration_sets: {c: {event_destinations: {d: {events: [bounce], %s}}}}\n"
    plan = plan_between(owner(body % "eventbridge: default"), owner(body % "sns: t"))

    assert "  # corp/eu-west-1/event_destination/c/d must be replaced\n" in drawn(plan)
    assert '  -/+ resource "event_destination" "c/d" {\n' in drawn(plan)
    assert 1 == drawn(plan).count('"c/d')


def test_identical_changes_are_one_line() -> None:
    """Changes that differ only in the identity are counted, with the topics under their names in the specs."""
    plan = plan_between(owner(identities("t")), owner(identities("u")))
    (group,) = [str(g) for g in review.groups(review.rows(plan.changes), review.Names(plan)) if g.kind == "update"]

    assert re.fullmatch(r"bounce topic: \S+ -> \S+: 12 identities: d0\.com \.\.\. d11\.com", group)


def test_a_group_names_topics_as_the_specs_do() -> None:
    """`mailer/t` says more than an ARN."""
    names = "{notifications: {bounce: mailer/t}}"
    both = [
        owner(body)
        for body in ("identities: {a.com: {}, b.com: {}}\n", f"identities: {{a.com: {names}, b.com: {names}}}\n")
    ]
    before, after = (f"{each}---\n{delegate('topics: {t: {}}')}" for each in both)
    plan = plan_between(before, after)
    groups = [str(g) for g in review.groups(review.rows(plan.changes), review.Names(plan))]

    assert "bounce topic -> mailer/t: 2 identities: a.com, b.com" in groups


def test_sending_policies_of_many_identities_are_one_group() -> None:
    """Each names its own identity, and else they are equal."""
    body = "identities:\n" + "".join(f"  d{i}.com: {{authorize: {{'333333333333': }}}}\n" for i in range(3))
    bare = "identities:\n" + "".join(f"  d{i}.com: {{}}\n" for i in range(3))
    plan = plan_between(owner(bare), owner(body))
    groups = [str(g) for g in review.groups(review.rows(plan.changes), review.Names(plan))]

    assert ["sending policy sesform-333333333333: 3 identities: d0.com, d1.com, d2.com"] == groups


def test_the_table_counts_a_replacement_twice() -> None:
    """As in Terraform, what is replaced is added and destroyed."""
    body = "topics: {t: {}}\nconfiguration_sets: {c: {event_destinations: {d: {events: [bounce], %s}}}}\n"
    plan = plan_between(owner(body % "eventbridge: default"), owner(body % "sns: t"))

    assert ("corp", "event_destination", "1", "0", "1") in review.table(review.rows(plan.changes))


@pytest.mark.parametrize(("expected", "names"), [("a, b, c, d, e", "abcde"), ("a ... f", "abcdef")])
def test_many_names_are_a_span(expected: str, names: str) -> None:
    """Five names are written out; of more, the first and the last."""
    assert expected == review.span(list(names))


def test_routes_of_a_deleted_set_are_not_lost() -> None:
    """A configuration set that is deleted has no events that could be lost."""
    body = "configuration_sets: {c: {event_destinations: {d: {events: [bounce], eventbridge: default}}}}\n"
    plan = plan_between(owner(body), owner("configuration_sets: {c: absent}\n"))

    assert plan.routes
    assert [] == review.alarms(plan)


def test_cut_blocks_are_counted() -> None:
    """A large plan says how many resources it does not show, and how to see them; `--full` shows all."""
    plan = plan_between(
        owner(identities("t", 200).replace("{topic: t, headers: False}", "null")), owner(identities("t", 200))
    )
    shown, full = drawn(plan), text.plan(plan, full=True)
    count = len(re.findall(r"^  # \S+ will be created$", shown, re.MULTILINE))
    addresses = {str(change.address) for change in plan.changes}

    assert f"  # {len(addresses) - count} more resources are not shown in detail. `--full` shows every step." in shown
    assert addresses == set(re.findall(r"^  # (\S+) will be created$", full, re.MULTILINE))
    assert len(shown.splitlines()) < 300


def test_every_type_says_what_it_is() -> None:
    """A resource of any type has a gist without its own identity, set or topic."""
    specs = owner(
        """
topics: {t: {subscriptions: [{protocol: email, endpoint: a@b.c}]}}
configuration_sets: {s: {suppression: [bounce], event_destinations: {d: {events: [bounce], sns: t}}}}
identities:
  a.com:
    notifications: {bounce: {topic: t, headers: true}, complaint: t}
    feedback_forwarding: false
    default_configuration_set: s
    authorize: {'333333333333': }
"""
    )
    plan = plan_between(owner("identities: {a.com: {}}\n"), specs)
    gists = {row.address.type: review.gist(row) for row in review.rows(plan.changes)}

    assert "a.com" not in " ".join(gists.values())
    assert "e-mail forwarding: on -> off" == gists["feedback_forwarding"]
    assert "headers in bounce notifications -> on" == gists["notification_headers"]
    assert "default configuration set -> s" == gists["default_configuration_set"]
    assert gists["event_destination"].startswith("event destination d -> bounce to arn:")
    assert Address("corp", "eu-west-1", "topic", "t") in {row.address for row in review.rows(plan.changes)}


def test_identical_alarms_are_one_line() -> None:
    """200 identities that lose the same receiver are one alarm, so that deletions and updates keep their room."""
    lost = [
        RouteChange(
            Subject(OWNER_SCOPE, "identity", f"d{n}.com", "bounce"), ("topic t",), (), Received.YES, Received.NO
        )
        for n in range(200)
    ]
    silent = Subject(OWNER_SCOPE, "identity", "other.com", "complaint")
    plan = Plan((), routes=tuple(lost), unheard=(silent,))

    assert [
        f"200 identities: d0.com ... d199.com in {OWNER_SCOPE} lose their receiver of bounces: topic t -> no receiver",
        f"identity other.com in {OWNER_SCOPE} has no receiver of complaints",
    ] == review.alarms(plan)
