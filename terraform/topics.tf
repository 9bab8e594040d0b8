# For machines: every finding as an OCSF document.
resource "aws_sns_topic" "findings" {
  name              = local.findings_topic_name
  fifo_topic        = var.findings_topic_fifo
  kms_master_key_id = aws_kms_key.this.arn
  tags              = var.tags
}

# The function's role publishes by its own policy. Nobody else may publish.
resource "aws_sns_topic_policy" "findings" {
  arn = aws_sns_topic.findings.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [merge(local.only_tls, { Resource = local.findings_topic_arn })],
      [for accounts in [var.watcher_accounts] : {
        # SNS has no condition key for the filter policy, so these accounts could subscribe to findings, too.
        Sid       = "Watchers"
        Effect    = "Allow"
        Principal = { AWS = [for account in accounts : "arn:${local.partition}:iam::${account}:root"] }
        Action    = ["sns:Subscribe", "sns:GetTopicAttributes"]
        Resource  = local.findings_topic_arn
      } if length(accounts) > 0],
    )
  })
}

resource "aws_sns_topic_subscription" "findings" {
  for_each = var.findings_subscriptions

  topic_arn             = aws_sns_topic.findings.arn
  protocol              = each.value.protocol
  endpoint              = each.value.endpoint
  filter_policy         = each.value.filter_policy
  raw_message_delivery  = coalesce(each.value.raw_message_delivery, contains(["sqs", "firehose"], each.value.protocol))
  subscription_role_arn = each.value.subscription_role_arn
}

# For people: findings and tampering in words. Its key is not the key of everything else, see key.tf.
resource "aws_sns_topic" "alerts" {
  #checkov:skip=CKV_AWS_26:encrypted unless encrypt_alerts is false, which trades encryption for one less way to silence alerts
  name              = "${var.name}-alerts"
  kms_master_key_id = one(aws_kms_key.alerts[*].arn)
  tags              = var.tags
}

resource "aws_sns_topic_policy" "alerts" {
  arn = aws_sns_topic.alerts.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      merge(local.only_tls, { Resource = local.alerts_topic_arn }),
      {
        Sid       = "TamperingRule"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = local.alerts_topic_arn
        Condition = { ArnEquals = { "aws:SourceArn" = local.tampering_rule_arns } }
      },
    ]
  })
}

resource "aws_sns_topic_subscription" "alerts" {
  for_each = var.alerts_subscriptions

  topic_arn     = aws_sns_topic.alerts.arn
  protocol      = each.value.protocol
  endpoint      = each.value.endpoint
  filter_policy = each.value.filter_policy
}

# For people: alarms. A topic of their own, because CloudWatch sends no message attributes, so that a filter policy on the
# severity of alerts would drop them.
resource "aws_sns_topic" "alarms" {
  #checkov:skip=CKV_AWS_26:encrypted unless encrypt_alerts is false, which trades encryption for one less way to silence alarms
  name              = "${var.name}-alarms"
  kms_master_key_id = one(aws_kms_key.alerts[*].arn)
  tags              = var.tags
}

resource "aws_sns_topic_policy" "alarms" {
  arn = aws_sns_topic.alarms.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      merge(local.only_tls, { Resource = local.alarms_topic_arn }),
      {
        Sid       = "Alarms"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = "sns:Publish"
        Resource  = local.alarms_topic_arn
        Condition = {
          StringEquals = { "aws:SourceAccount" = local.account }
          ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:cloudwatch:${local.region}:${local.account}:alarm:${var.name}-*" }
        }
      },
    ]
  })
}

resource "aws_sns_topic_subscription" "alarms" {
  for_each = var.alarms_subscriptions != null ? var.alarms_subscriptions : {
    for name, subscription in var.alerts_subscriptions : name => { protocol = subscription.protocol, endpoint = subscription.endpoint }
  }

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = each.value.protocol
  endpoint  = each.value.endpoint
}

locals {
  only_tls = {
    Sid       = "OnlyTls"
    Effect    = "Deny"
    Principal = "*"
    Action    = "sns:Publish"
    Condition = { Bool = { "aws:SecureTransport" = "false" } }
  }
}
