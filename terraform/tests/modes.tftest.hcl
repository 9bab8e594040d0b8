# The ways of deploying it, and what is made in each.
mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  # Any file will do, nothing is uploaded.
  package_file = "versions.tf"
}

run "an_existing_log_group_is_subscribed_to_and_left_alone" {
  command = plan

  variables {
    existing_trail = {
      log_group_name = "org-trail-logs"
      arn            = "arn:aws:cloudtrail:eu-west-1:444455556666:trail/org-trail"
      bucket_name    = "org-trail-bucket"
    }
  }

  assert {
    condition     = length(aws_cloudtrail.this) + length(aws_s3_bucket.trail) + length(aws_cloudwatch_log_group.trail) + length(aws_iam_role.trail) == 0
    error_message = "No trail, bucket, log group or role of a trail must be made."
  }

  assert {
    condition     = aws_cloudwatch_log_subscription_filter.this.log_group_name == "org-trail-logs" && aws_lambda_permission.log_group.source_arn == "arn:aws:logs:eu-west-1:111122223333:log-group:org-trail-logs:*"
    error_message = "The function must subscribe to the log group that is there."
  }

  assert {
    condition     = [for statement in jsondecode(aws_kms_key.this.policy).Statement : statement.Sid] == ["Account", "LogGroups"]
    error_message = "CloudTrail must not use the key of a deployment without a trail."
  }

  assert {
    condition = anytrue([for choice in jsondecode(local.tampering_more["trailwarden-tampering-stores"]).detail.requestParameters["$or"] :
      try(contains(choice.bucketName, "org-trail-bucket"), false)
    ])
    error_message = "The bucket that is there must be watched for tampering."
  }

  assert {
    condition     = jsonencode([output.own_placeholders.own_trails, output.own_placeholders.own_log_groups, output.own_placeholders.own_buckets]) == jsonencode([["org-trail"], ["org-trail-logs", "/aws/lambda/trailwarden"], ["org-trail-bucket"]])
    error_message = "What is one's own must be what is there."
  }
}

run "a_log_group_whose_trail_is_not_known" {
  command = plan

  variables {
    existing_trail = { log_group_name = "org-trail-logs" }
  }

  assert {
    # The function refuses a configuration with trails and without their buckets.
    condition     = length(setintersection(keys(output.own_placeholders), ["own_trails", "own_buckets"])) == 0 && output.trail_arn == null && output.bucket_name == null
    error_message = "What is not known must not be said."
  }

  assert {
    condition     = alltrue([for pattern in values(local.tampering_rules) : !strcontains(pattern, "null") && !strcontains(pattern, "bucketName")])
    error_message = "What is not known cannot be watched."
  }
}

run "an_organisation_s_trail_is_written_by_its_owner" {
  command = plan

  variables {
    organization = { id = "o-abcdefghij", management_account_id = "999988887777" }
  }

  assert {
    condition     = aws_cloudtrail.this[0].is_organization_trail
    error_message = "The trail must be one of the organisation."
  }

  assert {
    condition = [for statement in jsondecode(aws_s3_bucket_policy.trail[0].policy).Statement : statement if statement.Sid == "TrailWrites"][0] == {
      Sid       = "TrailWrites"
      Effect    = "Allow"
      Principal = { Service = "cloudtrail.amazonaws.com" }
      Action    = "s3:PutObject"
      Resource = [
        "arn:aws:s3:::trailwarden-trail-111122223333-eu-west-1/AWSLogs/999988887777/*",
        "arn:aws:s3:::trailwarden-trail-111122223333-eu-west-1/AWSLogs/o-abcdefghij/*",
      ]
      Condition = {
        StringEquals = {
          "aws:SourceArn" = "arn:aws:cloudtrail:eu-west-1:999988887777:trail/trailwarden"
          "s3:x-amz-acl"  = "bucket-owner-full-control"
        }
      }
    }
    error_message = "The trail of the management account must write for itself and the organisation."
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.trail[0].policy).Statement[0].Resource == ["arn:aws:logs:eu-west-1:111122223333:log-group:/aws/cloudtrail/trailwarden:log-stream:999988887777_CloudTrail_*", "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/cloudtrail/trailwarden:log-stream:o-abcdefghij_*"]
    error_message = "CloudTrail names streams of an organisation by its id."
  }
}

