"""Clear the bounce topic and headers of example.com, as a person could do in the SES console, with boto3 on the sandbox."""

from pathlib import Path

from sesform_sandbox import Sandbox

sandbox = Sandbox(Path(".sesform/sandbox.json"))
ses = sandbox.session("111111111111", "eu-west-1").client("ses")

# SES does not clear a bounce topic while e-mail forwarding is off, so forwarding is turned on first.
ses.set_identity_feedback_forwarding_enabled(Identity="example.com", ForwardingEnabled=True)
ses.set_identity_headers_in_notifications_enabled(Identity="example.com", NotificationType="Bounce", Enabled=False)
ses.set_identity_notification_topic(
    Identity="example.com", NotificationType="Bounce"
)  # a call without SnsTopic clears it
