"""Addresses, scopes and accesses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sesform.errors import UsageError
from sesform.model.address import Access, Address, Scope

parts = st.text("abcXYZ019-_.@:", min_size=1, max_size=12)
keys = st.text("abcXYZ019-_.@:/", min_size=1, max_size=30)


@given(spec=parts, region=parts, type=parts, key=keys)
def test_the_text_form_parses_back(spec: str, region: str, type: str, key: str) -> None:
    """The text form of an address parses to the same address, also if the key has slashes."""
    address = Address(spec, region, type, key)

    assert address == Address.parse(str(address))


def test_only_the_key_has_slashes() -> None:
    """All text after the third slash is the key."""
    assert Address("corp", "eu-west-1", "event_destination", "set/name") == Address.parse(
        "corp/eu-west-1/event_destination/set/name"
    )


@pytest.mark.parametrize(
    "text", ["", "corp", "corp/eu-west-1/topic", "corp/eu-west-1/topic/", "/eu-west-1/topic/x", "///"]
)
def test_a_text_with_fewer_parts_is_refused(text: str) -> None:
    """An address without all four parts is refused."""
    with pytest.raises(UsageError, match="is not valid; write <spec>/<region>/<type>/<key>"):
        Address.parse(text)


def test_addresses_sort_by_spec_region_type_and_key() -> None:
    """Addresses sort by spec, then by region, type and key."""
    a = [
        Address(*parts)
        for parts in (("a", "b", "b", "b"), ("b", "a", "b", "b"), ("b", "b", "a", "b"), ("b", "b", "b", "a"))
    ]

    assert a == sorted(a)


def test_a_scope_reads_as_account_and_region() -> None:
    """The text form of a scope has its account and its region."""
    assert str(Scope("111111111111", "eu-west-1")) == "111111111111/eu-west-1"


def test_the_external_id_is_in_no_repr() -> None:
    """The repr of an access does not contain the external id, so logs do not show it."""
    assert "s3cr3t" not in repr(Access("111111111111", external_id="s3cr3t"))
