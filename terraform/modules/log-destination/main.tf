# Lets log groups of other accounts write to the stream of `modules/kinesis-input`. Apply it in the account of the stream, in
# the Region of the log groups. The stream may be in another Region. The accounts apply `modules/kinesis-forward`.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.id

  destination_arn = "arn:${local.partition}:logs:${local.region}:${local.account}:destination:${var.name}"
}

resource "aws_cloudwatch_log_destination" "this" {
  name       = var.name
  target_arn = var.stream.arn
  role_arn   = aws_iam_role.this.arn
  tags       = var.tags

  # CloudWatch Logs writes a test record when the destination is created.
  depends_on = [aws_iam_role_policy.this]
}

resource "aws_cloudwatch_log_destination_policy" "this" {
  destination_name = aws_cloudwatch_log_destination.this.name
  access_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [for id in compact([var.organization_id]) : {
        Sid       = "Organization"
        Effect    = "Allow"
        Principal = "*"
        Action    = "logs:PutSubscriptionFilter"
        Resource  = local.destination_arn
        Condition = { StringEquals = { "aws:PrincipalOrgID" = id } }
      }],
      [for accounts in [var.accounts] : {
        Sid       = "Accounts"
        Effect    = "Allow"
        Principal = { AWS = accounts }
        Action    = "logs:PutSubscriptionFilter"
        Resource  = local.destination_arn
      } if length(accounts) > 0],
    )
  })
}

resource "aws_iam_role" "this" {
  name        = "${var.name}-${local.region}"
  description = "CloudWatch Logs writes to ${var.stream.arn}"
  # The source is the log group of the sender, and the policy of the destination decides who that may be.
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "logs.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringLike = {
          "aws:SourceArn" = [for account in(var.organization_id == null ? concat(var.accounts, [local.account]) : ["*"]) : "arn:${local.partition}:logs:${local.region}:${account}:*"]
        }
      }
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "this" {
  name = "write-stream"
  role = aws_iam_role.this.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "WriteStream"
        Effect   = "Allow"
        Action   = ["kinesis:PutRecord", "kinesis:PutRecords"]
        Resource = var.stream.arn
      },
      {
        Sid      = "EncryptRecords"
        Effect   = "Allow"
        Action   = "kms:GenerateDataKey"
        Resource = var.stream.kms_key_arn
        Condition = {
          StringEquals = { "kms:ViaService" = "kinesis.${split(":", var.stream.arn)[3]}.${data.aws_partition.current.dns_suffix}" }
        }
      },
    ]
  })
}
