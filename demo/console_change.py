"""What somebody does in the SES console, here with boto3 on the sandbox: example.com loses its bounce topic and headers."""

from pathlib import Path

from sesform_sandbox import Sandbox

sandbox = Sandbox(Path(".sesform/sandbox.json"))
ses = sandbox.session("111111111111", "eu-west-1").client("ses")

# SES takes no bounce topic away while e-mail forwarding is off, so that comes first.
ses.set_identity_feedback_forwarding_enabled(Identity="example.com", ForwardingEnabled=True)
ses.set_identity_headers_in_notifications_enabled(Identity="example.com", NotificationType="Bounce", Enabled=False)
ses.set_identity_notification_topic(Identity="example.com", NotificationType="Bounce")  # no SnsTopic: clear it
