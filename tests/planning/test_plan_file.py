"""A plan as a file and back."""

from __future__ import annotations

import copy
import json
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes import OWNER_SCOPE, bare, compiled, holding, owner, topic_arn
from sesform.apply import saved_plan
from sesform.errors import PlanFileError, Problem, UsageError
from sesform.live.snapshot import UnmanagedResource
from sesform.model.address import Access, Address, Scope
from sesform.model.values import UNKNOWN
from sesform.planning import plan_file, planner
from sesform.planning.plan import Change, Plan, Unchanged
from sesform.resources import RESOURCES

NOW = "2026-01-02T03:04:05Z"
FILE = Path("plan.json")
TEXT = owner(
    "topics: {t: {subscriptions: [{protocol: email, endpoint: a@b.c}]}}\n"
    "configuration_sets: {c: {event_destinations: {d: {events: [bounce], sns: t}}}}\n"
    "identities: {a.com: {notifications: {bounce: {topic: t, headers: true}}, authorize: {'333333333333': }}}\n"
)


def a_plan() -> Plan:
    return planner.plan(compiled(TEXT), bare("a.com"))


def saved(plan: Plan) -> Plan:
    saved_plan.save(FILE, plan_file.document(plan, timestamp=NOW))
    return saved_plan.load(FILE)


# --- there and back ------------------------------------------------------------------------------------------------------

texts = st.text(max_size=8)
topics = st.builds(
    lambda name, display: {"topic_arn": topic_arn(name), "name": name, "display_name": display, "kms_key": None},
    st.sampled_from("tuv"),
    texts,
)
notifications = st.builds(
    lambda identity, arn: {"identity": identity, "notification_type": "bounce", "topic_arn": arn},
    texts.filter(bool),
    st.sampled_from([topic_arn("t"), UNKNOWN]),
)
destinations = st.builds(
    lambda name, events: {
        "configuration_set": "c",
        "name": name,
        "enabled": True,
        "events": events,
        "sns": {"topic_arn": "t"},
    },
    texts,
    st.lists(st.sampled_from(["BOUNCE", "OPEN"]), max_size=2),
)
OF_TYPE = {"topic": topics, "notification_topic": notifications, "event_destination": destinations}


@st.composite
def random_plans(draw: st.DrawFn) -> Plan:
    changes: list[Change] = []
    spec = st.text("abc.-", min_size=1, max_size=5)
    for position in range(draw(st.integers(0, 5))):
        kind = draw(st.sampled_from(sorted(OF_TYPE)))
        before = draw(st.none() | OF_TYPE[kind])
        after = draw(OF_TYPE[kind] if before is None else st.none() | OF_TYPE[kind])
        address = Address(draw(spec), "eu-west-1", kind, f"{position}/{draw(texts)}")
        changes.append(
            Change(
                address,
                Scope("111111111111", "eu-west-1"),
                "create" if before is None else "delete" if after is None else "update",
                before,
                after,
                draw(texts),
                draw(st.integers(1, 14)),
                RESOURCES[kind].calls(before, after),
                tuple(sorted(draw(st.sets(st.integers(0, position - 1), max_size=3)) if position else ())),
            )
        )
    unchanged = [
        Unchanged(Address("corp", "eu-west-1", "topic", f"same/{i}"), p)
        for i, p in enumerate(draw(st.lists(topics, max_size=2)))
    ]
    diagnostics = st.builds(
        Problem, texts, texts, texts, st.integers(0, 9), st.integers(0, 9), texts, st.sampled_from(["error", "warning"])
    )
    accesses = st.builds(Access, st.just("111111111111"), st.none() | texts, st.none() | texts)
    return Plan(
        tuple(changes),
        tuple(unchanged),
        tuple(draw(st.lists(diagnostics, max_size=2))),
        access=draw(st.dictionaries(spec, accesses, max_size=2)),
        since=draw(st.sampled_from(["", "c0ffee"])),
        unmanaged=draw(
            st.none()
            | st.lists(st.builds(UnmanagedResource, texts, st.just(OWNER_SCOPE), texts, texts), max_size=2).map(tuple)
        ),
    )


@given(random_plans())
def test_a_saved_plan_is_the_plan(plan: Plan) -> None:
    """What was reviewed is what is applied: nothing gets lost between saving and loading."""
    assert plan == saved(plan)


def test_a_plan_of_every_kind_of_step_is_the_plan() -> None:
    """A plan as the planner makes it, unknown values and policies included, comes back whole."""
    desired = compiled(TEXT)
    removal = planner.plan(compiled(TEXT, destroy=True), holding(desired, seen_by=compiled(TEXT, destroy=True)))

    tagged = planner.plan(compiled(TEXT + "ownership_tags: true\n"), bare("a.com"))

    assert tagged == saved(tagged)
    assert a_plan() == saved(a_plan())
    assert removal == saved(removal)


