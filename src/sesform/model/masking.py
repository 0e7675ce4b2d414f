"""Mask secrets in the URLs of endpoints: what is shown, logged or saved never has them.

A URL can hold a secret as its user name and password, in its query or in its fragment. The specs and the calls to AWS have the
whole URL. Masking a masked text again changes nothing, so texts can be masked at each edge.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

MASK = "***"

_URL = re.compile(r"""(?i)\b(https?://)([^\s"'<>]+)""")
_PASSWORD = re.compile(r"(?i)https?://[^/?#]*@")  # a token may be given as the user name alone
_DIGEST_LENGTH = 8  # hexadecimal digits: enough to tell two URLs of one plan apart
# A query that is masked, and what follows it in a sentence.
_MASKED_QUERY = re.compile(rf"(?:[^=&]*=\*\*\*&)*(?:[^=&]*=)?\*\*\*~[0-9a-f]{{{_DIGEST_LENGTH}}}(?:[^0-9A-Za-z=&].*)?")


def masked(text: str) -> str:
    """Return a text in which URLs have no secrets: `https://example.com/hook?token=***~1a2b3c4d`.

    The digest after `~` is that of the whole query and fragment, so that two URLs that differ in their secrets stay different.
    """
    return _URL.sub(_masked_url, text) if "://" in text else text


def has_password(endpoint: str) -> bool:
    """Return whether an endpoint is a URL with a user name or a password."""
    return _PASSWORD.match(endpoint) is not None


def masked_values(value: Any) -> Any:
    """Return plain data with all its texts masked, keys included."""
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, Mapping):
        return {masked(key) if isinstance(key, str) else key: masked_values(each) for key, each in value.items()}
    return [masked_values(each) for each in value] if isinstance(value, list | tuple) else value


def _masked_url(match: re.Match[str]) -> str:
    scheme, rest = match.groups()
    place, mark, secret = _parted(rest)
    authority, slash, path = place.partition("/")
    user, at, host = authority.rpartition("@")
    place = f"{MASK if at else user}{at}{host}{slash}{path}"
    return f"{scheme}{place}{mark}{_masked_query(secret) if mark else ''}"


def _parted(rest: str) -> tuple[str, str, str]:
    """Return what comes before the query or fragment, the mark that begins it, and the rest."""
    found = re.search(r"[?#]", rest)
    return (rest, "", "") if found is None else (rest[: found.start()], found[0], rest[found.end() :])


def _masked_query(secret: str) -> str:
    if not secret or _MASKED_QUERY.fullmatch(secret):
        return secret
    digest = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_LENGTH]
    names = [part.partition("=")[0] for part in secret.partition("#")[0].split("&") if "=" in part]
    shown = "&".join(f"{name}={MASK}" for name in names) or MASK
    return f"{shown}~{digest}"
