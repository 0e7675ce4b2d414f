"""Unmanaged resources as text: after the plan, escaped, and cut if there is no room."""

from __future__ import annotations

from scenes import DELEGATE_SCOPE, OWNER_SCOPE
from sesform.live.snapshot import UnmanagedResource
from sesform.planning.plan import Plan
from sesform.render import unmanaged

SOME = (
    UnmanagedResource("identity", OWNER_SCOPE, "a.com", "e-mail forwarding off"),
    UnmanagedResource("topic", DELEGATE_SCOPE, "arn:x\x1b[2J"),
)


def test_it_is_grouped_by_account_and_region() -> None:
    """Each thing on a line, with what is set on it; nothing acts on a terminal."""
    assert (
        "\nNot named by any spec, and left alone:\n"
        "  in 111111111111/eu-west-1\n"
        "    identity a.com (e-mail forwarding off)\n"
        "  in 222222222222/eu-west-1\n"
        "    topic arn:x\\x1b[2J\n"
    ) == unmanaged.text(Plan((), unmanaged=SOME))


def test_nothing_is_printed_if_it_was_not_read() -> None:
    """None is not the same as none found."""
    says = "\nEverything that exists here is named by a spec.\n"

    assert ("", "") == (unmanaged.text(Plan(())), unmanaged.markdown(Plan(())))
    assert (says, says) == (unmanaged.text(Plan((), unmanaged=())), unmanaged.markdown(Plan((), unmanaged=())))


def test_markdown_keeps_within_its_room() -> None:
    """A comment has its limit: what does not fit is counted."""
    many = tuple(UnmanagedResource("topic", OWNER_SCOPE, f"arn:{i:04}") for i in range(1000))
    drawn = unmanaged.markdown(Plan((), unmanaged=many), 1000)
    shown = drawn.count("- 111111111111/eu-west-1: topic arn:")

    assert len(drawn) <= 1000
    assert f"- {1000 - shown} more were cut\n\n</details>\n" in drawn