def test_an_unknown_value_is_neither_null_nor_empty_in_the_file() -> None:
    """What AWS decides later is marked as such."""
    plan = a_plan()
    (step,) = [
        s for s in plan_file.document(plan, timestamp=NOW)["sesform"]["steps"] if "/subscription/" in s["address"]
    ]

    assert step["after"]["arn"] == {"sesform:unknown": True}
    assert [(c.after or {})["arn"] for c in saved(plan).changes if c.address.type == "subscription"] == [UNKNOWN]


def test_the_external_id_is_not_in_the_file() -> None:
    """A secret has no place in an artefact of a CI run; that there is one does."""
    access = Access("111111111111", role_arn="arn:aws:iam::111111111111:role/r", external_id="s3cr3t")
    plan = replace(a_plan(), access={"corp": access, "mailer": Access("222222222222")})
    loaded = saved(plan)

    assert "s3cr3t" not in FILE.read_text()
    assert {name: a.external_id is not None for name, a in loaded.access.items()} == {"corp": True, "mailer": False}
    assert loaded.access["corp"].external_id != "s3cr3t"


def test_the_file_is_one_line() -> None:
    """Tools that read plans by the line find one."""
    saved(a_plan())

    assert FILE.read_text().count("\n") == 1
    assert FILE.read_text().endswith("}\n")


def test_the_file_is_for_its_owner_only() -> None:
    """A plan tells much of an account."""
    saved(a_plan())

    assert FILE.stat().st_mode & 0o777 == 0o600


def test_saving_again_replaces_the_file() -> None:
    """The file is the last plan, and nothing else is left beside it."""
    saved(a_plan())
    saved(Plan(()))

    assert Plan(()) == saved_plan.load(FILE)
    assert [p for p in Path().iterdir() if "plan" in p.name] == [FILE]


def test_a_place_that_cannot_be_written_is_a_usage_error() -> None:
    """A folder that does not exist is told in one line."""
    with pytest.raises(UsageError, match=r"^nowhere/plan.json: cannot be written: No such file or directory$"):
        saved_plan.save(Path("nowhere/plan.json"), plan_file.document(Plan(()), timestamp=NOW))


def test_a_folder_in_the_files_place_is_a_usage_error_and_nothing_is_left_behind() -> None:
    """What cannot be saved leaves no half-written file beside it."""
    Path("d").mkdir()

    with pytest.raises(UsageError, match=r"^d: cannot be written: "):
        saved_plan.save(Path("d"), plan_file.document(Plan(()), timestamp=NOW))
    assert [Path("d")] == list(Path().iterdir())


def test_a_plan_is_written_in_its_own_folder_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is written beside its place, because a move from another file system could leave half of it."""
    monkeypatch.setattr(tempfile, "tempdir", "nowhere")

    assert a_plan() == saved(a_plan())


def test_an_interrupt_after_the_file_was_put_in_place_stays_an_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C at the last moment ends the command as always, and the file is whole."""
    put_in_place = Path.replace

    def interrupted(self: Path, target: Path) -> None:
        put_in_place(self, target)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)

    with pytest.raises(KeyboardInterrupt):
        saved(a_plan())
    assert a_plan() == saved_plan.load(FILE)


# --- what the document says ----------------------------------------------------------------------------------------------


def test_our_part_of_the_document() -> None:
    """Under our own key stand version, counts, steps in their order, calls, diagnostics and the digest."""
    plan = a_plan()
    own = plan_file.document(plan, timestamp=NOW)["sesform"]

    assert {"version", "summary", "steps", "api_calls", "diagnostics", "digest"} <= own.keys()
    assert (1, plan.summary) == (own["version"], own["summary"])
    assert [str(c.address) for c in plan.changes] == [s["address"] for s in own["steps"]]
    assert {"address", "action", "before", "after", "reason", "depends_on"} <= own["steps"][0].keys()


@pytest.mark.parametrize(("seconds", "rate"), [(5, 1.0), (3, 2.0), (0, None)])
def test_the_price_of_a_plan(seconds: int, rate: float | None) -> None:
    """The calls of each scope are counted, and the seconds that SES's quota makes them take at least."""
    prices = plan_file.document(a_plan(), timestamp=NOW, rate=rate)["sesform"]["api_calls"]

    assert {
        "total": 8,
        "least_seconds": seconds,
        "scopes": [
            {
                "account": "111111111111",
                "region": "eu-west-1",
                "calls": {
                    "ses:CreateConfigurationSet": 1,
                    "ses:CreateConfigurationSetEventDestination": 1,
                    "ses:CreateEmailIdentityPolicy": 1,
                    "ses:SetIdentityHeadersInNotificationsEnabled": 1,
                    "ses:SetIdentityNotificationTopic": 1,
                    "sns:CreateTopic": 1,
                    "sns:SetTopicAttributes": 1,
                    "sns:Subscribe": 1,
                },
                "ses_calls": 5,
                "least_seconds": seconds,
            }
        ],
    } == prices


