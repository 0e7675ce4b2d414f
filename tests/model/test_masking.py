"""URLs are shown without their secrets, the same way at every edge."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sesform.model.masking import has_password, masked, masked_values

secrets = st.text("abcdefghijklmnopqrstuvwxyzABC0123456789-_.~%+/:@,;!(){}", min_size=8, max_size=40)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://example.com/hook", "https://example.com/hook"),
        ("https://example.com/?token=abc", "https://example.com/?token=***~"),
        ("https://example.com/?a=1&token=abc", "https://example.com/?a=***&token=***~"),
        ("https://example.com/?abc", "https://example.com/?***~"),
        ("https://example.com/#abc", "https://example.com/#***~"),
        ("HTTP://user:secret@example.com/x", "HTTP://***@example.com/x"),
        ("https://token@example.com", "https://***@example.com"),
        ("mailto:a@example.com", "mailto:a@example.com"),
        ("a@example.com", "a@example.com"),
    ],
)
def test_secrets_of_a_url_are_masked(text: str, expected: str) -> None:
    """User, password, query values and fragment are masked; host, path and the names of the query stay."""
    assert masked(text).startswith(expected)
    assert len(masked(text)) - len(expected) == (8 if expected.endswith("~") else 0)


@given(secrets, st.sampled_from(["https://h.example/x?token={}", "https://h.example/?{}", "http://h.example/a?b=c#{}"]))
def test_no_part_of_a_query_is_left(secret: str, form: str) -> None:
    """Whatever characters a secret has, none of it is shown."""
    assert secret not in masked(f"see {form.format(secret)} there")


@given(
    st.one_of(secrets.map("https://h.example/x?token={}".format), st.text()), st.sampled_from(["", ": x", ", y", " z"])
)
def test_masking_again_changes_nothing(text: str, more: str) -> None:
    """A text is masked at several edges: in an address, in a sentence, in a document."""
    once = masked(text) + more

    assert masked(masked(text)) == masked(text)
    assert not text.startswith("https://h.example/x?token=") or masked(once) == once


@given(secrets, secrets)
def test_two_secrets_stay_different(one: str, other: str) -> None:
    """Addresses of two endpoints that differ in their secrets are two addresses."""
    first, second = (masked(f"https://h.example/?token={secret}") for secret in (one, other))

    assert (first == second) == (one == other)


def test_data_are_masked_at_any_depth() -> None:
    """Keys and values of plain data are masked; other values stay."""
    data = {"https://h.example/?a": [{"b": "https://h.example/?a"}, 1, None, True]}
    url = masked("https://h.example/?a")

    assert {url: [{"b": url}, 1, None, True]} == masked_values(data)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://u:p@h/", True),
        ("https://u@h/", True),
        ("https://h/?a@b", False),
        ("https://h/a@b", False),
        ("a@b", False),
    ],
)
def test_a_password_is_found_before_the_host_only(url: str, expected: bool) -> None:
    """An `@` after the host is a part of the path or the query."""
    assert expected is has_password(url)
