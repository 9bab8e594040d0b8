resource "aws_cloudwatch_log_group" "trail" {
  #checkov:skip=CKV_AWS_338:log files are kept in the bucket for over a year; the log group feeds the function
  count = local.creates_trail ? 1 : 0

  name              = local.log_group_name
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.this.arn
  tags              = var.tags
}

# One pattern per line, each for a subscription filter of its own. No record passes both of two.
locals {
  filter_pattern  = trimspace(replace(var.filter_pattern != null ? var.filter_pattern : file("${path.module}/filter_pattern.txt"), "\r", ""))
  filter_patterns = split("\n", local.filter_pattern)
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
  filter_pattern  = local.filter_patterns[0]
  destination_arn = aws_lambda_function.this.arn

  # CloudWatch Logs tries to invoke the function when the filter is created.
  depends_on = [aws_lambda_permission.log_group]

  lifecycle {
    precondition {
      condition     = length(local.filter_patterns) <= 2
      error_message = "There are ${length(local.filter_patterns)} filter patterns, one per line, and a log group takes two subscription filters. Generate them with `trailwarden filter-pattern`."
    }

    precondition {
      condition     = alltrue([for pattern in local.filter_patterns : length(pattern) <= 1024])
      error_message = "Filter patterns have ${join(" and ", [for pattern in local.filter_patterns : length(pattern)])} characters, and CloudWatch Logs takes 1024. Generate them with `trailwarden filter-pattern`."
    }

    precondition {
      condition     = length(local.filter_patterns) == 1 || alltrue([for pattern in local.filter_patterns : pattern != ""])
      error_message = "An empty filter pattern lets everything through, so a second one delivers records twice."
    }
  }
}

resource "aws_cloudwatch_log_subscription_filter" "second" {
  count = length(local.filter_patterns) > 1 ? 1 : 0

  name            = "${var.name}-2"
  log_group_name  = aws_cloudwatch_log_subscription_filter.this.log_group_name
  filter_pattern  = local.filter_patterns[1]
  destination_arn = aws_lambda_function.this.arn

  depends_on = [aws_lambda_permission.log_group]
}
