"""The formats of results, and which command has which."""

from __future__ import annotations

from enum import StrEnum


class Format(StrEnum):
    text = "text"
    json = "json"
    markdown = "markdown"
    github = "github"
    gitlab = "gitlab"
    codequality = "codequality"
    junit = "junit"
    sarif = "sarif"
    openmetrics = "openmetrics"
    html = "html"
    mermaid = "mermaid"


_PEOPLE = (Format.text, Format.json, Format.markdown)
_PICTURES = (Format.html, Format.mermaid)  # a page to open in a browser, a diagram
_FINDINGS = (Format.codequality, Format.junit, Format.sarif)
FORMATS = {
    "validate": (*_PEOPLE, Format.github, *_FINDINGS),
    "plan": (*_PEOPLE, *_PICTURES, Format.github, Format.gitlab),
    "apply": (*_PEOPLE, Format.github),
    "destroy": (*_PEOPLE, Format.github),
    "drift": (*_PEOPLE, *_PICTURES, Format.github, Format.gitlab, Format.junit, Format.openmetrics),
    "show": (*_PEOPLE, *_PICTURES, Format.gitlab),
    "routes": (*_PEOPLE, *_PICTURES, Format.github, *_FINDINGS),
    "merge": tuple(each for each in Format if each is not Format.openmetrics),
}


class HandoverFormat(StrEnum):
    text = "text"
    yaml = "yaml"
    markdown = "markdown"
    json = "json"


class MatrixFormat(StrEnum):
    text = "text"
    json = "json"
    github = "github"
    gitlab = "gitlab"
    batch = "batch"
    kubernetes = "kubernetes"
    step_functions = "step-functions"
