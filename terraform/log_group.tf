resource "aws_cloudwatch_log_group" "trail" {
  #checkov:skip=CKV_AWS_338:log files are kept in the bucket for over a year; the log group feeds the function
  count = local.creates_trail ? 1 : 0

  name              = local.log_group_name
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.this.arn
  tags              = var.tags
}

locals {
  filter_pattern = var.filter_pattern != null ? var.filter_pattern : trimspace(file("${path.module}/filter_pattern.txt"))
}

resource "aws_lambda_permission" "log_group" {
  statement_id   = "TrailLogGroup"
  action         = "lambda:InvokeFunction"
  function_name  = aws_lambda_function.this.function_name
  principal      = "logs.${local.region}.${data.aws_partition.current.dns_suffix}"
  source_arn     = "${local.log_group_arn}:*"
  source_account = local.account
}

resource "aws_cloudwatch_log_subscription_filter" "this" {
  name            = var.name
  log_group_name  = local.creates_trail ? aws_cloudwatch_log_group.trail[0].name : local.log_group_name
  filter_pattern  = local.filter_pattern
  destination_arn = aws_lambda_function.this.arn

  # CloudWatch Logs tries to invoke the function when the filter is created.
  depends_on = [aws_lambda_permission.log_group]

  lifecycle {
    precondition {
      condition     = length(local.filter_pattern) <= 1024
      error_message = "The filter pattern has ${length(local.filter_pattern)} characters, and CloudWatch Logs takes 1024. Generate one with `trailwarden filter-pattern`."
    }
  }
}
