# Sends the CloudTrail events of one Region of one account to the bus of `modules/event-bus`. Apply it in every Region of
# every account. EventBridge sees the events of an account only while some trail logs management events there. Calls of IAM
# and of other global services are in us-east-1.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.id

  default_bus_arn = "arn:${local.partition}:events:${local.region}:${local.account}:event-bus/default"
  rules_arn       = "arn:${local.partition}:events:${local.region}:${local.account}:rule/${var.name}-"
  dlq_arn         = "arn:${local.partition}:sqs:${local.region}:${local.account}:${var.name}-undelivered"

  # As in modules/event-bus.
  all_events_pattern = jsonencode({
    source      = [{ prefix = "aws." }]
    detail-type = ["AWS API Call via CloudTrail", { prefix = "AWS Console " }, "AWS Service Event via CloudTrail"]
  })
  patterns = var.all_events ? [local.all_events_pattern] : coalesce(var.event_patterns, split("\n", trimspace(file("${path.module}/../../event_patterns.txt"))))
  rules    = { for index, pattern in local.patterns : "${var.name}-${index + 1}" => pattern }
}

resource "aws_cloudwatch_event_rule" "this" {
  for_each = local.rules

  name          = each.key
  description   = "Forwards CloudTrail events to ${var.event_bus_arn}"
  event_pattern = each.value
  state         = var.read_events ? "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS" : "ENABLED"
  tags          = var.tags

  lifecycle {
    precondition {
      # A rule that sends events to its own bus matches them again for ever.
      condition     = var.event_bus_arn != local.default_bus_arn
      error_message = "event_bus_arn is the default bus of this account and Region, whose events are there already."
    }
  }
}

resource "aws_cloudwatch_event_target" "this" {
  for_each = local.rules

  rule      = aws_cloudwatch_event_rule.this[each.key].name
  target_id = "bus"
  arn       = var.event_bus_arn
  role_arn  = aws_iam_role.this.arn

  # EventBridge retries for 24 hours by default.
  dead_letter_config {
    arn = aws_sqs_queue.undelivered.arn
  }

  depends_on = [aws_iam_role_policy.this]
}

resource "aws_iam_role" "this" {
  # One for each Region, so that the module can be applied in several.
  name        = "${var.name}-${local.region}"
  description = "Forwards CloudTrail events of ${local.region} to ${var.event_bus_arn}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account }
        ArnLike      = { "aws:SourceArn" = "${local.rules_arn}*" }
      }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "this" {
  name = "forward"
  role = aws_iam_role.this.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "Forward"
      Effect   = "Allow"
      Action   = "events:PutEvents"
      Resource = var.event_bus_arn
    }]
  })
}

# Events that the bus did not take. `trailwarden replay --queue-url` evaluates them.
resource "aws_sqs_queue" "undelivered" {
  name                      = "${var.name}-undelivered"
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
  count = length(var.alarm_actions) > 0 ? 1 : 0

  alarm_name          = "${var.name}-undelivered"
  alarm_description   = "CloudTrail events of ${local.account}, ${local.region}, did not reach ${var.event_bus_arn}. They wait in the queue ${var.name}-undelivered for 14 days."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.undelivered.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
  ok_actions          = var.alarm_actions
  tags                = var.tags
}
