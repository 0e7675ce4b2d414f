"""List the names of all identities, configuration sets and topics of an account and region."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sesform.specs.declared import canonical_identity

if TYPE_CHECKING:
    from sesform.aws import Connection


IDENTITIES_PER_PAGE = 1000  # the largest page: SES v2 API reference, ListEmailIdentities


def identities(connection: Connection) -> dict[str, str]:
    """Return the verification status of each identity, in the spelling of SES v1. One call for 1,000. Raises AwsError."""
    found = {}
    for page in _pages(connection, "sesv2", "ListEmailIdentities", PageSize=IDENTITIES_PER_PAGE):
        for each in page["EmailIdentities"]:
            status = str(each.get("VerificationStatus", ""))
            found[canonical_identity(each["IdentityName"])] = status.title().replace("_", "")
    return dict(sorted(found.items()))


def configuration_sets(connection: Connection) -> list[str]:
    """Return the names of all configuration sets. Raises AwsError."""
    pages = _pages(connection, "sesv2", "ListConfigurationSets")
    return sorted(name for page in pages for name in page.get("ConfigurationSets", ()))


def topics(connection: Connection) -> list[str]:
    """Return the ARNs of all topics, whether SES publishes to them or not. One call for 100. Raises AwsError."""
    pages = _pages(connection, "sns", "ListTopics")
    return sorted(topic["TopicArn"] for page in pages for topic in page.get("Topics", ()))


def tenants(connection: Connection, arn: str) -> list[str]:
    """Return the names of the tenants that use an identity or configuration set. One call. Raises AwsError."""
    pages = _pages(connection, "sesv2", "ListResourceTenants", ResourceArn=arn)
    return sorted(each["TenantName"] for page in pages for each in page.get("ResourceTenants", ()))


def global_endpoints(connection: Connection) -> dict[str, tuple[str, ...]]:
    """Return the regions of each Global endpoint, which sends mail from all of them. One call. Raises AwsError."""
    pages = _pages(connection, "sesv2", "ListMultiRegionEndpoints")
    found = (each for page in pages for each in page.get("MultiRegionEndpoints", ()))
    return {each["EndpointName"]: tuple(each.get("Regions", ())) for each in found}


def _pages(connection: Connection, service: str, operation: str, **params: Any) -> Iterator[dict[str, Any]]:
    """Yield one answer after another. botocore has no paginators for the lists of SES v2."""
    token: dict[str, str] = {}
    while True:
        page = connection.call(service, operation, **params, **token)
        yield page
        if not page.get("NextToken"):
            return
        token = {"NextToken": page["NextToken"]}
