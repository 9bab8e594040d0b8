# Offline: the provider's schema is real, its answers are made up.
mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  # Any file will do, nothing is uploaded.
  package_file = "versions.tf"
}

run "a_trail_that_cannot_be_blinded_quietly" {
  command = plan

  assert {
    condition     = aws_cloudtrail.this[0].is_multi_region_trail && aws_cloudtrail.this[0].include_global_service_events && aws_cloudtrail.this[0].enable_log_file_validation
    error_message = "The trail must see all Regions and global services, and its log files must be validated."
  }

  assert {
    condition     = !aws_cloudtrail.this[0].is_organization_trail
    error_message = "The trail is one of an organisation only when that is asked for."
  }

  assert {
    condition     = aws_cloudtrail.this[0].cloud_watch_logs_group_arn == "${aws_cloudwatch_log_group.trail[0].arn}:*"
    error_message = "The trail must write to the log group."
  }

  assert {
    condition = alltrue([for arn in [
      aws_cloudtrail.this[0].kms_key_id,
      aws_cloudwatch_log_group.trail[0].kms_key_id,
      aws_cloudwatch_log_group.function.kms_key_id,
      aws_sns_topic.findings.kms_master_key_id,
      aws_sqs_queue.on_failure[0].kms_master_key_id,
      one(one(aws_s3_bucket_server_side_encryption_configuration.trail[0].rule).apply_server_side_encryption_by_default).kms_master_key_id,
    ] : arn == aws_kms_key.this.arn])
    error_message = "Whatever holds records or findings must be encrypted with the key."
  }
}

run "the_key_of_records_and_findings_does_not_silence_alerts" {
  command = plan

  override_resource {
    target          = aws_kms_key.alerts[0]
    override_during = plan
    values = {
      arn    = "arn:aws:kms:eu-west-1:111122223333:key/66666666-7777-8888-9999-000000000000"
      key_id = "66666666-7777-8888-9999-000000000000"
    }
  }

  assert {
    condition     = aws_sns_topic.alerts.kms_master_key_id == aws_kms_key.alerts[0].arn && aws_kms_key.alerts[0].arn != aws_kms_key.this.arn
    error_message = "The alerts topic must have a key of its own."
  }

  assert {
    condition     = [for statement in jsondecode(aws_kms_key.alerts[0].policy).Statement : statement.Sid] == ["Account", "Alarms", "TamperingRule"]
    error_message = "CloudWatch and EventBridge must be able to publish to the alerts topic."
  }

  assert {
    condition     = [for statement in jsondecode(aws_kms_key.this.policy).Statement : statement.Principal.Service if contains(["cloudwatch.amazonaws.com", "events.amazonaws.com"], try(statement.Principal.Service, ""))] == []
    error_message = "Alerts must not depend on the key of everything else."
  }

  assert {
    condition = output.own_placeholders.own_keys == tolist([
      "11111111-2222-3333-4444-555555555555", "alias/trailwarden", "66666666-7777-8888-9999-000000000000", "alias/trailwarden-alerts",
    ])
    error_message = "Both keys and their aliases must be known as own."
  }

  assert {
    condition = alltrue([for key in ["11111111-2222-3333-4444-555555555555", "alias/trailwarden", "66666666-7777-8888-9999-000000000000", "alias/trailwarden-alerts"] :
      strcontains(local.tampering_more["trailwarden-tampering-stores"], jsonencode({ suffix = key }))
    ])
    error_message = "EventBridge must report calls on both keys."
  }
}

run "alerts_without_a_key" {
  command = plan

  variables {
    encrypt_alerts = false
  }

  assert {
    condition     = length(aws_kms_key.alerts) + length(aws_kms_alias.alerts) == 0 && aws_sns_topic.alerts.kms_master_key_id == null && output.alerts_kms_key_arn == null
    error_message = "No key must be made for the alerts topic."
  }

  assert {
    condition     = output.own_placeholders.own_keys == tolist([aws_kms_key.this.key_id, "alias/trailwarden"])
    error_message = "A key that does not exist must not be listed."
  }
}

