"""Give the sandbox the two legacy entries of this example, as if the account had them for years: AWS makes no new ones."""

import os
from pathlib import Path

from sesform_sandbox import Sandbox

TOPIC = "arn:aws:sns:eu-west-1:222222222222:feedback"

sandbox = Sandbox(Path(os.environ.get("SESFORM_SANDBOX_STATE", ".sesform/sandbox.json")))
for name in ("partner.example", "newsletter@partner.example"):
    identity = f"arn:aws:ses:eu-west-1:333333333333:identity/{name}"
    sandbox.declare_legacy_entry("222222222222", identity, dict.fromkeys(("Bounce", "Complaint", "Delivery"), TOPIC))
