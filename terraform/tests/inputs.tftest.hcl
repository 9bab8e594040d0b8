# Records that reach the function by other ways than the log group of the root module.
mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  package_file = "versions.tf"

  function = {
    name             = "trailwarden"
    arn              = "arn:aws:lambda:eu-west-1:111122223333:function:trailwarden"
    role_name        = "trailwarden"
    timeout          = 60
    kms_key_arn      = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
    on_failure_arn   = "arn:aws:sqs:eu-west-1:111122223333:trailwarden-on-failure"
    alerts_topic_arn = "arn:aws:sns:eu-west-1:111122223333:trailwarden-alerts"
  }
}

run "the_root_module_says_what_the_other_modules_need" {
  command = plan

  assert {
    condition     = jsonencode(merge(output.function, { role_name = "trailwarden" })) == jsonencode(var.function)
    error_message = "The output `function` must be the input of the other modules."
  }
}

run "a_bus_takes_events_of_the_organization_alone" {
  command = plan

  module {
    source = "./modules/event-bus"
  }

  variables {
    organization_id = "o-abcdefghij"
  }

  assert {
    condition = jsondecode(aws_cloudwatch_event_bus_policy.this.policy).Statement == [{
      Sid       = "Organization"
      Effect    = "Allow"
      Principal = "*"
      Action    = "events:PutEvents"
      Resource  = "arn:aws:events:eu-west-1:111122223333:event-bus/trailwarden-bus"
      Condition = { StringEquals = { "aws:PrincipalOrgID" = "o-abcdefghij" } }
    }]
    error_message = "Accounts of the organization alone may send events."
  }

  assert {
    condition     = join("\n", [for number in range(length(aws_cloudwatch_event_rule.this)) : aws_cloudwatch_event_rule.this["trailwarden-bus-${number + 1}"].event_pattern]) == file("event_patterns.txt")
    error_message = "Each generated pattern must have a rule."
  }

  assert {
    condition     = alltrue([for rule in aws_cloudwatch_event_rule.this : length(rule.event_pattern) <= 2048 && jsondecode(rule.event_pattern).source == [{ prefix = "aws." }] && rule.state == "ENABLED"])
    error_message = "Only events of services may pass: everybody else may put made-up records on the bus."
  }

  assert {
    condition     = alltrue([for target in aws_cloudwatch_event_target.this : target.arn == var.function.arn && target.dead_letter_config[0].arn == aws_sqs_queue.undelivered.arn])
    error_message = "Each rule must invoke the function, and keep what it could not hand over."
  }

  assert {
    condition     = aws_lambda_permission.this.principal == "events.amazonaws.com" && aws_lambda_permission.this.source_arn == "arn:aws:events:eu-west-1:111122223333:rule/trailwarden-bus/trailwarden-bus-*"
    error_message = "The rules of the bus alone may invoke the function."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.undelivered.alarm_actions == toset([var.function.alerts_topic_arn]) && startswith(aws_cloudwatch_metric_alarm.undelivered.alarm_name, "trailwarden-")
    error_message = "The alarm must reach the alerts topic, which admits alarms of this prefix."
  }
}

