"""Read the attributes of one Terraform resource, each checked for its type."""

from __future__ import annotations

import json
from typing import Any

from sesform.errors import TerraformError
from sesform.importer.terraform_state._document import Instance
from sesform.model import arns
from sesform.model.values import escaped, printable
from sesform.policies import document as policy_document

MAX_LEVELS = 24  # of a policy: with the levels around it in a spec, the limit of a spec file


class NotImportable(Exception):
    """A resource that specs do not support, with the reason."""


class Attributes:
    """The attributes of one instance.

    Raises TerraformError for a value of another type than in the AWS provider's schema, NotImportable for a value that specs do not
    support.
    """

    def __init__(self, instance: Instance, values: Any = None, sensitive: Any = None) -> None:
        self.instance = instance
        self._values = instance.values if values is None else values
        self._sensitive = instance.sensitive if values is None else sensitive

    def text(self, name: str) -> str:
        """Return a string; "" for null or a missing attribute."""
        value = self._get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self._wrong_type(name, value, "text")
        if escaped(value) != value:
            raise NotImportable(f"its {name} has characters that specs do not allow")
        return value

    def required(self, name: str) -> str:
        value = self.text(name)
        if not value:
            raise TerraformError(
                f"{self.instance.address}: {name} is missing or empty. Run `terraform refresh`, and show the state again."
            )
        return value

    def flag(self, name: str) -> bool:
        value = self._get(name)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise self._wrong_type(name, value, "true or false")
        return value

    def texts(self, name: str) -> list[str]:
        value = self._get(name) or []
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise self._wrong_type(name, value, "a list of strings")
        return value

    def blocks(self, name: str) -> list[Attributes]:
        """Return the nested blocks of that name."""
        value, hidden = self._values.get(name) or [], self._sensitive.get(name)
        if hidden is True:
            raise NotImportable(f"its {name} is sensitive")
        if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
            raise self._wrong_type(name, value, "a list of blocks")
        masks = hidden if isinstance(hidden, list) else []
        return [
            Attributes(self.instance, v, mask if isinstance(mask, dict) else {})
            for v, mask in zip(value, [*masks, *[{}] * len(value)], strict=False)
        ]

    def block(self, name: str) -> Attributes | None:
        found = self.blocks(name)
        return found[0] if found else None

    def document(self, name: str) -> dict[str, Any]:
        """Return the JSON object in a string attribute; {} if it is empty."""
        value = self.text_of_json(name) or "{}"
        try:
            found = json.loads(value)
            shown, levels = json.dumps(found, ensure_ascii=False), _levels(found)
        except (ValueError, RecursionError) as error:
            raise self._no_json(name, error) from None
        if not isinstance(found, dict):
            raise self._wrong_type(name, value, "a JSON object")
        if escaped(shown) != shown or levels > MAX_LEVELS:
            raise NotImportable(
                f"its {name} has control characters or more than {MAX_LEVELS} levels, which specs do not allow"
            )
        return found

    def policy(self, name: str) -> dict[str, Any]:
        """Return a policy: a JSON object with statements."""
        document = self.document(name)
        if not document:
            raise self._wrong_type(name, self._values.get(name), "a policy")
        try:
            return policy_document.parse(json.dumps(document))
        except ValueError as error:
            raise self._no_json(name, error) from None

    def text_of_json(self, name: str) -> str:
        value = self._get(name) or ""
        if not isinstance(value, str):
            raise self._wrong_type(name, value, "JSON text")
        return value

    def arn(self, name: str, service: str) -> arns.Arn:
        value = self.required(name)
        parsed = arns.parse(value)
        if parsed is None or parsed.service != service or not parsed.account or not parsed.region:
            raise TerraformError(f"{self.instance.address}: {name} is {printable(value)!r}, not an ARN of {service}")
        return parsed

    def present(self, names: tuple[str, ...]) -> list[str]:
        """Return the attributes that have a value."""
        return [name for name in names if self._values.get(name) not in (None, "", 0, False, [], {})]

    def _get(self, name: str) -> Any:
        if _is_sensitive(self._sensitive.get(name)):
            raise NotImportable(f"its {name} is sensitive")
        return self._values.get(name)

    def _no_json(self, name: str, error: Exception) -> TerraformError:
        reason = printable(str(error)) if isinstance(error, ValueError) else "it is nested too deeply"
        return TerraformError(f"{self.instance.address}: {name} is not valid in AWS: {reason}")

    def _wrong_type(self, name: str, value: Any, what: str) -> TerraformError:
        return TerraformError(f"{self.instance.address}: {name} is {printable(repr(value))[:80]}, not {what}")


def _is_sensitive(mask: Any) -> bool:
    """Return whether a mask of `sensitive_values` contains `true` at any depth."""
    inside = mask.values() if isinstance(mask, dict) else mask if isinstance(mask, list) else ()
    return mask is True or any(map(_is_sensitive, inside))


def _levels(value: Any) -> int:
    """Return the number of levels of lists and objects."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inside is None else 1 + max(map(_levels, inside), default=0)
