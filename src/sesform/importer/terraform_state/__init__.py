"""Read what Terraform's AWS provider holds of SES and SNS as our resources, and find what Terraform may forget. Pure.

The reverse of planning/terraform_json, which writes plans in Terraform's terms.
"""

from sesform.importer.terraform_state._document import MAX_BYTES
from sesform.importer.terraform_state._removal import Verdict, removed_file, verdicts
from sesform.importer.terraform_state._state_resources import Item, StateResources, inventory

__all__ = ["MAX_BYTES", "Item", "StateResources", "Verdict", "inventory", "removed_file", "verdicts"]