run "the_default_bus_takes_events_of_named_accounts" {
  command = plan

  module {
    source = "./modules/event-bus"
  }

  variables {
    accounts    = ["444455556666"]
    default_bus = true
    all_events  = true
    read_events = true
  }

  assert {
    condition     = length(aws_cloudwatch_event_bus.this) == 0 && output.event_bus_arn == "arn:aws:events:eu-west-1:111122223333:event-bus/default"
    error_message = "The default bus is there already."
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_bus_policy.this.policy).Statement[0].Principal == { AWS = ["arn:aws:iam::444455556666:root"] }
    error_message = "The named accounts must be allowed to send events."
  }

  assert {
    condition     = aws_cloudwatch_event_rule.this["trailwarden-bus-1"].event_pattern == "{\"detail-type\":[\"AWS API Call via CloudTrail\",{\"prefix\":\"AWS Console \"},\"AWS Service Event via CloudTrail\"],\"source\":[{\"prefix\":\"aws.\"}]}" && length(aws_cloudwatch_event_rule.this) == 1
    error_message = "All events of CloudTrail, and no others, must pass, as `trailwarden filter-pattern --format eventbridge --all` prints it."
  }

  assert {
    condition     = aws_cloudwatch_event_rule.this["trailwarden-bus-1"].state == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
    error_message = "Events that only read must pass."
  }

  assert {
    condition     = aws_lambda_permission.this.source_arn == "arn:aws:events:eu-west-1:111122223333:rule/trailwarden-bus-*"
    error_message = "ARNs of rules of the default bus have no bus in them."
  }
}

run "a_bus_that_nobody_may_use" {
  command = plan

  module {
    source = "./modules/event-bus"
  }

  expect_failures = [var.organization_id]
}

run "patterns_and_all_events_exclude_each_other" {
  command = plan

  module {
    source = "./modules/event-bus"
  }

  variables {
    organization_id = "o-abcdefghij"
    event_patterns  = ["{}"]
    all_events      = true
  }

  expect_failures = [var.all_events]
}

run "a_pattern_that_is_no_json" {
  command = plan

  module {
    source = "./modules/event-forward"
  }

  variables {
    event_bus_arn  = "arn:aws:events:eu-west-1:444455556666:event-bus/trailwarden-bus"
    event_patterns = ["{$.eventName=\"x\"}"]
  }

  expect_failures = [var.event_patterns]
}

run "every_account_and_region_forwards" {
  command = plan

  module {
    source = "./modules/event-forward"
  }

  variables {
    event_bus_arn = "arn:aws:events:eu-west-1:444455556666:event-bus/trailwarden-bus"
    alarm_actions = ["arn:aws:sns:eu-west-1:111122223333:operations"]
  }

  assert {
    condition     = alltrue([for target in aws_cloudwatch_event_target.this : target.arn == var.event_bus_arn && target.role_arn == aws_iam_role.this.arn && target.dead_letter_config[0].arn == aws_sqs_queue.undelivered.arn])
    error_message = "Each rule must forward to the bus with the role, and keep what the bus did not take."
  }

  assert {
    condition     = length(aws_cloudwatch_event_rule.this) == length(split("\n", trimspace(file("event_patterns.txt")))) && alltrue([for rule in aws_cloudwatch_event_rule.this : rule.state == "ENABLED"])
    error_message = "Each generated pattern must have a rule."
  }

  assert {
    condition     = aws_iam_role.this.name == "trailwarden-forward-eu-west-1" && jsondecode(aws_iam_role_policy.this.policy).Statement[0].Resource == var.event_bus_arn
    error_message = "Each Region has a role of its own, which may use the bus alone."
  }

  assert {
    condition     = jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Condition == { StringEquals = { "aws:SourceAccount" = "111122223333" }, ArnLike = { "aws:SourceArn" = "arn:aws:events:eu-west-1:111122223333:rule/trailwarden-forward-*" } }
    error_message = "The rules alone may use the role."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.undelivered[0].alarm_actions == toset(var.alarm_actions)
    error_message = "The alarm must go where it is told to."
  }
}

run "a_bus_does_not_forward_to_itself" {
  command = plan

  module {
    source = "./modules/event-forward"
  }

  variables {
    event_bus_arn = "arn:aws:events:eu-west-1:111122223333:event-bus/default"
  }

  expect_failures = [aws_cloudwatch_event_rule.this]
}

