"""The lines of Terraform that other tools look for, in texts that otherwise name sesform."""

from __future__ import annotations

import re

from sesform.render.text import NO_CHANGES, NO_DRIFT, OPENER

# Source: Terraform, internal/command/views/plan.go and jsonformat/renderer.go.
_OPENER = "Terraform will perform the following actions:"
_OUTSIDE = "Note: Objects have changed outside of Terraform"
_END_OF_OUTSIDE = "Unless you have made equivalent changes to your configuration, the next apply undoes these changes."


def plan(text: str) -> str:
    """Return the text of a plan with Terraform's opening line."""
    return text.replace(f"\n{OPENER}\n", f"\n{_OPENER}\n", 1)


def drift(text: str) -> str:
    """Return the text of drift between the lines that enclose changes made outside of Terraform."""
    if NO_DRIFT in text.partition("\n")[0]:
        return text.replace(NO_DRIFT, NO_CHANGES, 1)
    summary = re.search(r"^(\x1b\[1m)?Plan:", text, re.MULTILINE)
    assert summary is not None
    return f"{_OUTSIDE}\n\n{text[: summary.start()]}{_END_OF_OUTSIDE}\n\n{text[summary.start() :]}"
