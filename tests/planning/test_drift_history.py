"""The history of drift: since when, what each service was told, and how long a flapping error stays untold."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from scenes import compiled, delegate, holding, owner
from sesform.planning import drift_history, planner
from sesform.planning.drift_history import Difference, Failure, History, News, Seen

HOUR, DAY, START = 3600, 86400, 1_800_000_000
A, B = Difference("a", "1", "a differs"), Difference("b", "1", "b differs")
ERROR = Failure("AwsError AccessDenied", ("no",))


def run(history: History, found: tuple[Difference, ...] | Failure, now: int) -> tuple[History, News | None]:
    """Return the history after a run at a time, and what the service `chat` was told."""
    if isinstance(found, Failure):
        history = drift_history.after_failure(history, now)
    else:
        history = drift_history.after_success(history, found, now)
    news = drift_history.news(history, "chat", found)
    return (history, None) if news is None else (drift_history.after_telling(history, "chat", news), news)


def told(runs: list[tuple[int, bool]]) -> list[int]:
    """Return the times at which the service was told something, for runs at these times that succeed or fail."""
    history, times = History(), []
    for now, succeeds in runs:
        history, news = run(history, () if succeeds else ERROR, START + now)
        times += [] if news is None else [now]
    return times


# --- since when --------------------------------------------------------------------------------------------------------


def test_a_difference_has_the_time_of_the_first_run_that_found_it() -> None:
    """The time stays while the difference stays, also when its value changes or a run fails, and begins again after healing."""
    history, _ = run(History(), (A,), START)
    history, _ = run(history, (A._replace(digest="2"), B), START + 60)
    history, _ = run(history, ERROR, START + 120)
    history, _ = run(history, (A, B), START + 180)
    assert {"a": START, "b": START + 60} == {name: seen.since for name, seen in history.differences.items()}
    history, _ = run(history, (B,), START + 240)
    history, _ = run(history, (A, B), START + 300)

    assert {"a": START + 300, "b": START + 60} == {name: seen.since for name, seen in history.differences.items()}


def test_the_last_success_survives_failures() -> None:
    """A run that fails leaves the time of the last one that succeeded."""
    history, _ = run(History(), (), START)
    history, _ = run(history, ERROR, START + 60)

    assert START == history.succeeded


# --- what is told ------------------------------------------------------------------------------------------------------


def test_a_service_is_told_of_new_changed_and_healed_differences() -> None:
    """One message has everything that has changed since the last one, and what has not."""
    history, _ = run(History(), (A, B), START)
    changed, other = A._replace(digest="2"), Difference("c", "1", "c differs")
    history, news = run(history, (changed, other), START + 60)

    assert news == News(new=((other, START + 60),), changed=((changed, START),), healed=(("b", START),))
    assert (history, None) == run(history, (changed, other), START + 60)


def test_services_are_told_separately() -> None:
    """A service that was not told has news that another one does not have any more."""
    history, _ = run(History(), (A,), START)

    assert drift_history.news(history, "chat", (A,)) is None
    assert News(new=((A, START),)) == drift_history.news(history, "mail", (A,))


def test_each_kind_of_error_is_told_once() -> None:
    """A second kind of error is told, and neither again while errors last."""
    history, other = History(), Failure("SpecError", ("bad",))
    kinds = []
    for now, failure in enumerate((ERROR, other, ERROR, other)):
        history, news = run(history, failure, START + now)
        kinds += [] if news is None or news.failure is None else [news.failure.kind]

    assert [ERROR.kind, other.kind] == kinds


def test_drift_is_told_while_an_error_is_not_over() -> None:
    """A run between errors tells of drift at once, and does not end the error."""
    history, _ = run(History(), ERROR, START)
    history, news = run(history, (A,), START + 60)

    assert news == News(new=((A, START + 60),))
    assert (ERROR.kind,) == history.told["chat"].failures
    assert None is run(history, ERROR, START + 120)[1]


# --- errors that come and go -------------------------------------------------------------------------------------------


def test_the_end_of_an_error_waits_for_an_hour_without_one() -> None:
    """The end is told by the first run that succeeds an hour after the last error."""
    assert [0, 4500] == told([(0, False), (900, False), (1800, True), (4499, True), (4500, True), (5400, True)])


def test_a_daily_job_tells_the_end_on_the_next_day() -> None:
    """Where runs are a day apart, each failure and each end is told."""
    assert [0, DAY, 2 * DAY, 3 * DAY] == told([(day * DAY, day % 2 == 1) for day in range(4)])


def test_an_error_that_returns_waits_longer_each_time() -> None:
    """An error for one run in three hours is told ever less often: the wait doubles up to a day."""
    runs = [(quarter * 900, quarter % 12 != 0) for quarter in range(4 * 24 * 7)]

    assert [0, HOUR, 3 * HOUR, 5 * HOUR, 6 * HOUR] == told(runs)


def test_the_wait_begins_again_after_a_good_day() -> None:
    """An error more than a day after the last end has a wait of an hour again."""
    runs = [(0, False), (HOUR, True), (2 * HOUR, False), (4 * HOUR, True)]
    late = 4 * HOUR + DAY

    assert [0, HOUR, 2 * HOUR, 4 * HOUR, late, late + HOUR] == told([*runs, (late, False), (late + HOUR, True)])


def test_a_clock_that_goes_back_is_no_error() -> None:
    """Times before the last run end nothing, and raise nothing."""
    assert [1000, 1000 + HOUR] == told([(1000, False), (0, True), (500, True), (1000 + HOUR, True)])


# --- differences of a plan ---------------------------------------------------------------------------------------------


def test_a_difference_has_one_name_and_changes_with_its_values() -> None:
    """A plan gives one difference for each resource; its digest follows what is declared and what is found."""
    specs = owner("topics: {t: {display_name: One}}\n")
    wanted = compiled(specs)

    def found(name: str) -> tuple[Difference, ...]:
        properties = {"topic_arn": TOPIC, "name": "t", "display_name": name, "kms_key": None}
        instead = {"corp/eu-west-1/topic/t": properties}
        return drift_history.differences(planner.plan(wanted, holding(wanted, instead=instead)))

    (first,), (again,), (other,) = found("Two"), found("Two"), found("Three")

    assert (
        "corp/eu-west-1/topic/t",
        "display_name changed (specs.yaml:5 declares it; AWS has different values)",
    ) == first[::2]
    assert first == again
    assert first.digest != other.digest
    assert first.name == other.name


TOPIC = "arn:aws:sns:eu-west-1:111111111111:t"


def test_a_history_has_no_secret_of_an_endpoint() -> None:
    """The name of a subscription, and all of its difference, have the endpoint without its secret."""
    specs = delegate("topics: {t: {subscriptions: [{protocol: https, endpoint: 'https://h.example/?token=s3cr3t'}]}}\n")
    found = drift_history.differences(planner.plan(compiled(specs), holding(compiled(delegate()))))

    assert [each.name for each in found if "https://h.example/?token=***" in each.name]
    assert "s3cr3t" not in str(found)


# --- the document ------------------------------------------------------------------------------------------------------


def test_a_history_survives_its_document() -> None:
    """What is read from a document is what was written to it."""
    history, _ = run(History(), (A, B), START)
    history, _ = run(history, ERROR, START + 60)
    history, _ = run(history, (A,), START + 60 + HOUR)
    history, _ = run(history, ERROR, START + 61 + HOUR)

    assert history == drift_history.loaded(json.loads(json.dumps(drift_history.document(history))))
    assert History() == drift_history.loaded(drift_history.document(History()))


@pytest.mark.parametrize("value", [-1, 1.5, "1", 2**60, None])
def test_a_time_that_is_not_one_is_refused(value: object) -> None:
    """Times are whole numbers of seconds that a calendar can have."""
    content = drift_history.document(replace(History(), differences={"a": Seen("1", START)}))
    content["differences"]["a"]["since"] = value

    with pytest.raises(ValueError, match="is not a time"):
        drift_history.loaded(content)