run "an_organisation_in_its_management_account" {
  command = plan

  variables {
    organization = { id = "o-abcdefghij" }
  }

  assert {
    condition     = [for statement in jsondecode(aws_s3_bucket_policy.trail[0].policy).Statement : statement.Condition.StringEquals["aws:SourceArn"] if statement.Sid == "TrailWrites"] == ["arn:aws:cloudtrail:eu-west-1:111122223333:trail/trailwarden"]
    error_message = "Without management_account_id the trail belongs to this account."
  }
}

run "a_fifo_topic_delivers_to_queues" {
  command = plan

  variables {
    findings_topic_fifo = true
    findings_subscriptions = {
      siem = { protocol = "sqs", endpoint = "arn:aws:sqs:eu-west-1:111122223333:siem", filter_policy = "{\"severity_id\":[{\"numeric\":[\">=\",4]}]}" }
    }
  }

  assert {
    condition     = aws_sns_topic.findings.name == "trailwarden-findings.fifo" && aws_sns_topic.findings.fifo_topic && !coalesce(aws_sns_topic.alerts.fifo_topic, false)
    error_message = "The topic of findings alone becomes a FIFO topic."
  }

  assert {
    condition     = contains([for statement in jsondecode(aws_iam_role_policy.function.policy).Statement : statement.Resource if statement.Sid == "Publish"][0], "arn:aws:sns:eu-west-1:111122223333:trailwarden-findings.fifo")
    error_message = "The function must be allowed to publish to it."
  }

  assert {
    condition     = aws_sns_topic_subscription.findings["siem"].raw_message_delivery
    error_message = "A queue gets the bare document unless told otherwise."
  }
}

run "a_package_in_s3" {
  command = plan

  variables {
    package_file = null
    package_s3   = { bucket = "artefacts", key = "trailwarden.zip", object_version = "v1" }
  }

  assert {
    condition     = aws_lambda_function.this.filename == null && aws_lambda_function.this.s3_bucket == "artefacts" && aws_lambda_function.this.s3_object_version == "v1"
    error_message = "The package must come from S3."
  }
}

run "rules_of_one_s_own" {
  command = plan

  variables {
    layers             = ["arn:aws:lambda:eu-west-1:111122223333:layer:rules:3"]
    rules_directories  = ["/opt/rules", "/var/task/rules"]
    configuration_file = "/opt/trailwarden.yml"
    exemptions_file    = "/opt/exemptions.yml"
    filter_pattern     = ""
  }

  assert {
    condition     = { for name in ["RULES_DIR", "CONFIG_FILE", "EXEMPTIONS_FILE"] : name => aws_lambda_function.this.environment[0].variables[name] } == { RULES_DIR = "/opt/rules:/var/task/rules", CONFIG_FILE = "/opt/trailwarden.yml", EXEMPTIONS_FILE = "/opt/exemptions.yml" }
    error_message = "The function must be told where they are."
  }

  assert {
    condition     = !contains(keys(aws_lambda_function.this.environment[0].variables), "CONFIG")
    error_message = "The function refuses a configuration beside the file."
  }

  assert {
    condition     = aws_cloudwatch_log_subscription_filter.this.filter_pattern == "" && length(aws_cloudwatch_log_subscription_filter.second) == 0
    error_message = "The empty pattern lets everything through."
  }
}

run "two_patterns" {
  command = plan

  variables {
    existing_trail = { log_group_name = "org-trail-logs" }
    filter_pattern = "{$.eventSource=\"ec2.*\"}\r\n{$.eventSource=\"iam.*\"}\n"
  }

  assert {
    condition     = aws_cloudwatch_log_subscription_filter.this.filter_pattern == "{$.eventSource=\"ec2.*\"}" && aws_cloudwatch_log_subscription_filter.second[0].filter_pattern == "{$.eventSource=\"iam.*\"}"
    error_message = "Each pattern has a subscription filter of its own."
  }

  assert {
    condition     = aws_cloudwatch_log_subscription_filter.second[0].log_group_name == "org-trail-logs" && aws_cloudwatch_log_subscription_filter.second[0].name != aws_cloudwatch_log_subscription_filter.this.name
    error_message = "Both filters belong to the log group of the trail, under different names."
  }
}