run "records_reach_the_function" {
  command = plan

  assert {
    condition     = aws_lambda_permission.log_group.source_arn == "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/cloudtrail/trailwarden:*" && aws_lambda_permission.log_group.source_account == "111122223333"
    error_message = "The permission must be for this log group of this account, with `:*` behind it."
  }

  assert {
    condition     = aws_lambda_permission.log_group.principal == "logs.eu-west-1.amazonaws.com"
    error_message = "The permission must be for CloudWatch Logs in this Region."
  }

  assert {
    condition     = join("\n", concat([aws_cloudwatch_log_subscription_filter.this.filter_pattern], aws_cloudwatch_log_subscription_filter.second[*].filter_pattern)) == trimspace(file("filter_pattern.txt"))
    error_message = "The filter patterns must be the generated ones."
  }

  assert {
    condition     = aws_cloudwatch_log_subscription_filter.this.log_group_name != aws_cloudwatch_log_group.function.name
    error_message = "The function must not be fed its own log."
  }
}

run "the_function_is_told_no_more_than_it_needs" {
  command = plan

  assert {
    condition = aws_lambda_function.this.environment[0].variables == tomap({
      FINDINGS_TOPIC_ARN   = aws_sns_topic.findings.arn
      ALERTS_TOPIC_ARN     = aws_sns_topic.alerts.arn
      ALERTS_MIN_SEVERITY  = "Medium"
      STATE_TABLE          = "trailwarden-state"
      QUIET_PERIOD_MINUTES = "60"
      ON_FAILURE_QUEUE_URL = aws_sqs_queue.on_failure[0].url
      LOG_STREAMS          = "????????????_CloudTrail_*,o-*_????????????_CloudTrail_*,trailwarden-heartbeat"
      CONFIG               = jsonencode({ placeholders = output.own_placeholders })
    })
    error_message = "By default the environment must hold the topics, the least severity, the on-failure queue, the log streams and the names of this deployment."
  }

  assert {
    condition     = aws_lambda_function.this.runtime == "provided.al2023" && aws_lambda_function.this.architectures == tolist(["arm64"]) && aws_lambda_function.this.reserved_concurrent_executions == 10
    error_message = "Runtime, processor and concurrency must be the documented defaults."
  }

  assert {
    condition     = aws_lambda_function_event_invoke_config.this.maximum_retry_attempts == 2 && aws_lambda_function_event_invoke_config.this.destination_config[0].on_failure[0].destination == aws_sqs_queue.on_failure[0].arn
    error_message = "What fails for good must be kept."
  }
}

run "everything_that_breaks_rings" {
  command = plan

  assert {
    condition = toset(keys(aws_cloudwatch_metric_alarm.this)) == toset([
      "errors", "throttles", "on-failure", "on-failure-lost", "rejected", "delivery-errors", "delivery-throttling",
      "findings-undelivered", "alerts-undelivered", "tampering-undelivered", "tampering-inputs-undelivered", "tampering-trails-undelivered",
      "tampering-stores-undelivered", "tampering-watchers-undelivered", "no-invocations", "trail-silent",
      "heartbeat-missing", "canary-missing",
    ])
    error_message = "An alarm is missing, or is not in this list."
  }

  assert {
    condition     = toset(output.own_placeholders.own_alarms) == toset([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_name])
    error_message = "The function must know every alarm as its own."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_actions == toset([aws_sns_topic.alarms.arn])])
    error_message = "Every alarm must tell the alarms topic."
  }

  assert {
    condition     = alltrue([for name in ["no-invocations", "trail-silent", "heartbeat-missing", "canary-missing"] : aws_cloudwatch_metric_alarm.this[name].treat_missing_data == "breaching" && aws_cloudwatch_metric_alarm.this[name].comparison_operator == "LessThanThreshold"])
    error_message = "No data at all is what these alarms are for."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["delivery-errors"].dimensions == tomap({ LogGroupName = "/aws/cloudtrail/trailwarden", DestinationType = "Lambda", FilterName = "trailwarden" })
    error_message = "CloudWatch Logs counts delivery errors with exactly these dimensions."
  }

  assert {
    # The longest that CloudWatch looks back is a day.
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.period * alarm.evaluation_periods <= 86400])
    error_message = "An alarm looks back for longer than CloudWatch can."
  }
}

