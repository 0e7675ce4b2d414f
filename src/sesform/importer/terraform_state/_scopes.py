"""Find the account and region of resources that name none: topics of identities, destinations of sets.

Other resources of the same state show them, or options set them. They are never guessed.
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
_OTHERS = {"aws_sns_topic": "name", "aws_ses_event_destination": "name"}
_WITH_ARN = {**_IDENTITIES, **_SETS, **_OTHERS}


class Unresolved(Exception):
    """An account or a region that the document does not show. `options`: the options that set it."""

    def __init__(self, options: Iterable[str]) -> None:
        self.options = tuple(options)
        super().__init__(*self.options)


class Scopes:
    """The accounts and regions that a document shows.

    `account`, `region`: for resources whose account or region it does not show.
    """

    def __init__(self, shown: Shown, account: str | None = None, region: str | None = None) -> None:
        self._account, self._region, self._regions = account, region, shown.regions
        self._identities: dict[str, set[Scope]] = defaultdict(set)
        self._sets: dict[str, set[Scope]] = defaultdict(set)
        self._of_provider: dict[str, set[str]] = defaultdict(set)
        self._accounts: set[str] = set()
        for instance in shown.instances:
            self._record(instance)

    def _record(self, instance: Instance) -> None:
        attribute = _WITH_ARN.get(instance.type)
        arn = arns.parse(str(instance.values.get("arn")))
        if attribute is None or arn is None or not arn.account:
            return
        name = str(instance.values.get(attribute))
        if instance.type in _IDENTITIES:
            self._identities[canonical_identity(name)].add(arn.scope)
        elif instance.type in _SETS:
            self._sets[name].add(arn.scope)
        if instance.managed:  # a data source may read resources of other accounts
            self._accounts.add(arn.account)
            if instance.provider:
                self._of_provider[instance.provider].add(arn.account)

    def of_identity(self, instance: Instance, name: str, topic_arn: str = "") -> Scope:
        """Return the scope of a setting of an identity that is given by its name.

        SES requires the topic in the identity's region (AWS developer guide, "Configuring Amazon SNS notifications"), so the topic
        has the region of the identity. Raises Unresolved.
        """
        topic = arns.parse(topic_arn)
        return self._one(instance, self._identities[canonical_identity(name)], topic.region if topic else None)

    def of_set(self, instance: Instance, name: str) -> Scope:
        """Return the scope of a configuration set. Raises Unresolved."""
        return self._one(instance, self._sets[name], None)

    def caller(self, instance: Instance, identity: arns.Arn) -> str:
        """Return the account that has a setting for an identity given by its ARN.

        It is the identity's owner, or another account for a legacy cross-account entry. Raises Unresolved.
        """
        account = self._provider_account(instance)
        if account is None and self._accounts == {identity.account}:
            account = identity.account
        account = account or self._account
        if account is None:
            raise Unresolved(["--account"])
        return account

    def _provider_account(self, instance: Instance) -> str | None:
        """Return the account of an instance's provider configuration, None if it is not known.

        All resources of a provider configuration have the same credentials, so the same account.
        """
        found = self._of_provider[instance.provider]
        return next(iter(found)) if instance.provider and len(found) == 1 else None

    def _one(self, instance: Instance, candidates: set[Scope], topic_region: str | None) -> Scope:
        own = instance.values.get("region")  # of each resource, since version 6 of the AWS provider
        region = own if isinstance(own, str) and own else topic_region or self._regions.get(instance.provider)
        account = self._provider_account(instance)
        matching = [s for s in candidates if _matches(s, account, region)]
        if len(matching) != 1:
            account, region = account or self._account, region or self._region
            matching = [s for s in matching if _matches(s, account, region)]
        if len(matching) == 1:
            return matching[0]
        if account and region:
            return Scope(account, region)
        raise Unresolved([*([] if account else ["--account"]), *([] if region else ["--region"])])


def _matches(scope: Scope, account: str | None, region: str | None) -> bool:
    return account in (None, scope.account) and region in (None, scope.region)
