"""The versions of moto that the sandbox was tested with. It uses private parts of moto, so it warns about other versions."""

from __future__ import annotations

import warnings

from sesform_sandbox.refusal import MotoVersionWarning

TESTED = ("5.2.",)


def check() -> None:
    """Warn (MotoVersionWarning) if the sandbox was not tested with the installed moto.

    Raises ModuleNotFoundError, with the command that installs it, if moto is missing.
    """
    from importlib import metadata

    try:
        installed = metadata.version("moto")
    except metadata.PackageNotFoundError:
        raise ModuleNotFoundError("the sandbox needs moto: pip install 'sesform[sandbox]'", name="moto") from None
    if not installed.startswith(TESTED):
        tested = " or ".join(version + "x" for version in TESTED)
        text = (
            f"sesform's sandbox was tested with moto {tested}; moto {installed} is installed, and the sandbox may fail"
        )
        warnings.warn(text, MotoVersionWarning, stacklevel=3)
