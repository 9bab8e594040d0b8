# The configuration recorder and its delivery channel, for accounts without one.

locals {
  records = var.recorder != null
  prefix  = local.records ? (var.recorder.bucket_prefix == null ? "" : "${var.recorder.bucket_prefix}/") : ""
}

resource "aws_iam_role" "recorder" {
  count = local.records ? 1 : 0

  name        = "${local.name}-recorder"
  description = "Permissions of the configuration recorder"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "config.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
  tags = var.tags
}

# The managed policy of AWS for reading what the recorder records. It changes with the types of resources.
resource "aws_iam_role_policy_attachment" "recorder" {
  count = local.records ? 1 : 0

  role       = aws_iam_role.recorder[0].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AWS_ConfigRole"
}

resource "aws_iam_role_policy" "recorder" {
  count = local.records ? 1 : 0

  name = "deliver"
  role = aws_iam_role.recorder[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        {
          Sid       = "Deliver"
          Effect    = "Allow"
          Action    = "s3:PutObject"
          Resource  = "arn:${local.partition}:s3:::${var.recorder.bucket_name}/${local.prefix}AWSLogs/${local.account}/*"
          Condition = { StringLike = { "s3:x-amz-acl" = "bucket-owner-full-control" } }
        },
        {
          Sid      = "CheckBucket"
          Effect   = "Allow"
          Action   = "s3:GetBucketAcl"
          Resource = "arn:${local.partition}:s3:::${var.recorder.bucket_name}"
        },
      ],
      [for arn in compact([var.recorder.topic_arn]) : {
        Sid      = "Notify"
        Effect   = "Allow"
        Action   = "sns:Publish"
        Resource = arn
      }],
    )
  })
}

resource "aws_config_configuration_recorder" "this" {
  #checkov:skip=CKV2_AWS_48:only the types of resources that the rules evaluate are recorded, because AWS Config charges each item
  count = local.records ? 1 : 0

  name     = local.name
  role_arn = aws_iam_role.recorder[0].arn

  recording_group {
    all_supported  = false
    resource_types = local.recorded_types
  }
}

resource "aws_config_delivery_channel" "this" {
  count = local.records ? 1 : 0

  name           = local.name
  s3_bucket_name = var.recorder.bucket_name
  s3_key_prefix  = var.recorder.bucket_prefix
  sns_topic_arn  = var.recorder.topic_arn

  depends_on = [aws_config_configuration_recorder.this, aws_iam_role_policy.recorder]
}

resource "aws_config_configuration_recorder_status" "this" {
  #checkov:skip=CKV2_AWS_45:only the types of resources that the rules evaluate are recorded, because AWS Config charges each item
  count = local.records ? 1 : 0

  name       = aws_config_configuration_recorder.this[0].name
  is_enabled = true

  depends_on = [aws_config_delivery_channel.this, aws_iam_role_policy_attachment.recorder]
}