run "heartbeats_are_what_the_rule_looks_for" {
  command = plan

  assert {
    condition     = local.heartbeat_record.eventSource == "heartbeat.trailwarden" && local.heartbeat_record.eventName == "Heartbeat"
    error_message = "The rule `heartbeat` must match."
  }

  assert {
    condition     = jsondecode(aws_sns_topic_subscription.heartbeats[0].filter_policy) == { rule = ["heartbeat"] }
    error_message = "Heartbeats alone must reach the queue that is counted."
  }

  assert {
    condition     = jsondecode(aws_sfn_state_machine.heartbeat[0].definition).States.PutHeartbeat.Arguments.LogStreamName == aws_cloudwatch_log_stream.heartbeat[0].name
    error_message = "Heartbeats must go to the stream made for them."
  }
}

run "a_canary_passes_through_cloudtrail" {
  command = plan

  assert {
    condition     = jsondecode(aws_sfn_state_machine.heartbeat[0].definition).States.SendCanary.Arguments == { Name = aws_cloudwatch_event_rule.tampering.name } && contains(output.own_placeholders.own_event_rules, aws_cloudwatch_event_rule.tampering.name)
    error_message = "The rule `heartbeat-canary` must match CloudTrail's record of the call."
  }

  assert {
    condition     = jsondecode(aws_sfn_state_machine.heartbeat[0].definition).States.SendCanary.Catch[0].Next == "PutHeartbeat"
    error_message = "A canary that fails must not keep the heartbeat back."
  }

  assert {
    condition     = contains(local.tampering_harmless_to_watchers, "EnableRule")
    error_message = "A canary must not raise an alert."
  }

  assert {
    condition     = jsondecode(aws_sns_topic_subscription.canaries[0].filter_policy) == { rule = ["heartbeat-canary"] } && aws_cloudwatch_metric_alarm.this["canary-missing"].dimensions == tomap({ QueueName = aws_sqs_queue.canaries[0].name })
    error_message = "Canaries alone must reach the queue that is counted."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["canary-missing"].period * aws_cloudwatch_metric_alarm.this["canary-missing"].evaluation_periods >= 1800
    error_message = "CloudTrail takes its time."
  }
}

run "tampering_is_told_of_by_a_way_of_its_own" {
  command = plan

  assert {
    condition = toset(flatten([for choice in jsondecode(aws_cloudwatch_event_rule.tampering.event_pattern).detail.requestParameters["$or"] : keys(choice)])) == toset([
      "functionName", "logGroupIdentifier", "logGroupName", "resource", "resourceArn", "roleName", "subscriptionArn", "topicArn",
    ])
    error_message = "A way to name a part of the deployment is missing, or is not in this list."
  }

  assert {
    condition = toset(flatten([for choice in jsondecode(local.tampering_more["trailwarden-tampering-watchers"]).detail.requestParameters["$or"] : keys(choice)])) == toset([
      "alarmName", "alarmNames", "destinationArn", "eventBusName", "eventSourceArn", "executionArn", "groupName",
      "muteTargets", "name", "resourceARN", "resourceIdentifier", "rule", "sourceArn", "stateMachineArn", "targets",
    ])
    error_message = "A way to name what watches over the deployment is missing, or is not in this list."
  }

  assert {
    condition     = toset(flatten([for choice in jsondecode(local.tampering_more["trailwarden-tampering-stores"]).detail.requestParameters["$or"] : keys(choice)])) == toset(["aliasName", "bucketName", "keyId", "queueUrl", "resourceArn", "tableName", "targetKeyId"])
    error_message = "A way to name a key, bucket, queue or table is missing, or is not in this list."
  }

  assert {
    condition = [for choice in jsondecode(local.tampering_more["trailwarden-tampering-inputs"]).detail["$or"] : merge([for key in keys(choice) : try({ (key) = keys(choice[key])[0] }, {})]...)] == [
      { requestParameters = "destinationName" }, { requestParameters = "streamARN" }, { requestParameters = "streamName" }, { responseElements = "functionArn" },
    ]
    error_message = "A way to name an input of the function is missing, or is not in this list."
  }

  assert {
    # The eight calls of a monitor of trails, on whatever trail.
    condition = alltrue([for call in ["StopLogging", "StartLogging", "DeleteTrail", "UpdateTrail", "CreateTrail", "AddTags", "RemoveTags", "PutEventSelectors"] :
      contains(jsondecode(local.tampering_more["trailwarden-tampering-trails"]).detail.eventName, call)
    ])
    error_message = "A call that stops, starts or changes a trail is not watched."
  }

  assert {
    condition     = toset(keys(jsondecode(local.tampering_more["trailwarden-tampering-trails"]).detail)) == toset(["eventName", "errorCode"])
    error_message = "Every trail must be watched, not only that of the deployment."
  }

  assert {
    condition     = alltrue([for rule in values(aws_cloudwatch_event_rule.tampering_more) : contains(keys(local.tampering_rules), rule.name) && length(rule.event_pattern) <= 2048])
    error_message = "A pattern is too long, or a rule is not known to the function as its own."
  }

  assert {
    condition     = toset(local.tampering_rule_arns) == toset([for rule in keys(local.tampering_rules) : "arn:aws:events:eu-west-1:111122223333:rule/${rule}"])
    error_message = "The alerts topic must admit each of the rules."
  }

  assert {
    condition     = alltrue([for target in values(aws_cloudwatch_event_target.tampering_more_alert) : target.arn == aws_sns_topic.alerts.arn]) && alltrue([for target in values(aws_cloudwatch_event_target.tampering_more_finding) : target.arn == aws_lambda_function.this.arn])
    error_message = "Each rule must tell the alerts topic and the function."
  }

  assert {
    # Anybody may put events onto the bus, but not with such a source.
    condition     = jsondecode(aws_cloudwatch_event_rule.tampering.event_pattern).source == [{ prefix = "aws." }] && jsondecode(local.tampering_more["trailwarden-tampering-watchers"]).source == [{ prefix = "aws." }]
    error_message = "Only events of services may raise an alert."
  }

  assert {
    condition     = aws_cloudwatch_event_target.tampering_alert.arn == aws_sns_topic.alerts.arn && aws_cloudwatch_event_target.tampering_finding.arn == aws_lambda_function.this.arn
    error_message = "The rule must tell the alerts topic and the function."
  }

  assert {
    # These fields cannot hold what a caller makes up, but for the session name in the ARN, which holds no spaces.
    condition = toset(values(aws_cloudwatch_event_target.tampering_alert.input_transformer[0].input_paths)) == toset([
      "$.account", "$.region", "$.detail.eventID", "$.detail.eventName", "$.detail.eventSource", "$.detail.eventTime", "$.detail.userIdentity.arn",
    ])
    error_message = "An alert must show no text that a caller makes up."
  }
}

