"""The condition keys that SES accepts in sending authorization policies.

Sources: IAM user guide, "AWS global condition context keys"; service authorization reference of Amazon SES v2, "Condition keys".
SES refuses any other key: "Unknown or unapplicable condition field 'AWS:SourceAccount'." was seen for a prefix in upper case
(awsdocs/amazon-cognito-developer-guide#41), so prefixes are case-sensitive here.
"""

from __future__ import annotations

_OF_SES = (
    *("ses:ApiVersion", "ses:ExportSourceType", "ses:FeedbackAddress", "ses:FromAddress", "ses:FromDisplayName"),
    *("ses:MultiRegionEndpointId", "ses:Recipients", "ses:ReplicaRegion", "ses:TenantName"),
)
_GLOBAL = (
    *("aws:AssumedRoot", "aws:CalledVia", "aws:CalledViaFirst", "aws:CalledViaLast", "aws:ChatbotSourceArn"),
    *("aws:CurrentTime", "aws:Ec2InstanceSourcePrivateIPv4", "aws:Ec2InstanceSourceVpc", "aws:EpochTime"),
    *("aws:FederatedProvider", "aws:MultiFactorAuthAge", "aws:MultiFactorAuthPresent", "aws:PrincipalAccount"),
    *("aws:PrincipalArn", "aws:PrincipalIsAWSService", "aws:PrincipalOrgID", "aws:PrincipalOrgPaths"),
    *("aws:PrincipalServiceName", "aws:PrincipalServiceNamesList", "aws:PrincipalType", "aws:referer"),
    *("aws:RequestedRegion", "aws:ResourceAccount", "aws:ResourceOrgID", "aws:ResourceOrgPaths", "aws:SecureTransport"),
    *(
        "aws:SourceAccount",
        "aws:SourceArn",
        "aws:SourceIdentity",
        "aws:SourceIp",
        "aws:SourceOrgID",
        "aws:SourceOrgPaths",
    ),
    *("aws:SourceOwner", "aws:SourceVpc", "aws:SourceVpcArn", "aws:SourceVpce", "aws:TagKeys", "aws:TokenIssueTime"),
    *("aws:userid", "aws:username", "aws:UserAgent", "aws:ViaAWSService", "aws:VpcSourceIp"),
    *("aws:VpceAccount", "aws:VpceOrgID", "aws:VpceOrgPaths"),
)
_WITH_A_NAME = ("aws:PrincipalTag/", "aws:RequestTag/", "aws:ResourceTag/")  # followed by the key of a tag

KNOWN = (*_OF_SES, *_GLOBAL)  # in AWS's spelling, for suggestions
_LOWER = frozenset(key.lower() for key in KNOWN)


def is_known(key: str) -> bool:
    """Return whether SES accepts a condition key. The case of the prefix matters, that of the rest does not."""
    lower = key.lower()
    if not key.startswith(("aws:", "ses:")):
        return False
    return lower in _LOWER or any(lower.startswith(p.lower()) and len(lower) > len(p) for p in _WITH_A_NAME)
