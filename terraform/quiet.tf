# Quiet periods of alerts: a table that all environments of the function share, and a schedule by which the function publishes
# the digests that are due. Without the table, or when it cannot be used, alerts are published ungrouped. The table also keeps
# open problems. With live state, a second schedule has the function read their resources again and close what was reverted.

locals {
  quiet            = var.alerts_quiet_minutes != null
  state_table_name = "${var.name}-state"
  state_table_arn  = "arn:${local.partition}:dynamodb:${local.region}:${local.account}:table/${local.state_table_name}"
  digests_name     = "${var.name}-digests"
  rechecks         = local.quiet && var.live_state != null
  rechecks_name    = "${var.name}-problems"
}

resource "aws_dynamodb_table" "state" {
  #checkov:skip=CKV_AWS_119:with the key of AWS for DynamoDB, no other call to KMS can stop alerts from being grouped
  #checkov:skip=CKV_AWS_28:the state is rebuilt from the next findings, and everything is on the findings topic
  #checkov:skip=CKV2_AWS_16:on-demand capacity needs no scaling
  count = local.quiet ? 1 : 0

  name         = local.state_table_name
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "pk"
  range_key    = "sk"
  tags         = var.tags

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "sk"
    type = "S"
  }

  ttl {
    attribute_name = "expires"
    enabled        = true
  }

  server_side_encryption {
    enabled = true
  }
}

resource "aws_cloudwatch_event_rule" "digests" {
  count = local.quiet ? 1 : 0

  name                = local.digests_name
  description         = "Has the function publish the digests of alerts that are due"
  schedule_expression = "rate(5 minutes)"
  tags                = var.tags
}

resource "aws_cloudwatch_event_target" "digests" {
  count = local.quiet ? 1 : 0

  rule      = aws_cloudwatch_event_rule.digests[0].name
  target_id = "function"
  arn       = aws_lambda_function.this.arn
  input     = jsonencode({ trailwarden = "flush-alerts" })

  depends_on = [aws_lambda_permission.digests]
}

resource "aws_lambda_permission" "digests" {
  count = local.quiet ? 1 : 0

  statement_id  = "Digests"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  principal     = "events.amazonaws.com"
  source_arn    = "arn:${local.partition}:events:${local.region}:${local.account}:rule/${local.digests_name}"
}

resource "aws_cloudwatch_event_rule" "rechecks" {
  count = local.rechecks ? 1 : 0

  name                = local.rechecks_name
  description         = "Has the function read the state of open problems again"
  schedule_expression = "rate(1 hour)"
  tags                = var.tags
}

resource "aws_cloudwatch_event_target" "rechecks" {
  count = local.rechecks ? 1 : 0

  rule      = aws_cloudwatch_event_rule.rechecks[0].name
  target_id = "function"
  arn       = aws_lambda_function.this.arn
  input     = jsonencode({ trailwarden = "recheck-problems" })

  depends_on = [aws_lambda_permission.rechecks]
}

resource "aws_lambda_permission" "rechecks" {
  count = local.rechecks ? 1 : 0

  statement_id  = "Rechecks"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.this.function_name
  principal     = "events.amazonaws.com"
  source_arn    = "arn:${local.partition}:events:${local.region}:${local.account}:rule/${local.rechecks_name}"
}
