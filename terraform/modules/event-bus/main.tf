# One event bus for the CloudTrail events of all accounts and Regions. `modules/event-forward` sends them. Apply it in the
# account and Region of the function.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.id

  name     = "${var.function.name}-bus"
  bus_name = var.default_bus ? "default" : local.name
  bus_arn  = "arn:${local.partition}:events:${local.region}:${local.account}:event-bus/${local.bus_name}"
  dlq_arn  = "arn:${local.partition}:sqs:${local.region}:${local.account}:${local.name}-undelivered"

  # Rules of the default bus have no bus in their ARNs.
  rules_arn = "arn:${local.partition}:events:${local.region}:${local.account}:rule/${var.default_bus ? "" : "${local.name}/"}${local.name}-"

  # Whoever may put events on the bus cannot send a `source` that begins with `aws.`, so these events are CloudTrail's.
  all_events_pattern = jsonencode({
    source      = [{ prefix = "aws." }]
    detail-type = ["AWS API Call via CloudTrail", { prefix = "AWS Console " }, "AWS Service Event via CloudTrail"]
  })
  patterns = var.all_events ? [local.all_events_pattern] : coalesce(var.event_patterns, split("\n", trimspace(file("${path.module}/../../event_patterns.txt"))))
  rules    = { for index, pattern in local.patterns : "${local.name}-${index + 1}" => pattern }
}

resource "aws_cloudwatch_event_bus" "this" {
  count = var.default_bus ? 0 : 1

  name        = local.bus_name
  description = "CloudTrail events of the organization for ${var.function.name}"
  tags        = var.tags
}

resource "aws_cloudwatch_event_bus_policy" "this" {
  event_bus_name = var.default_bus ? local.bus_name : aws_cloudwatch_event_bus.this[0].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [for id in compact([var.organization_id]) : {
        Sid       = "Organization"
        Effect    = "Allow"
        Principal = "*"
        Action    = "events:PutEvents"
        Resource  = local.bus_arn
        Condition = { StringEquals = { "aws:PrincipalOrgID" = id } }
      }],
      [for accounts in [var.accounts] : {
        Sid       = "Accounts"
        Effect    = "Allow"
        Principal = { AWS = [for account in accounts : "arn:${local.partition}:iam::${account}:root"] }
        Action    = "events:PutEvents"
        Resource  = local.bus_arn
      } if length(accounts) > 0],
    )
  })
}

resource "aws_cloudwatch_event_rule" "this" {
  for_each = local.rules

  name           = each.key
  description    = "CloudTrail events for ${var.function.name}"
  event_bus_name = var.default_bus ? local.bus_name : aws_cloudwatch_event_bus.this[0].name
  event_pattern  = each.value
  state          = var.read_events ? "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS" : "ENABLED"
  tags           = var.tags
}

resource "aws_cloudwatch_event_target" "this" {
  for_each = local.rules

  rule           = aws_cloudwatch_event_rule.this[each.key].name
  event_bus_name = aws_cloudwatch_event_rule.this[each.key].event_bus_name
  target_id      = "function"
  arn            = var.function.arn

  # EventBridge retries for 24 hours by default.
  dead_letter_config {
    arn = aws_sqs_queue.undelivered.arn
  }

  depends_on = [aws_lambda_permission.this]
}

resource "aws_lambda_permission" "this" {
  statement_id  = "EventBus"
  action        = "lambda:InvokeFunction"
  function_name = var.function.name
  principal     = "events.amazonaws.com"
  source_arn    = "${local.rules_arn}*"
}

# Events that EventBridge could not hand to the function. `trailwarden replay --queue-url` evaluates them.
resource "aws_sqs_queue" "undelivered" {
  name                      = "${local.name}-undelivered"
  message_retention_seconds = 1209600 # 14 days, the longest SQS keeps a message
  sqs_managed_sse_enabled   = true
  tags                      = var.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "Rules"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = local.dlq_arn
        Condition = { ArnLike = { "aws:SourceArn" = "${local.rules_arn}*" } }
      },
      {
        Sid       = "OnlyTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = local.dlq_arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_cloudwatch_metric_alarm" "undelivered" {
  alarm_name          = "${local.name}-undelivered"
  alarm_description   = "EventBridge could not hand events to the function. They wait in the queue ${local.name}-undelivered for 14 days. Fix the cause, then run `trailwarden replay`."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.undelivered.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [var.function.alerts_topic_arn]
  ok_actions          = [var.function.alerts_topic_arn]
  tags                = var.tags
}
