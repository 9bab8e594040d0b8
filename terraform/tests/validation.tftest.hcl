# Every variable of a small domain refuses what is outside it.
mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  # Any file will do, nothing is uploaded.
  package_file = "versions.tf"
}

run "a_name_that_makes_no_bucket" {
  command = plan

  variables {
    name = "Trail_Warden"
  }

  expect_failures = [var.name]
}

run "a_name_that_is_too_long" {
  command = plan

  variables {
    name = "abcdefghijklmnopqrstuvwxyz123"
  }

  expect_failures = [var.name]
}

run "no_package" {
  command = plan

  variables {
    package_file = null
  }

  expect_failures = [var.package_file]
}

run "two_packages" {
  command = plan

  variables {
    package_s3 = { bucket = "artefacts", key = "trailwarden.zip" }
  }

  expect_failures = [var.package_file]
}

run "a_processor_lambda_has_not" {
  command = plan

  variables {
    architecture = "sparc"
  }

  expect_failures = [var.architecture]
}

run "too_little_memory" {
  command = plan

  variables {
    memory_size = 128
  }

  expect_failures = [var.memory_size]
}

run "too_long_a_run" {
  command = plan

  variables {
    timeout = 901
  }

  expect_failures = [var.timeout]
}

run "a_function_that_is_stopped" {
  command = plan

  variables {
    reserved_concurrency = 0
  }

  expect_failures = [var.reserved_concurrency]
}

run "a_level_that_drops_metrics" {
  command = plan

  variables {
    log_level = "WARN"
  }

  expect_failures = [var.log_level]
}

run "a_relative_directory_of_rules" {
  command = plan

  variables {
    rules_directories = ["rules"]
  }

  expect_failures = [var.rules_directories]
}

run "two_directories_in_one" {
  command = plan

  variables {
    rules_directories = ["/opt/a:/opt/b"]
  }

  expect_failures = [var.rules_directories]
}

run "a_relative_configuration_file" {
  command = plan

  variables {
    configuration_file = "trailwarden.yml"
  }

  expect_failures = [var.configuration_file]
}

run "a_relative_exemptions_file" {
  command = plan

  variables {
    exemptions_file = "exemptions.yml"
  }

  expect_failures = [var.exemptions_file]
}

run "too_many_layers" {
  command = plan

  variables {
    layers = [for version in range(6) : "arn:aws:lambda:eu-west-1:111122223333:layer:rules:${version}"]
  }

  expect_failures = [var.layers]
}

run "an_arn_for_a_log_group" {
  command = plan

  variables {
    existing_trail = { log_group_name = "arn:aws:logs:eu-west-1:111122223333:log-group:trail" }
  }

  expect_failures = [var.existing_trail]
}

run "the_function_s_own_log" {
  command = plan

  variables {
    existing_trail = { log_group_name = "/aws/lambda/trailwarden" }
  }

  expect_failures = [var.existing_trail]
}

run "a_trail_without_its_bucket" {
  command = plan

  variables {
    existing_trail = { log_group_name = "trail", arn = "arn:aws:cloudtrail:eu-west-1:111122223333:trail/own" }
  }

  expect_failures = [var.existing_trail]
}

run "a_name_for_a_trail" {
  command = plan

  variables {
    existing_trail = { log_group_name = "trail", arn = "own", bucket_name = "trail" }
  }

  expect_failures = [var.existing_trail]
}

run "an_organisation_that_is_none" {
  command = plan

  variables {
    organization = { id = "ou-abcd-12345678" }
  }

  expect_failures = [var.organization]
}

run "a_management_account_that_is_none" {
  command = plan

  variables {
    organization = { id = "o-abcdefghij", management_account_id = "12" }
  }

  expect_failures = [var.organization]
}

run "an_organisation_and_a_log_group" {
  command = plan

  variables {
    organization   = { id = "o-abcdefghij" }
    existing_trail = { log_group_name = "trail" }
  }

  expect_failures = [var.organization]
}

run "log_files_that_go_at_once" {
  command = plan

  variables {
    bucket_retention_days = 1
  }

  expect_failures = [var.bucket_retention_days]
}

run "a_period_that_is_not_known" {
  command = plan

  variables {
    log_retention_days = 100
  }

  expect_failures = [var.log_retention_days]
}

run "too_long_a_second_pattern" {
  command = plan

  variables {
    filter_pattern = format("{$.a=\"b\"}\n%01025d", 0)
  }

  expect_failures = [aws_cloudwatch_log_subscription_filter.this]
}

run "three_patterns" {
  command = plan

  variables {
    filter_pattern = "{$.a=\"b\"}\n{$.a=\"c\"}\n{$.a=\"d\"}"
  }

  expect_failures = [aws_cloudwatch_log_subscription_filter.this]
}

run "an_empty_pattern_between_lines" {
  command = plan

  variables {
    filter_pattern = "{$.a=\"b\"}\n\n{$.a=\"c\"}"
  }

  expect_failures = [aws_cloudwatch_log_subscription_filter.this]
}

run "too_long_a_pattern" {
  command = plan

  variables {
    filter_pattern = format("%01025d", 0)
  }

  expect_failures = [aws_cloudwatch_log_subscription_filter.this]
}

