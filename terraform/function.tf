resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_50:the function does not speak to X-Ray; its log carries request ids, counts and lag
  #checkov:skip=CKV_AWS_116:an on-failure destination keeps more than a dead-letter queue, see failures.tf
  #checkov:skip=CKV_AWS_117:it reaches nothing inside a VPC
  #checkov:skip=CKV_AWS_173:its environment holds ARNs, paths and names, nothing secret
  #checkov:skip=CKV_AWS_272:code signing needs a signing profile of the organisation's own
  function_name                  = local.function_name
  description                    = "Evaluates CloudTrail records and publishes findings"
  role                           = aws_iam_role.function.arn
  runtime                        = "provided.al2023"
  handler                        = "bootstrap"
  architectures                  = [var.architecture]
  memory_size                    = var.memory_size
  timeout                        = var.timeout
  reserved_concurrent_executions = var.reserved_concurrency
  layers                         = var.layers
  tags                           = var.tags

  filename          = var.package_file
  s3_bucket         = try(var.package_s3.bucket, null)
  s3_key            = try(var.package_s3.key, null)
  s3_object_version = try(var.package_s3.object_version, null)
  source_code_hash  = var.package_file == null ? try(var.package_s3.source_code_hash, null) : filebase64sha256(var.package_file)

  environment {
    variables = local.set_environment
  }

  logging_config {
    log_format            = "JSON"
    application_log_level = var.log_level
    system_log_level      = "INFO"
    log_group             = aws_cloudwatch_log_group.function.name
  }

  # The first invocation needs its permissions.
  depends_on = [aws_iam_role_policy.function]

  lifecycle {
    precondition {
      # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
      condition     = length(join("", keys(local.set_environment), values(local.set_environment))) <= 4096
      error_message = "The function's environment has more than the 4096 characters that Lambda takes. Put the configuration into a layer, and name it in configuration_file."
    }
  }
}

locals {
  set_environment = { for name, value in local.environment : name => value if value != null }

  environment = {
    FINDINGS_TOPIC_ARN       = aws_sns_topic.findings.arn
    ALERTS_TOPIC_ARN         = aws_sns_topic.alerts.arn
    ALERTS_MIN_SEVERITY      = var.alerts_min_severity
    STATE_TABLE              = one(aws_dynamodb_table.state[*].name)
    QUIET_PERIOD_MINUTES     = var.alerts_quiet_minutes
    LOG_STREAMS              = join(",", local.log_streams)
    OUTBOX_QUEUE_URL         = one(aws_sqs_queue.outbox[*].url)
    EVENT_BUS_ARN            = var.event_bus_arn
    ON_FAILURE_QUEUE_URL     = one(aws_sqs_queue.on_failure[*].url)
    RULES_DIR                = length(var.rules_directories) == 0 ? null : join(":", var.rules_directories)
    CONFIG                   = local.configuration_text
    CONFIG_FILE              = var.configuration_file
    EXEMPTIONS_FILE          = var.exemptions_file
    LIVE_STATE               = var.live_state == null ? null : "on"
    MEMBER_ROLE_NAME         = try(var.live_state.member_role_name, null)
    MEMBER_ROLE_EXTERNAL_ID  = try(var.live_state.external_id, null)
    MEMBER_ROLE_SESSION_NAME = try(var.live_state.session_name, null)
    ACCOUNT_NAMES            = var.account_names ? "organizations" : null
  }
}

locals {
  # CloudTrail's streams, for an organization's trail with the organization's id before the account, and that of heartbeats.
  log_streams = concat(
    var.log_streams != null ? var.log_streams : ["????????????_CloudTrail_*", "o-*_????????????_CloudTrail_*"],
    local.heartbeat ? [local.heartbeat_stream] : [],
  )
}

# Never give this log group a subscription filter to the function: it would invoke itself for ever.
resource "aws_cloudwatch_log_group" "function" {
  #checkov:skip=CKV_AWS_338:the function's own log is for operating it; findings are kept by who subscribes to them
  name              = local.function_log_group
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.this.arn
  tags              = var.tags
}
