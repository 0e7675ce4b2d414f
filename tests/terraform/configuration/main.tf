terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {
  region = "eu-west-1"
}

provider "aws" {
  alias      = "delegate"
  region     = "eu-west-1"
  access_key = "222222222222"
  secret_key = "x"
}

resource "aws_ses_domain_identity" "corp" {
  domain = "corp.example"
}

resource "aws_sesv2_email_identity" "news" {
  email_identity         = "news.example"
  configuration_set_name = aws_sesv2_configuration_set.tx.configuration_set_name
}

resource "aws_sns_topic" "feedback" {
  name         = "feedback"
  display_name = "SES feedback"
  tags         = { team = "mail" }
}

resource "aws_sns_topic" "fifo" {
  name       = "orders.fifo"
  fifo_topic = true
}

resource "aws_sns_topic" "delegate" {
  provider = aws.delegate
  name     = "bounces"
}

resource "aws_sns_topic" "alerts" {
  count = 2
  name  = "alerts-${count.index}"
}

resource "aws_sns_topic_policy" "alerts" {
  for_each = { "first \"alert\"" = aws_sns_topic.alerts[0].arn, second = aws_sns_topic.alerts[1].arn }
  arn      = each.value
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "alarms"
      Effect    = "Allow"
      Principal = { Service = "cloudwatch.amazonaws.com" }
      Action    = "SNS:Publish"
      Resource  = each.value
    }]
  })
}

data "aws_iam_policy_document" "feedback" {
  statement {
    actions   = ["SNS:Publish"]
    resources = [aws_sns_topic.feedback.arn]
    principals {
      type        = "Service"
      identifiers = ["ses.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "AWS:SourceAccount"
      values   = ["111111111111"]
    }
  }
}

resource "aws_sns_topic_policy" "feedback" {
  arn    = aws_sns_topic.feedback.arn
  policy = data.aws_iam_policy_document.feedback.json
}

resource "aws_sns_topic_policy" "delegate" {
  provider = aws.delegate
  arn      = aws_sns_topic.delegate.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "ses"
      Effect    = "Allow"
      Principal = { Service = "ses.amazonaws.com" }
      Action    = "SNS:Publish"
      Resource  = aws_sns_topic.delegate.arn
      Condition = { StringEquals = { "AWS:SourceAccount" = "111111111111" } }
    }]
  })
}

resource "aws_sns_topic_subscription" "queue" {
  topic_arn            = aws_sns_topic.feedback.arn
  protocol             = "sqs"
  endpoint             = "arn:aws:sqs:eu-west-1:111111111111:feedback"
  raw_message_delivery = true
  filter_policy        = jsonencode({ kind = ["bounce"] })
  redrive_policy       = jsonencode({ deadLetterTargetArn = "arn:aws:sqs:eu-west-1:111111111111:dead" })
}

resource "aws_sns_topic_subscription" "mail" {
  topic_arn = aws_sns_topic.feedback.arn
  protocol  = "email"
  endpoint  = "ops@example.com"
}

resource "aws_sesv2_configuration_set" "tx" {
  configuration_set_name = "tx"
}

resource "aws_sesv2_configuration_set" "rich" {
  configuration_set_name = "rich"
  delivery_options { tls_policy = "REQUIRE" }
  sending_options { sending_enabled = true }
}

resource "aws_ses_configuration_set" "old" {
  name = "old"
}

resource "aws_ses_event_destination" "metrics" {
  name                   = "metrics"
  configuration_set_name = aws_ses_configuration_set.old.name
  enabled                = true
  matching_types         = ["bounce", "renderingFailure"]
  cloudwatch_destination {
    default_value  = "none"
    dimension_name = "campaign"
    value_source   = "messageTag"
  }
  cloudwatch_destination {
    default_value  = "none"
    dimension_name = "a"
    value_source   = "emailHeader"
  }
}

resource "aws_ses_event_destination" "sns" {
  name                   = "sns"
  configuration_set_name = aws_ses_configuration_set.old.name
  enabled                = true
  matching_types         = ["complaint"]
  sns_destination { topic_arn = aws_sns_topic_policy.feedback.arn }
}

resource "aws_sesv2_configuration_set_event_destination" "feedback" {
  configuration_set_name = aws_sesv2_configuration_set.tx.configuration_set_name
  event_destination_name = "feedback"
  event_destination {
    enabled              = true
    matching_event_types = ["COMPLAINT", "BOUNCE"]
    sns_destination { topic_arn = aws_sns_topic_policy.feedback.arn }
  }
}

resource "aws_sesv2_configuration_set_event_destination" "bus" {
  configuration_set_name = aws_sesv2_configuration_set.rich.configuration_set_name
  event_destination_name = "bus"
  event_destination {
    matching_event_types = ["SEND"]
    event_bridge_destination { event_bus_arn = "arn:aws:events:eu-west-1:111111111111:event-bus/default" }
  }
}

resource "aws_sesv2_configuration_set_event_destination" "stream" {
  configuration_set_name = aws_sesv2_configuration_set.tx.configuration_set_name
  event_destination_name = "stream"
  event_destination {
    enabled              = true
    matching_event_types = ["SEND"]
    kinesis_firehose_destination {
      delivery_stream_arn = "arn:aws:firehose:eu-west-1:111111111111:deliverystream/s"
      iam_role_arn        = "arn:aws:iam::111111111111:role/ses"
    }
  }
}

module "notifications" {
  source   = "./notifications"
  for_each = { corp = aws_ses_domain_identity.corp.domain, "n\"ews" = aws_sesv2_email_identity.news.email_identity }
  identity = each.value
  topics   = { Bounce = aws_sns_topic_policy.delegate.arn, Complaint = aws_sns_topic_policy.feedback.arn }
}

resource "aws_ses_identity_notification_topic" "none" {
  identity          = aws_ses_domain_identity.corp.domain
  notification_type = "Delivery"
}

resource "aws_sesv2_email_identity_feedback_attributes" "corp" {
  email_identity           = aws_ses_domain_identity.corp.domain
  email_forwarding_enabled = false
  depends_on               = [module.notifications]
}

resource "aws_ses_identity_policy" "corp" {
  identity = aws_ses_domain_identity.corp.arn
  name     = "delegate"
  policy   = data.aws_iam_policy_document.sending.json
}

resource "aws_sesv2_email_identity_policy" "news" {
  email_identity = aws_sesv2_email_identity.news.email_identity
  policy_name    = "delegate"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { AWS = "222222222222" }
      Action    = ["ses:SendEmail", "ses:SendRawEmail"]
      Resource  = aws_sesv2_email_identity.news.arn
    }]
  })
}

data "aws_iam_policy_document" "sending" {
  statement {
    actions   = ["SES:SendEmail", "SES:SendRawEmail"]
    resources = [aws_ses_domain_identity.corp.arn]
    principals {
      identifiers = ["222222222222"]
      type        = "AWS"
    }
  }
}
