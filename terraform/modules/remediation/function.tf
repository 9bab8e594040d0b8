resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_50:the function does not speak to X-Ray; its log carries request ids and the ids of actions
  #checkov:skip=CKV_AWS_116:SQS and Step Functions invoke it and keep what failed; the queue has a dead-letter queue
  #checkov:skip=CKV_AWS_117:it reaches nothing inside a VPC
  #checkov:skip=CKV_AWS_173:its environment holds ARNs, names and the policy file, nothing secret
  #checkov:skip=CKV_AWS_272:code signing needs a signing profile of the organisation's own
  function_name                  = local.function_name
  description                    = "Undoes what findings report, within the limits of a policy file"
  role                           = aws_iam_role.function.arn
  runtime                        = "provided.al2023"
  handler                        = "bootstrap"
  architectures                  = [var.architecture]
  memory_size                    = 256
  timeout                        = local.timeout
  reserved_concurrent_executions = var.settings.reserved_concurrency
  layers                         = var.settings.layers
  tags                           = var.tags

  filename          = var.settings.package_file
  s3_bucket         = try(var.settings.package_s3.bucket, null)
  s3_key            = try(var.settings.package_s3.key, null)
  s3_object_version = try(var.settings.package_s3.object_version, null)
  source_code_hash  = var.settings.package_file == null ? try(var.settings.package_s3.source_code_hash, null) : filebase64sha256(var.settings.package_file)

  environment {
    variables = local.set_environment
  }

  logging_config {
    log_format            = "JSON"
    application_log_level = var.log_level
    system_log_level      = "INFO"
    log_group             = aws_cloudwatch_log_group.function.name
  }

  # The first message needs its permissions.
  depends_on = [aws_iam_role_policy.function, aws_iam_role_policy_attachment.actions]

  lifecycle {
    precondition {
      # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
      condition     = length(join("", keys(local.set_environment), values(local.set_environment))) <= 4096
      error_message = "The remediator's environment has more than the 4096 characters that Lambda accepts. Put the policy file into a layer, and name it in policy_file."
    }
  }
}

locals {
  # The function claims a record for 90 seconds, and an invocation must end before.
  timeout    = 60
  visibility = 90

  set_environment = { for name, value in local.environment : name => value if value != null }

  environment = {
    FINDINGS_TOPIC_ARN         = var.findings_topic_arn
    ALERTS_TOPIC_ARN           = var.alerts_topic_arn
    OUTBOX_QUEUE_URL           = try(var.outbox.url, null)
    REMEDIATION_TABLE          = local.table_name
    REMEDIATION_POLICY         = var.settings.policy
    REMEDIATION_POLICY_FILE    = var.settings.policy_file
    KILL_SWITCH_PARAMETER      = local.switch_name
    APPROVAL_STATE_MACHINE_ARN = local.approval_arn
    REMEDIATION_ROLE_NAME      = var.settings.member_role_name
    REMEDIATION_EXTERNAL_ID    = var.settings.external_id
    OWN_RESOURCES              = join(" ", sort(tolist(var.own_resources)))
    OWN_ROLES                  = join(" ", sort(tolist(var.own_roles)))
  }
}

resource "aws_cloudwatch_log_group" "function" {
  #checkov:skip=CKV_AWS_338:the function's own log is for operating it; records of actions are in the table
  name              = local.log_group_name
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
  tags              = var.tags
}
