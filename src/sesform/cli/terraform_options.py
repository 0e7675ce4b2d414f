"""Hints for commands and options of Terraform that users of sesform type."""

from __future__ import annotations

from collections.abc import Sequence

# Without dashes. Sources: Terraform CLI documentation, "Command: plan" and "Command: apply".
_OPTIONS = {
    "auto-approve": "write --auto-approve",
    "compact-warnings": "sesform has no such option: its warnings are single lines",
    "destroy": "use `sesform destroy`",
    "detailed-exitcode": "write --detailed-exitcode",
    "generate-config-out": "use `sesform import`",
    "input": "sesform asks only for approval; pass --auto-approve to skip the question",
    "json": "write --format json",
    "lock": "sesform has no state to lock",
    "lock-timeout": "sesform has no state to lock",
    "no-color": "write --no-color",
    "out": "write --out FILE",
    "parallelism": "write --parallelism N",
    "refresh": "sesform has no state: it always reads AWS",
    "refresh-only": "use `sesform drift`",
    "replace": "sesform replaces a resource if its changes need that",
    "state": "sesform has no state: it always reads AWS",
    "target": "write --only GLOB; a pattern matches addresses",
    "var": "specs have no variables",
    "var-file": "specs have no variables",
    "verbose": "write --verbose",
    "version": "use `sesform --version`",
}
_COMMANDS = {
    "fmt": "sesform does not format specs",
    "graph": "use `sesform routes`",
    "init": "sesform needs no initialization; start with `sesform plan`",
    "output": "use `sesform show FILE --format json`",
    "refresh": "use `sesform drift`",
    "state": "sesform has no state: it always reads AWS",
    "version": "use `sesform --version`",
}


def explained(argv: Sequence[str]) -> tuple[str, str]:
    """Return Terraform's first option or command in a command line, and what to write in its place; "" if there is none."""
    if argv and argv[0] in _COMMANDS:
        return argv[0], _COMMANDS[argv[0]]
    for word in argv:
        option = word.partition("=")[0]
        name = option.lstrip("-")
        single = option.startswith("-") and not option.startswith("--") and len(name) > 1
        if name in _OPTIONS and (single or (option.startswith("--") and option not in _OPTIONS[name])):
            return option, _OPTIONS[name]
    return "", ""
