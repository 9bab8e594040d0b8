# Tells a topic of every new log file in a bucket that CloudTrail writes to. Apply it in the account and Region of the bucket.
# A bucket has one notification configuration: this module owns it. If the bucket has one already, add the topic there, or
# use the topic that it names, and leave this module out.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  topic_arn = "arn:${local.partition}:sns:${data.aws_region.current.id}:${local.account}:${var.name}"
}

resource "aws_sns_topic" "this" {
  #checkov:skip=CKV_AWS_26:messages hold names of objects; a key would have to admit S3
  name = var.name
  tags = var.tags
}

resource "aws_sns_topic_policy" "this" {
  arn = aws_sns_topic.this.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid       = "Bucket"
          Effect    = "Allow"
          Principal = { Service = "s3.amazonaws.com" }
          Action    = "sns:Publish"
          Resource  = local.topic_arn
          Condition = {
            StringEquals = { "aws:SourceAccount" = local.account }
            ArnEquals    = { "aws:SourceArn" = "arn:${local.partition}:s3:::${var.bucket_name}" }
          }
        },
        {
          Sid       = "OnlyTls"
          Effect    = "Deny"
          Principal = "*"
          Action    = "sns:Publish"
          Resource  = local.topic_arn
          Condition = { Bool = { "aws:SecureTransport" = "false" } }
        },
      ],
      [for accounts in [var.subscriber_accounts] : {
        Sid       = "Subscribers"
        Effect    = "Allow"
        Principal = { AWS = [for account in accounts : "arn:${local.partition}:iam::${account}:root"] }
        Action    = ["sns:Subscribe", "sns:GetTopicAttributes"]
        Resource  = local.topic_arn
      } if length(accounts) > 0],
    )
  })
}

resource "aws_s3_bucket_notification" "this" {
  bucket = var.bucket_name

  topic {
    topic_arn     = aws_sns_topic.this.arn
    events        = ["s3:ObjectCreated:*"]
    filter_prefix = var.prefix
    filter_suffix = ".json.gz"
  }

  # S3 sends a test message when the notification is created.
  depends_on = [aws_sns_topic_policy.this]
}
