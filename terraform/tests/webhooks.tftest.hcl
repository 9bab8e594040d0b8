# Webhooks, the outbox and the event bus.
mock_provider "aws" {
  source          = "./tests/mocks"
  override_during = plan
}

variables {
  # Any file will do, nothing is uploaded.
  package_file = "versions.tf"
}

run "nothing_is_there_without_webhooks" {
  command = plan

  assert {
    condition     = length(aws_sqs_queue.outbox) == 0 && length(aws_lambda_event_source_mapping.outbox) == 0 && !contains(keys(aws_lambda_function.this.environment[0].variables), "OUTBOX_QUEUE_URL") && !contains(keys(aws_lambda_function.this.environment[0].variables), "EVENT_BUS_ARN")
    error_message = "Without webhooks there is no outbox, and without a bus no events."
  }

  assert {
    condition     = !contains(keys(jsondecode(aws_lambda_function.this.environment[0].variables["CONFIG"])), "webhooks")
    error_message = "The configuration must not name webhooks."
  }
}

run "the_function_may_read_the_secrets_that_are_named_and_no_others" {
  command = plan

  variables {
    webhooks = [
      { name = "chat", kind = "slack", secret = "ssm:/security/slack", channel = "C0123456789" },
      { name = "oncall", kind = "pagerduty", secret = "secretsmanager:security/pagerduty", min_severity = "High", except_rules = ["tamper"] },
    ]
    webhook_kms_key_arns = ["arn:aws:kms:eu-west-1:111122223333:key/0a0a0a0a-0000-4000-8000-000000000000"]
    event_bus_arn        = "arn:aws:events:eu-west-1:111122223333:event-bus/security"
  }

  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.function.policy).Statement : statement.Sid => { actions = flatten([statement.Action]), resources = flatten([statement.Resource]) } if contains(["UseOutbox", "ReadWebhookParameters", "ReadWebhookSecrets", "DecryptWebhookSecrets", "PutEvents"], statement.Sid) } == {
      UseOutbox = {
        actions   = ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"]
        resources = ["arn:aws:sqs:eu-west-1:111122223333:trailwarden-outbox"]
      }
      ReadWebhookParameters = {
        actions = ["ssm:GetParameter"]
        resources = [
          "arn:aws:ssm:eu-west-1:111122223333:parameter/security/slack",
          "arn:aws:ssm:eu-west-1:111122223333:parameter/aws/reference/secretsmanager/security/pagerduty",
        ]
      }
      ReadWebhookSecrets = {
        actions   = ["secretsmanager:GetSecretValue"]
        resources = ["arn:aws:secretsmanager:eu-west-1:111122223333:secret:security/pagerduty-??????"]
      }
      DecryptWebhookSecrets = {
        actions   = ["kms:Decrypt"]
        resources = ["arn:aws:kms:eu-west-1:111122223333:key/0a0a0a0a-0000-4000-8000-000000000000"]
      }
      PutEvents = {
        actions   = ["events:PutEvents"]
        resources = ["arn:aws:events:eu-west-1:111122223333:event-bus/security"]
      }
    }
    error_message = "The function may read the secrets of its webhooks alone."
  }

  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.function.policy).Statement : statement.Condition if statement.Sid == "DecryptWebhookSecrets"][0] == { StringEquals = { "kms:ViaService" = ["ssm.eu-west-1.amazonaws.com", "secretsmanager.eu-west-1.amazonaws.com"] } }
    error_message = "The keys are for secrets."
  }

  assert {
    condition = jsondecode(aws_lambda_function.this.environment[0].variables["CONFIG"]).webhooks == [
      { name = "chat", kind = "slack", secret = "ssm:/security/slack", channel = "C0123456789" },
      { name = "oncall", kind = "pagerduty", secret = "secretsmanager:security/pagerduty", min-severity = "High", except-rules = ["tamper"] },
    ]
    error_message = "The configuration must have the webhooks in the words of the configuration file."
  }

  assert {
    condition     = aws_lambda_function.this.environment[0].variables["EVENT_BUS_ARN"] == var.event_bus_arn && contains(keys(aws_lambda_function.this.environment[0].variables), "OUTBOX_QUEUE_URL")
    error_message = "The function must know the outbox and the bus."
  }

  assert {
    condition     = aws_sqs_queue.outbox[0].visibility_timeout_seconds >= aws_lambda_function.this.timeout && jsondecode(aws_sqs_queue.outbox[0].redrive_policy).deadLetterTargetArn == "arn:aws:sqs:eu-west-1:111122223333:trailwarden-outbox-failed"
    error_message = "What fails for hours must be kept."
  }

  assert {
    condition     = contains(aws_lambda_event_source_mapping.outbox[0].function_response_types, "ReportBatchItemFailures")
    error_message = "A message that fails must not have the others posted again."
  }

  assert {
    condition     = contains(local.own_placeholders.own_queues, "trailwarden-outbox") && contains(local.own_placeholders.own_queues, "trailwarden-outbox-failed") && tolist(local.own_placeholders.own_parameters) == tolist(["/security/slack"])
    error_message = "The outbox and the parameters belong to the deployment."
  }

  assert {
    condition     = strcontains(local.tampering_more["trailwarden-tampering-stores"], "/security/slack") && strcontains(local.tampering_more["trailwarden-tampering-stores"], "security/pagerduty") && alltrue([for pattern in values(local.tampering_rules) : length(pattern) <= 2048])
    error_message = "Changes to the secrets must be watched."
  }

  assert {
    condition     = toset(local.alarm_names) == toset(keys(aws_cloudwatch_metric_alarm.this)) && contains(local.alarm_names, "outbox-failed")
    error_message = "Every alarm must be known by name."
  }
}

run "a_secret_itself_is_refused" {
  command = plan

  variables {
    webhooks = [{ name = "chat", kind = "slack", secret = "https://hooks.slack.com/services/T/B/x" }]
  }

  expect_failures = [var.webhooks]
}

run "an_unknown_kind_is_refused" {
  command = plan

  variables {
    webhooks = [{ name = "chat", kind = "discord", secret = "ssm:/x" }]
  }

  expect_failures = [var.webhooks]
}

run "a_program_needs_a_url" {
  command = plan

  variables {
    webhooks = [{ name = "siem", kind = "json", secret = "ssm:/x" }]
  }

  expect_failures = [var.webhooks]
}
