"""What Terraform's AWS provider holds of SES and SNS → resources of ours, and what Terraform may forget once specs say it.

Pure. The way back of `terraform`, which draws plans of ours in Terraform's words.
"""

from sesform.importer.terraform_state._document import MAX_BYTES
from sesform.importer.terraform_state._removal import Verdict, removed_file, verdicts
from sesform.importer.terraform_state._state_resources import Item, StateResources, inventory

__all__ = ["MAX_BYTES", "Item", "StateResources", "Verdict", "inventory", "removed_file", "verdicts"]
