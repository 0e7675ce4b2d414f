"""Replace the policy of the topic, as a person could do in the SNS console: SES can no longer publish to it."""

import json
from pathlib import Path

from sesform_sandbox import Sandbox

topic = "arn:aws:sns:eu-west-1:222222222222:feedback"
statement = {"Effect": "Allow", "Principal": {"AWS": "222222222222"}, "Action": "SNS:Publish", "Resource": topic}
policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})

sns = Sandbox(Path(".sesform/sandbox.json")).session("222222222222", "eu-west-1").client("sns")
sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
