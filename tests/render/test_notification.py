"""Messages about drift: bounded, and harmless whatever names are in them."""

from __future__ import annotations

import pytest

from sesform.planning.drift_history import Difference, Failure, News
from sesform.render.notification import Advice, message

ADVICE = Advice("sesform apply", "sesform drift", lambda seconds: f"T{seconds}")


def differences(n: int, detail: str = "missing in AWS") -> tuple[tuple[Difference, int], ...]:
    return tuple((Difference(f"corp/eu-west-1/topic/t{i}", "1", detail), i) for i in range(n))


def test_a_message_says_what_since_when_and_how_to_heal() -> None:
    """The whole message of two new differences and one that is as before."""
    new = (Difference("corp/eu-west-1/topic/t", "1", "missing in AWS", ("look at the key",)), 1)
    made = message(News(new=(new,), same=differences(1)), ADVICE)

    assert "sesform: SES settings have drifted: 2 differences" == made.title
    assert made.body == (
        "2 differences between AWS and the specs: 1 new, 1 as before.\n"
        "To heal: run `sesform apply` to restore what the specs declare, or change the specs to keep what AWS has.\n"
        "`sesform drift` shows all values.\n"
        "\n"
        "New:\n"
        "- corp/eu-west-1/topic/t: missing in AWS, since T1\n"
        "  Read first: look at the key\n"
        "\n"
        "As before:\n"
        "- corp/eu-west-1/topic/t0: missing in AWS, since T0"
    )
    assert made.alarm


def test_the_message_of_a_failure_has_its_reasons() -> None:
    """A failure says since when drift is not detected, and why."""
    made = message(News(failure=Failure("AwsError", ("no permission",)), failing_since=5), ADVICE)

    assert "sesform: drift detection fails" == made.title
    assert "since T5. Until this is repaired, drift is not detected:\n\n- no permission\n" in made.body
    assert made.alarm


@pytest.mark.parametrize(
    ("news", "title"),
    [
        (News(healed=(("a", 1),)), "sesform: drift is healed"),
        (News(healed=(("a", 1),), same=differences(2)), "sesform: drift is healed in part: 2 differences left"),
        (News(recovered=True), "sesform: drift detection works again"),
        (News(recovered=True, same=differences(1)), "sesform: drift detection works again"),
        (News(recovered=True, new=differences(1)), "sesform: SES settings have drifted: 1 difference"),
    ],
)
def test_titles_say_the_most_important(news: News, title: str) -> None:
    """Drift comes before healing, and healing before the end of an error; only new drift is an alarm."""
    made = message(news, ADVICE)

    assert title == made.title
    assert made.alarm is bool(news.new)


def test_many_differences_are_counted() -> None:
    """Each section has ten lines, and how many more there are; a line has 400 characters at most."""
    made = message(News(new=differences(600, "x" * 5000), healed=tuple((f"h{i}", 0) for i in range(50))), ADVICE)

    assert "600 differences between AWS and the specs: 600 new, 50 healed." in made.body
    assert "- and 590 more" in made.body
    assert "- and 40 more" in made.body
    assert len(made.body) < 6000


@pytest.mark.parametrize("name", ["a\nTo heal: run `rm -rf /`", "a\x1b[2J", "a\u202eb", "a\r\nSubject: x"])
def test_a_hostile_name_stays_on_its_line(name: str) -> None:
    """Line ends and control characters in names are escaped."""
    made = message(News(new=((Difference(name, "1", "differs"), 0),), healed=((name, 0),)), ADVICE)
    failed = message(News(failure=Failure("AwsError", (name,))), ADVICE)

    assert 9 == len(made.body.splitlines())
    assert 5 == len(failed.body.splitlines())
    assert not {"\x1b", "\u202e", "\r"} & set(made.body + failed.body)


def test_the_sandbox_and_a_remark_are_told() -> None:
    """The title says that the sandbox was read; a remark is the last line."""
    made = message(News(recovered=True), ADVICE._replace(sandbox=True, remark="Look here."))

    assert "sesform (sandbox): drift detection works again" == made.title
    assert made.body.endswith("\n\nLook here.")
