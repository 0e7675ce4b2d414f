"""Place resources that name no account or region: topics of identities, forwarding, policies, destinations of sets.

A resource is placed by its own values, by its provider configuration, or by the identity or set that it belongs to. Options apply
only where the document shows no other account or region. A resource that nothing places stays in Terraform: equal values prove
nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from sesform.importer.terraform_state._document import Instance, Shown
from sesform.model import arns
from sesform.model.address import Scope
from sesform.specs.declared import canonical_identity

# Types with an `arn` in the account and region that their provider calls, and the attribute with their name.
_IDENTITIES = {
    "aws_ses_domain_identity": "domain",
    "aws_ses_email_identity": "email",
    "aws_sesv2_email_identity": "email_identity",
}
_SETS = {"aws_ses_configuration_set": "name", "aws_sesv2_configuration_set": "configuration_set_name"}

# Types whose `arn` is that of another resource, which may belong to another account.
_ARN_OF_ANOTHER = ("aws_sns_topic_subscription", "aws_sns_topic_policy")
_NOTIFYING = ("aws_ses", "aws_sns_topic")  # the types whose accounts and regions limit the options

Candidate = tuple[Scope, str]  # the place of an identity or set, and its resource


class Unplaced(Exception):
    """A resource whose account or region nothing proves. `options`: the options that place it, none if they cannot."""

    def __init__(self, reason: str, options: Iterable[str] = ()) -> None:
        self.reason, self.options = reason, tuple(options)
        super().__init__(reason)


class Scopes:
    """The accounts and regions that a document shows.

    `account`, `region`: for resources that nothing places, if the document shows no other. `inferred`: the addresses of instances
    that were placed by the name of their identity or set, or by an option, and not by proof.
    """

    def __init__(self, shown: Shown, account: str | None = None, region: str | None = None) -> None:
        self._options, self._providers = (account, region), shown.providers
        self._candidates: dict[tuple[str, str], set[Candidate]] = defaultdict(set)
        self._provider_accounts: dict[str, set[str]] = defaultdict(set)
        self._provider_regions: dict[str, set[str]] = defaultdict(set)
        self._accounts: set[str] = set()
        self._regions: set[str] = set()
        self.inferred: set[str] = set()
        for key, provider in shown.providers.items():
            self._provider_accounts[key] |= {provider.account} - {""}
            self._provider_regions[key] |= {provider.region} - {""}
        for instance in shown.instances:
            self._record(instance)

    def _record(self, instance: Instance) -> None:
        own_region = str(instance.values.get("region") or "")
        if own_region and instance.type.startswith(_NOTIFYING):
            self._regions.add(own_region)
        arn = arns.parse(str(instance.values.get("arn")))
        if instance.type == "aws_caller_identity" and instance.provider:
            self._provider_accounts[instance.provider] |= {str(instance.values.get("account_id") or "")} - {""}
        if arn is None or not arn.account or not arn.region or instance.type in _ARN_OF_ANOTHER:
            return
        for kind, attributes in (("identity", _IDENTITIES), ("set", _SETS)):
            if instance.type in attributes:
                name = str(instance.values.get(attributes[instance.type]))
                name = canonical_identity(name) if kind == "identity" else name
                self._candidates[kind, name].add((arn.scope, instance.resource))
        if not instance.managed:  # a data source may read resources of other accounts
            return
        if instance.type.startswith(_NOTIFYING):
            self._accounts.add(arn.account)
            self._regions.add(arn.region)
        if instance.provider:
            self._provider_accounts[instance.provider].add(arn.account)
            if not own_region:  # version 6 of the provider: a resource may be in another region than its provider
                self._provider_regions[instance.provider].add(arn.region)

    def of_identity(self, instance: Instance, name: str, topic_arn: str = "") -> Scope:
        """Return the scope of a setting of an identity that is given by its name.

        SES requires the topic in the identity's region (AWS developer guide, "Configuring Amazon SNS notifications"), so the topic
        has the region of the identity. Raises Unplaced.
        """
        topic = arns.parse(topic_arn)
        candidates = self._candidates["identity", canonical_identity(name)]
        return self._one(instance, candidates, topic.region if topic else "", "identity")

    def of_set(self, instance: Instance, name: str, topic_arn: str = "") -> Scope:
        """Return the scope of a configuration set. A topic of its destinations has its region. Raises Unplaced."""
        topic = arns.parse(topic_arn)
        return self._one(instance, self._candidates["set", name], topic.region if topic else "", "configuration set")

    def caller(self, instance: Instance, identity: arns.Arn) -> str:
        """Return the account that has a setting for an identity given by its ARN.

        It is the identity's owner, or another account for a legacy cross-account entry. Raises Unplaced.
        """
        account = self._provider_account(instance)
        if not account and not instance.provider and self._accounts == {identity.account}:
            account = identity.account
        if not account:
            account = self._by_option(instance, "", identity.region)[0]
        return account

    def _provider_account(self, instance: Instance) -> str:
        """Return the account of an instance's provider configuration, "" if it is not known.

        All resources of a provider configuration have the same credentials, so the same account.
        """
        return _only(self._provider_accounts[instance.provider]) if instance.provider else ""

    def _region(self, instance: Instance, topic_region: str) -> str:
        own = instance.values.get("region")  # of each resource, since version 6 of the AWS provider
        if isinstance(own, str) and own:
            return own
        return topic_region or (_only(self._provider_regions[instance.provider]) if instance.provider else "")

    def _one(self, instance: Instance, candidates: set[Candidate], topic_region: str, what: str) -> Scope:
        account, region = self._provider_account(instance), self._region(instance, topic_region)
        if account and region:
            return Scope(account, region)
        matching = {c for c in candidates if account in ("", c[0].account) and region in ("", c[0].region)}
        linked = {scope for scope, resource in matching if resource in instance.depends_on}
        scopes = linked or {scope for scope, _ in matching}
        if len(scopes) == 1:
            if not linked:
                self.inferred.add(instance.address)
            return next(iter(scopes))
        if scopes:
            places = ", ".join(map(str, sorted(scopes)))
            raise Unplaced(f"its {what} is in {places}, and nothing shows which of them it belongs to; {_SHOW_PLAN}")
        return Scope(*self._by_option(instance, account, region))

    def _by_option(self, instance: Instance, account: str, region: str) -> tuple[str, str]:
        """Return the account and region, each from its option if it is not known. Raises Unplaced."""
        missing, found = [], []
        for known, option, seen, name in zip(
            (account, region), self._options, (self._accounts, self._regions), ("account", "region"), strict=True
        ):
            others = sorted(seen - {option})
            if known or (option and not others):
                found.append(known or str(option))
            elif len(seen) > 1 or (option and others):
                places = ", ".join(sorted(seen))
                why = f"there are resources in {places}, so --{name} does not apply"
                raise Unplaced(f"nothing shows its {name}, and {why}; {_SHOW_PLAN}")
            else:
                missing.append(name)
        if missing:
            options = [f"--{name}" for name in missing]
            raise Unplaced(
                f"the state does not show the {' and '.join(missing)}. Pass {' and '.join(options)}", options
            )
        self.inferred.add(instance.address)
        return found[0], found[1]


_SHOW_PLAN = "a plan (`terraform show -json PLANFILE`) shows the provider configuration of each resource"


def _only(values: set[str]) -> str:
    return next(iter(values)) if len(values) == 1 else ""