run "a_stream_is_read_with_partial_answers" {
  command = plan

  module {
    source = "./modules/kinesis-input"
  }

  assert {
    condition     = aws_kinesis_stream.this.encryption_type == "KMS" && aws_kinesis_stream.this.kms_key_id == var.function.kms_key_arn && aws_kinesis_stream.this.stream_mode_details[0].stream_mode == "ON_DEMAND"
    error_message = "The stream must be encrypted, and on demand by default."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.this.function_response_types == toset(["ReportBatchItemFailures"]) && aws_lambda_event_source_mapping.this.bisect_batch_on_function_error && aws_lambda_event_source_mapping.this.maximum_retry_attempts == 5
    error_message = "A record that fails must not block its shard."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.this.destination_config[0].on_failure[0].destination_arn == var.function.on_failure_arn
    error_message = "What fails for good must be kept."
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Resource] == ["arn:aws:kinesis:eu-west-1:111122223333:stream/trailwarden-stream", var.function.kms_key_arn]
    error_message = "The function may read this stream alone."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["late"].treat_missing_data == "breaching" && alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_actions == toset([var.function.alerts_topic_arn])])
    error_message = "A stream that nobody reads must raise an alarm."
  }
}

run "a_stream_with_shards" {
  command = plan

  module {
    source = "./modules/kinesis-input"
  }

  variables {
    shards = 2
  }

  assert {
    condition     = aws_kinesis_stream.this.shard_count == 2 && aws_kinesis_stream.this.stream_mode_details[0].stream_mode == "PROVISIONED"
    error_message = "The number of shards must be what is asked for."
  }
}

run "a_log_group_writes_to_the_stream" {
  command = plan

  module {
    source = "./modules/kinesis-forward"
  }

  variables {
    destination_arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/trailwarden-stream"
    kms_key_arn     = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
    log_group_name  = "org-trail-logs"
  }

  assert {
    condition     = [for filter in aws_cloudwatch_log_subscription_filter.this : [filter.log_group_name, filter.destination_arn, filter.role_arn, filter.distribution]] == [["org-trail-logs", var.destination_arn, aws_iam_role.this[0].arn, "ByLogStream"]]
    error_message = "The log group must write to the stream, by log stream, which is by account and Region."
  }

  assert {
    condition     = aws_cloudwatch_log_subscription_filter.this["trailwarden-to-stream-1"].filter_pattern == trimspace(file("filter_pattern.txt"))
    error_message = "The generated pattern must be the default."
  }

  assert {
    condition     = length(aws_cloudwatch_event_rule.this) + length(aws_sqs_queue.undelivered) == 0
    error_message = "EventBridge has no part in it."
  }

  assert {
    condition     = jsondecode(aws_iam_role.this[0].assume_role_policy).Statement[0].Condition.ArnLike == { "aws:SourceArn" = "arn:aws:logs:eu-west-1:111122223333:log-group:org-trail-logs:*" }
    error_message = "The log group alone may use the role."
  }
}

run "a_log_group_of_another_account_writes_to_the_destination" {
  command = plan

  module {
    source = "./modules/kinesis-forward"
  }

  variables {
    destination_arn = "arn:aws:logs:eu-west-1:444455556666:destination:trailwarden-destination"
    log_group_name  = "trail-logs"
    partition_by    = "event"
    all_events      = true
  }

  assert {
    condition     = [for filter in aws_cloudwatch_log_subscription_filter.this : [filter.filter_pattern, filter.distribution]] == [["", "Random"]] && length(aws_iam_role.this) == 0
    error_message = "A log destination has a role of its own, and the empty pattern passes everything."
  }
}