def test_the_same_plan_has_the_same_digest_tomorrow() -> None:
    """The digest is of the plan, not of the hour."""
    today, tomorrow = (
        plan_file.document(a_plan(), timestamp=t)["sesform"]["digest"] for t in (NOW, "2027-01-01T00:00:00Z")
    )

    assert today == tomorrow
    assert today.startswith("sha256:")


def test_another_plan_has_another_digest() -> None:
    """Account, region, address, values and order all count."""
    plan = a_plan()
    first = plan.changes[0]
    others = [
        replace(first, scope=Scope("222222222222", "eu-west-1")),
        replace(first, address=replace(first.address, region="us-east-1")),
        replace(first, address=replace(first.address, key="u")),
        replace(first, after={**(first.after or {}), "name": "u"}),
    ]
    plans = [
        plan,
        *(replace(plan, changes=(o, *plan.changes[1:])) for o in others),
        replace(plan, changes=plan.changes[::-1]),
    ]
    digests = [plan_file.document(p, timestamp=NOW)["sesform"]["digest"] for p in plans]

    assert len(digests) == len(set(digests))


def test_the_document_of_a_run_that_came_to_no_plan() -> None:
    """A run that failed is a document too: errored, not applyable, with what was wrong."""
    document = plan_file.failure([Problem("it is wrong", "a.b", "s.yaml", 1, 2, "fix it")])

    assert (document["errored"], document["applyable"], document["complete"]) == (True, False, False)
    assert document["sesform"]["diagnostics"] == [
        {
            "summary": "it is wrong",
            "path": "a.b",
            "file": "s.yaml",
            "line": 1,
            "column": 2,
            "hint": "fix it",
            "severity": "error",
            "rule": "",
        }
    ]


# --- what is refused -----------------------------------------------------------------------------------------------------


def refused(content: Any) -> str:
    FILE.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(PlanFileError) as caught:
        saved_plan.load(FILE)
    return str(caught.value)


