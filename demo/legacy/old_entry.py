"""Give the sandbox an entry that the delegate's account made years ago for an identity of another account."""

from pathlib import Path

from sesform_sandbox import Sandbox

TOPIC = "arn:aws:sns:eu-west-1:222222222222:feedback"
IDENTITY = "arn:aws:ses:eu-west-1:333333333333:identity/partner.example"

sandbox = Sandbox(Path(".sesform/sandbox.json"))
sandbox.declare_legacy_entry("222222222222", IDENTITY, {"Bounce": TOPIC, "Complaint": TOPIC})
