"""The moto that the sandbox was tested with. What it uses of moto is no public interface, so other versions are warned about."""

from __future__ import annotations

import warnings

from sesform_sandbox.refusal import MotoVersionWarning

TESTED = ("5.2.",)


def check() -> None:
    """Warns (MotoVersionWarning) where the installed moto is none that the sandbox was tested with.

    Raises ModuleNotFoundError, with what to install, where there is none.
    """
    from importlib import metadata

    try:
        installed = metadata.version("moto")
    except metadata.PackageNotFoundError:
        raise ModuleNotFoundError("the sandbox needs moto: pip install 'sesform[sandbox]'", name="moto") from None
    if not installed.startswith(TESTED):
        tested = " or ".join(version + "x" for version in TESTED)
        text = f"sesform's sandbox was tested with moto {tested}, but moto {installed} is installed: the sandbox may misbehave"
        warnings.warn(text, MotoVersionWarning, stacklevel=3)
