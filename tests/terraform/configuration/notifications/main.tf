terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "identity" { type = string }
variable "topics" { type = map(string) }

resource "aws_ses_identity_notification_topic" "this" {
  for_each                 = var.topics
  identity                 = var.identity
  notification_type        = each.key
  topic_arn                = each.value
  include_original_headers = each.key == "Bounce"
}