run "the_function_knows_what_is_its_own" {
  command = plan

  assert {
    condition     = jsonencode(yamldecode(aws_lambda_function.this.environment[0].variables.CONFIG)) == jsonencode({ placeholders = output.own_placeholders })
    error_message = "The rules named own-… must know this deployment."
  }
}

run "a_configuration_of_one_s_own" {
  command = plan

  variables {
    configuration = {
      packs            = { data-events = false }
      trusted-accounts = ["444455556666"]
      placeholders     = { own_trails = ["another", "trailwarden"], watched_buckets = ["payroll"] }
    }
  }

  assert {
    condition = [for key in ["packs", "trusted-accounts"] : jsonencode(yamldecode(aws_lambda_function.this.environment[0].variables.CONFIG)[key])] == [
      jsonencode({ data-events = false }), jsonencode(["444455556666"])
    ]
    error_message = "What is configured must reach the function."
  }

  assert {
    condition = { for placeholder, values in yamldecode(aws_lambda_function.this.environment[0].variables.CONFIG).placeholders : placeholder => sort(values) if contains(["own_trails", "watched_buckets", "own_event_rules"], placeholder) } == {
      own_trails      = tolist(["another", "trailwarden"])
      watched_buckets = tolist(["payroll"])
      own_event_rules = tolist(["trailwarden-digests", "trailwarden-tampering", "trailwarden-tampering-inputs", "trailwarden-tampering-stores", "trailwarden-tampering-trails", "trailwarden-tampering-watchers"])
    }
    error_message = "The names of this deployment must be added to those that are configured."
  }
}

run "another_region_forwards_home" {
  command = plan

  module {
    source = "./modules/tamper-events"
  }

  variables {
    tampering = {
      rule_name     = "trailwarden-tampering"
      event_pattern = "{\"source\":[{\"prefix\":\"aws.\"}]}"
      event_bus_arn = "arn:aws:events:us-east-1:111122223333:event-bus/default"
      role_arn      = "arn:aws:iam::111122223333:role/trailwarden-tampering-forward"
      more          = { trailwarden-tampering-trails = "{\"source\":[\"aws.cloudtrail\"]}" }
    }
  }

  assert {
    condition     = aws_cloudwatch_event_rule.more["trailwarden-tampering-trails"].event_pattern == var.tampering.more["trailwarden-tampering-trails"] && aws_cloudwatch_event_target.more["trailwarden-tampering-trails"].arn == var.tampering.event_bus_arn
    error_message = "Every rule of the home Region must forward from this one."
  }

  assert {
    condition     = aws_cloudwatch_event_target.home.arn == var.tampering.event_bus_arn && aws_cloudwatch_event_target.home.role_arn == var.tampering.role_arn && aws_cloudwatch_event_rule.this.event_pattern == var.tampering.event_pattern
    error_message = "The rule must forward what the home Region's looks for to its bus."
  }
}

run "the_home_region_does_not_forward_to_itself" {
  command = plan

  module {
    source = "./modules/tamper-events"
  }

  variables {
    tampering = {
      rule_name     = "trailwarden-tampering"
      event_pattern = "{\"source\":[{\"prefix\":\"aws.\"}]}"
      event_bus_arn = "arn:aws:events:eu-west-1:111122223333:event-bus/default"
      role_arn      = "arn:aws:iam::111122223333:role/trailwarden-tampering-forward"
    }
  }

  expect_failures = [aws_cloudwatch_event_rule.this]
}

run "a_bucket_for_what_failed" {
  command = plan

  variables {
    on_failure_bucket = true
  }

  assert {
    condition     = length(aws_sqs_queue.on_failure) == 0 && output.on_failure_queue_url == null && output.on_failure_bucket_name == "trailwarden-failed-111122223333-eu-west-1"
    error_message = "There must be a bucket rather than a queue."
  }

  assert {
    condition     = aws_lambda_function_event_invoke_config.this.destination_config[0].on_failure[0].destination == aws_s3_bucket.on_failure[0].arn
    error_message = "Failed deliveries must go to the bucket."
  }

  assert {
    condition = [for statement in jsondecode(aws_iam_role_policy.function.policy).Statement : { actions = statement.Action, resources = statement.Resource } if statement.Sid == "KeepFailures"][0] == {
      actions   = ["s3:PutObject", "s3:ListBucket"]
      resources = ["arn:aws:s3:::trailwarden-failed-111122223333-eu-west-1", "arn:aws:s3:::trailwarden-failed-111122223333-eu-west-1/*"]
    }
    error_message = "The function must be able to write to the bucket."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this["on-failure"].metric_name == "AsyncEventsDropped" && !contains(output.own_placeholders.own_queues, "trailwarden-on-failure") && contains(output.own_placeholders.own_buckets, "trailwarden-failed-111122223333-eu-west-1")
    error_message = "The bucket must be watched in the queue's stead."
  }
}

