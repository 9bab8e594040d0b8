# A dead man's switch: watches a deployment from another account, another Region, or both. Heartbeats and canaries on the
# findings topic must arrive in its queues, and its alarms fire when they stop. An administrator of the deployment's
# account can stop the heartbeats but not these alarms. `modules/watcher-subscription` subscribes the queues.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.id

  # Number of periods without any message after which an alarm fires, by kind of message.
  expected = {
    heartbeat = { periods = 3 }
    # CloudTrail takes some five minutes, and makes no promise.
    canary = { periods = max(3, ceil(30 / var.heartbeat_minutes)) }
  }
  queue_arns = { for kind in keys(local.expected) : kind => "arn:${local.partition}:sqs:${local.region}:${local.account}:${var.name}-${kind}" }
  topic_arn  = "arn:${local.partition}:sns:${local.region}:${local.account}:${var.name}"
}

# Nobody reads these queues. CloudWatch counts the messages sent to them.
resource "aws_sqs_queue" "this" {
  for_each = local.expected

  name                      = "${var.name}-${each.key}"
  message_retention_seconds = 3600
  sqs_managed_sse_enabled   = true
  tags                      = var.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "FindingsTopic"
        Effect    = "Allow"
        Principal = { Service = "sns.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = local.queue_arns[each.key]
        Condition = { ArnEquals = { "aws:SourceArn" = var.findings_topic_arn } }
      },
      {
        Sid       = "OnlyTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = local.queue_arns[each.key]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.expected

  alarm_name          = "${var.name}-${each.key}-missing"
  alarm_description   = "No ${each.key} of the Trailwarden deployment behind ${var.findings_topic_arn} arrived for ${var.heartbeat_minutes * each.value.periods} minutes. It may be broken, or silenced together with its own alarms."
  namespace           = "AWS/SQS"
  metric_name         = "NumberOfMessagesSent"
  dimensions          = { QueueName = aws_sqs_queue.this[each.key].name }
  statistic           = "Sum"
  period              = var.heartbeat_minutes * 60
  evaluation_periods  = each.value.periods
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"
  alarm_actions       = [aws_sns_topic.this.arn]
  ok_actions          = [aws_sns_topic.this.arn]
  tags                = var.tags
}

resource "aws_sns_topic" "this" {
  #checkov:skip=CKV_AWS_26:messages hold the state of an alarm; a key would be one more thing to disable
  name = var.name
  tags = var.tags
}

resource "aws_sns_topic_policy" "this" {
  arn = aws_sns_topic.this.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OnlyTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sns:Publish"
        Resource  = local.topic_arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "Alarms"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = local.topic_arn
        Condition = {
          StringEquals = { "aws:SourceAccount" = local.account }
          ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:cloudwatch:${local.region}:${local.account}:alarm:${var.name}-*" }
        }
      },
    ]
  })
}

resource "aws_sns_topic_subscription" "alarms" {
  for_each = var.subscriptions

  topic_arn = aws_sns_topic.this.arn
  protocol  = each.value.protocol
  endpoint  = each.value.endpoint
}
