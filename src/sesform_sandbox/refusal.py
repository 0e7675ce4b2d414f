"""The errors of the sandbox: refusals in AWS's words, and errors of the sandbox itself."""

from __future__ import annotations

import re

_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


class Refusal(Exception):
    """An error response. `code`, `message` and `status` are what the caller reads in it.

    If the service's model knows the code, the model's HTTP status is used unless `status` is given.
    """

    def __init__(self, code: str, message: str, status: int | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = _NOT_IN_XML.sub("?", message)
        self.status = status


class SandboxStateError(Exception):
    """The state file of a sandbox cannot be used. The message names the file and says what to do."""


class MotoVersionWarning(UserWarning):
    """The sandbox was not tested with the installed moto."""
