"""What Terraform's AWS provider holds of SES and SNS → resources of ours, and what Terraform may forget once specs say it.

Pure. The way back of `terraform`, which draws plans of ours in Terraform's words.
"""

from sesform.importer.terraform_state._document import MAX_BYTES
from sesform.importer.terraform_state._inventory import Inventory, Item, inventory
from sesform.importer.terraform_state._removal import Verdict, removed_file, verdicts

__all__ = ["MAX_BYTES", "Inventory", "Item", "Verdict", "inventory", "removed_file", "verdicts"]
