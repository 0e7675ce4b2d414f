"""Commands look for garbage rarely, and leave the setting of the process as it was."""

from __future__ import annotations

import gc

import pytest

from sesform import engine
from sesform.cli.collection import rare_garbage_collection
from shell import Shell


def test_a_command_looks_for_garbage_rarely(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """While specs are validated the threshold is higher, and afterwards it is that of the process."""
    before, during = gc.get_threshold(), list[tuple[int, int, int]]()
    validate = engine.validate

    def watched(*arguments: object, **keywords: object) -> object:
        during.append(gc.get_threshold())
        return validate(*arguments, **keywords)  # type: ignore[arg-type]

    monkeypatch.setattr(engine, "validate", watched)

    assert 0 == shell.run("validate").code
    assert during[0][0] > before[0]
    assert before == gc.get_threshold()


def test_the_setting_is_restored_after_an_error() -> None:
    """An exception leaves the setting of the process as it was."""
    before = gc.get_threshold()
    with pytest.raises(ValueError, match="no"), rare_garbage_collection():
        raise ValueError("no")

    assert before == gc.get_threshold()
