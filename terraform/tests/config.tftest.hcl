# AWS Config as an input: the rule, the notifications, and the recorder of accounts without one.
mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
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

run "a_rule_invokes_the_function_and_nothing_else_is_made" {
  command = plan

  module {
    source = "./modules/config"
  }

  assert {
    condition     = aws_config_config_rule.this[0].source[0].owner == "CUSTOM_LAMBDA" && aws_config_config_rule.this[0].source[0].source_identifier == var.function.arn
    error_message = "The rule must invoke the function."
  }

  assert {
    condition     = [for detail in aws_config_config_rule.this[0].source[0].source_detail : detail.message_type] == ["ConfigurationItemChangeNotification", "OversizedConfigurationItemChangeNotification"]
    error_message = "Changes and oversized changes must invoke the function, and no schedule."
  }

  assert {
    condition     = alltrue([for mode in aws_config_config_rule.this[0].evaluation_mode : mode.mode == "DETECTIVE"])
    error_message = "The function refuses resources that do not exist yet."
  }

  assert {
    condition     = contains(aws_config_config_rule.this[0].scope[0].compliance_resource_types, "AWS::EC2::SecurityGroup") && length(aws_config_config_rule.this[0].scope[0].compliance_resource_types) == length(output.resource_types)
    error_message = "All evaluated types must be in the scope."
  }

  assert {
    condition     = keys(aws_lambda_permission.rule) == ["111122223333"] && aws_lambda_permission.rule["111122223333"].principal == "config.amazonaws.com" && aws_lambda_permission.rule["111122223333"].source_account == "111122223333" && aws_lambda_permission.rule["111122223333"].source_arn == "arn:aws:config:eu-west-1:111122223333:config-rule/*"
    error_message = "Rules of this account and Region alone may invoke the function."
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Sid] == ["AnswerConfig"] && jsondecode(aws_iam_role_policy.this.policy).Statement[0].Action == ["config:GetResourceConfigHistory", "config:PutEvaluations", "config:SelectResourceConfig"]
    error_message = "The function may answer, and read configuration items."
  }

  assert {
    condition     = length(aws_config_configuration_recorder.this) + length(aws_config_delivery_channel.this) + length(aws_cloudwatch_event_rule.this) + length(aws_sns_topic_subscription.this) + length(aws_sqs_queue.undelivered) + length(aws_iam_role.recorder) == 0
    error_message = "Most accounts have a recorder: none may be made unless it is asked for."
  }
}

run "a_rule_has_parameters_a_schedule_and_member_accounts" {
  command = plan

  module {
    source = "./modules/config"
  }

  variables {
    member_accounts     = ["444455556666"]
    execution_role_name = "audit/config-rules"
    rule = {
      name           = "exposure"
      resource_types = ["AWS::EC2::SecurityGroup"]
      parameters     = { trustedAccounts = "444455556666, 777788889999", allowedPorts = "443,8000-8080", exemptTags = "INTERNAL_NETWORK" }
      schedule       = "TwentyFour_Hours"
    }
  }

  assert {
    condition     = aws_config_config_rule.this[0].name == "exposure" && aws_config_config_rule.this[0].input_parameters == jsonencode(var.rule.parameters) && aws_config_config_rule.this[0].scope[0].compliance_resource_types == toset(["AWS::EC2::SecurityGroup"])
    error_message = "The rule must have its name, parameters and types."
  }

  assert {
    condition     = [for detail in aws_config_config_rule.this[0].source[0].source_detail : detail.maximum_execution_frequency if detail.message_type == "ScheduledNotification"] == ["TwentyFour_Hours"]
    error_message = "The schedule must invoke the function."
  }

  assert {
    condition     = aws_lambda_permission.rule["444455556666"].source_account == "444455556666" && aws_lambda_permission.rule["444455556666"].source_arn == "arn:aws:config:eu-west-1:444455556666:config-rule/*" && aws_lambda_permission.rule["444455556666"].statement_id != aws_lambda_permission.rule["111122223333"].statement_id
    error_message = "Rules of the member account must be allowed to invoke the function."
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.this.policy).Statement[1].Resource == ["arn:aws:iam::444455556666:role/audit/config-rules"]
    error_message = "The function may assume the role in the member accounts, and no other."
  }
}

