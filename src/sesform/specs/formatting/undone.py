"""Why a step of the formatting is undone."""

from __future__ import annotations


class Undone(Exception):
    """A step that cannot be made without a change of data or the loss of a comment. The message says why."""
