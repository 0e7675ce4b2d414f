"""Import: write specs of AWS, or of Terraform's state, on which a plan is empty. Only reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from sesform.engine.progress import Notify, ReadingAccounts, ignore
from sesform.engine.settings import DEFAULTS, Settings, connect
from sesform.engine.specs import compile_text
from sesform.errors import Problem, SpecError, TerraformError
from sesform.importer import account as account_reader
from sesform.importer import spec_writer, terraform_state
from sesform.importer.account import AccountResources
from sesform.importer.spec_writer import Account
from sesform.model.address import Access, Scope
from sesform.planning import planner
from sesform.specs import yaml_writer

_FILE = "import.yaml"  # the file name in problems of imported specs


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What to import.

    `access`: the credentials, by account id. `accounts`: the head of each account's specs, by account id. `foreign`: ARNs of
    identities of other accounts whose legacy entries are read too. `all_topics`: include topics that SES does not publish to.
    `made_by`: the command, for the first line of the result.
    """

    access: Mapping[str, Access]
    accounts: Mapping[str, Account]
    regions: tuple[str, ...]
    foreign: tuple[str, ...] = ()
    all_topics: bool = False
    made_by: str = "sesform import"


@dataclass(frozen=True, slots=True)
class Imported:
    """Specs of live resources.

    `text`: YAML, "" if something could not be read, which is in `unreadable`. `differences`: why a plan on the text is not empty.
    `counts`: the number of identities, configuration sets and topics. `warnings`: what a plan on the text warns of, such as
    identities whose bounces have no receiver.
    """

    text: str = ""
    unreadable: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()
    counts: tuple[int, int, int] = (0, 0, 0)
    warnings: tuple[Problem, ...] = ()


def import_live(request: ImportRequest, settings: Settings = DEFAULTS, notify: Notify = ignore) -> Imported:
    """Read accounts and write specs of their resources. A plan on the text is made before it is returned.

    Raises CredentialsError, AccountError or AwsError if no connection can be made.
    """
    places = [(account, region) for account in request.access for region in request.regions]
    connections = connect(places, request.access, settings, notify)
    scopes = tuple(sorted({c.scope for c in connections.by_place.values()}))
    notify(ReadingAccounts(scopes))
    found = account_reader.read(
        connections,
        request.foreign,
        all_topics=request.all_topics,
        parallelism=settings.parallelism,
    )
    if found.unreadable:
        return Imported(unreadable=found.unreadable)
    drafts = spec_writer.specs(found.resources, request.accounts, whole=True, scopes=found.scopes, notes=found.notes)
    documents = [(d.data, d.comments) for d in drafts]
    head = [f"Made by `{request.made_by}`. A plan on it is empty."]
    wrong, warnings = checked(yaml_writer.text(documents, head), found)
    if wrong:
        head = [f"Made by `{request.made_by}`. A plan on it is not empty:", *wrong]
    return Imported(yaml_writer.text(documents, head), (), tuple(wrong), _counts(found), warnings)


def checked(text: str, found: AccountResources) -> tuple[list[str], tuple[Problem, ...]]:
    """Return why a plan on these specs would not be empty, or could not be made, and what it warns of; [] if it would be empty."""
    try:
        desired = compile_text(text, _FILE)
    except SpecError as error:
        return [str(p) for p in error.problems if p.severity == "error"], ()
    plan = planner.plan(desired, account_reader.snapshot(desired, found))
    changes = [f"{c.address} would be {c.action}d: {c.reason}" for c in plan.changes]
    # The places are in a text that no file has yet.
    warnings = tuple(replace(p, file="", line=0, column=0) for p in plan.diagnostics if p.severity == "warning")
    return [*map(str, plan.errors), *changes], warnings


def differences(text: str, found: AccountResources) -> list[str]:
    """Return why a plan on these specs would not be empty, or could not be made; [] if it would be empty."""
    return checked(text, found)[0]


def _counts(found: AccountResources) -> tuple[int, int, int]:
    identities = {(scope, p["identity"]) for scope, p in found.of_type("feedback_forwarding")}
    return len(identities), len(found.of_type("configuration_set")), len(found.of_type("topic"))


# --- Terraform ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ImportedFromTerraform:
    """Specs of Terraform's state.

    `blocks`: the `removed` blocks by which Terraform forgets what the specs declare. `handed_over`, `kept`: how many resources are
    handed over, and how many stay with Terraform. `skipped_topics`: topics that SES does not publish to.
    """

    text: str
    blocks: str
    handed_over: int
    kept: int
    skipped_topics: int
    warnings: tuple[str, ...] = ()


def import_terraform(
    content: bytes,
    accounts: Callable[[Iterable[Scope]], Mapping[str, Account]],
    *,
    account: str | None = None,
    region: str | None = None,
    all_topics: bool = False,
) -> ImportedFromTerraform:
    """Write specs of the output of `terraform show -json`. No call to AWS.

    `accounts`: called with the scopes that were found, returns the head of each account's specs. `account`, `region`: for resources
    that the state does not place. Raises TerraformError if the content is no such output, or specs support nothing in it.
    """
    found = terraform_state.inventory(content, account, region, all_topics=all_topics)
    scopes = {scope for _, scope, _ in found.resources}
    drafts = spec_writer.specs(found.resources, accounts(scopes), whole=False)
    text = yaml_writer.text((draft.data, draft.comments) for draft in drafts)
    try:
        desired = compile_text(text, "the specs made of it")
    except SpecError as error:
        raise TerraformError(
            "the specs made of the state are not valid:\n" + "\n".join(map(str, error.problems))
        ) from None
    if not desired.declared:
        kept = [f"{item.address}: {item.kept_reason}" for item in found.items if item.kept_reason]
        remarks = [remark for draft in drafts for texts in draft.comments.values() for remark in texts]
        raise TerraformError("\n".join(["specs support nothing in it:", *kept, *remarks]))
    hand_overs = terraform_state.hand_overs(found, desired)
    handed_over = sum(v.handed_over for v in hand_overs)
    return ImportedFromTerraform(
        text,
        terraform_state.removed_file(hand_overs),
        handed_over,
        len(hand_overs) - handed_over,
        found.skipped_topics,
        tuple(found.warnings),
    )
