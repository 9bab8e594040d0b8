resource "aws_iam_role" "function" {
  name        = var.name
  description = "Permissions of the function ${local.function_name}"
  # iam:PassRole hands a role to functions of its own account alone, and Lambda documents no condition keys here.
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "function" {
  name = "function"
  role = aws_iam_role.function.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      local.function_statements,
      [for arn in [local.state_table_arn] : {
        Sid      = "KeepState"
        Effect   = "Allow"
        Action   = ["dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:Query", "dynamodb:UpdateItem"]
        Resource = arn
      } if local.quiet],
      local.webhook_statements,
      [for statement in module.live_state_policy.statements : statement if var.live_state != null],
      [for name in compact([try(var.live_state.member_role_name, null)]) : {
        Sid      = "AssumeMemberRole"
        Effect   = "Allow"
        Action   = "sts:AssumeRole"
        Resource = "arn:${local.partition}:iam::*:role/${name}"
      }],
      [for names in [var.account_names] : {
        Sid      = "NameAccounts"
        Effect   = "Allow"
        Action   = "organizations:DescribeAccount"
        Resource = "arn:${local.partition}:organizations::*:account/${try(var.organization.id, "o-*")}/*"
      } if names],
    )
  })
}

module "live_state_policy" {
  source = "./modules/live-state-policy"

  partition = local.partition
  account   = local.account
}

# One statement a need. The function may write to no log group but its own, so not to the one that feeds it.
locals {
  function_statements = [
    {
      Sid      = "WriteOwnLog"
      Effect   = "Allow"
      Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = "${local.function_log_group_arn}:log-stream:*"
    },
    {
      Sid      = "Publish"
      Effect   = "Allow"
      Action   = "sns:Publish"
      Resource = [local.findings_topic_arn, local.alerts_topic_arn]
    },
    {
      Sid    = "KeepFailures"
      Effect = "Allow"
      # Lambda asks for s3:ListBucket, too: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
      Action   = var.on_failure_bucket ? ["s3:PutObject", "s3:ListBucket"] : ["sqs:SendMessage"]
      Resource = var.on_failure_bucket ? [local.failures_arn, "${local.failures_arn}/*"] : [local.on_failure_queue_arn]
    },
    {
      Sid      = "EncryptMessages"
      Effect   = "Allow"
      Action   = ["kms:GenerateDataKey", "kms:Decrypt"]
      Resource = concat([aws_kms_key.this.arn], aws_kms_key.alerts[*].arn)
      Condition = {
        StringEquals = {
          "kms:ViaService" = [for service in ["sns", var.on_failure_bucket ? "s3" : "sqs"] : "${service}.${local.region}.${data.aws_partition.current.dns_suffix}"]
        }
      }
    },
  ]
}
