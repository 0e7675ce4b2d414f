"""The template of HTML pages, by Jinja2 of the extra `html`."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from importlib import resources
from typing import TYPE_CHECKING, Any

from sesform.model.values import printable

if TYPE_CHECKING:
    from sesform.render.page import Template

_PACKAGE, _FOLDER = "sesform.render", "templates"


def template() -> Template:
    """Return the template of pages. Raises ModuleNotFoundError if Jinja2 is not installed.

    Every text is escaped, and shown without control characters and secrets. The page's policy allows its own script and style by
    their hashes, and no request (W3C, "Content Security Policy Level 3"). A page is ASCII, so that it can be written to a standard
    output of any encoding.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    def shown(value: Any) -> Any:
        return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    environment = Environment(
        loader=PackageLoader(_PACKAGE, _FOLDER),
        autoescape=True,
        finalize=shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name, file in (("style", "page.css"), ("script", "page.js")):
        source = resources.files(_PACKAGE).joinpath(_FOLDER, file).read_text(encoding="utf-8")
        environment.globals[name] = Markup(source)
        environment.globals[f"{name}_hash"] = f"sha256-{b64encode(hashlib.sha256(source.encode()).digest()).decode()}"
    page = environment.get_template("page.html.j2")
    return lambda content: page.render(content).encode("ascii", "xmlcharrefreplace").decode("ascii")