def places(node: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every scalar of a document."""
    if isinstance(node, dict):
        return [p for k, v in node.items() for p in places(v, (*way, k))]
    if isinstance(node, list):
        return [p for i, v in enumerate(node) for p in places(v, (*way, i))]
    return [way]


@given(st.data())
def test_any_edit_is_noticed(data: st.DataObject) -> None:
    """A value that was changed, added or removed after the review is refused, at any place."""
    document = copy.deepcopy(plan_file.document(a_plan(), timestamp=NOW))
    way = data.draw(st.sampled_from([p for p in places(document) if p not in (("timestamp",), ("sesform", "version"))]))
    parent: Any = document
    for part in way[:-1]:
        parent = parent[part]
    match data.draw(st.sampled_from(["change", "remove", "add"])):
        case "change":
            new = data.draw(st.sampled_from([None, 7, "x", True, False]))
            parent[way[-1]] = "other" if new == parent[way[-1]] else new
        case "remove":
            del parent[way[-1]]
        case "add" if isinstance(parent, dict):
            parent["another"] = 1
        case _:
            parent.append(1)

    assert "was changed or damaged after it was made: its digest differs" in refused(document)


def test_a_file_with_other_white_space_is_the_same_plan() -> None:
    """White space and the order of keys are no edit."""
    document = plan_file.document(a_plan(), timestamp=NOW)
    FILE.write_text(json.dumps(document, indent=2, sort_keys=True))

    assert a_plan() == saved_plan.load(FILE)


@pytest.mark.parametrize("version", [0, 2, "1", None, [1]])
def test_another_version_is_refused(version: Any) -> None:
    """A plan of another version is not guessed at."""
    document = plan_file.document(a_plan(), timestamp=NOW)
    document["sesform"]["version"] = version

    assert f"plan.json: plan version {version!r}; this sesform reads version 1. Plan again." == refused(document)


@pytest.mark.parametrize(
    ("expected", "content"),
    [
        ("is not a plan file", ""),
        ("is not a plan file", "{"),
        ("is not a plan file", "kind: Owner\n"),
        ("is not a plan file", "[" * 100_000),
        ("is not a plan file", '{"a":' * 100_000),
        ("not a plan of sesform", "[]"),
        ("not a plan of sesform", "null"),
        ("not a plan of sesform", '"sesform"'),
        ("not a plan of sesform", "{}"),
        ("not a plan of sesform", '{"sesform": []}'),
        ("not a plan of sesform", '{"format_version": "1.2", "terraform_version": "1.11.4"}'),
        ("plan version None", '{"sesform": {}}'),
        ("the plan was changed or damaged", '{"sesform": {"version": 1}}'),
    ],
)
def test_what_is_no_plan_is_refused(expected: str, content: str) -> None:
    """Whatever the file is, the answer is one line that says what to do."""
    message = refused(content)

    assert message.startswith(f"plan.json: {expected}")
    assert len(message.splitlines()) == 1


def test_bytes_that_are_no_text_are_refused() -> None:
    """A file of another kind is no plan."""
    FILE.write_bytes(b"PK\x03\x04\xff\xfe")

    with pytest.raises(PlanFileError, match="is not a plan file"):
        saved_plan.load(FILE)


def test_a_file_that_is_not_there_is_a_usage_error() -> None:
    """A wrong path is the caller's mistake, not a damaged plan."""
    with pytest.raises(UsageError, match=r"^plan.json: cannot be read: No such file or directory$"):
        saved_plan.load(FILE)


def test_a_file_that_is_too_large_is_refused() -> None:
    """A file over the limit is not even read."""
    FILE.touch()
    os.truncate(FILE, 256 * 1024 * 1024 + 1)

    with pytest.raises(PlanFileError) as caught:
        saved_plan.load(FILE)
    assert "plan.json: is larger than 256 MiB; make a plan with `sesform plan --out FILE`" == str(caught.value)


def test_a_file_of_the_largest_size_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file at the limit is a plan like any other."""
    saved(a_plan())
    monkeypatch.setattr(saved_plan, "MAX_BYTES", FILE.stat().st_size)

    assert a_plan() == saved_plan.load(FILE)


def forged(*, at: int = 0, **changes: Any) -> dict[str, Any]:
    """A document that was changed and signed again: the digest is not a secret."""
    document = copy.deepcopy(plan_file.document(a_plan(), timestamp=NOW))
    own = document["sesform"]
    step = changes.pop("step", None)
    if step:
        own["steps"][at].update(step)
    own.update(changes)
    own["digest"] = plan_file.digest(document)
    return document


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": 5},
        {"steps": [[]]},
        {"steps": [{}]},
        {"steps": {"a": 1}},
        {"access": []},
        {"access": {"corp": None}},
        {"unchanged": [1]},
        {"diagnostics": [{"nonsense": 1}]},
        {"step": {"action": "explode"}},
        {"step": {"address": "corp/eu-west-1/spaceship/t"}},
        {"step": {"address": "corp"}},
        {"step": {"depends_on": [0]}},
        {"step": {"depends_on": [-1]}},
        {"step": {"depends_on": ["x"]}},
        {"step": {"phase": "late"}},
        {"step": {"before": [1], "after": [1]}},
    ],
)
def test_a_document_that_no_plan_could_be_is_refused(changes: dict[str, Any]) -> None:
    """A digest that fits does not make nonsense a plan."""
    assert "the plan is incomplete" in refused(forged(**changes))


@pytest.mark.parametrize(
    "step", [{"after": "x"}, {"after": [1]}, {"after": {}}, {"phase": float("inf")}, {"action": "delete"}]
)
def test_a_step_that_no_planner_makes_is_refused(step: dict[str, Any]) -> None:
    """A step of any type whose states do not fit its action, or lack what AWS knows it by, makes no plan."""
    for position in range(len(a_plan().changes)):
        assert "the plan is incomplete" in refused(forged(at=position, step=step))


def test_no_depth_makes_loading_fall_over() -> None:
    """Nesting that one pass over a file bears and another does not is refused like any other."""
    nested = ['{"sesform":{"version":1,"x":' + "[" * depth + "]" * depth + "}}" for depth in range(900, 1010)]

    assert [] == [text for text in nested if not refused(text).startswith("plan.json: ")]


def test_a_link_is_written_through() -> None:
    """--out follows a link to its file, and does not replace the link."""
    Path("real.json").write_text("")
    Path("link.json").symlink_to("real.json")
    saved_plan.save(Path("link.json"), plan_file.document(a_plan(), timestamp=NOW))

    assert Path("link.json").is_symlink()
    assert saved_plan.load(Path("real.json")) == saved_plan.load(Path("link.json"))


def test_a_pipe_is_written_to_and_not_replaced() -> None:
    """--out writes to what is not a file, such as a pipe of the shell or /dev/null. (A device is no safe subject of a test.)"""
    os.mkfifo("pipe")
    reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    content = plan_file.document(a_plan(), timestamp=NOW)
    saved_plan.save(Path("pipe"), content)
    received = os.read(reader, 1 << 16)
    os.close(reader)

    assert Path("pipe").is_fifo()
    assert json.loads(received) == json.loads(plan_file.text(content))
