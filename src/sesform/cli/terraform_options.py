"""Hints for commands and options of Terraform that users of sesform type."""

from __future__ import annotations

from collections.abc import Sequence

_NO_STATE = "sesform has no state: it always reads AWS"
# Without dashes. Sources: Terraform CLI documentation, "Command: plan", "Command: apply" and "Basic CLI Features"; the options for
# completion are those of Terraform and of other programs that use typer.
_OPTIONS = {
    "auto-approve": "write --auto-approve",
    "autoapprove": "write --auto-approve",
    "backup": "sesform has no state file to back up",
    "chdir": "pass the spec files and folders as arguments",
    "compact-warnings": "sesform has no such option: its warnings are single lines",
    "destroy": "use `sesform destroy`",
    "detailed-exitcode": "write --detailed-exitcode",
    "force": "write --auto-approve",
    "generate-config-out": "use `sesform import`",
    "help": "write --help",
    "input": "sesform asks only for approval; pass --auto-approve to skip the question",
    "install-autocomplete": "use `sesform completion bash`, zsh or fish",
    "install-completion": "use `sesform completion bash`, zsh or fish",
    "json": "write --format json",
    "lock": "sesform has no state to lock",
    "lock-timeout": "sesform has no state to lock",
    "no-color": "write --no-color",
    "out": "write --out FILE",
    "parallelism": "write --parallelism N",
    "refresh": _NO_STATE,
    "refresh-only": "use `sesform drift`",
    "replace": "sesform replaces a resource if its changes need that",
    "show-completion": "use `sesform completion bash`, zsh or fish",
    "state": _NO_STATE,
    "state-out": _NO_STATE,
    "target": "write --only GLOB; a pattern matches addresses",
    "uninstall-autocomplete": "remove the line with `sesform completion` from the settings of your shell",
    "var": "specs have no variables",
    "var-file": "specs have no variables",
    "verbose": "write --verbose",
    "version": "use `sesform --version`",
}
_NONE_NEEDED = "sesform needs no initialization; start with `sesform plan`"
_COMMANDS = {
    "autocomplete": "use `sesform completion bash`, zsh or fish",
    "console": "use `sesform plan --format json`",
    "env": "sesform has no workspaces: use a folder of specs for each environment, and name it as an argument",
    "force-unlock": "sesform has no state to lock",
    "get": _NONE_NEEDED,
    "graph": "use `sesform routes`",
    "init": _NONE_NEEDED,
    "login": "sesform uses the credentials of the AWS CLI",
    "logout": "sesform uses the credentials of the AWS CLI",
    "output": "use `sesform show FILE --format json`",
    "providers": _NONE_NEEDED,
    "refresh": "use `sesform drift`",
    "state": _NO_STATE,
    "taint": "sesform replaces a resource if its changes need that",
    "test": "use `sesform validate`, or `sesform plan --sandbox`",
    "untaint": "sesform replaces a resource if its changes need that",
    "version": "use `sesform --version`",
    "workspace": "sesform has no workspaces: use a folder of specs for each environment, and name it as an argument",
}


def explained(argv: Sequence[str]) -> tuple[str, str]:
    """Return Terraform's first option or command in a command line, and what to write in its place; "" if there is none."""
    if argv and argv[0] in _COMMANDS:
        return argv[0], _COMMANDS[argv[0]]
    if argv[:1] == ["import"] and len(argv) > 1 and not argv[1].startswith("-"):
        return argv[1], "sesform imports whole accounts: write --account A --region R"
    for word in argv:
        option = word.partition("=")[0]
        name = option.lstrip("-")
        single = option.startswith("-") and not option.startswith("--") and len(name) > 1
        if name in _OPTIONS and (single or (option.startswith("--") and option not in _OPTIONS[name])):
            return option, _OPTIONS[name]
    return "", ""
