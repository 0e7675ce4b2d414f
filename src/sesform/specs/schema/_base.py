"""The base of all models: strictness, the words `absent` and `unmanaged`, and checked texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from sesform.model import arns
from sesform.model.regions import SES_REGIONS
from sesform.model.values import printable
from sesform.specs.schema.problems import did_you_mean

Absent = Literal["absent"]
Unmanaged = Literal["unmanaged"]


class Model(BaseModel):
    """Frozen, strict, and closed: an unknown key is an error, and no value is coerced."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    def declares(self, name: str) -> bool:
        """Whether the spec has this field, as opposed to its default."""
        return name in self.model_fields_set


def wrong(summary: str, hint: str = "") -> PydanticCustomError:
    """Return the error of a check: what is wrong, with the value, and what to do."""
    return PydanticCustomError("sesform", "{summary}", {"summary": printable(summary), "hint": hint})


T = TypeVar("T")


def _declared_or_absent(value: Any) -> str:
    return "<absent>" if isinstance(value, str) else "<declared>"


def _empty_is_declared(value: Any) -> Any:
    # `example.com:` without a value lists something that has no settings of its own.
    return {} if value is None else value


# A mapping of settings, or the word `absent`. The tags are part of pydantic's error locations only; `problems` drops them.
OrAbsent = Annotated[
    Annotated[T, Tag("<declared>")] | Annotated[Absent, Tag("<absent>")],
    Discriminator(_declared_or_absent),
    BeforeValidator(_empty_is_declared),
]


def _matching(pattern: str, what: str, hint: str = "") -> Callable[[str], str]:
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise wrong(f"{value!r} is not {what}", hint)
        return value

    return check


def text(pattern: str, what: str, hint: str = "") -> tuple[AfterValidator, Any]:
    """Return the metadata of a string that must match. `pattern` must also be an ECMA regular expression."""
    return AfterValidator(_matching(pattern, what, hint)), Field(
        json_schema_extra={"pattern": f"^{pattern}$", "patternErrorMessage": f"not {what}"}
    )


_account = text(r"[0-9]{12}", "an account number of 12 digits")
AccountId = Annotated[str, *_account]


def _known_region(value: str) -> str:
    if value not in SES_REGIONS:
        meant = did_you_mean(value, SES_REGIONS)
        later = "A region that AWS opens later needs a newer version of sesform"
        raise wrong(f"{value!r} is not a region of SES", f"{meant} {later}".lstrip())
    return value


_region = text(r"[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}", "the name of an AWS region", "write it like eu-west-1")
Region = Annotated[str, *_region, AfterValidator(_known_region)]

# A rule of sesform: names are parts of addresses, which are split at slashes and matched by globs.
_spec_name = text(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", "a spec name", "use up to 64 letters, digits, - _ and .")
SpecName = Annotated[str, *_spec_name]

# SES v2 API reference, CreateConfigurationSet and CreateConfigurationSetEventDestination.
_ses_name = text(r"[A-Za-z0-9_-]{1,64}", "a name that SES accepts", "use up to 64 letters, digits, - and _")
SesName = Annotated[str, *_ses_name]

_TOPIC_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}")


def _topic_name(value: str) -> str:
    # SNS API reference, CreateTopic; SES accepts standard topics only (developer guide, "Configuring Amazon SNS notifications").
    if value.endswith(".fifo"):
        raise wrong(f"{value!r} is a FIFO topic", "use a standard topic: SES does not publish to FIFO topics")
    if not _TOPIC_NAME.fullmatch(value):
        raise wrong(f"{value!r} is not a topic name that SNS accepts", "use up to 256 letters, digits, - and _")
    return value


TopicName = Annotated[str, AfterValidator(_topic_name)]


def _topic_reference(value: str) -> str:
    if value.startswith("arn:"):
        arn = arns.parse(value)
        if arn is None or arn.service != "sns" or not arn.account or ":" in arn.resource:
            raise wrong(
                f"{value!r} is not the ARN of an SNS topic", "write it like arn:aws:sns:eu-west-1:111111111111:name"
            )
        _topic_name(arn.resource)
        return value
    for part in value.split("/", 1):
        if not re.fullmatch(r"[A-Za-z0-9_.-]+", part):
            raise wrong(f"{value!r} is not a topic reference", "write a name, spec/name, or a full ARN")
    return value


TopicReference = Annotated[str, AfterValidator(_topic_reference)]


def arn_of(service: str, kind: str, example: str) -> AfterValidator:
    """Return a check that a string is the ARN of such a resource. `kind`: the beginning of its resource part."""

    def check(value: str) -> str:
        arn = arns.parse(value)
        named = (
            arn and arn.account and arn.service == service and arn.resource.startswith(kind) and arn.resource != kind
        )
        if not named:
            raise wrong(
                f"{value!r} is not the ARN of {_article(service)} {kind.rstrip('/:') or 'resource'}",
                f"write it like {example}",
            )
        return value

    return AfterValidator(check)


def _article(service: str) -> str:
    return f"{'an' if service[0] in 'aei' or service.startswith('s') else 'a'} {service}"


RoleArn = Annotated[str, arn_of("iam", "role/", "arn:aws:iam::111111111111:role/name")]


def only_one(model: Model, names: Mapping[str, str]) -> str:
    """Return the one field that is given. Raises an error for none or several. `names`: what to call the fields."""
    given = [name for name in names if getattr(model, name) is not None]
    if len(given) == 1:
        return given[0]
    what = f"{' and '.join(given)} together" if given else "none"
    raise wrong(f"needs exactly one of {', '.join(names)}, not {what}")