run "log_files_that_cannot_be_deleted" {
  command = plan

  variables {
    bucket_object_lock = { mode = "GOVERNANCE", days = 90 }
  }

  assert {
    condition     = aws_s3_bucket.trail[0].object_lock_enabled && aws_s3_bucket_object_lock_configuration.trail[0].rule[0].default_retention[0].days == 90
    error_message = "Log files must be locked."
  }
}

run "alerts_without_quiet_periods_keep_no_state" {
  command = plan

  variables {
    alerts_quiet_minutes = null
  }

  assert {
    condition     = length(aws_dynamodb_table.state) + length(aws_cloudwatch_event_rule.digests) + length(aws_lambda_permission.digests) + length(aws_cloudwatch_event_rule.rechecks) == 0
    error_message = "Without quiet periods there must be no table and no schedule."
  }

  assert {
    condition     = !contains(keys(aws_lambda_function.this.environment[0].variables), "STATE_TABLE") && !contains([for statement in jsondecode(aws_iam_role_policy.function.policy).Statement : statement.Sid], "KeepState")
    error_message = "Without quiet periods the function must not know a table."
  }
}

run "alarms_reach_who_reads_alerts" {
  command = plan

  variables {
    alerts_subscriptions = {
      phone = { protocol = "sms", endpoint = "+4915112345678", filter_policy = jsonencode({ severity = ["Critical"] }) }
    }
  }

  assert {
    condition     = aws_sns_topic_subscription.alarms["phone"].endpoint == "+4915112345678" && aws_sns_topic_subscription.alarms["phone"].filter_policy == null
    error_message = "Alarms must reach the subscribers of alerts, whatever severity they filter by."
  }
}

run "alarms_have_subscribers_of_their_own" {
  command = plan

  variables {
    alerts_subscriptions = { team = { protocol = "email", endpoint = "team@example.com" } }
    alarms_subscriptions = { operations = { protocol = "email", endpoint = "operations@example.com" } }
  }

  assert {
    condition     = keys(aws_sns_topic_subscription.alarms) == ["operations"]
    error_message = "Alarms must go to their own subscribers alone."
  }
}

run "open_problems_are_read_again_with_live_state" {
  command = plan

  variables {
    live_state = {}
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_target.rechecks[0].input) == { trailwarden = "recheck-problems" } && aws_lambda_permission.rechecks[0].source_arn == "arn:aws:events:eu-west-1:111122223333:rule/trailwarden-problems"
    error_message = "The schedule must invoke the function with the event that reads open problems again."
  }

  assert {
    condition     = contains(output.own_placeholders.own_event_rules, "trailwarden-problems")
    error_message = "The schedule must be one of the deployment's own resources."
  }
}

run "digests_are_published_by_schedule" {
  command = plan

  assert {
    condition     = jsondecode(aws_cloudwatch_event_target.digests[0].input) == { trailwarden = "flush-alerts" } && aws_lambda_permission.digests[0].source_arn == "arn:aws:events:eu-west-1:111122223333:rule/trailwarden-digests"
    error_message = "The schedule must invoke the function with the event that publishes digests."
  }

  assert {
    condition     = aws_dynamodb_table.state[0].ttl[0].attribute_name == "expires" && aws_dynamodb_table.state[0].hash_key == "pk" && aws_dynamodb_table.state[0].range_key == "sk"
    error_message = "The table must have the keys and the expiry that the function uses."
  }

  assert {
    condition     = one(output.own_placeholders.own_tables) == "trailwarden-state" && contains(output.own_placeholders.own_event_rules, "trailwarden-digests")
    error_message = "The function must know its table and schedule as its own."
  }
}
