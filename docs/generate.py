"""Write the generated parts of the reference pages: commands and options from the command line, fields from the schema.

A page marks such a part with `<!-- generated: KIND NAME -->` and `<!-- end of generated -->`. `python docs/generate.py`
replaces what stands between the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from typer.main import get_command

from sesform.cli.app import app
from sesform.render.rules import RULES
from sesform.specs.schema import json_schema

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "docs" / "reference"
PART = re.compile(r"(<!-- generated: (\w+) (.*?) -->\n).*?(<!-- end of generated -->)", re.DOTALL)

# Models of the schema that a page describes under a heading of its own. Others are written out where they are used.
SECTIONS = {
    "Authorization": "authorize",
    "ConfigurationSet": "configuration-sets",
    "Credentials": "credentials",
    "Defaults": "defaults",
    "Dimension": "cloudwatch-dimensions",
    "EventDestination": "event-destinations",
    "Firehose": "firehose",
    "Identity": "identities",
    "Notifications": "notifications",
    "NotificationSetting": "notification-settings",
    "PolicyStatement": "policy-statements",
    "Principals": "principals",
    "SendingPolicy": "policies",
    "Subscription": "subscriptions",
    "Topic": "topics",
}
WORDS = {"string": "text", "boolean": "true or false", "integer": "number", "null": "`null`", "any": "any value"}


def pages() -> list[Path]:
    """Return the pages that have generated parts."""
    return [page for page in sorted(REFERENCE.glob("*.md")) if PART.search(page.read_text(encoding="utf-8"))]


def parts(page: Path) -> list[tuple[str, str]]:
    """Return kind and name of each generated part of a page."""
    return [(kind, name) for _, kind, name, _ in PART.findall(page.read_text(encoding="utf-8"))]


def generated(page: Path) -> str:
    """Return the page with its generated parts as the code has them now."""

    def fill(found: re.Match[str]) -> str:
        begin, kind, name, end = found.groups()
        return f"{begin}\n{MAKERS[kind](name)}\n{end}"

    return PART.sub(fill, page.read_text(encoding="utf-8"))


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


# --- the command line --------------------------------------------------------------------------------------------------


def commands(group: Any = None, before: str = "sesform") -> Iterator[tuple[str, Any]]:
    """Yield each command with its whole name, those of groups too."""
    group = group or get_command(app)
    for name, command in group.commands.items():
        full = f"{before} {name}"
        if hasattr(command, "commands"):
            yield from commands(command, full)
        else:
            yield full, command


def options(command: Any) -> set[str]:
    """Return every spelling of every option of a command."""
    return {name for p in command.params for name in [*p.opts, *p.secondary_opts] if name.startswith("-")}


def _commands_table(_: str) -> str:
    rows = [[f"[`{name}`](#{name.replace(' ', '-')})", " ".join(command.help.split())] for name, command in commands()]
    return _table(["command", "does"], rows)


def _options_table(name: str) -> str:
    command = dict(commands())[name]
    context = command.make_context(name, [], resilient_parsing=True, help_option_names=["-h", "--help"])
    rows = [_parameter(*record) for p in command.get_params(context) if (record := p.get_help_record(context))]
    arguments = [_argument(p) for p in command.params if p.param_type_name == "argument"]
    return f"Usage: `{' '.join([name, '[OPTIONS]', *arguments])}`\n\n" + _table(["option", "default", "meaning"], rows)


def _argument(parameter: Any) -> str:
    name = parameter.metavar or parameter.name.upper()
    return (name if parameter.required else f"[{name}]") + ("..." if parameter.nargs == -1 else "")


def _parameter(names: str, text: str) -> list[str]:
    """Turn the two columns of `--help` into a row: the brackets at the end state default, environment and range."""
    text, *notes = re.split(r"\s*\[(?=default|env var|required|x>|\d)", text)
    stated = [note for part in notes for note in part.rstrip("]").split("; ")]
    default = next((note.removeprefix("default: ") for note in stated if note.startswith("default: ")), "")
    variable = next((note.removeprefix("env var: ") for note in stated if note.startswith("env var: ")), "")
    meaning = [" ".join(text.split()), _range(stated), f"Environment: `{variable}`." if variable else ""]
    default = "required" if "required" in stated else f"`{default}`" if default else ""
    name = (
        re.sub(r" <(list\[\w+\]|path|bash\|zsh\|fish)>", "", names).replace("<int range>", "N").replace("<str>", "TEXT")
    )
    return [f"`{name}`", default, " ".join(filter(None, meaning))]


def _range(stated: list[str]) -> str:
    for note in stated:
        if found := re.fullmatch(r"([\d.]+)<=x<=([\d.]+)", note):
            return f"From {found[1]} to {found[2]}."
        if found := re.fullmatch(r"x>=([\d.]+)", note):
            return f"At least {found[1].removesuffix('.0')}."
    return ""


# --- the schema --------------------------------------------------------------------------------------------------------


@cache
def _models() -> dict[str, Any]:
    found: dict[str, Any] = json_schema()["$defs"]
    return found


def _fields_table(name: str) -> str:
    """Return the fields of a model. `Both` stands for the fields that Owner and Delegate share."""
    owner, delegate = (_models()[kind]["properties"] for kind in ("Owner", "Delegate"))
    if name == "Both":
        model = _models()["Owner"]
        shown = ["kind", *(f for f in owner if f in delegate and f != "kind")]
    else:
        model = _models()[name]
        others = {"Owner": delegate, "Delegate": owner}.get(name, {})
        shown = [f for f in model["properties"] if f not in others]
    rows = [_field(f, model["properties"][f], f in model.get("required", ())) for f in shown]
    return _table(["field", "type", "default", "meaning"], rows)


def _field(name: str, node: dict[str, Any], required: bool) -> list[str]:
    if name == "kind":
        return ["`kind`", "`Owner` or `Delegate`", "required", "Which of the two kinds of spec this is."]
    default = "required" if required else _default(node.get("default"))
    return [f"`{name}`", _type(node), default, node.get("description", "")]


def _default(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`[{', '.join(value)}]`" if isinstance(value, list) else f"`{value}`"


def _type(node: dict[str, Any]) -> str:
    """Return the type of a field in words, with links to the sections of the page."""
    if "$ref" in node:
        return _reference(node["$ref"].rsplit("/", 1)[-1])
    if "const" in node:
        return f"`{node['const']}`"
    if "enum" in node:
        *first, last = (f"`{value}`" for value in node["enum"] if value is not None)
        return f"{', '.join(first)} or {last}" if first else last
    branches = node.get("oneOf") or node.get("anyOf")
    if branches is None:
        return _plain(node)
    branches = [branch for branch in branches if branch != {"type": "null"}]
    if len(branches) == 2 and branches[1].get("items") == branches[0]:
        return f"{_type(branches[0])}, one or a list"
    return " or ".join(dict.fromkeys(_type(branch) for branch in branches))


def _plain(node: dict[str, Any]) -> str:
    kind = node.get("type", "any")
    if isinstance(kind, list) and "null" in kind:  # what null means stands in the description
        kind = kind[0]
    if kind == "array":
        most = f", at most {node['maxItems']}" if "maxItems" in node else ""
        return f"list of {_type(node['items'])}{most}"
    if kind == "object":
        values = node.get("additionalProperties") or next(iter(node.get("patternProperties", {}).values()), None)
        if not isinstance(values, dict):
            return "mapping"
        return "mapping of mappings" if values.get("type") == "object" else f"mapping of names to {_type(values)}"
    if isinstance(kind, list):
        return ", ".join(WORDS[k] for k in kind)
    return WORDS[kind]


def _reference(name: str) -> str:
    if name in SECTIONS:
        return f"[{SECTIONS[name].replace('-', ' ')}](#{SECTIONS[name]})"
    return _type(_models()[name])


def _rules(_: str) -> str:
    """Return a section for each rule, whose anchor is its name."""
    return "\n".join(f"### {name}\n\n{each.meaning} {each.help}\n" for name, each in RULES.items())


def _action_table(kind: str) -> str:
    """Return the inputs or the outputs of the GitHub action."""
    rows = []
    for name, each in yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))[kind].items():
        default = "required" if each.get("required") else f"`{each['default']}`" if each.get("default") else ""
        rows.append([f"`{name}`", *([default] if kind == "inputs" else []), each["description"]])
    return _table(["input", "default", "meaning"] if kind == "inputs" else ["output", "meaning"], rows)


MAKERS = {
    "action": _action_table,
    "rules": _rules,
    "commands": _commands_table,
    "options": _options_table,
    "fields": _fields_table,
}


if __name__ == "__main__":
    for each in pages():
        each.write_text(generated(each), encoding="utf-8")
