resource "aws_cloudtrail" "this" {
  #checkov:skip=CKV_AWS_252:CloudTrail's own topic tells of each log file; findings go to topics of their own
  count = local.creates_trail ? 1 : 0

  name                          = var.name
  is_multi_region_trail         = true
  is_organization_trail         = var.organization != null
  include_global_service_events = true
  enable_log_file_validation    = true
  s3_bucket_name                = aws_s3_bucket.trail[0].id
  kms_key_id                    = aws_kms_key.this.arn
  cloud_watch_logs_group_arn    = "${aws_cloudwatch_log_group.trail[0].arn}:*"
  cloud_watch_logs_role_arn     = aws_iam_role.trail[0].arn
  tags                          = var.tags

  # CloudTrail tries to write when the trail is created.
  depends_on = [aws_s3_bucket_policy.trail, aws_iam_role_policy.trail]
}

# What CloudTrail writes to the log group with.
resource "aws_iam_role" "trail" {
  count = local.creates_trail ? 1 : 0

  name        = "${var.name}-trail-to-logs"
  description = "CloudTrail writes to the log group ${local.log_group_name}"
  # iam:PassRole hands a role to trails of its own account alone, and CloudTrail documents no condition keys here.
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "cloudtrail.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
  tags = var.tags
}

resource "aws_iam_role_policy" "trail" {
  count = local.creates_trail ? 1 : 0

  name = "write-trail"
  role = aws_iam_role.trail[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid    = "WriteTrail"
      Effect = "Allow"
      Action = ["logs:CreateLogStream", "logs:PutLogEvents"]
      # CloudTrail names its streams by account and Region, and those of an organisation by its id.
      Resource = concat(
        ["${local.log_group_arn}:log-stream:${local.trail_owner}_CloudTrail_*"],
        var.organization == null ? [] : ["${local.log_group_arn}:log-stream:${var.organization.id}_*"],
      )
    }]
  })
}