run "eventbridge_writes_to_the_stream" {
  command = plan

  module {
    source = "./modules/kinesis-forward"
  }

  variables {
    destination_arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/trailwarden-stream"
    kms_key_arn     = "arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"
  }

  assert {
    condition     = alltrue([for target in aws_cloudwatch_event_target.this : target.kinesis_target[0].partition_key_path == "$.account" && target.dead_letter_config[0].arn == aws_sqs_queue.undelivered[0].arn])
    error_message = "Records of an account must stay in order, and those that the stream did not take must be kept."
  }

  assert {
    condition     = length(aws_cloudwatch_log_subscription_filter.this) == 0 && length(aws_cloudwatch_event_rule.this) == length(split("\n", trimspace(file("event_patterns.txt"))))
    error_message = "Each generated pattern must have a rule."
  }

  assert {
    condition = [for statement in jsondecode(aws_iam_role_policy.this[0].policy).Statement : [statement.Action, statement.Resource]] == [
      [["kinesis:PutRecord", "kinesis:PutRecords"], var.destination_arn], ["kms:GenerateDataKey", var.kms_key_arn],
    ]
    error_message = "The rules may write to this stream alone."
  }
}

run "eventbridge_does_not_write_to_a_destination" {
  command = plan

  module {
    source = "./modules/kinesis-forward"
  }

  variables {
    destination_arn = "arn:aws:logs:eu-west-1:444455556666:destination:trailwarden-destination"
  }

  expect_failures = [aws_cloudwatch_event_rule.this]
}

run "a_destination_takes_log_groups_of_the_organization_alone" {
  command = plan

  module {
    source = "./modules/log-destination"
  }

  variables {
    stream          = { arn = "arn:aws:kinesis:us-west-2:111122223333:stream/trailwarden-stream", kms_key_arn = "arn:aws:kms:us-west-2:111122223333:key/11111111-2222-3333-4444-555555555555" }
    organization_id = "o-abcdefghij"
  }

  assert {
    condition = jsondecode(aws_cloudwatch_log_destination_policy.this.access_policy).Statement == [{
      Sid       = "Organization"
      Effect    = "Allow"
      Principal = "*"
      Action    = "logs:PutSubscriptionFilter"
      Resource  = "arn:aws:logs:eu-west-1:111122223333:destination:trailwarden-destination"
      Condition = { StringEquals = { "aws:PrincipalOrgID" = "o-abcdefghij" } }
    }]
    error_message = "Accounts of the organization alone may subscribe their log groups."
  }

  assert {
    condition     = aws_cloudwatch_log_destination.this.target_arn == var.stream.arn && jsondecode(aws_iam_role_policy.this.policy).Statement[1].Condition.StringEquals == { "kms:ViaService" = "kinesis.us-west-2.amazonaws.com" }
    error_message = "The stream may be in another Region."
  }
}

run "objects_go_through_a_queue" {
  command = plan

  module {
    source = "./modules/s3-objects"
  }

  variables {
    topic_arn   = "arn:aws:sns:eu-west-1:444455556666:trailwarden-log-files"
    bucket_name = "org-trail-bucket"
    prefix      = "AWSLogs/o-abcdefghij/"
    kms_key_arn = "arn:aws:kms:eu-west-1:444455556666:key/99999999-2222-3333-4444-555555555555"
  }

  assert {
    condition     = aws_sqs_queue.this.visibility_timeout_seconds == 360 && jsondecode(aws_sqs_queue.this.redrive_policy).maxReceiveCount == 5
    error_message = "A notification must stay hidden while the function works, and must not return for ever."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.this.policy).Statement[0].Condition == { ArnEquals = { "aws:SourceArn" = var.topic_arn } }
    error_message = "The queue must admit the topic alone."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.this.function_response_types == toset(["ReportBatchItemFailures"])
    error_message = "One object that fails must not cost its neighbours."
  }

  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Sid => statement.Resource } == {
      ReceiveNotifications = "arn:aws:sqs:eu-west-1:111122223333:trailwarden-log-files"
      ReadLogFiles         = "arn:aws:s3:::org-trail-bucket/AWSLogs/o-abcdefghij/*"
      TellMissingLogFiles  = "arn:aws:s3:::org-trail-bucket"
      DecryptLogFiles      = var.kms_key_arn
    }
    error_message = "The function may read these log files alone."
  }

  assert {
    condition     = [for statement in concat(output.bucket_policy_statements, output.key_policy_statements) : statement.Principal] == [for number in range(3) : { AWS = "arn:aws:iam::111122223333:role/trailwarden" }]
    error_message = "The policies of another account must admit the role of the function."
  }
}

