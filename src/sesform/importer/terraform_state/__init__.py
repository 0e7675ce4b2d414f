"""Read SES and SNS resources from a Terraform state, and find those that Terraform can hand over. Pure.

The reverse of planning/terraform_json, which writes plans in Terraform's format.
"""

from sesform.importer.terraform_state._document import MAX_BYTES
from sesform.importer.terraform_state._removal import HandOver, hand_overs, removed_file
from sesform.importer.terraform_state._state_resources import Item, StateResources, inventory

__all__ = ["MAX_BYTES", "HandOver", "Item", "StateResources", "hand_overs", "inventory", "removed_file"]
