"""The text of problems and errors."""

from __future__ import annotations

import inspect

import pytest

from sesform import errors
from sesform.errors import AwsError, Problem, SesformError, SpecError


@pytest.mark.parametrize(
    ("expected", "problem"),
    [
        ("it is wrong", Problem("it is wrong")),
        ("it is wrong; fix it", Problem("it is wrong", hint="fix it")),
        ("a.b: it is wrong", Problem("it is wrong", "a.b")),
        ("s.yaml: it is wrong", Problem("it is wrong", file="s.yaml")),
        ("s.yaml:3:7: it is wrong", Problem("it is wrong", file="s.yaml", line=3, column=7)),
        ("s.yaml:3:7: a.b: it is wrong; fix it", Problem("it is wrong", "a.b", "s.yaml", 3, 7, "fix it")),
        ("it is wrong", Problem("it is wrong", line=3, column=7)),
    ],
)
def test_the_text_of_a_problem_has_place_path_summary_and_hint(expected: str, problem: Problem) -> None:
    """The text form is `file:line:column: path: summary; hint`, without unknown parts."""
    assert expected == str(problem)


def test_a_problem_is_an_error_by_default() -> None:
    """A problem is an error by default."""
    assert Problem("it is wrong").severity == "error"


def test_spec_error_has_problems_in_order_of_place() -> None:
    """Problems are sorted by file, line and column."""
    first, second, third = (
        Problem("z", file="a", line=2),
        Problem("y", file="a", line=10),
        Problem("x", file="b", line=1),
    )

    error = SpecError([third, second, first])

    assert (first, second, third) == error.problems
    assert str(error) == "a:2:0: z\na:10:0: y\nb:1:0: x"


def test_aws_error_says_what_was_called_where_and_what_to_do() -> None:
    """An AwsError has the operation, the scope, AWS's code and message, and the hint."""
    error = AwsError(
        "denied", code="AccessDenied", operation="ses:Get", where="111111111111/eu-west-1", hint="allow it"
    )

    assert str(error) == "ses:Get in 111111111111/eu-west-1: AccessDenied: denied; allow it"


def test_aws_error_without_a_response_has_no_code() -> None:
    """An AwsError without a response has no code."""
    assert str(AwsError("denied")) == "denied"


def test_every_exception_has_one_root() -> None:
    """SesformError is the base class of every exception that sesform raises on purpose."""
    ours = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, Exception)]

    assert [c.__name__ for c in ours if not issubclass(c, SesformError)] == []


def test_every_exception_is_in_the_class_tree() -> None:
    """The class tree in the module's docstring has every exception class."""
    drawn = errors.__doc__ or ""
    ours = [n for n, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, Exception)]

    assert [name for name in ours if name not in drawn] == []
