# Policies for plans of sesform, for OPA and conftest. `sesform plan --format json` has the form of `terraform show -json`, with the types
# and attributes of Terraform's AWS provider.
package main

import rego.v1

# The accounts whose topics may receive feedback.
trusted_accounts := {"111111111111", "222222222222"}

protocols := {"sqs", "https", "lambda", "firehose"}

changes contains change if {
	some change in input.resource_changes
	not change.change.actions == ["no-op"]
}

deny contains msg if {
	some change in changes
	change.type == "aws_ses_identity_notification_topic"
	change.change.after.notification_type in {"Bounce", "Complaint"}
	account := split(change.change.after.topic_arn, ":")[4]
	not account in trusted_accounts
	msg := sprintf("%s: account %s is not trusted with feedback", [change.index, account])
}

deny contains msg if {
	some change in changes
	change.type == "aws_ses_identity_notification_topic"
	"delete" in change.change.actions
	change.change.before.notification_type in {"Bounce", "Complaint"}
	msg := sprintf("%s: topics for bounces and complaints are not removed without a review", [change.index])
}

deny contains msg if {
	some change in changes
	change.type == "aws_sns_topic_subscription"
	not change.change.actions == ["delete"]
	not change.change.after.protocol in protocols
	msg := sprintf("%s: the protocol %s is not allowed", [change.index, change.change.after.protocol])
}

deny contains msg if {
	some change in changes
	change.type == "aws_sns_topic"
	not change.change.actions == ["delete"]
	object.get(change.change.after, "kms_master_key_id", null) == null
	msg := sprintf("%s: topics are encrypted with a KMS key", [change.index])
}

# What is only in sesform's own part of the document.
warn contains msg if {
	some subject in input.sesform.unheard
	msg := sprintf("%s: no one receives the event %s", [subject.name, subject.event])
}