run "wrong_parameters_are_refused" {
  command = plan

  module {
    source = "./modules/config"
  }

  variables {
    rule = { parameters = { trustedAccount = "444455556666" } }
  }

  expect_failures = [var.rule]
}

run "wrong_ports_are_refused" {
  command = plan

  module {
    source = "./modules/config"
  }

  variables {
    rule = { parameters = { allowedPorts = "https" } }
  }

  expect_failures = [var.rule]
}

run "notifications_reach_the_function_by_eventbridge_and_sns" {
  command = plan

  module {
    source = "./modules/config"
  }

  variables {
    rule      = null
    events    = true
    topic_arn = "arn:aws:sns:eu-west-1:111122223333:config"
  }

  assert {
    condition     = length(aws_config_config_rule.this) == 0 && length(aws_lambda_permission.rule) == 0 && output.rule_arn == null
    error_message = "There must be no rule, and no permission for one."
  }

  assert {
    condition     = jsondecode(aws_cloudwatch_event_rule.this[0].event_pattern) == { source = ["aws.config"], detail-type = ["Config Configuration Item Change"], detail = { messageType = ["ConfigurationItemChangeNotification", "OversizedConfigurationItemChangeNotification"] } }
    error_message = "Configuration items alone must pass."
  }

  assert {
    condition     = aws_lambda_permission.events[0].source_arn == "arn:aws:events:eu-west-1:111122223333:rule/trailwarden-config" && aws_lambda_permission.topic[0].source_arn == var.topic_arn
    error_message = "This rule and this topic alone may invoke the function."
  }

  assert {
    condition     = aws_cloudwatch_event_target.this[0].dead_letter_config[0].arn == aws_sqs_queue.undelivered[0].arn && jsondecode(aws_sns_topic_subscription.this[0].redrive_policy).deadLetterTargetArn == aws_sqs_queue.undelivered[0].arn
    error_message = "Notifications that cannot be handed over must be kept."
  }

  assert {
    condition     = [for statement in jsondecode(aws_sqs_queue.undelivered[0].policy).Statement : statement.Sid] == ["Events", "Topic", "OnlyTls"] && aws_cloudwatch_metric_alarm.undelivered[0].alarm_actions == toset([var.function.alerts_topic_arn])
    error_message = "The queue must admit both, and its alarm must reach people."
  }
}

run "a_recorder_is_made_if_it_is_asked_for" {
  command = plan

  module {
    source = "./modules/config"
  }

  variables {
    recorder = { bucket_name = "config-bucket", bucket_prefix = "audit", topic_arn = "arn:aws:sns:eu-west-1:111122223333:config" }
  }

  assert {
    condition     = !aws_config_configuration_recorder.this[0].recording_group[0].all_supported && contains(aws_config_configuration_recorder.this[0].recording_group[0].resource_types, "AWS::EC2::VPC") && !contains(aws_config_configuration_recorder.this[0].recording_group[0].resource_types, "AWS::IAM::Role")
    error_message = "The evaluated types alone must be recorded, and IAM roles only where it is asked for."
  }

  assert {
    condition     = aws_config_delivery_channel.this[0].s3_bucket_name == "config-bucket" && aws_config_delivery_channel.this[0].s3_key_prefix == "audit" && aws_config_configuration_recorder_status.this[0].is_enabled
    error_message = "The recorder must deliver to the bucket, and record."
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.recorder[0].policy).Statement : statement.Resource] == ["arn:aws:s3:::config-bucket/audit/AWSLogs/111122223333/*", "arn:aws:s3:::config-bucket", "arn:aws:sns:eu-west-1:111122223333:config"]
    error_message = "The recorder may write below its prefix and publish to its topic, and nothing else."
  }
}

run "the_role_in_member_accounts_answers_if_it_is_asked_for" {
  command = plan

  module {
    source = "./modules/member-role"
  }

  variables {
    function_role_arn = "arn:aws:iam::111122223333:role/trailwarden"
    answer_config     = true
  }

  assert {
    condition     = contains([for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : try(statement.Sid, "")], "AnswerConfig")
    error_message = "The role must be allowed to answer Config rules."
  }
}
