"""The table of regions follows botocore."""

from __future__ import annotations

import botocore.session
import pytest

from sesform.model.regions import SES_REGIONS


@pytest.mark.parametrize("service", ["ses", "sesv2"])
def test_the_regions_are_those_of_botocore(service: str) -> None:
    """Every region in which the installed botocore knows SES, in all partitions, is in the table, and no other."""
    session = botocore.session.get_session()
    partitions = session.get_available_partitions()
    found = {region for partition in partitions for region in session.get_available_regions(service, partition)}

    assert set(SES_REGIONS) == found
