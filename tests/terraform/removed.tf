# Replace the resources that these blocks name with the blocks, in the root module, and run `terraform apply`. Terraform forgets
# the resources and destroys nothing. Replace references to them by names and ARNs. Then sesform manages them.

removed {
  from = aws_ses_configuration_set.old

  lifecycle {
    destroy = false
  }
}

removed {
  from = aws_ses_event_destination.metrics

  lifecycle {
    destroy = false
  }
}

removed {
  from = aws_ses_event_destination.sns

  lifecycle {
    destroy = false
  }
}

removed {
  from = aws_ses_identity_notification_topic.none

  lifecycle {
    destroy = false
  }
}

removed {
  from = aws_ses_identity_policy.corp

  lifecycle {
    destroy = false
  }
}

removed {
  from = aws_sesv2_configuration_set.tx

  lifecycle {
    destroy = false
  }
}

removed {
  from = aws_sesv2_configuration_set_event_destination.bus

  lifecycle {
    destroy = false
  }
}

removed {
  from = aws_sesv2_configuration_set_event_destination.feedback

  lifecycle {
    destroy = false
  }
}

removed {
  from = aws_sesv2_configuration_set_event_destination.stream

  lifecycle {
    destroy = false
  }
}

removed {
  from = aws_sesv2_email_identity_feedback_attributes.corp

  lifecycle {
    destroy = false
  }
}

removed {
  from = aws_sesv2_email_identity_policy.news

  lifecycle {
    destroy = false
  }
}

removed {
  from = aws_sns_topic.alerts

  lifecycle {
    destroy = false
  }
}

removed {
  from = aws_sns_topic.delegate

  lifecycle {
    destroy = false
  }
}

removed {
  # its tags remain in AWS and are no longer managed
  from = aws_sns_topic.feedback

  lifecycle {
    destroy = false
  }
}

removed {
  from = aws_sns_topic_subscription.mail

  lifecycle {
    destroy = false
  }
}

removed {
  from = aws_sns_topic_subscription.queue

  lifecycle {
    destroy = false
  }
}

removed {
  from = module.notifications.aws_ses_identity_notification_topic.this

  lifecycle {
    destroy = false
  }
}

# These stay with Terraform:
# - aws_sesv2_configuration_set.rich: specs do not support its delivery_options; its event destinations are handed over
# - aws_sesv2_email_identity.news: sesform does not create or delete identities. Its configuration_set_name is in the spec too; add lifecycle { ignore_changes = [configuration_set_name] } to it
# - aws_sns_topic.fifo: it is a FIFO topic; SES publishes to standard topics only
# - aws_sns_topic_policy.alerts["first \"alert\""]: it has statements that sesform did not write
# - aws_sns_topic_policy.alerts["second"]: it has statements that sesform did not write
# - aws_sns_topic_policy.delegate: it has statements that sesform did not write
# - aws_sns_topic_policy.feedback: it has statements that sesform did not write