run "a_person_on_a_fifo_topic" {
  command = plan

  variables {
    findings_topic_fifo    = true
    findings_subscriptions = { me = { protocol = "https", endpoint = "https://example.com" } }
  }

  expect_failures = [var.findings_subscriptions]
}

run "a_protocol_for_people" {
  command = plan

  variables {
    findings_subscriptions = { me = { protocol = "email", endpoint = "a@example.com" } }
  }

  expect_failures = [var.findings_subscriptions]
}

run "firehose_without_a_role" {
  command = plan

  variables {
    findings_subscriptions = { lake = { protocol = "firehose", endpoint = "arn:aws:firehose:eu-west-1:111122223333:deliverystream/lake" } }
  }

  expect_failures = [var.findings_subscriptions]
}

run "a_protocol_for_machines" {
  command = plan

  variables {
    alerts_subscriptions = { lake = { protocol = "firehose", endpoint = "arn:aws:firehose:eu-west-1:111122223333:deliverystream/lake" } }
  }

  expect_failures = [var.alerts_subscriptions]
}

run "a_severity_that_is_none" {
  command = plan

  variables {
    alerts_min_severity = "urgent"
  }

  expect_failures = [var.alerts_min_severity]
}

run "heartbeats_that_are_too_rare" {
  command = plan

  variables {
    heartbeat_minutes = 61
  }

  expect_failures = [var.heartbeat_minutes]
}

run "an_arn_for_a_member_role" {
  command = plan

  variables {
    live_state = { member_role_name = "arn:aws:iam::111122223333:role/read" }
  }

  expect_failures = [var.live_state]
}

run "a_session_name_that_is_none" {
  command = plan

  variables {
    live_state = { session_name = "a b" }
  }

  expect_failures = [var.live_state]
}

run "an_external_id_that_is_none" {
  command = plan

  variables {
    live_state = { member_role_name = "read", external_id = "*" }
  }

  expect_failures = [var.live_state]
}

run "an_external_id_for_no_role" {
  command = plan

  variables {
    live_state = { external_id = "o-abcdefghij" }
  }

  expect_failures = [var.live_state]
}

run "account_names_without_live_state" {
  command = plan

  variables {
    account_names = true
  }

  expect_failures = [var.account_names]
}

run "a_configuration_that_is_none" {
  command = plan

  variables {
    configuration = "trailwarden.yml"
  }

  expect_failures = [var.configuration]
}

run "two_configurations" {
  command = plan

  variables {
    configuration      = { packs = { data-events = false } }
    configuration_file = "/opt/trailwarden.yml"
  }

  expect_failures = [var.configuration]
}

run "a_configuration_that_is_too_long" {
  command = plan

  variables {
    configuration = { trusted-accounts = [for number in range(300) : format("%012d", number)] }
  }

  expect_failures = [aws_lambda_function.this]
}

run "object_lock_has_a_mode" {
  command = plan

  variables {
    bucket_object_lock = { mode = "LEGAL", days = 90 }
  }

  expect_failures = [var.bucket_object_lock]
}

run "log_streams_are_names" {
  command = plan

  variables {
    log_streams = ["a,b"]
  }

  expect_failures = [var.log_streams]
}

run "at_least_one_log_stream" {
  command = plan

  variables {
    log_streams = []
  }

  expect_failures = [var.log_streams]
}

run "a_remediator_without_a_package" {
  command = plan

  variables {
    remediation = { policy = "statements: []", actions = [] }
  }

  expect_failures = [var.remediation]
}

run "a_remediator_without_a_policy" {
  command = plan

  variables {
    remediation = { package_file = "versions.tf", actions = [] }
  }

  expect_failures = [var.remediation]
}

run "two_policies" {
  command = plan

  variables {
    remediation = { package_file = "versions.tf", policy = "statements: []", policy_file = "/opt/remediation.yml", actions = [] }
  }

  expect_failures = [var.remediation]
}

run "a_path_for_a_policy" {
  command = plan

  variables {
    remediation = { package_file = "versions.tf", policy = "remediation.yml", actions = [] }
  }

  expect_failures = [var.remediation]
}

run "a_relative_policy_file" {
  command = plan

  variables {
    remediation = { package_file = "versions.tf", policy_file = "remediation.yml", actions = [] }
  }

  expect_failures = [var.remediation]
}

run "a_remediator_for_no_region" {
  command = plan

  variables {
    remediation = { package_file = "versions.tf", policy = "statements: []", actions = [], regions = [] }
  }

  expect_failures = [var.remediation]
}

run "an_arn_for_a_remediation_role" {
  command = plan

  variables {
    remediation = { package_file = "versions.tf", policy = "statements: []", actions = [], member_role_name = "arn:aws:iam::111122223333:role/act" }
  }

  expect_failures = [var.remediation]
}

run "a_remediator_that_is_stopped" {
  command = plan

  variables {
    remediation = { package_file = "versions.tf", policy = "statements: []", actions = [], reserved_concurrency = 0 }
  }

  expect_failures = [var.remediation]
}
