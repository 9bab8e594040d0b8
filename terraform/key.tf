# One key for everything that holds records or findings (bucket, log groups, findings topic, on-failure queue), and one for
# the alerts topic. The second key exists so that `kms:DisableKey` on the first one, which stops the function from reading
# and publishing, does not also stop the alarms and the tampering rules that report it. The AWS-managed key `aws/sns` is no
# alternative: its policy admits neither CloudWatch nor EventBridge. `encrypt_alerts = false` leaves the alerts topic
# without a key, so that no call to KMS can silence it.
resource "aws_kms_key" "this" {
  description         = "Trailwarden ${var.name}: trail, logs and findings"
  enable_key_rotation = true
  tags                = var.tags

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      local.key_statements,
      [for statement in local.key_trail_statements : statement if local.creates_trail],
    )
  })
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.this.key_id
}

resource "aws_kms_key" "alerts" {
  count = var.encrypt_alerts ? 1 : 0

  description         = "Trailwarden ${var.name}: alerts"
  enable_key_rotation = true
  tags                = var.tags

  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = concat([local.key_account_statement], local.key_alerts_statements)
  })
}

resource "aws_kms_alias" "alerts" {
  count = var.encrypt_alerts ? 1 : 0

  name          = "alias/${var.name}-alerts"
  target_key_id = aws_kms_key.alerts[0].key_id
}

# In the policy of a key, `*` is the key itself.
locals {
  key_account_statement = {
    # Leaves it to IAM who in this account administers and uses the key, the function's role among them.
    Sid       = "Account"
    Effect    = "Allow"
    Principal = { AWS = "arn:${local.partition}:iam::${local.account}:root" }
    Action    = "kms:*"
    Resource  = "*"
  }

  key_statements = [
    local.key_account_statement,
    {
      Sid       = "LogGroups"
      Effect    = "Allow"
      Principal = { Service = "logs.${local.region}.${data.aws_partition.current.dns_suffix}" }
      Action    = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
      Resource  = "*"
      Condition = {
        ArnEquals = {
          "kms:EncryptionContext:aws:logs:arn" = concat(
            [local.function_log_group_arn],
            local.creates_trail ? [local.log_group_arn] : [],
            local.remediates ? ["${local.function_log_group_arn}-remediator"] : [],
          )
        }
      }
    },
  ]

  key_alerts_statements = [
    {
      # Without this an alarm changes its state and nobody hears of it.
      Sid       = "Alarms"
      Effect    = "Allow"
      Principal = { Service = "cloudwatch.amazonaws.com" }
      Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
      Resource  = "*"
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account }
        ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:cloudwatch:${local.region}:${local.account}:alarm:${var.name}-*" }
      }
    },
    {
      # KMS is not told the source of what EventBridge sends to an encrypted topic (SNS developer guide, "Key
      # management"), so the topic stands in for it; the policy of the topic names the rule.
      Sid       = "TamperingRule"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = ["kms:Decrypt", "kms:GenerateDataKey*"]
      Resource  = "*"
      Condition = { StringEquals = { "kms:EncryptionContext:aws:sns:topicArn" = local.alerts_topic_arn } }
    },
  ]

  key_trail_statements = [
    {
      Sid       = "Trail"
      Effect    = "Allow"
      Principal = { Service = "cloudtrail.amazonaws.com" }
      Action    = "kms:GenerateDataKey*"
      Resource  = "*"
      Condition = {
        StringEquals = { "aws:SourceArn" = local.trail_arn }
        StringLike   = { "kms:EncryptionContext:aws:cloudtrail:arn" = "arn:${local.partition}:cloudtrail:*:${local.trail_owner}:trail/${var.name}" }
      }
    },
    {
      Sid       = "TrailLooksAtTheKey"
      Effect    = "Allow"
      Principal = { Service = "cloudtrail.amazonaws.com" }
      Action    = "kms:DescribeKey"
      Resource  = "*"
      Condition = { StringEquals = { "aws:SourceArn" = local.trail_arn } }
    },
  ]
}