run "a_topic_in_another_region" {
  command = plan

  module {
    source = "./modules/s3-objects"
  }

  variables {
    topic_arn   = "arn:aws:sns:us-west-2:444455556666:trailwarden-log-files"
    bucket_name = "org-trail-bucket"
  }

  expect_failures = [aws_sns_topic_subscription.this]
}

run "a_bucket_notifies_a_topic" {
  command = plan

  module {
    source = "./modules/s3-notifications"
  }

  variables {
    bucket_name         = "org-trail-bucket"
    subscriber_accounts = ["444455556666"]
  }

  assert {
    condition     = aws_s3_bucket_notification.this.topic[0].filter_prefix == "AWSLogs/" && aws_s3_bucket_notification.this.topic[0].filter_suffix == ".json.gz"
    error_message = "Log files alone must be told of."
  }

  assert {
    condition = { for statement in jsondecode(aws_sns_topic_policy.this.policy).Statement : statement.Sid => try(statement.Condition.ArnEquals["aws:SourceArn"], statement.Principal) } == {
      Bucket      = "arn:aws:s3:::org-trail-bucket"
      OnlyTls     = "*"
      Subscribers = { AWS = ["arn:aws:iam::444455556666:root"] }
    }
    error_message = "The bucket alone may publish, and the account of the function may subscribe."
  }
}

run "a_trail_records_uploads_to_watched_buckets" {
  command = plan

  variables {
    data_events = { buckets = ["payroll-exports", "invoices"] }
  }

  assert {
    condition = [for selector in aws_cloudtrail.this[0].advanced_event_selector : { for field in selector.field_selector : field.field => coalesce(field.equals, field.starts_with) }] == [
      { eventCategory = tolist(["Management"]) },
      {
        eventCategory    = tolist(["Data"])
        "resources.type" = tolist(["AWS::S3::Object"])
        "resources.ARN"  = tolist(["arn:aws:s3:::payroll-exports/", "arn:aws:s3:::invoices/"])
        readOnly         = tolist(["false"])
      },
    ]
    error_message = "The trail must record management events, and write calls on objects of these buckets."
  }

  assert {
    condition     = tolist(output.own_placeholders.watched_buckets) == tolist(["payroll-exports", "invoices"])
    error_message = "The rule `watched-bucket-written` must know the buckets."
  }
}

run "a_trail_that_leaves_sources_out_warns" {
  command = plan

  variables {
    data_events                 = { buckets = ["payroll-exports"], read = true }
    excluded_management_sources = ["kms.amazonaws.com"]
  }

  expect_failures = [check.excluded_management_sources]

  assert {
    condition     = [for selector in aws_cloudtrail.this[0].advanced_event_selector : length(selector.field_selector)] == [2, 3]
    error_message = "The source must be left out, and reads recorded."
  }
}

run "a_trail_by_default_has_no_selectors" {
  command = plan

  assert {
    condition     = length(aws_cloudtrail.this[0].advanced_event_selector) == 0 && !contains(keys(output.own_placeholders), "watched_buckets")
    error_message = "Without data events the trail is as it was."
  }
}

run "a_trail_does_not_record_its_own_log_files" {
  command = plan

  variables {
    data_events = { buckets = ["trailwarden-trail-111122223333-eu-west-1"] }
  }

  expect_failures = [aws_cloudtrail.this]
}

run "an_existing_trail_has_its_own_selectors" {
  command = plan

  variables {
    existing_trail              = { log_group_name = "org-trail-logs" }
    data_events                 = { buckets = ["payroll-exports"] }
    excluded_management_sources = ["kms.amazonaws.com"]
  }

  expect_failures = [var.data_events, var.excluded_management_sources]
}