run "without_heartbeats_silence_takes_a_day" {
  command = plan

  variables {
    heartbeat_minutes = null
  }

  assert {
    condition     = length(aws_sfn_state_machine.heartbeat) + length(aws_sqs_queue.heartbeats) + length(aws_sqs_queue.canaries) + length(aws_scheduler_schedule.heartbeat) + length(aws_cloudwatch_log_stream.heartbeat) == 0
    error_message = "Nothing of heartbeats must be made."
  }

  assert {
    condition     = length(setintersection(keys(aws_cloudwatch_metric_alarm.this), ["heartbeat-missing", "canary-missing"])) == 0 && aws_cloudwatch_metric_alarm.this["no-invocations"].period == 86400
    error_message = "Without heartbeats a quiet hour is no alarm."
  }
}

run "the_longest_name_fits" {
  command = plan

  variables {
    name              = "abcdefghijklmnopqrstuvwxyz12"
    on_failure_bucket = true
  }

  # The longest partition, and a Region to go with it.
  override_data {
    target = data.aws_partition.current
    values = { partition = "aws-us-gov", dns_suffix = "amazonaws.com" }
  }

  override_data {
    target = data.aws_region.current
    values = { id = "us-gov-west-1" }
  }

  assert {
    condition     = length(aws_s3_bucket.trail[0].bucket) <= 63 && length(aws_s3_bucket.on_failure[0].bucket) <= 63
    error_message = "The name of the bucket is too long."
  }

  assert {
    condition     = alltrue([for pattern in values(local.tampering_rules) : length(pattern) <= 2048])
    error_message = "An event pattern is too long."
  }

  assert {
    # The function refuses a longer configuration.
    condition     = length(aws_lambda_function.this.environment[0].variables.CONFIG) <= 3500
    error_message = "The configuration leaves no room for other variables."
  }

  assert {
    condition     = alltrue([for role in [aws_iam_role.tampering_forward, aws_iam_role.heartbeat_schedule[0], aws_iam_role.trail[0]] : length(role.name) <= 64])
    error_message = "The name of a role is too long."
  }
}
