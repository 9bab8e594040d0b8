# A second account or Region that notices when heartbeats stop.
mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

run "a_watcher_counts_heartbeats_and_canaries" {
  command = plan

  module {
    source = "./modules/watcher"
  }

  variables {
    findings_topic_arn = "arn:aws:sns:eu-central-1:444455556666:trailwarden-findings"
    subscriptions      = { security = { protocol = "email", endpoint = "security@example.com" } }
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.treat_missing_data == "breaching" && alarm.comparison_operator == "LessThanThreshold" && alarm.alarm_actions == toset([aws_sns_topic.this.arn])])
    error_message = "Silence must raise an alarm of the watcher's own."
  }

  assert {
    condition     = alltrue([for queue in aws_sqs_queue.this : jsondecode(queue.policy).Statement[0].Condition == { ArnEquals = { "aws:SourceArn" = "arn:aws:sns:eu-central-1:444455556666:trailwarden-findings" } }])
    error_message = "The queues must admit the findings topic alone."
  }
}

run "a_watcher_gets_heartbeats_and_no_findings" {
  command = plan

  module {
    source = "./modules/watcher-subscription"
  }

  variables {
    findings_topic_arn = "arn:aws:sns:eu-west-1:444455556666:trailwarden-findings"
    queue_arns         = { heartbeat = "arn:aws:sqs:us-west-2:111122223333:trailwarden-watcher-heartbeat", canary = "arn:aws:sqs:us-west-2:111122223333:trailwarden-watcher-canary" }
  }

  assert {
    condition     = { for kind, subscription in aws_sns_topic_subscription.this : kind => jsondecode(subscription.filter_policy) } == { heartbeat = { rule = ["heartbeat"] }, canary = { rule = ["heartbeat-canary"] } }
    error_message = "Heartbeats and canaries must be counted apart, and no finding may leave the account."
  }
}

run "a_watcher_subscribes_in_the_region_of_the_topic" {
  command = plan

  module {
    source = "./modules/watcher-subscription"
  }

  variables {
    findings_topic_arn = "arn:aws:sns:us-west-2:444455556666:trailwarden-findings"
    queue_arns         = { heartbeat = "arn:aws:sqs:us-west-2:111122223333:trailwarden-watcher-heartbeat", canary = "arn:aws:sqs:us-west-2:111122223333:trailwarden-watcher-canary" }
  }

  expect_failures = [aws_sns_topic_subscription.this]
}
